"""Having systems answer the questions of an evaluation: alone, with the chat's retrieval, part after part, several times."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TypeVar

from django.db import transaction

from courses.models import Course, Passage
from courses.sentences import sentences
from courses.verification import SUPPORTED, verify_all
from courses.verification.vectors import vectors_of
from tutor.chat import finding
from tutor.chat.finding import Found
from tutor.llm.client import Message, complete
from tutor.llm.models import Endpoint
from tutor.studio.banks import Asked
from tutor.studio.models import Answer, Evaluation
from tutor.studio.prompting import closed, opened

RETRIEVAL = "+retrieval"
BASE = "base"
AT_ONCE = 8  # requests to the endpoint
LONGEST = 160  # tokens of an answer
BATCH = 16  # conversations between two looks at the row
EVIDENCE = 6  # passages that an answer's sentences are held against
DRAWN = 0.7  # temperature of every run but the first, which is the most probable answer
Context = Answer.Context
T = TypeVar("T")


class Stopped(Exception):
    """A person asked to stop. What was answered stays."""


class Taken(Exception):
    """The evaluation was given to another worker, or deleted, while this one was silent. It is not this one's to end."""


@dataclass(frozen=True)
class Talk:
    """One conversation to be held: a system answers one question, or all parts of an exercise one after the other."""

    system: str
    context: str
    run: int
    asked: tuple[tuple[int, Asked], ...]  # with their numbers in the evaluation


def questions_of(evaluation: Evaluation) -> list[Asked]:
    """The questions, as they stood when the evaluation began."""
    return [Asked(**row) for row in evaluation.questions]


def go_on(evaluation: Evaluation) -> None:
    """Between two pieces of work: is it still wanted, and still ours? Raises Stopped and Taken."""
    if not evaluation.still_mine():
        raise Taken
    if Evaluation.objects.filter(pk=evaluation.pk, stop_requested=True).exists():
        raise Stopped


def batched(rows: Sequence[T], size: int = BATCH) -> Iterator[Sequence[T]]:
    """The rows, some at a time."""
    for start in range(0, len(rows), size):
        yield rows[start : start + size]


def ask_all(
    evaluation: Evaluation, systems: Sequence[str], endpoint: Endpoint, share: tuple[float, float]
) -> None:
    """Have every system answer what it has not answered yet; progress moves from share[0] to share[1].

    Raises EndpointError, Stopped and Taken.
    """
    rows = evaluation.answers.values_list("number", "system", "context", "run")
    done = set(rows.exclude(context=Context.CHOICE))
    talks = [talk for talk in _talks(evaluation, systems) if not _held(talk, done)]
    for number, batch in enumerate(batched(talks)):
        go_on(evaluation)
        asked = {place: one for talk in batch for place, one in talk.asked}
        found = {place: look(evaluation.course, one.whole) for place, one in asked.items()}
        said = asyncio.run(_hold_all(evaluation, endpoint, batch, found))
        answers = [
            measured(evaluation, talk, place, one, text, found[place])
            for talk, texts in zip(batch, said, strict=True)
            for (place, one), text in zip(talk.asked, texts, strict=True)
        ]
        with transaction.atomic():  # a shared conversation is there whole or not at all
            go_on(evaluation)
            Answer.objects.bulk_create(answers)
        part = min(1.0, (number + 1) * BATCH / len(talks))
        evaluation.advance("answer", share[0] + (share[1] - share[0]) * part)


def _held(talk: Talk, done: set[tuple[int, str, str, int]]) -> bool:
    return all((place, talk.system, talk.context, talk.run) in done for place, _ in talk.asked)


def _talks(evaluation: Evaluation, systems: Sequence[str]) -> Iterator[Talk]:
    asked = [(number, one) for number, one in enumerate(questions_of(evaluation)) if not one.options]
    runs = range(evaluation.runs)
    for exercise, group in groupby(asked, key=lambda row: row[1].exercise):
        rows = tuple(group)
        for row in rows:
            yield from (Talk(name, Context.SEPARATE, run, (row,)) for run in runs for name in systems)
        if exercise and len(rows) > 1:
            yield from (Talk(name, Context.SHARED, run, rows) for run in runs for name in systems)


def look(course: Course, question: str) -> Found:
    """What the chat would find for the question: the same retrieval for every system."""
    passages = Passage.objects.for_agent(course)
    request = finding.Request(
        course=course, user=None, question=question, history=[], endpoint=Endpoint(), passages=passages
    )
    return finding.look(request, question)


async def _hold_all(
    evaluation: Evaluation, endpoint: Endpoint, talks: Sequence[Talk], found: dict[int, Found]
) -> list[list[str]]:
    room = asyncio.Semaphore(AT_ONCE)

    async def one(talk: Talk) -> list[str]:
        async with room:
            return await _hold(evaluation, endpoint, talk, found)

    return await asyncio.gather(*map(one, talks))


async def _hold(evaluation: Evaluation, endpoint: Endpoint, talk: Talk, found: dict[int, Found]) -> list[str]:
    """The answers of one conversation. What was asked and said before stands in it without its passages."""
    model = talk.system.removesuffix(RETRIEVAL)
    before: list[Message] = []
    said: list[str] = []
    for place, asked in talk.asked:
        question = asked.question if said else asked.whole
        system, last = messages(evaluation.course, question, found[place], talk.system.endswith(RETRIEVAL))
        answer = await complete(
            endpoint,
            [system, *before, last],
            model="" if model == BASE else model,
            max_tokens=LONGEST,
            temperature=DRAWN if talk.run else 0.0,
            seed=evaluation.seed + talk.run if talk.run else None,
        )
        said.append(answer.text.strip())
        before += [{"role": "user", "content": question}, {"role": "assistant", "content": said[-1]}]
    return said


def messages(course: Course, question: str, found: Found, retrieval: bool) -> list[Message]:
    """What a system is told: the question, alone or with what the chat would put beside it."""
    return opened(material_of(found), question) if retrieval else closed(course.title, question)


def material_of(found: Found) -> list[str]:
    """The words of the material that the chat would show a small model for a question."""
    return [statement.text for statement in found.statements] or [hit.passage.text for hit in found.hits[:1]]


def measured(
    evaluation: Evaluation, talk: Talk, number: int, asked: Asked, text: str, found: Found
) -> Answer:
    """The answer's row, with its nearness to the reference and its grounded share. Not saved."""
    own, reference = vectors_of([text or " ", asked.reference])
    said = [text[start:end].strip() for start, end in sentences(text)]
    evidence = [hit.passage.text for hit in found.hits[:EVIDENCE]]
    verdicts = verify_all(said, evidence) if said and evidence else []
    grounded = sum(verdict.verdict == SUPPORTED for verdict in verdicts) / max(1, len(said))
    return Answer(
        evaluation=evaluation, number=number, question=asked.whole, reference=asked.reference, system=talk.system,
        context=talk.context, run=talk.run, text=text, nearness=float(own @ reference), grounded=grounded,
    )  # fmt: skip
