"""Runs whose worker is killed: a real worker of the `train` queue, with a real training in a child of its own."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from tests import make
from tests.test_serve import gone
from tests.test_whole import children
from tutor.jobs import LOST, State, reap
from tutor.studio import estimating, running
from tutor.studio.models import Adapter, Dataset, Run, RunPoint
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
        process.kill()  # as `manage.py serve` does
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


@pytest.fixture
def teacher(dataset: Dataset) -> Client:
    client = Client()
    client.force_login(make.enrol(dataset.course, role="instructor"))
    return client


def test_before_a_run_the_page_says_on_what_and_how_long_and_a_refused_one_keeps_what_was_typed(
    dataset: Dataset, models: Path, teacher: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = reverse("studio:train", args=[dataset.course.slug, dataset.pk])
    cache.set(estimating.MACHINE, (("NVIDIA H200", "NVIDIA H200"), 16))
    page = teacher.get(url).content.decode()
    assert "It runs on 2 × NVIDIA H200, through torchrun." in page
    assert "No run was timed on this machine yet" in teacher.get(url, {"base": "tiny"}).content.decode()
    cache.set(estimating.MACHINE, ((), 2))
    asked = {"base": "tiny", "steps": "90", "batch_size": "4", "accumulation": "1"}
    said = teacher.get(f"{url}estimate.json", asked).json()
    assert re.match(r"90 steps, about [\d,]+ tokens: about \d+ \w+ \(by the size", said["time"])
    done = Run.objects.create(
        course=dataset.course, dataset=dataset, base="tiny", state=State.DONE, device="CPU, 2 threads",
        summary={"tokens_per_second": 10.0},
    )  # fmt: skip
    assert "by an earlier run here" in teacher.get(f"{url}estimate.json", asked).json()["time"]
    refused = teacher.post(url, {**asked, "rank": "0", "alpha": "17"})
    assert refused.status_code == 400
    assert "from 1 to 512" in refused.content.decode()
    assert 'name="alpha" value="17"' in refused.content.decode()
    monkeypatch.setattr(Run, "enqueue", lambda self: None)
    started = teacher.post(url, {**asked, "rank": "3"})
    run = Run.objects.exclude(pk=done.pk).get()
    assert started.url == run.get_absolute_url()  # type: ignore[attr-defined]
    assert (run.state, run.base, run.knobs["rank"]) == (State.QUEUED, "tiny", 3)
    assert teacher.get(run.get_absolute_url()).status_code == 200


def test_runs_are_compared_by_their_losses_by_what_differs_and_by_what_came_of_them(
    dataset: Dataset, teacher: Client
) -> None:
    rows = [
        Run.objects.create(
            course=dataset.course,
            dataset=dataset,
            base="tiny",
            state=State.DONE,
            knobs={"rank": rank, "seed": 7},
        )
        for rank in (4, 8)
    ]
    for row in rows:
        for step in (1, 2):
            RunPoint.objects.create(run=row, step=step, loss=3.0 - step / row.pk)
    url = reverse("studio:compare", args=[dataset.course.slug])
    page = teacher.get(url, {"run": [row.pk for row in rows]})
    assert [name for name, _ in page.context["differ"]] == ["rank"]
    assert [line["name"] for line in page.context["chart"]["lines"]] == [str(row) for row in rows]
    elsewhere = Run.objects.create(course=make.course(), base="tiny")
    assert teacher.get(url, {"run": [elsewhere.pk]}).status_code == 404


def test_a_run_that_waits_is_stopped_and_asked_for_again(
    dataset: Dataset, models: Path, teacher: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = running.start(dataset, "sft", KNOBS, base="tiny")
    act = reverse("studio:run_act", args=[dataset.course.slug, run.pk])
    teacher.post(act, {"do": "stop"})
    run.refresh_from_db()
    assert (run.state, run.claim()) == (State.STOPPED, False)
    monkeypatch.setattr(Run, "enqueue", lambda self: None)
    teacher.post(act, {"do": "resume"})
    run.refresh_from_db()
    assert (run.state, run.stop_requested) == (State.QUEUED, False)


def test_the_command_says_what_is_wrong_before_anything_starts(dataset: Dataset, models: Path) -> None:
    for arguments, says in (
        (["999"], f"There is no dataset 999. There are: {dataset.pk}."),
        ([str(dataset.pk), "--set", "rank"], "Write it as KEY=VALUE"),
        ([str(dataset.pk), "--set", "rnak=4"], "There is no setting “rnak”"),
    ):
        with pytest.raises(CommandError, match=says):
            call_command("train", *arguments)
    assert not Run.objects.exists()


@pytest.mark.parametrize(
    ("said", "threads", "cards", "words"),
    [
        ("cpu", 1, [], "CPU, 1 thread"),
        ("cuda:0", 0, ["NVIDIA H200"], "NVIDIA H200"),
        ("cuda:0", 0, ["NVIDIA H200"] * 2, "2 × NVIDIA H200"),
    ],
)
def test_the_device_is_said_in_words(said: str, threads: int, cards: list[str], words: str) -> None:
    assert running.device(said, threads, cards) == words
