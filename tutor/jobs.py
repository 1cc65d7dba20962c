"""Work longer than a request: the row is the truth, a heartbeat shows that somebody still works on it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, ClassVar

from django.db import close_old_connections, models, transaction
from django.db.models import Q
from django.utils import timezone

HEARTBEAT = timedelta(seconds=5)
SILENT = timedelta(seconds=60)  # a running job that is silent for longer has lost its worker
LOST = timedelta(seconds=120)  # a queued job that nobody took by then was lost by the broker
MAX_ATTEMPTS = 3


class State(models.TextChoices):
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    STOPPED = "stopped"


class Job(models.Model):
    """State of one piece of queued work. Subclasses say how it is enqueued."""

    State: ClassVar[type[State]] = State
    DIED: ClassVar[str] = (
        "The worker died {attempts} times while working on this. "
        "The file may be too large for this machine; try a smaller one, or retry."
    )

    state = models.CharField(max_length=10, choices=State.choices, default=State.QUEUED, db_index=True)
    stage = models.CharField(max_length=20, blank=True)
    progress = models.FloatField(default=0)  # 0..1 over the whole job
    eta_seconds = models.PositiveIntegerField(null=True)
    error = models.TextField(blank=True)  # in words the person can act on
    attempts = models.PositiveSmallIntegerField(default=0)
    queued_at = models.DateTimeField(default=timezone.now)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    heartbeat_at = models.DateTimeField(null=True)

    class Meta:
        abstract = True

    def enqueue(self) -> None:
        """Put the job on its queue. Called on commit; may be called again for a row that is still queued."""
        raise TypeError(f"{type(self).__name__} does not say how it is enqueued")

    def _rows(self) -> models.QuerySet[Any]:
        return type(self)._default_manager.filter(pk=self.pk)

    def queue(self) -> None:
        """(Re)start the job from the beginning, after a first save or a retry."""
        self._write(
            state=State.QUEUED, stage="", progress=0, eta_seconds=None, error="", queued_at=timezone.now()
        )
        transaction.on_commit(self.enqueue)

    def claim(self) -> bool:
        """Take the job for this process. False if it was taken, finished or deleted meanwhile."""
        now = timezone.now()
        taken = (
            self._rows()
            .filter(state=State.QUEUED)
            .update(
                state=State.RUNNING,
                started_at=now,
                heartbeat_at=now,
                attempts=models.F("attempts") + 1,
                error="",
            )
        )
        if taken:
            self.refresh_from_db()
        return bool(taken)

    def advance(self, stage: str, progress: float, eta_seconds: float | None = None) -> None:
        """Say how far the job is. `progress` runs from 0 to 1 over all stages."""
        self._write(
            stage=stage,
            progress=min(max(progress, 0.0), 1.0),
            eta_seconds=None if eta_seconds is None else max(0, round(eta_seconds)),
            heartbeat_at=timezone.now(),
        )

    def finish(self) -> None:
        self._write(
            state=State.DONE,
            stage="",
            progress=1,
            eta_seconds=None,
            error="",
            attempts=0,
            finished_at=timezone.now(),
        )

    def fail(self, message: str) -> None:
        self._write(state=State.FAILED, eta_seconds=None, error=message, finished_at=timezone.now())

    def _write(self, **values: Any) -> None:
        self._rows().update(**values)
        for name, value in values.items():
            setattr(self, name, value)

    @contextmanager
    def heartbeat(self) -> Iterator[None]:
        """While inside, the row's heartbeat moves every few seconds, whatever the work is busy with."""
        done = threading.Event()

        def beat() -> None:
            while not done.wait(HEARTBEAT.total_seconds()):
                close_old_connections()
                self._rows().filter(state=State.RUNNING).update(heartbeat_at=timezone.now())
            close_old_connections()

        thread = threading.Thread(target=beat, daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()


def reap(model: type[Job]) -> int:
    """Give up on silent jobs and enqueue lost ones again. Returns how many rows were touched."""
    now = timezone.now()
    silent = model._default_manager.filter(
        Q(heartbeat_at__lt=now - SILENT) | Q(heartbeat_at=None), state=State.RUNNING
    )
    touched = silent.filter(attempts__gte=MAX_ATTEMPTS).update(
        state=State.FAILED,
        finished_at=now,
        error=model.DIED.format(attempts=MAX_ATTEMPTS),
    )
    touched += silent.update(state=State.QUEUED, stage="", queued_at=now - LOST - SILENT)
    for job in model._default_manager.filter(state=State.QUEUED, queued_at__lt=now - LOST):
        job._write(queued_at=now)
        job.enqueue()
        touched += 1
    return touched
