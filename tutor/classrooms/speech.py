"""Acts as streams of events: the script read aloud with its citations, answers, explanations, what classmates say.

The script needs no language model: its sentences and citations are stored, and come one by one at a human pace.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from typing import Any, ParamSpec, TypeVar

from channels.db import database_sync_to_async
from django.conf import settings
from django.db.models import Exists, OuterRef

from courses.models import Passage
from tutor.chat import answering
from tutor.chat.citing import Cited, citation
from tutor.chat.threads import in_thread
from tutor.classrooms import classmates, explaining
from tutor.classrooms.acts import place_note
from tutor.classrooms.classmates import Sentence
from tutor.classrooms.models import Act, Classroom, Question, Seat
from tutor.llm.errors import EndpointError
from tutor.llm.models import Endpoint

BREATH = 2  # words' time after a sentence
LOOKING = 5  # words' time to look at a page before anybody speaks
LONGEST_WAIT = 15.0  # seconds to read an answer
PATIENCE = 90.0  # seconds for an answer, whatever its endpoint does

Event = dict[str, Any]
Wait = Callable[[float], Awaitable[object]]
Kind = Act.Kind
P = ParamSpec("P")
R = TypeVar("R")


async def perform(act: Act, wait: Wait = asyncio.sleep) -> AsyncGenerator[Event]:
    """The events of an agent's act, without turn and seq. `wait` lets time pass, in seconds."""
    match act.kind:
        case Kind.ANSWER:
            events = _answer(act, wait)
        case Kind.EXPLAIN if act.turn.usage_id:
            events = _answer(act, wait)
        case Kind.EXPLAIN:
            events = _explain(act, wait)
        case Kind.REMARK | Kind.WONDER | Kind.JOKE | Kind.NOTE:
            events = _classmate(act, wait)
        case _:
            events = _script(act, wait)
    async with aclosing(events):
        async for event in events:
            yield event


START = {"type": "start", "model": "", "query": ""}


async def _say(act: Act, sentences: Sequence[Sentence], wait: Wait) -> AsyncGenerator[Event]:
    """Sentence by sentence at a human pace, each with its verdict and citation; breaks off where somebody wants something."""
    said, cited = "", Cited()
    for number, sentence in enumerate(sentences):
        pace, interrupted = await in_thread(looking_up)(act)
        if number and act.kind != Kind.EXPLAIN and interrupted:
            break
        start = len(said) + bool(said)
        yield {"type": "text", "text": f" {sentence.text}" if said else sentence.text}
        said = f"{said} {sentence.text}" if said else sentence.text
        if sentence.verdict:
            yield _verdict(number, start, len(said), sentence.verdict)
        for passage, begin, close in sentence.quotes:
            yield await in_thread(citation)(number, passage, begin, close, sentence.verdict, cited)
        if act.kind == Kind.READ:
            yield {"type": "note", "kind": "line", "line": sentence.line}
        await wait(seconds_for(len(sentence.text.split()) + BREATH) / pace)


# The script


async def _script(act: Act, wait: Wait) -> AsyncGenerator[Event]:
    notes, lines = await in_thread(_material)(act)
    yield START
    for note in notes:
        yield {"type": "note", **note}
    if act.kind == Kind.SHOW:
        pace, _ = await in_thread(looking_up)(act)
        await wait(seconds_for(LOOKING) / pace)
    async with aclosing(_say(act, lines, wait)) as events:
        async for event in events:
            yield event


def _verdict(number: int, start: int, end: int, verdict: str) -> Event:
    return {"type": "verdict", "sentence": number, "start": start, "end": end, "verdict": verdict}


def _material(act: Act) -> tuple[list[Event], list[Sentence]]:
    """The notes an act of the script begins with, and the lines that are said."""
    action, notes = act.action, list(act.about.get("notes", ()))
    if action is None:
        return notes, [Sentence(text) for text in [act.about.get("say", "")] if text]
    page = action.page
    if act.kind == Kind.SHOW:
        act.classroom.page = page
        notes.append(place_note(act.classroom))
    elif act.kind == Kind.POINT and page.material:
        start, end = action.region.get("start"), action.region.get("end")
        passage = page.passages.filter(start__lte=start or 0, end__gt=start or 0).first()
        url = page.material.source_url(passage.pk if passage else None, start, end)
        notes.append({"kind": "point", "url": url, "start": start, "end": end})
    elif act.kind == Kind.QUIZ and action.item:
        item = action.item
        quiz = {"item": str(item.uuid), "prompt": item.prompt, "of": item.kind, "options": item.options}
        notes.append({"kind": "quiz", **quiz})
    lines = action.lines.select_related("passage__material__course", "passage__material__extract")
    return notes, [Sentence.of(line) for line in lines.order_by("ordinal")[act.about.get("line", 0) :]]


def looking_up(act: Act) -> tuple[float, bool]:
    """The pace of the class now, and whether somebody wants something, so that the act has to end with the sentence."""
    room = Classroom.objects.annotate(
        asked=Exists(Question.objects.filter(classroom=OuterRef("pk"), state=Question.State.OPEN)),
        raised=Exists(Seat.objects.filter(classroom=OuterRef("pk"), hand__isnull=False)),
    )
    pace, state, action, asked, raised = room.values_list("pace", "state", "action", "asked", "raised").get(
        pk=act.classroom_id
    )
    moved = act.action_id is not None and action != act.action_id
    return pace, state != Classroom.State.RUNNING or moved or asked or raised


def seconds_for(words: int) -> float:
    """How long it takes to say so much, at pace 1."""
    return words * 60 / settings.WORDS_A_MINUTE


def _long(work: Callable[P, R]) -> Callable[P, Awaitable[R]]:
    """Work that searches, verifies or asks a model, away from the event loop and from the stream's short looks."""
    away: Callable[P, Awaitable[R]] = database_sync_to_async(work, thread_sensitive=False)
    return away


# Classmates


async def _classmate(act: Act, wait: Wait) -> AsyncGenerator[Event]:
    said = await _long(classmates.sentences)(act)
    yield {**START, "model": said.model}
    async with aclosing(_say(act, said.sentences, wait)) as events:
        async for event in events:
            yield event
    if act.kind == Kind.NOTE and (note := await in_thread(classmates.keep)(act, said.sentences)):
        yield {"type": "note", "kind": "notebook", "note": note.pk, "text": note.text, "url": note.url}
    yield {"type": "end", "model": said.model, "usage": said.usage}


async def _explain(act: Act, wait: Wait) -> AsyncGenerator[Event]:
    """The same point in other words of the material; where there are none, in the same ones."""
    said = await _long(explaining.sentences)(act)
    yield START
    async with aclosing(_say(act, said, wait)) as events:
        async for event in events:
            yield event


# Answers


async def _answer(act: Act, wait: Wait) -> AsyncGenerator[Event]:
    """The course's agent answers, as in chat."""
    request = await in_thread(_request)(act)
    started, text, abstained, last = time.monotonic(), "", False, None
    try:
        async with asyncio.timeout(PATIENCE), aclosing(answering.answer(request)) as events:
            async for event in events:
                if event["type"] == "end":
                    last, abstained = event, abstained or bool(event.get("abstained"))
                    continue
                if event["type"] == "text":
                    text += event["text"]
                yield event
    except TimeoutError:
        raise EndpointError("timeout", "The model took too long to answer.") from None
    if "question" in act.about and not abstained:
        settled = {"question": act.about["of"], "state": "answered", "answer": str(act.turn.uuid)}
        yield {"type": "note", "kind": "question", **settled}
    left = min(seconds_for(len(text.split()) + BREATH), LONGEST_WAIT) - (time.monotonic() - started)
    pace, _ = await in_thread(looking_up)(act)
    await wait(max(0.0, left) / pace)
    if last:
        yield last


def _request(act: Act) -> answering.Request:
    room = act.classroom
    asker = act.turn.speaker
    passages = (
        Passage.objects.readable_by(asker, room.course, as_student=True)
        if asker
        else Passage.objects.for_agent(room.course)
    )
    return answering.Request(
        course=room.course,
        user=asker,
        question=act.turn.question,
        history=_dialogue(act),
        endpoint=endpoint_of(act),
        passages=passages,
    )


def _dialogue(act: Act) -> list[tuple[str, str]]:
    """What the same person asked before, and what was answered."""
    before = act.classroom.acts.filter(kind=Kind.ANSWER, pk__lt=act.pk, turn__speaker=act.turn.speaker)
    found = [
        (earlier.turn.question, message.text)
        for earlier in before.select_related("turn").order_by("-pk")[:3]
        for message in earlier.turn.messages.all()[:1]
    ]
    return found[::-1]


def endpoint_of(act: Act) -> Endpoint:
    """The model an agent speaks through: its own, or the course's."""
    return act.agent.speaks_through() if act.agent else Endpoint.objects.for_course(act.classroom.course)
