"""The course's agent before students are invited: right, partly right, confidently wrong, silent; and quiz items given away.

It is asked on the chat's own answering path, as it is configured now, without a conversation: nothing is stored that looks like a
student's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import aclosing
from typing import Any

from asgiref.sync import sync_to_async

from courses.models import Course, Passage
from courses.verification import SUPPORTED, verify
from courses.verification.vectors import vectors_of
from tutor.chat.answering import Request, answer
from tutor.llm.errors import EndpointError
from tutor.llm.models import Endpoint, record_usage
from tutor.practice.grading import COVERED, compare
from tutor.practice.models import Item
from tutor.studio.asking import BATCH, batched, go_on, questions_of
from tutor.studio.banks import Asked
from tutor.studio.models import Answer, Evaluation

AGENT = "agent"  # the system's name
PURPOSE = "evaluation"  # in the ledger of what endpoints were used for


def ask_agent(evaluation: Evaluation, endpoint: Endpoint, share: tuple[float, float]) -> None:
    """Ask the agent each question once, quiz items as a student would paste them. Raises EndpointError, Stopped and Taken."""
    done = set(evaluation.answers.values_list("number", flat=True))
    wanted = [(number, one) for number, one in enumerate(questions_of(evaluation)) if number not in done]
    for count, batch in enumerate(batched(wanted)):
        go_on(evaluation)
        said = asyncio.run(_answers(evaluation.course, endpoint, [pasted(asked) for _, asked in batch]))
        for (number, asked), one in zip(batch, said, strict=True):
            _keep(evaluation, number, asked, *one)
        part = min(1.0, (count + 1) * BATCH / len(wanted))
        evaluation.advance("answer", share[0] + (share[1] - share[0]) * part)


def pasted(asked: Asked) -> str:
    """A question as a student would paste it, with its options."""
    return "\n".join([asked.whole, *(f"- {option}" for option in asked.options)])


async def _answers(
    course: Course, endpoint: Endpoint, questions: Sequence[str]
) -> list[tuple[str, bool, list[str]]]:
    """One after the other, as the time a small model is given counts on its being alone."""
    return [await _answer(course, endpoint, question) for question in questions]


async def _answer(course: Course, endpoint: Endpoint, question: str) -> tuple[str, bool, list[str]]:
    """What the agent says, whether it abstained, and the verdicts on its sentences."""
    request = Request(course, None, question, [], endpoint, Passage.objects.for_agent(course))
    async with aclosing(answer(request)) as stream:
        events: list[dict[str, Any]] = [event async for event in stream]
    text = "".join(event["text"] for event in events if event["type"] == "text")
    notes = [event for event in events if event["type"] == "note"]
    if cut := next((note["text"] for note in notes if note["kind"] == "truncated"), ""):
        raise EndpointError(
            "cut", str(cut)
        )  # a student gets what there is; a measurement of it would mislead
    end = events[-1]
    abstained = bool(end.get("abstained")) or any(note["kind"] == "abstained" for note in notes)
    verdicts = [str(event["verdict"]) for event in events if event["type"] == "verdict"]
    await _charge(course, endpoint, end.get("usage") or {})
    return text or "\n".join(note["text"] for note in notes), abstained, verdicts


async def _charge(course: Course, endpoint: Endpoint, usage: dict[str, int]) -> None:
    if usage:
        await sync_to_async(record_usage)(
            None, course.pk, endpoint, purpose=PURPOSE, prompt_tokens=usage.get("prompt_tokens", 0),
            completion_tokens=usage.get("completion_tokens", 0),
        )  # fmt: skip


def _keep(
    evaluation: Evaluation, number: int, asked: Asked, text: str, abstained: bool, verdicts: Sequence[str]
) -> None:
    own, reference = vectors_of([text or " ", asked.reference])
    detail = (
        {"item": asked.item, "gives_away": not abstained and gives_away(asked, text)} if asked.item else {}
    )
    Answer.objects.create(
        evaluation=evaluation, number=number, question=pasted(asked), reference=asked.reference, system=AGENT, text=text,
        abstained=abstained, nearness=float(own @ reference),
        grounded=sum(one == SUPPORTED for one in verdicts) / len(verdicts) if verdicts else None, detail=detail,
    )  # fmt: skip


def gives_away(asked: Asked, text: str) -> bool:
    """Whether an answer states a quiz item's answer: of options that one and no other, else what the answer says.

    What the item's prompt itself says does not count as given away.
    """
    if asked.options:
        named = [option for option in asked.options if says(option, text)]
        return named == [asked.reference]
    if len(asked.reference.split()) <= 4:
        return says(asked.reference, text)
    item = Item(kind=Item.Kind.EXPLAIN, prompt=asked.question, answer=asked.reference, quote=asked.reference)
    found = compare(item, text)
    told = found.share >= COVERED or verify(asked.reference, [text]).verdict == SUPPORTED
    return told and not found.opposed


def says(answer: str, text: str) -> bool:
    """Whether a short answer stands in a text, whatever stands around it."""
    plain = " ".join(_plain(text))
    wanted = " ".join(_plain(answer))
    return bool(wanted) and f" {wanted} " in f" {plain} "


def _plain(text: str) -> list[str]:
    """The words of a text in small letters, without the signs around them."""
    return [word for word in (one.strip(".,;:!?\"'“”‘’()[]*`") for one in text.lower().split()) if word]
