"""A capable model's answer: sent as it comes; verdicts and citations follow each sentence."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from courses.search import Hit
from courses.verification import Verdict, verify_all
from courses.verification.words import words
from tutor.chat import composing, premises
from tutor.chat.citing import Cited, citation
from tutor.chat.finding import Event, Found, Request
from tutor.chat.prompting import capable_messages
from tutor.chat.sentences import Marked, Splitter
from tutor.chat.threads import away
from tutor.llm.client import Message, stream_chat
from tutor.llm.errors import EndpointError


async def write(
    request: Request, query: str, found: Found, cited: Cited, usage: dict[str, int]
) -> AsyncGenerator[Event]:
    """The events of the answer; raises EndpointError."""
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
            verdict, order = await away(_judge)(sentence, before, found.hits, markers)
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
                        await away(citation)(number, passage, quote.start, quote.end, verdict.verdict, cited)
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
