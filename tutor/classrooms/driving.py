"""Who goes on with which classroom: a lease on each, taken by any web process, and given up by a dead one.

The driver looks once a second for rooms in which something is due, and goes on at once where a person did something or
an act is over. What an act says goes through the chat's runner.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from channels.db import database_sync_to_async
from django.utils import timezone

from tutor.chat import turns
from tutor.chat.turns import Runner
from tutor.classrooms import director, presence, speech, stepping
from tutor.classrooms.acts import queued
from tutor.classrooms.models import Act, Classroom

log = logging.getLogger(__name__)

POLL, RENEW, NOTICE = 1.0, 4.0, 10.0  # seconds
LEASE = timedelta(seconds=15)
AGAIN = timedelta(seconds=3)  # after a step that failed


def claim(owner: str, now: datetime, only: int | None = None) -> list[int]:
    """The rooms that `owner` has to go on with now, or the one with the key `only`; those of dead processes are its own from
    here on."""
    mine = []
    due = Classroom.objects.due(owner, now)
    if only is not None:
        due = due.filter(pk=only)
    for room, before in list(due.values_list("pk", "owner")):
        lease = timezone.now() + LEASE
        if before == owner or due.filter(pk=room).update(owner=owner, lease_until=lease):
            mine.append(room)
    return mine


class Driver:
    """All classrooms that one process goes on with. Lives in the runner's event loop."""

    def __init__(
        self,
        runner: Runner,
        *,
        choose: stepping.Chooser = director.choose,
        wait: speech.Wait = asyncio.sleep,
        now: Callable[[], datetime] = timezone.now,
        only: int | None = None,  # the one room it goes on with, whatever else is due
    ) -> None:
        self.runner, self.choose, self.wait, self.now, self.only = runner, choose, wait, now, only
        self._threads = ThreadPoolExecutor(2, "classrooms")
        self.closing = False
        self.rooms: set[int] = set()  # that it holds the lease of
        self.stepping: dict[int, bool] = {}  # -> whether to step once more
        self._poked = asyncio.Event()
        self._renewed = self._noticed = time.monotonic()
        self._there: set[tuple[int, int]] = set()  # who follows which conversation here
        self._tasks: set[asyncio.Task[None]] = set()
        self._watch = runner.loop.create_task(self._keep())

    def wake(self, room: int) -> None:
        """Something happened in a room: go on with it, if it is ours, else look whose it is."""
        if self.closing:
            return
        if room in self.rooms:
            self._spawn(self._go_on(room))
        else:
            self._poked.set()

    async def _keep(self) -> None:
        while True:
            try:
                await asyncio.wait_for(self._poked.wait(), POLL)
            except TimeoutError:
                pass
            self._poked.clear()
            try:
                await self._notice()
                for room in await self._do(partial(claim, self.runner.owner, self.now(), self.only)):
                    self.rooms.add(room)
                    self._spawn(self._go_on(room))
                if self.rooms and time.monotonic() - self._renewed >= RENEW:
                    self._renewed = time.monotonic()
                    self.rooms = await self._do(self._renew)
            except Exception:
                log.exception("Looking after the classrooms failed; trying again")

    async def _notice(self) -> None:
        """Who has just opened a tab is there at once; who has one open stays so."""
        followers = self.runner.audience.followers()
        due = time.monotonic() - self._noticed >= NOTICE
        news = followers if due else followers - self._there
        self._there = followers
        if due:
            self._noticed = time.monotonic()
        if news:
            await self._do(partial(presence.notice, news, self.now()))

    def _renew(self) -> set[int]:
        mine = Classroom.objects.filter(owner=self.runner.owner, state__in=Classroom.LIVE)
        mine.update(lease_until=timezone.now() + LEASE)
        return set(mine.values_list("pk", flat=True))

    async def _go_on(self, room: int) -> None:
        """Step, and perform what the step decided; one step at a time in a room."""
        if room in self.stepping:
            self.stepping[room] = True
            return
        self.stepping[room] = True
        try:
            while self.stepping[room] and not self.closing:
                self.stepping[room] = False
                act = await self._do(partial(stepping.step, room, self.runner.owner, self.now(), self.choose))
                if act:
                    await self._perform(act)
        except Exception:
            log.exception("A step of classroom %s failed; trying again", room)
            later = partial(Classroom.objects.filter(pk=room).update, step_at=self.now() + AGAIN)
            await self._do(later)
        finally:
            del self.stepping[room]

    async def _perform(self, act: Act) -> None:
        endpoint = await self._do(partial(speech.endpoint_of, act)) if act.turn.usage_id else None
        self.runner.submit(
            act.turn,
            endpoint,
            first=queued(act),
            work=partial(speech.perform, act, self.wait),
            after=partial(self.wake, act.classroom_id),
        )

    def _do(self, work: Callable[[], Any]) -> Awaitable[Any]:
        done: Awaitable[Any] = database_sync_to_async(work, thread_sensitive=False, executor=self._threads)()
        return done

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = self.runner.loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Give up the rooms, for other processes to go on with."""
        self.closing = True
        self._watch.cancel()
        await asyncio.wait([self._watch, *self._tasks], timeout=5)
        mine = Classroom.objects.filter(owner=self.runner.owner)
        await self._do(partial(mine.update, lease_until=None))
        self._threads.shutdown(wait=False)


_driver: Driver | None = None


def driver() -> Driver:
    """The driver of this event loop."""
    global _driver
    runner = turns.runner()
    if _driver is None or _driver.runner is not runner:
        _driver = Driver(runner)
    return _driver


def poke(room: int) -> None:
    """Something happened in a room; from any thread. Other processes find it within a second."""
    own = _driver
    if own and not own.runner.loop.is_closed():
        own.runner.loop.call_soon_threadsafe(own.wake, room)
