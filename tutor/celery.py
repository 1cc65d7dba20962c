"""The Celery application. Every task names its queue."""

import os
from typing import Any

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tutor.settings")

QUEUES = ("ingest", "coach", "train", "maintenance")

app = Celery("lyceum")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


def every(seconds: float, task: str) -> dict[str, Any]:
    """A line of the schedule. A run that nobody took before the next is due is dropped."""
    return {"task": task, "schedule": seconds, "options": {"queue": "maintenance", "expires": seconds}}


# What `celery beat` sends; `manage.py serve` runs it in the maintenance worker.
app.conf.beat_schedule = {
    "jobs": every(5, "jobs.reap"),
    "propositions": every(120, "courses.refine_waiting"),
    "turns": every(30, "chat.close_dead_turns"),
    "mail": every(300, "chat.mail_waiting"),
    "events": every(3600, "chat.prune_events"),
    "starters": every(30, "chat.refresh_starters"),
    "files": every(6 * 3600, "courses.sweep_files"),
    "lessons": every(6 * 3600, "coach.forget_files"),
    "canary": every(120, "dashboard.canary"),
}
