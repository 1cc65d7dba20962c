"""Queued work of coaching. Thin: load the row, call the work, record the outcome."""

from __future__ import annotations

from celery import shared_task


@shared_task(name="coach.read_observation", queue="coach", acks_late=True, reject_on_worker_lost=True)
def read_observation(observation_id: int) -> None:
    """Read what was brought, and take the names out."""
    from coach.bringing import work
    from coach.models import Observation

    observation = Observation.objects.filter(pk=observation_id).first()
    if observation is not None:
        work(observation)


@shared_task(name="coach.score_report", queue="coach", acks_late=True, reject_on_worker_lost=True)
def score_report(report_id: int) -> None:
    """Score a lesson and keep the report."""
    from coach.models import Report
    from coach.reporting import work

    report = Report.objects.select_related("observation").filter(pk=report_id).first()
    if report is not None:
        work(report)


@shared_task(name="coach.calibrate", queue="coach", acks_late=True, reject_on_worker_lost=True)
def calibrate(calibration_id: int) -> None:
    """Fit the scorer to an institution's ratings."""
    from coach.calibrating import work
    from coach.models import Calibration

    calibration = Calibration.objects.select_related("instrument").filter(pk=calibration_id).first()
    if calibration is not None:
        work(calibration)


@shared_task(name="coach.forget_files", queue="maintenance", acks_late=True)
def forget_files() -> None:
    """Delete files of lessons that nobody came back for."""
    from coach import bringing

    bringing.forget_files()
