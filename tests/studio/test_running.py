"""Runs whose worker is killed: a real worker of the `train` queue, with a real training in a child of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from tests.test_serve import gone
from tests.test_whole import children
from tutor.jobs import LOST, State, reap
from tutor.studio import running
from tutor.studio.models import Adapter, Dataset, Run
from tutor.studio.running import RunTaken

ROOT = Path(__file__).resolve().parents[2]
LONGEST = 240.0  # seconds for the slowest step on a busy machine
STEPS = 40
KNOBS = {
    "steps": STEPS, "checkpoint_steps": 2, "batch_size": 4, "accumulation": 1, "max_tokens": 96, "rank": 4, "threads": 1,
}  # fmt: skip


@pytest.fixture
def worker(models: Path, tmp_path: Path) -> Iterator[Callable[[], int]]:
    """Starts a worker of the `train` queue on this test's database; returns its process id."""
    name = connection.settings_dict["NAME"]
    url = os.environ.get("DATABASE_URL", "")
    left_out = {"BROKER_URL", "REDIS_URL", "LLM_BASE_URL"}
    environment = {key: value for key, value in os.environ.items() if key not in left_out} | {
        "DATABASE_URL": f"{url.rpartition('/')[0]}/{name}"
        if url.startswith("postgres")
        else f"sqlite:///{name}",
        "LYCEUM_DATA": str(tmp_path),
        "LYCEUM_MODELS": str(models),
        "EMBEDDINGS": "host",
        "OMP_NUM_THREADS": "1",
    }
    command = [sys.executable, "-m", "celery", "-A", "tutor", "worker", "-Q", "train", "--pool", "solo"]
    started: list[subprocess.Popen[bytes]] = []

    def start() -> int:
        process = subprocess.Popen(
            [*command, "--loglevel", "WARNING", "-n", f"trainer{len(started)}@test"],
            cwd=ROOT,
            env=environment,
        )
        started.append(process)
        return process.pid

    yield start
    for process in started:
        process.send_signal(signal.SIGQUIT)  # at once, as `manage.py serve` does
        process.wait(LONGEST)


def queued(dataset: Dataset, **knobs: int) -> Run:
    """A run whose message the broker lost, so that the next worker to start asks for it again."""
    run = running.start(dataset, "sft", {**KNOBS, **knobs}, base="tiny")
    Run.objects.filter(pk=run.pk).update(queued_at=timezone.now() - 2 * LOST)
    return run


def until(run: Run, holds: Callable[[Run], Any]) -> None:
    """Wait until something holds of the run's row."""
    end = time.monotonic() + LONGEST
    run.refresh_from_db()
    while not holds(run):
        assert time.monotonic() < end, f"{run} is {run.state} at step {run.step}: {run.error}"
        time.sleep(0.05)
        run.refresh_from_db()


@pytest.mark.model
@pytest.mark.django_db(transaction=True)
def test_a_run_whose_worker_was_killed_goes_on_from_its_checkpoint_and_happens_once(
    dataset: Dataset, worker: Callable[[], int], models: Path
) -> None:
    run = queued(dataset)
    first = worker()
    until(run, lambda run: run.step >= 5)
    assert reap(Run) == 0  # its worker lives
    started, training = run.started_at, children(first)
    os.kill(first, signal.SIGKILL)
    assert all(gone(child) for child in training), "the training outlived its worker"
    worker()
    until(run, lambda run: run.started_at != started)
    until(run, lambda run: run.state not in (State.QUEUED, State.RUNNING))
    assert run.state == State.DONE, run.error
    assert [point.step for point in run.points.all()] == list(range(1, STEPS + 1))
    seconds = [point.seconds for point in run.points.all()]
    assert seconds == sorted(seconds), "the clock of a resumed run went back"
    adapter = Adapter.objects.get()
    assert os.listdir(models / "adapters") == [adapter.name]


@pytest.mark.model
@pytest.mark.django_db(transaction=True)
def test_a_worker_that_was_given_up_too_early_leaves_the_run_to_the_next(
    dataset: Dataset, models: Path
) -> None:
    run = running.start(dataset, "sft", {**KNOBS, "steps": 100_000, "checkpoint_steps": 50_000}, base="tiny")
    assert run.claim()
    given = timezone.now()

    def give_away(said: dict[str, Any]) -> None:
        if said.get("step") == 2:
            Run.objects.filter(pk=run.pk).update(started_at=given)

    with run.heartbeat(), pytest.raises(RunTaken):
        running.train(run, give_away)
    run.refresh_from_db()
    assert (run.state, run.started_at) == (State.RUNNING, given)
    assert not Adapter.objects.exists()
