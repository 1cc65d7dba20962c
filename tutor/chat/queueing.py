"""The turns of one process that wait or run, and which of them may start: a fair queue."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field
from typing import Any

from tutor.chat.events import Log
from tutor.chat.models import Turn
from tutor.chat.outcome import Answer
from tutor.llm.models import Endpoint

EMBEDDED = 4  # turns at once on the embedded model, which shares this machine's cores
ELSEWHERE = 256  # turns at once on an endpoint of its own

Events = AsyncGenerator[dict[str, Any]]  # those of an answer, without turn and seq


@dataclass(eq=False)
class Run:
    """One turn in this process, waiting or running. Without an endpoint it asks no model, and waits for none."""

    turn: Turn
    log: Log
    first: dict[str, Any]  # data of its first event
    endpoint: Endpoint | None
    work: Callable[[], Events] | None = None  # what makes its events; otherwise it answers its question
    after: Callable[[], None] | None = None  # called when it is over and its outcome stored
    answer: Answer = field(default_factory=Answer)
    place: int = 0
    task: asyncio.Task[None] | None = None
    ending: tuple[Turn.State, str, str] | None = None  # why it was cancelled: state, error, code
    arrived: float = field(default_factory=time.monotonic)
    started: float = 0.0

    @property
    def user(self) -> int:
        return self.turn.speaker_id or self.turn.conversation.user_id

    @property
    def url(self) -> str:
        """The endpoint it has to share."""
        return self.endpoint.base_url if self.endpoint else ""

    @property
    def width(self) -> float:
        """How many may use its endpoint at once."""
        if self.endpoint is None:
            return float("inf")
        return EMBEDDED if self.endpoint.embedded else ELSEWHERE


class Queue:
    """Whoever has least running goes first, then whoever came first; one turn of a conversation at a time."""

    def __init__(self) -> None:
        self.waiting: list[Run] = []
        self.running: dict[int, Run] = {}

    def runs(self) -> list[Run]:
        return [*self.running.values(), *self.waiting]

    def order(self) -> list[Run]:
        """Those that wait, the next first."""
        ahead = Counter(run.user for run in self.running.values())
        keys = {}
        for run in self.waiting:
            keys[run] = (ahead[run.user], run.arrived)
            ahead[run.user] += 1
        return sorted(self.waiting, key=keys.__getitem__)

    def take(self, run: Run) -> None:
        self.waiting.remove(run)
        self.running[run.turn.pk] = run

    def start(self) -> list[Run]:
        """Move all that may start now from waiting to running, and return them."""
        busy = Counter(run.url for run in self.running.values())
        talking = {run.log.conversation for run in self.running.values()}
        started = []
        for run in self.order():
            if busy[run.url] < run.width and run.log.conversation not in talking:
                busy[run.url] += 1
                talking.add(run.log.conversation)
                self.take(run)
                started.append(run)
        return started

    def moved(self) -> list[Run]:
        """Those whose place in the line is another than it was, with the new one."""
        ahead: Counter[str] = Counter()
        moved = []
        for run in self.order():
            ahead[run.url] += 1
            if run.place != ahead[run.url]:
                run.place = ahead[run.url]
                moved.append(run)
        return moved
