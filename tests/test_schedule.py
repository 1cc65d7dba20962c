"""What runs by the clock."""

from __future__ import annotations

import subprocess
import sys
from datetime import timedelta

import pytest
from django.utils import timezone

from courses.models import Material
from tests import make
from tutor import jobs
from tutor.celery import app
from tutor.jobs import State, reap
from tutor.tasks import reap_jobs


def test_everything_on_the_schedule_is_a_task_there_is() -> None:
    app.loader.import_default_modules()
    for line in app.conf.beat_schedule.values():
        assert line["task"] in app.tasks
        assert getattr(app.tasks[line["task"]], "queue", "") == line["options"]["queue"] == "maintenance"


@pytest.mark.django_db
def test_a_material_whose_worker_died_is_read_again_and_given_up_after_some_tries(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    enqueued: list[int] = []
    monkeypatch.setattr(Material, "enqueue", lambda self: enqueued.append(self.pk))
    silent = timezone.now() - jobs.SILENT - timedelta(seconds=1)
    course = make.course()
    lost = make.material(course, state=State.RUNNING, heartbeat_at=silent, attempts=1)
    hopeless = make.material(course, state=State.RUNNING, heartbeat_at=silent, attempts=jobs.MAX_ATTEMPTS)
    busy = make.material(course, state=State.RUNNING, heartbeat_at=timezone.now(), attempts=1)
    reap_jobs()
    for row in (lost, hopeless, busy):
        row.refresh_from_db()
    assert (lost.state, hopeless.state, busy.state) == (State.QUEUED, State.FAILED, State.RUNNING)
    assert enqueued == [lost.pk]
    assert "retry" in hopeless.error


@pytest.mark.django_db
def test_a_job_whose_process_is_no_more_is_seen_at_once_and_a_living_one_is_left_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    enqueued: list[int] = []
    monkeypatch.setattr(Material, "enqueue", lambda self: enqueued.append(self.pk))
    row = make.material(make.course(), state=State.QUEUED)
    assert row.claim()
    work = (
        "import fcntl, os, sys; file = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT); fcntl.flock(file, fcntl.LOCK_EX);"
        "print('held', flush=True); sys.stdin.read()"
    )
    row.lock.parent.mkdir(exist_ok=True)
    process = subprocess.Popen(
        [sys.executable, "-c", work, str(row.lock)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        assert reap(Material) == 0
        process.kill()
    assert reap(Material) > 0
    row.refresh_from_db()
    assert (row.state, enqueued) == (State.QUEUED, [row.pk])
    assert row.claim()
    assert reap(Material) == 0  # what the dead one left behind does not count against the next


@pytest.mark.django_db(transaction=True)
def test_a_job_that_is_worked_on_is_held_and_let_go_at_its_end() -> None:
    row = make.material(make.course(), state=State.QUEUED)
    assert row.claim()
    with row.heartbeat():
        assert row.lock.exists()
        assert not row.abandoned()
    assert not row.lock.exists()
    assert not row.abandoned()
