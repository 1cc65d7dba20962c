"""Queued work of the studio. Thin: load the row, call the work, record the outcome."""

from __future__ import annotations

from typing import Any

from celery import shared_task
from celery.signals import worker_ready


@shared_task(name="studio.make_dataset", queue="ingest", acks_late=True, reject_on_worker_lost=True)
def make_dataset(dataset_id: int) -> None:
    """Make the examples of a dataset."""
    from tutor.studio.making import work
    from tutor.studio.models import Dataset

    dataset = Dataset.objects.select_related("course").filter(pk=dataset_id).first()
    if dataset is not None:
        work(dataset)


@shared_task(name="studio.train", queue="train", acks_late=True, reject_on_worker_lost=True)
def train(run_id: int) -> None:
    """Train an adapter in a child process."""
    from tutor.studio.models import Run
    from tutor.studio.running import work

    run = Run.objects.select_related("course", "dataset").filter(pk=run_id).first()
    if run is not None:
        work(run)


@shared_task(name="studio.evaluate", queue="train", acks_late=True, reject_on_worker_lost=True)
def evaluate(evaluation_id: int) -> None:
    """Measure a model on questions."""
    from tutor.studio.evaluating import work
    from tutor.studio.models import Evaluation

    evaluation = (
        Evaluation.objects.select_related("course", "adapter", "dataset").filter(pk=evaluation_id).first()
    )
    if evaluation is not None:
        work(evaluation)


@shared_task(name="studio.verify_exercise", queue="ingest", acks_late=True, reject_on_worker_lost=True)
def verify_exercise(exercise_id: int) -> None:
    """Verify a coding exercise in the sandbox."""
    from tutor.studio.exercises.keeping import work
    from tutor.studio.models import Exercise

    exercise = Exercise.objects.select_related("course").filter(pk=exercise_id).first()
    if exercise is not None:
        work(exercise)


# on maintenance, where nothing takes long: a person waits for it, and its own limit is seconds
@shared_task(name="studio.try_exercise", queue="maintenance", acks_late=True, reject_on_worker_lost=True)
def try_exercise(attempt_id: int) -> None:
    """Run a student's program against an exercise's tests."""
    from tutor.studio.exercises.attempting import work
    from tutor.studio.models import ExerciseAttempt

    attempts = ExerciseAttempt.objects.select_related("exercise__course", "exercise__item", "user")
    attempt = attempts.filter(pk=attempt_id).first()
    if attempt is not None:
        work(attempt)


@worker_ready.connect
def look_at_the_machine(sender: Any, **_: Any) -> None:
    """A worker that trains says on what, for the pages that ask before a run starts."""
    from tutor.studio.estimating import look

    if "train" in sender.app.amqp.queues.consume_from:
        look()
