"""The worker canary: a task that only says that it ran."""

from __future__ import annotations

from celery import shared_task

from tutor.dashboard.health import canary_sang


@shared_task(name="dashboard.canary", queue="maintenance", ignore_result=True, expires=300)
def canary() -> None:
    """Say that a worker takes tasks off the queue and runs them."""
    canary_sang()
