"""Who answers which turn, and when: a fair queue, a lease on each turn, stops, deaths and shutdown.

A turn belongs to the process that took the question, not to a socket. Its task lives in that process's event loop,
its events go through the one writer, and its lease is renewed as long as the process lives.
"""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import socket
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from functools import partial
from typing import Any
from uuid import UUID

from asgiref.sync import async_to_sync
from channels.db import database_sync_to_async
from django.utils import timezone

from courses.models import Passage
from tutor.chat import answering, asking, outcome
from tutor.chat.asking import LEASE
from tutor.chat.audience import FRESH, Audience, shared_layer, tell
from tutor.chat.events import WRITING, Log, Writer, encode, wire
from tutor.chat.feedback import find_reformulation
from tutor.chat.history import dialogue
from tutor.chat.messages import Ask
from tutor.chat.models import Conversation, Turn
from tutor.chat.queueing import Events, Queue, Run
from tutor.chat.threads import in_thread
from tutor.llm.embeddings import EmbeddingError
from tutor.llm.errors import EndpointError
from tutor.llm.models import Endpoint

log = logging.getLogger(__name__)

THINKING = 1  # threads that search and verify: more only fight with the event loop for the interpreter
POLL, RENEW, LOOK, SWEEP = 0.5, 4.0, 2.0, 5.0  # seconds between stops, leases, other processes, the dead

BROKEN = "Something went wrong on the server while answering. Ask again; if it happens again, tell the course staff."
UNSEARCHABLE = "The course cannot be searched at the moment. Ask again in a minute; if it stays so, tell the course staff."
RESTARTED = "The server was restarted while answering. Ask again."


class Runner:
    """All turns and tabs of one event loop."""

    def __init__(self) -> None:
        self.owner = f"{socket.gethostname()[:32]}-{os.getpid()}-{secrets.token_hex(4)}"
        self.loop = asyncio.get_running_loop()
        self.loop.set_default_executor(ThreadPoolExecutor(THINKING, "thinking"))
        self.audience = Audience(self.owner)
        self.writer = Writer(self._stored, self._lost)
        self.queue = Queue()
        self.closing = False
        self._keepers = [
            self.loop.create_task(work) for work in (self._keep(), self.audience.listen(self.stop))
        ]
        self._errands: set[asyncio.Task[None]] = set()

    # Questions

    async def ask(self, conversation: Conversation, question: Ask) -> None:
        """Take a question and answer it when it is its turn. Raises asking.Refused."""

        if self.closing:
            raise asking.Refused("busy", "The server is being restarted. Ask again in a moment.")

        def make() -> tuple[Turn, Endpoint]:
            turn = asking.ask(conversation, **vars(question), owner=self.owner)
            return turn, endpoint_of(turn)

        turn, endpoint = await in_thread(make)()
        if turn.owner == self.owner and turn.state == Turn.State.QUEUED:
            self.submit(turn, endpoint)
        else:
            self.audience.outdated(turn.conversation_id, str(turn.uuid))

    def submit(
        self,
        turn: Turn,
        endpoint: Endpoint | None,
        *,
        first: dict[str, Any] | None = None,
        work: Callable[[], Events] | None = None,
        after: Callable[[], None] | None = None,
    ) -> None:
        """Put a turn that was made for this runner, and has its first event, into the queue. Again changes nothing.

        `work` makes its events where it is no question to the agent, `first` is then the data of the first one.
        """
        if any(run.turn == turn for run in self.queue.runs()):
            return
        uuid, first = str(turn.uuid), first or asking.queued(turn)
        entry = Log(turn.pk, uuid, turn.conversation_id, [wire(uuid, 1, "queued", encode(first))])
        entry.shared = turn.conversation.shared
        self.queue.waiting.append(Run(turn, entry, first, endpoint, work, after))
        self.audience.follow(entry)
        self._start()
        self._say_places()

    async def request_stop(self, conversation: Conversation, turn: UUID) -> None:
        """Stop a turn here, or leave a flag for the process that answers it and call out to it."""
        for run in self.queue.runs():
            if run.turn.uuid == turn and run.turn.conversation_id == conversation.pk:
                self.stop(run.turn.pk)
                return
        wanted = Turn.objects.unfinished().filter(conversation=conversation, uuid=turn)
        if await in_thread(wanted.update)(stop_requested=True):
            found = await in_thread(wanted.first)()
            await tell(owner=self.owner, stop=[found.pk] if found else [])

    def stop(self, turn: int) -> bool:
        """Stop a turn of this process. False if it is not here."""
        return self._end(turn, Turn.State.STOPPED)

    def logs(self, conversation: int) -> list[Log]:
        return [run.log for run in self.queue.runs() if run.log.conversation == conversation]

    def _end(self, turn: int, state: Turn.State, error: str = "", code: str = "") -> bool:
        for run in self.queue.waiting:
            if run.turn.pk == turn:
                self.queue.take(run)
                run.ending = (state, error, code)
                run.task = self.loop.create_task(self._finish(run))
                return True
        current = self.queue.running.get(turn)
        if current and current.task and current.ending is None:
            current.ending = (state, error, code)
            current.task.cancel()
        return current is not None

    def _start(self) -> None:
        for run in self.queue.start():
            run.task = self.loop.create_task(self._answer(run))
            run.task.add_done_callback(partial(self._answered, run))
        self.writer.running = len(self.queue.running)

    def _say_places(self) -> None:
        for run in self.queue.moved():
            self.writer.add(run.log, "queued", {**run.first, "place": run.place})

    # One turn

    async def _answer(self, run: Run) -> None:
        run.started = time.monotonic()
        try:
            await in_thread(take)(run.turn)
            async with aclosing(run.work() if run.work else self._answering(run)) as events:
                async for event in events:
                    kind = event["type"]
                    data = {key: value for key, value in event.items() if key != "type"}
                    run.answer.take(kind, data)
                    if kind != "end":
                        self.writer.add(run.log, kind, data)
            run.ending = (Turn.State.DONE, "", "")
        except asyncio.CancelledError:
            run.ending = run.ending or (Turn.State.FAILED, RESTARTED, "lost")
        except EndpointError as error:
            run.ending = run.ending or (Turn.State.FAILED, str(error), "endpoint")
        except EmbeddingError as error:
            log.warning("Questions cannot be searched for: %s", error)
            run.ending = run.ending or (Turn.State.FAILED, UNSEARCHABLE, "server")
        except outcome.Lost as error:
            log.info("%s", error)
        except Exception:
            log.exception("Turn %s failed", run.log.uuid)
            run.ending = run.ending or (Turn.State.FAILED, BROKEN, "server")

    async def _answering(self, run: Run) -> Events:
        request = await in_thread(prepare)(run.turn, run.endpoint or endpoint_of(run.turn))
        async with aclosing(answering.answer(request)) as events:
            async for event in events:
                yield event

    def _answered(self, run: Run, task: asyncio.Task[None]) -> None:
        """The task of a run is done, perhaps before it took its first step."""
        if run.started:
            run.answer.seconds = {**run.answer.seconds, "total": round(time.monotonic() - run.started, 3)}
        run.task = self.loop.create_task(self._finish(run))

    async def _finish(self, run: Run) -> None:
        try:
            if run.ending:
                state, error, code = run.ending
                await self.writer.close(
                    run.log,
                    lambda: outcome.close(run.turn.pk, self.owner, state, run.answer, error=error, code=code),
                )
        except outcome.Lost as error:
            log.info("%s", error)
        except Exception:
            log.exception("The outcome of turn %s was not stored; it will be closed as lost", run.log.uuid)
        finally:
            self.queue.running.pop(run.turn.pk, None)
            self._start()
            if run.after:
                run.after()
        if run.ending and run.ending[0] is Turn.State.DONE and run.work is None:
            self._spawn(self._reflect(run.turn.pk))

    async def _reflect(self, turn: int) -> None:
        try:
            await database_sync_to_async(find_reformulation, thread_sensitive=False)(turn)  # it may embed
        except Exception:
            log.exception("Looking for a reformulation failed")

    def _stored(self, logs: list[Log]) -> None:
        self.audience.stored(logs)
        if shared_layer():
            self._spawn(tell(owner=self.owner, turns=[(entry.conversation, entry.uuid) for entry in logs]))

    def _lost(self, entry: Log, error: Exception) -> None:
        entry.pending.clear()  # nothing may follow a gap
        log.warning("Turn %s lost its place: %s", entry.uuid, error)
        self._end(entry.turn, Turn.State.FAILED, BROKEN, "server")

    # Keeping

    async def _keep(self) -> None:
        """Renew leases, hear of stops, look at other processes' turns, close the dead."""
        due = {
            self._hear_stops: POLL,
            self.audience.check: FRESH,
            self.audience.look: LOOK,
            self._renew: RENEW,
            self._sweep: SWEEP,
        }
        last = dict.fromkeys(due, time.monotonic())
        while True:
            await asyncio.sleep(POLL)
            self._say_places()
            for work, every in due.items():
                if time.monotonic() - last[work] < every:
                    continue
                last[work] = time.monotonic()
                try:
                    await work()
                except Exception:
                    log.exception("%s failed; trying again", work.__name__)

    async def _hear_stops(self) -> None:
        if not (self.queue.running or self.queue.waiting):
            return
        flagged = (
            Turn.objects.unfinished()
            .filter(owner=self.owner, stop_requested=True)
            .values_list("pk", flat=True)
        )
        for turn in await in_thread(lambda: list(flagged))():
            self.stop(turn)

    async def _renew(self) -> None:
        if not (self.queue.running or self.queue.waiting):
            return
        kept = [run.turn.pk for run in self.queue.runs()]
        mine = Turn.objects.unfinished().filter(pk__in=kept, owner=self.owner)
        await in_thread(lambda: mine.update(lease_until=timezone.now() + LEASE))()

    async def _sweep(self) -> None:
        closed = await in_thread(outcome.close_dead)()
        for turn in closed:
            log.warning("Closed turn %s, whose server died", turn.uuid)
            self.audience.outdated(turn.conversation_id, str(turn.uuid))
        if closed:
            await tell(owner=self.owner, turns=[(turn.conversation_id, str(turn.uuid)) for turn in closed])

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = self.loop.create_task(work)
        self._errands.add(task)
        task.add_done_callback(self._errands.discard)

    async def close(self, grace: float) -> None:
        """Take no more questions; give running turns `grace` seconds, then close what is left, in words."""
        self.closing = True
        for run in list(self.queue.waiting):
            self._end(run.turn.pk, Turn.State.FAILED, RESTARTED, "lost")
        await self._finished(grace)
        for turn in list(self.queue.running):
            self._end(turn, Turn.State.FAILED, RESTARTED, "lost")
        await self._finished(5)
        for task in self._keepers:
            task.cancel()
        await asyncio.wait([*self._keepers, *self._errands], timeout=5)
        await self.writer.shut()

    async def _finished(self, seconds: float) -> None:
        """Until nothing runs any more, or the time is up."""
        until = time.monotonic() + seconds
        while self.queue.running and (left := until - time.monotonic()) > 0:
            tasks = [run.task for run in self.queue.running.values() if run.task]
            await asyncio.wait(tasks, timeout=left, return_when=asyncio.FIRST_COMPLETED)


def endpoint_of(turn: Turn) -> Endpoint:
    """The endpoint whose tokens were reserved for the turn."""
    reserved = turn.usage.endpoint if turn.usage else None
    return reserved or Endpoint.objects.for_course(turn.conversation.course)


def take(turn: Turn) -> None:
    """Begin the turn for its owner. Raises outcome.Lost."""
    now = timezone.now()
    queued = Turn.objects.filter(pk=turn.pk, owner=turn.owner, state=Turn.State.QUEUED)
    with WRITING:
        taken = queued.update(state=Turn.State.RUNNING, lease_until=now + LEASE, changed=now)
    if not taken:
        raise outcome.Lost(f"Turn {turn.pk} was closed before it started")


def prepare(turn: Turn, endpoint: Endpoint) -> answering.Request:
    """Gather what the turn's answer needs."""
    conversation = turn.conversation
    return answering.Request(
        course=conversation.course,
        user=turn.asker,
        question=turn.question,
        history=dialogue(turn) if turn.ordinal > 1 else [],
        endpoint=endpoint,
        passages=Passage.objects.readable_by(
            turn.asker, conversation.course, as_student=conversation.as_student
        ),
    )


_runner: Runner | None = None


def runner() -> Runner:
    """The runner of this event loop."""
    global _runner
    if _runner is None or _runner.loop is not asyncio.get_running_loop():
        _runner = Runner()
    return _runner


def here() -> Runner | None:
    """The runner of this process, if it has one; for threads outside its event loop."""
    return _runner


def announce(turn: Turn) -> None:
    """Tell every tab, from any thread or process, that a turn has events which no runner wrote."""
    own = here()
    if own:
        own.loop.call_soon_threadsafe(own.audience.outdated, turn.conversation_id, str(turn.uuid))
    async_to_sync(tell)(owner=own.owner if own else "", turns=[(turn.conversation_id, str(turn.uuid))])


def run(turn: Turn, timeout: float = 600) -> Turn:
    """Answer a turn in this process, without a socket, and return it finished. For commands."""

    async def answer() -> None:
        own = Runner()

        def take() -> Endpoint:
            turn.owner, turn.lease_until = own.owner, timezone.now() + LEASE
            turn.save(update_fields=["owner", "lease_until"])
            return endpoint_of(turn)

        own.submit(turn, await in_thread(take)())
        await own.close(grace=timeout)

    asyncio.run(answer())
    turn.refresh_from_db()
    return turn
