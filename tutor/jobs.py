"""Work longer than a request: the row is the truth, a heartbeat shows that somebody still works on it.

Who works on a job also holds a lock on a file, which the kernel lets go of the moment the process dies: on the same machine a
lost job is seen at once, and on another one by its silence.
"""

from __future__ import annotations

import fcntl
import logging
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

from django.conf import settings
from django.db import DatabaseError, close_old_connections, models, transaction
from django.utils import timezone

logger = logging.getLogger(__name__)

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

    held: int | None = None  # the lock's descriptor, for a child that works on when its parent dies

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

    @property
    def lock(self) -> Path:
        """The file that whoever works on this job holds a lock on."""
        return Path(settings.DATA_DIR) / "jobs" / f"{self._meta.label_lower}-{self.pk}"

    def still_mine(self) -> bool:
        """Whether the job that this process claimed was given to nobody else meanwhile, nor deleted."""
        return self._rows().filter(state=State.RUNNING, started_at=self.started_at).exists()

    @contextmanager
    def heartbeat(self) -> Iterator[None]:
        """While inside, the row's heartbeat moves every few seconds, whatever the work is busy with, and `held` is its lock."""
        done = threading.Event()

        def beat() -> None:
            while not done.wait(HEARTBEAT.total_seconds()):
                try:
                    close_old_connections()
                    mine = self._rows().filter(state=State.RUNNING, started_at=self.started_at)
                    mine.update(heartbeat_at=timezone.now())
                except DatabaseError:  # busy or away: the next beat may get through
                    logger.exception("The heartbeat of %s could not be written", self)
            close_old_connections()

        thread = threading.Thread(target=beat, daemon=True)
        self.held = _hold(self.lock)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()
            self.lock.unlink(missing_ok=True)
            os.close(self.held)
            self.held = None

    def _silent(self, now: datetime) -> bool:
        return self.heartbeat_at is None or self.heartbeat_at < now - SILENT

    def _rescue(self, now: datetime) -> int:
        """Queue the job again, or fail it in words after some tries, unless it moved on meanwhile. The rows changed."""
        seen = self._rows().filter(
            state=State.RUNNING, started_at=self.started_at, heartbeat_at=self.heartbeat_at
        )
        if self.attempts >= MAX_ATTEMPTS:
            died = self.DIED.format(attempts=MAX_ATTEMPTS)
            return seen.update(state=State.FAILED, finished_at=now, eta_seconds=None, error=died)
        return seen.update(state=State.QUEUED, stage="", eta_seconds=None, queued_at=now - LOST - SILENT)

    def abandoned(self) -> bool:
        """Whether a process of this machine worked on the job and is no more. False where none of this machine did."""
        try:
            file = os.open(self.lock, os.O_RDWR)
        except OSError:
            return False
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if not os.path.samestat(os.fstat(file), self.lock.stat()):
                return False  # it was taken away in the meantime, by its owner's end
        except OSError:
            return False  # somebody holds it, and so lives
        else:
            self.lock.unlink(missing_ok=True)  # or the next one to work on it would be taken for dead
            return True
        finally:
            os.close(file)


def _hold(file: Path) -> int:
    """A descriptor with a lock on a file. It gets its name when it is locked already, so that nobody finds it free."""
    file.parent.mkdir(exist_ok=True)
    unnamed = file.with_name(f".{file.name}-{os.getpid()}")
    held = os.open(unnamed, os.O_RDWR | os.O_CREAT)
    fcntl.flock(held, fcntl.LOCK_EX)
    unnamed.replace(file)
    return held


def reap(model: type[Job]) -> int:
    """Give up on jobs whose worker died, and enqueue lost ones again. Returns how many rows were touched."""
    now = timezone.now()
    touched = 0
    for job in model._default_manager.filter(state=State.RUNNING):
        if job._silent(now) or job.abandoned():
            touched += job._rescue(now)
    for job in model._default_manager.filter(state=State.QUEUED, queued_at__lt=now - LOST):
        job._write(queued_at=now)
        job.enqueue()
        touched += 1
    return touched
