"""Upkeep of jobs, whatever they are. Thin, on the maintenance queue."""

from __future__ import annotations

from typing import Any

from celery import shared_task
from celery.signals import worker_ready


@shared_task(name="jobs.reap", queue="maintenance")
def reap_jobs() -> None:
    """Give up on jobs whose worker died, and enqueue again what the broker lost."""
    from django.apps import apps

    from tutor.jobs import Job, reap

    for model in apps.get_models():
        if issubclass(model, Job):
            reap(model)


@worker_ready.connect
def look_at_once(**_: Any) -> None:
    """A worker that was killed and started again goes on with what it was at, without waiting for the clock."""
    reap_jobs()
