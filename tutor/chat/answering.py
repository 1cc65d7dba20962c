"""An answer from the material, as a stream of events: search, decide, write, verify, cite.

A weak model's answer is made of sentences that were verified before they are sent: first what the material itself says,
then what the model adds and the material supports. A capable model's text is sent as it comes; verdicts and citations
follow each sentence.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from channels.db import database_sync_to_async

from courses.models import Course, PassageQuerySet
from courses.search import Hit, search
from courses.verification import Verdict, verify_all
from courses.verification.vectors import vectors_of
from courses.verification.words import words
from tutor.accounts.models import User
from tutor.chat import answerability, composing, premises, smalltalk
from tutor.chat.citing import Cited, citation, whereabouts
from tutor.chat.layout import heading
from tutor.chat.rewriting import as_question, standalone
from tutor.chat.sentences import Marked, Splitter
from tutor.chat.vocabulary import rarity, spelled
from tutor.llm.client import Message, stream_chat
from tutor.llm.errors import EndpointError
from tutor.llm.models import Endpoint

PROMPTS = Path(__file__).parent / "prompts"
FOUND = 8  # passages
SHOWN_WEAK = (
    650  # characters of material in a small model's prompt: its first token is as far as the prompt is long
)
SHOWN_CAPABLE = 9_000
ADDED_MOST = 2  # sentences that a weak model may add
WEAK_TOKENS = 90
WEAK_SECONDS = 12.0  # after which a weak model has had its chance to add something
REMEMBERED = 3  # turns a capable model is told of
NEW_SHARE = 0.34  # of a weak model's sentence that must not have been said before
ON_PREMISE = 2  # statements, where the question takes something wrong for granted
LEAST = 0.36  # score of the best statement below which there is none
DEFINED = 0.8  # probability of an answer where the material defines the very thing that is asked for
ON_TOPIC = 0.42  # cosine with the question that a weak model's sentence needs

Event = dict[str, Any]


@dataclass(frozen=True)
class Request:
    """A question and all that may be used to answer it. `passages` is the access-filtered queryset, the only source."""

    course: Course
    user: User | None
    question: str
    history: Sequence[tuple[str, str]]
    endpoint: Endpoint
    passages: PassageQuerySet


@dataclass(frozen=True)
class Found:
    """What the material holds on the question."""

    hits: list[Hit]
    probability: float  # that it holds the answer
    statements: list[composing.Statement]
    premise: premises.Contradiction | None
    seconds: float

    @property
    def answers(self) -> bool:
        return self.probability >= answerability.weights().answered or any(
            hit.passage.pinned for hit in self.hits[:1]
        )


async def answer(request: Request) -> AsyncGenerator[Event]:
    """The events of an answer, without turn and seq. Raises EndpointError where the endpoint fails before it said a thing.

    Ends with an "end" event: model, abstained, seconds and usage.
    """
    started = time.monotonic()
    seconds: dict[str, float] = {}
    said = smalltalk.reply(request.question, request.course)
    if said:
        yield {"type": "start", "model": "", "query": ""}
        yield {"type": "text", "text": said}
        yield _end(request, started, {"search": 0.0, "first_token": 0.0}, model="")
        return
    query = standalone(request.question, request.history)
    yield {"type": "start", "model": request.endpoint.model, "query": query}
    found = await _in_thread(look)(request, query)
    seconds["search"] = round(found.seconds, 4)
    if not found.answers:
        async for event in _abstain(request, found):
            yield event
        yield _end(request, started, seconds, abstained=True)
        return
    cited = Cited()
    if found.premise is not None:
        yield await _in_thread(_premise)(request, found.premise)
    writing = _capable if request.endpoint.capable else _weak
    usage: dict[str, int] = {}
    async with aclosing(writing(request, query, found, cited, usage)) as events:
        async for event in events:
            if event["type"] == "text" and "first_token" not in seconds:
                seconds["first_token"] = round(time.monotonic() - started, 4)
            yield event
    yield _end(request, started, seconds, usage=usage)


def _end(
    request: Request,
    started: float,
    seconds: dict[str, float],
    *,
    abstained: bool = False,
    usage: dict[str, int] | None = None,
    model: str | None = None,
) -> Event:
    total = round(time.monotonic() - started, 4)
    return {
        "type": "end",
        "model": request.endpoint.model if model is None else model,
        "abstained": abstained,
        "seconds": {"search": 0.0, "first_token": total, **seconds, "total": total},
        "usage": usage or {},
    }


P = ParamSpec("P")
R = TypeVar("R")


def _in_thread(work: Callable[P, R]) -> Callable[P, Awaitable[R]]:
    """Work with the database, embeddings or much arithmetic, away from the event loop."""
    away: Callable[P, Awaitable[R]] = database_sync_to_async(work, thread_sensitive=False)
    return away


# Searching and deciding


def look(request: Request, query: str) -> Found:
    """Search, and decide whether the material answers."""
    started = time.monotonic()
    query = spelled(request.course, as_question(query))
    vector = vectors_of([query])[0]
    hits = search(request.course, query, passages=request.passages, k=FOUND, vector=vector)
    seconds = time.monotonic() - started
    if not hits:
        return Found([], 0.0, [], None, seconds)
    telling = rarity(request.course)
    rows = [
        answerability.features(query, heading(hit.passage), hit.passage.text, telling)
        for hit in hits[: answerability.CONSIDERED]
    ]
    probability = max(answerability.probability(row) for row in rows)
    chosen = composing.statements(query, hits, telling)
    if not chosen or chosen[0].score < LEAST:
        probability = 0.0
    elif any(statement.defines for statement in chosen):
        probability = max(probability, DEFINED)
    contradiction = premises.contradiction(query, [hit.passage.text for hit in hits[:4]])
    if contradiction is not None:  # what speaks against the premise comes first, and little beside it
        chosen = sorted(chosen, key=lambda one: one.source not in contradiction.quote)[:ON_PREMISE]
    return Found(hits, probability, chosen, contradiction, seconds)


async def _abstain(request: Request, found: Found) -> AsyncIterator[Event]:
    near = await _in_thread(_nearest)(found.hits)
    text = "The course material does not seem to answer this."
    yield {"type": "note", "kind": "abstained", "text": text, "passages": near}


def _nearest(hits: Sequence[Hit]) -> list[dict[str, Any]]:
    return [
        whereabouts(hit.passage, hit.start - hit.passage.start, hit.end - hit.passage.start)
        for hit in hits[:3]
    ]


def _premise(request: Request, found: premises.Contradiction) -> Event:
    hits = search(request.course, found.quote, passages=request.passages, k=FOUND)
    passages = [
        whereabouts(hit.passage, at, at + len(found.quote))
        for hit in hits
        if (at := hit.passage.text.find(found.quote)) >= 0
    ]
    return {"type": "note", "kind": "premise", "text": f"> {found.quote}", "passages": passages[:1]}


# Prompts


@lru_cache
def prompt(name: str) -> str:
    """The text of a prompt file."""
    return (PROMPTS / f"{name}.txt").read_text(encoding="utf-8").strip()


def weak_messages(query: str, found: Found) -> list[Message]:
    """A prompt of under 350 tokens: the statements that answer, with what stands around them."""
    pieces: list[str] = []
    room = SHOWN_WEAK
    for statement in found.statements:
        text = " ".join(statement.text.split())[:room]
        pieces.append(text)
        room -= len(text)
        if room < 80:
            break
    material = prompt("material").format(passages="\n".join(pieces), question=query)
    return [{"role": "system", "content": prompt("weak")}, {"role": "user", "content": material}]


def capable_messages(request: Request, query: str, found: Found) -> list[Message]:
    """The numbered passages, the last turns, and the course's own guidance."""
    pieces: list[str] = []
    room = SHOWN_CAPABLE
    for number, hit in enumerate(found.hits, start=1):
        text = f"[{number}] ({heading(hit.passage)})\n{hit.passage.text[:room]}"
        pieces.append(text)
        room -= len(text)
        if room < 200:
            break
    guidance = f"- {request.course.guidance}" if request.course.guidance else ""
    system = prompt("capable").format(
        agent=request.course.agent_name, course=request.course.title, guidance=guidance
    )
    turns: list[Message] = [{"role": "system", "content": system.strip()}]
    for question, said in request.history[-REMEMBERED:]:
        turns += [{"role": "user", "content": question[:600]}, {"role": "assistant", "content": said[:1200]}]
    asked = request.question if query == request.question else f"{request.question}\n(That is: {query})"
    turns.append(
        {"role": "user", "content": prompt("material").format(passages="\n\n".join(pieces), question=asked)}
    )
    return turns


# A weak model: verified first, sent then


async def _weak(
    request: Request, query: str, found: Found, cited: Cited, usage: dict[str, int]
) -> AsyncGenerator[Event]:
    said: list[str] = []
    length = 0
    written: asyncio.Queue[str | EndpointError | None] = asyncio.Queue()
    writer = asyncio.create_task(_write(request, weak_messages(query, found), written, usage))
    try:
        previous: composing.Statement | None = None
        for number, statement in enumerate(found.statements):
            text = statement.text
            glue = _glue(previous, statement) if said else ""
            yield {"type": "text", "text": glue + text}
            start = length + len(glue)
            length = start + len(text)
            said.append(text)
            yield {
                "type": "verdict",
                "sentence": number,
                "start": start,
                "end": length,
                "verdict": "supported",
            }
            yield await _in_thread(citation)(
                number, statement.passage, statement.start, statement.end, "supported", cited
            )
            previous = statement
        left_out = added = 0
        until = time.monotonic() + WEAK_SECONDS
        while (sentence := await _before(until, written)) is not None:
            if isinstance(sentence, EndpointError):
                yield {
                    "type": "note",
                    "kind": "truncated",
                    "text": f"Only the material speaks here. {sentence}",
                }
                break
            if added >= ADDED_MOST:
                break
            verdict, relevant = await _in_thread(_weigh)(query, sentence, said, found.hits)
            if verdict.verdict != "supported":
                left_out += 1
                continue
            if not relevant:
                continue
            number = len(said)
            yield {"type": "text", "text": "\n\n" + sentence}
            start, length = length + 2, length + 2 + len(sentence)
            said.append(sentence)
            added += 1
            yield {
                "type": "verdict",
                "sentence": number,
                "start": start,
                "end": length,
                "verdict": verdict.verdict,
            }
            for quote in verdict.quotes[:1]:
                passage = found.hits[quote.passage].passage
                yield await _in_thread(citation)(
                    number, passage, quote.start, quote.end, verdict.verdict, cited
                )
        if left_out and not request.endpoint.embedded:  # of the embedded model nobody expects more
            text = "What the model wrote beyond this could not be confirmed by the material and was left out."
            yield {"type": "note", "kind": "replaced", "text": text, "passages": []}
    finally:
        writer.cancel()
        await asyncio.gather(writer, return_exceptions=True)


async def _before(
    until: float, written: asyncio.Queue[str | EndpointError | None]
) -> str | EndpointError | None:
    """The next thing written; None when the time is up, as at the end."""
    try:
        return await asyncio.wait_for(written.get(), max(0.0, until - time.monotonic()))
    except TimeoutError:
        return None


async def _write(
    request: Request,
    messages: list[Message],
    written: asyncio.Queue[str | EndpointError | None],
    usage: dict[str, int],
) -> None:
    """Put the model's sentences, one by one, and None at the end."""
    splitter = Splitter()
    try:
        async with aclosing(
            stream_chat(request.endpoint, messages, max_tokens=WEAK_TOKENS, temperature=0.0)
        ) as chunks:
            async for chunk in chunks:
                if chunk.usage is not None:
                    usage.update(prompt_tokens=chunk.usage.prompt, completion_tokens=chunk.usage.completion)
                for start, end in splitter.feed(chunk.text):
                    written.put_nowait(splitter.text[start:end].strip())
        last = splitter.rest()
        for start, end in last:
            sentence = splitter.text[start:end].strip()
            if sentence.endswith((".", "!", "`")):  # one that the limit cut off says half of what it means
                written.put_nowait(sentence)
    except EndpointError as error:
        written.put_nowait(error)
    finally:
        written.put_nowait(None)


def _weigh(query: str, sentence: str, said: Sequence[str], hits: Sequence[Hit]) -> tuple[Verdict, bool]:
    """The verdict on a sentence, and whether it says something on the question that was not said yet."""
    verdict = verify_all([sentence], [hit.passage.text for hit in hits[: composing.LOOKED_INTO]])[0]
    asked, own, *before = vectors_of([query, sentence, *said])
    repeated = {word.key for text in said for word in words(text)}
    content = [word for word in words(sentence) if word.content]
    new = sum(word.key not in repeated for word in content) / max(1, len(content))
    alike = max((float(own @ vector) for vector in before), default=0.0)
    return verdict, new >= NEW_SHARE and alike < composing.ALIKE and float(own @ asked) >= ON_TOPIC


def _glue(previous: composing.Statement | None, statement: composing.Statement) -> str:
    """What stands between two statements: a space where they follow each other, else a new paragraph."""
    if (
        previous is not None
        and previous.passage.pk == statement.passage.pk
        and "\n" not in previous.text + statement.text
    ):
        return " "
    return "\n\n"


# A capable model: sent as it comes, verified after each sentence


async def _capable(
    request: Request, query: str, found: Found, cited: Cited, usage: dict[str, int]
) -> AsyncGenerator[Event]:
    events: asyncio.Queue[Event | BaseException | None] = asyncio.Queue()
    pending: asyncio.Queue[tuple[int, str, int, int, list[int]] | None] = asyncio.Queue()
    writer = asyncio.create_task(
        _stream(request, capable_messages(request, query, found), events, pending, usage)
    )
    checker = asyncio.create_task(_check(found, cited, events, pending))
    try:
        while (event := await events.get()) is not None:
            if isinstance(event, BaseException):
                raise event
            yield event
    finally:
        for task in (writer, checker):
            task.cancel()
        await asyncio.gather(writer, checker, return_exceptions=True)


async def _stream(
    request: Request,
    messages: list[Message],
    events: asyncio.Queue[Event | BaseException | None],
    pending: asyncio.Queue[tuple[int, str, int, int, list[int]] | None],
    usage: dict[str, int],
) -> None:
    marked, splitter = Marked(), Splitter()
    number = 0

    def hand_on(spans: Sequence[tuple[int, int]]) -> None:
        nonlocal number
        for start, end in spans:
            following = start if start == 0 else start - 1
            markers = [n for at, n in marked.markers if following < at <= end + 1]
            pending.put_nowait((number, splitter.text[start:end], start, end, markers))
            number += 1

    try:
        async with aclosing(stream_chat(request.endpoint, messages)) as chunks:
            async for chunk in chunks:
                if chunk.usage is not None:
                    usage.update(prompt_tokens=chunk.usage.prompt, completion_tokens=chunk.usage.completion)
                text = marked.feed(chunk.text)
                if chunk.finish is not None:
                    text += marked.rest()
                if text:
                    events.put_nowait({"type": "text", "text": text})
                    hand_on(splitter.feed(text))
                if chunk.finish == "length":
                    events.put_nowait({"type": "note", "kind": "truncated", "text": "", "passages": []})
        hand_on(splitter.rest())
        pending.put_nowait(None)
    except EndpointError as error:
        events.put_nowait(error)


async def _check(
    found: Found,
    cited: Cited,
    events: asyncio.Queue[Event | BaseException | None],
    pending: asyncio.Queue[tuple[int, str, int, int, list[int]] | None],
) -> None:
    """Verify sentences in order; None ends the events."""
    before = ""
    try:
        while (item := await pending.get()) is not None:
            number, sentence, start, end, markers = item
            if not claims(sentence):
                continue
            verdict, order = await _in_thread(_judge)(sentence, before, found.hits, markers)
            before = sentence
            events.put_nowait(
                {
                    "type": "verdict",
                    "sentence": number,
                    "start": start,
                    "end": end,
                    "verdict": verdict.verdict,
                }
            )
            if verdict.verdict != "unsupported":
                for quote in verdict.quotes[:1]:
                    passage = found.hits[order[quote.passage]].passage
                    events.put_nowait(
                        await _in_thread(citation)(
                            number, passage, quote.start, quote.end, verdict.verdict, cited
                        )
                    )
        events.put_nowait(None)
    except Exception as error:  # noqa: BLE001 - the consumer must hear of it, or it would wait for ever
        events.put_nowait(error)


def claims(sentence: str) -> bool:
    """Whether a sentence states something that could be checked."""
    plain = sentence.strip()
    if plain.startswith(("#", "```", "~~~", "|", "---")) or plain.endswith(("?", ":")):
        return False
    return sum(word.content for word in words(plain)) >= 2


def _judge(
    sentence: str, before: str, hits: Sequence[Hit], markers: Sequence[int]
) -> tuple[Verdict, list[int]]:
    """Verify a sentence against the hits, those it names first. A leading pronoun is read as the last subject."""
    named = [number - 1 for number in markers if 0 < number <= len(hits)]
    order = [*dict.fromkeys(named), *(i for i in range(len(hits)) if i not in named)][
        : composing.LOOKED_INTO + 1
    ]
    texts = [hits[i].passage.text for i in order]
    readings = [plain(sentence)]
    if before and (resolved := premises.resolved(plain(sentence), plain(before))) != readings[0]:
        readings.append(resolved)
    verdicts = verify_all(readings, texts)
    return max(verdicts, key=lambda verdict: verdict.score), order


def plain(sentence: str) -> str:
    """A sentence without list marks, emphasis and links."""
    text = re.sub(r"^\s*(?:[-*•]|\d+[.)])\s+", "", sentence.strip())
    text = re.sub(r"\[([^\]]+)\]\([^)]*\)", r"\1", text)
    return re.sub(r"(\*\*|__)(.+?)\1", r"\2", text)
