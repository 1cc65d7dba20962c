"""What runs by the clock."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from courses.models import Material
from tests import make
from tutor import jobs
from tutor.celery import app
from tutor.jobs import State
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
