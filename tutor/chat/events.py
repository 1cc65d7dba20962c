"""A turn's events: stored before they are sent, in one transaction for all turns that this process answers.

Text is gathered for some tens of milliseconds, then the pending events of every turn are written together: a
database takes one transaction with two hundred rows far sooner than two hundred transactions with one.
"""

from __future__ import annotations

import asyncio
import json
import logging
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.db import DatabaseError, connection, transaction
from django.db.models import Max

from tutor.chat.models import Conversation, Event, Turn

log = logging.getLogger(__name__)

GATHER = 0.03  # seconds; the first words of an answer and its end do not wait
GATHER_A_TURN = 0.001  # the more turns run, the longer the breath: fewer, larger messages for everybody

# SQLite takes one writer at a time and lets the others sleep in growing steps; a lock hands over at once.
WRITING: AbstractContextManager[object] = threading.Lock() if settings.SQLITE else nullcontext()

Outcome = tuple[str, dict[str, Any]]  # type and data of a turn's last event


def wire(turn: str, seq: int, kind: str, data: str) -> str:
    """One event as browsers get it; `data` is the JSON object of the row."""
    rest = f", {data[1:]}" if data != "{}" else "}"
    return f'{{"turn": "{turn}", "seq": {seq}, "type": "{kind}"{rest}'


def encode(data: dict[str, Any]) -> str:
    """JSON without what PostgreSQL cannot store (NUL and halves of surrogate pairs)."""
    text = json.dumps(data, ensure_ascii=False).replace("\\u0000", "")
    return text.encode("utf-8", "replace").decode()


def insert(rows: Iterable[tuple[int, int, str, str]]) -> None:
    """Store events given as (turn pk, seq, type, JSON). Past the ORM: this is the hottest statement there is."""
    table = connection.ops.quote_name(Event._meta.db_table)
    with connection.cursor() as cursor:
        cursor.executemany(
            f"INSERT INTO {table} (turn_id, seq, type, data) VALUES (%s, %s, %s, %s)", list(rows)
        )


def in_order(*conversations: int) -> None:
    """Make the ids of events that this transaction stores in shared conversations grow with the order of commits.

    Everybody in a classroom is sent events by id, and so in the same order. SQLite has one writer at a time anyway.
    """
    if conversations and not settings.SQLITE:
        rows = Conversation.objects.select_for_update().order_by("pk")
        list(rows.filter(pk__in=conversations).values_list("pk", flat=True))


def append(turn: Turn, kind: str, data: dict[str, Any]) -> int:
    """Store one more event of a turn that nobody answers any more, and return its seq. Inside a transaction."""
    in_order(turn.conversation_id)
    Turn.objects.select_for_update().get(pk=turn.pk)
    seq = (turn.events.aggregate(last=Max("seq"))["last"] or 0) + 1
    insert([(turn.pk, seq, kind, encode(data))])
    return seq


@dataclass(eq=False, slots=True)
class Log:
    """The events of one turn answered here. `wires[i]` is stored and has seq i + 1; `pending` is not stored yet."""

    turn: int
    uuid: str
    conversation: int
    wires: list[str]
    pending: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    closing: Callable[[], Outcome] | None = None
    closed: asyncio.Future[None] | None = None
    shared: bool = False  # several people follow the conversation
    said: bool = False  # its first words are on their way


@dataclass(slots=True)
class Batch:
    """What one transaction adds to one turn."""

    log: Log
    events: list[tuple[str, str]]
    closing: Callable[[], Outcome] | None
    wires: list[str] = field(default_factory=list)
    error: Exception | None = None

    def rows(self) -> list[tuple[int, int, str, str]]:
        first = len(self.log.wires) + 1
        return [(self.log.turn, first + i, kind, data) for i, (kind, data) in enumerate(self.events)]

    def close(self) -> None:
        """Store the turn's outcome (message, citations, state) and its last event."""
        if self.closing:
            kind, data = self.closing()
            seq = len(self.log.wires) + len(self.events) + 1
            last = (self.log.turn, seq, kind, encode(data))
            insert([last])
            self.wires.append(wire(self.log.uuid, seq, kind, last[3]))

    def write(self) -> None:
        with WRITING, transaction.atomic():
            in_order(*shared([self]))
            insert(self.rows())
            self.close()


def shared(batches: Iterable[Batch]) -> set[int]:
    """The shared conversations among theirs."""
    return {batch.log.conversation for batch in batches if batch.log.shared}


def store(batches: list[Batch]) -> None:
    """One transaction for all; where it fails, one for each, so that a bad turn harms no other."""
    try:
        with WRITING, transaction.atomic():
            in_order(*shared(batches))
            insert(row for batch in batches for row in batch.rows())
            for batch in batches:
                batch.close()
    except Exception:  # noqa: BLE001 - the second try finds out whose fault it was
        if not connection.is_usable():
            connection.close()
        for batch in batches:
            batch.wires.clear()
            try:
                batch.write()
            except Exception as error:  # noqa: BLE001 - given to its turn
                batch.error = error
    for batch in batches:
        batch.wires[:0] = [wire(batch.log.uuid, seq, kind, data) for _, seq, kind, data in batch.rows()]


class Writer:
    """The one that stores the events of all running turns. Lives in an event loop; writes in a thread of its own."""

    def __init__(self, stored: Callable[[list[Log]], None], lost: Callable[[Log, Exception], None]) -> None:
        self._stored, self._lost = stored, lost
        self._thread = ThreadPoolExecutor(1, "events")
        self._waiting: dict[Log, None] = {}
        self._work, self._now = asyncio.Event(), asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.running = 0  # turns

    def add(self, log: Log, kind: str, data: dict[str, Any]) -> None:
        """Take an event. Text joins the text before it that is not stored yet."""
        if kind == "text" and log.pending and log.pending[-1][0] == "text":
            last = log.pending[-1][1]
            log.pending[-1] = ("text", {"text": last["text"] + data["text"]})
        else:
            log.pending.append((kind, data))
        urgent = kind == "text" and not log.said
        log.said = log.said or urgent
        self._wake(log, urgent)

    async def close(self, log: Log, closing: Callable[[], Outcome]) -> None:
        """Store what is pending and the outcome that `closing` writes, in one transaction.

        Raises what `closing` or the database raised; then nothing of it was stored.
        """
        log.closing = closing
        log.closed = asyncio.get_running_loop().create_future()
        self._wake(log, urgent=True)
        await log.closed

    def _wake(self, log: Log, urgent: bool) -> None:
        self._waiting[log] = None
        self._work.set()
        if urgent:
            self._now.set()
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._write())

    async def _write(self) -> None:
        while True:
            await self._work.wait()
            try:
                await asyncio.wait_for(self._now.wait(), GATHER + GATHER_A_TURN * self.running)
            except TimeoutError:
                pass
            self._work.clear()
            self._now.clear()
            batches = [
                Batch(log, [(kind, encode(data)) for kind, data in log.pending], log.closing)
                for log in self._waiting
            ]
            self._waiting.clear()
            for batch in batches:
                batch.log.pending, batch.log.closing = [], None
            try:
                await asyncio.get_running_loop().run_in_executor(self._thread, store, batches)
            except Exception as error:  # noqa: BLE001 - every turn hears of it
                for batch in batches:
                    batch.error = batch.error or error
            self._settle(batches)

    def _settle(self, batches: list[Batch]) -> None:
        done = []
        for batch in batches:
            closed = batch.log.closed if batch.closing else None
            if batch.error is None:
                batch.log.wires += batch.wires
                done.append(batch.log)
                if closed and not closed.done():
                    closed.set_result(None)
            elif closed and not closed.done():
                closed.set_exception(batch.error)
            else:
                if not isinstance(batch.error, DatabaseError):
                    log.error("Events of turn %s were not stored", batch.log.uuid, exc_info=batch.error)
                self._lost(batch.log, batch.error)
        if done:
            self._stored(done)

    async def shut(self) -> None:
        """End the thread. Whoever still has something to store closes it first."""
        if self._task:
            self._task.cancel()
        await asyncio.get_running_loop().run_in_executor(self._thread, lambda: connection.close())
        self._thread.shutdown(wait=False)
