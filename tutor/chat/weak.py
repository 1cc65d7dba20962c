"""A weak model's answer: sentences that were verified before they are sent.

First what the material itself says, then what the model adds and the material supports.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from courses.search import Hit
from courses.verification import Verdict, verify_all
from courses.verification.vectors import vectors_of
from courses.verification.words import words
from tutor.chat.citing import Cited, citation
from tutor.chat.composing import LOOKED_INTO
from tutor.chat.finding import Event, Found, Request
from tutor.chat.prompting import weak_messages
from tutor.chat.sentences import Splitter
from tutor.chat.statement import ALIKE, Statement
from tutor.chat.threads import away
from tutor.llm.client import Message, stream_chat
from tutor.llm.errors import EndpointError

ADDED_MOST = 2  # sentences that a weak model may add
WEAK_TOKENS = 90
WEAK_SECONDS = 12.0  # after which a weak model has had its chance to add something
NEW_SHARE = 0.34  # of a weak model's sentence that must not have been said before
ON_TOPIC = 0.42  # cosine with the question that a weak model's sentence needs


async def write(
    request: Request, query: str, found: Found, cited: Cited, usage: dict[str, int]
) -> AsyncGenerator[Event]:
    """The events of the answer: the material's statements, then what the model adds to them."""
    said: list[str] = []
    length = 0
    written: asyncio.Queue[str | EndpointError | None] = asyncio.Queue()
    writer = asyncio.create_task(_collect(request, weak_messages(query, found), written, usage))
    try:
        previous: Statement | None = None
        for number, statement in enumerate(found.statements):
            text = statement.text
            glue = _glue(previous, statement)
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
            yield await away(citation)(
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
            verdict, relevant = await away(_weigh)(query, sentence, said, found.hits)
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
                yield await away(citation)(number, passage, quote.start, quote.end, verdict.verdict, cited)
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


async def _collect(
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
    verdict = verify_all([sentence], [hit.passage.text for hit in hits[:LOOKED_INTO]])[0]
    asked, own, *before = vectors_of([query, sentence, *said])
    repeated = {word.key for text in said for word in words(text)}
    content = [word for word in words(sentence) if word.content]
    new = sum(word.key not in repeated for word in content) / max(1, len(content))
    alike = max((float(own @ vector) for vector in before), default=0.0)
    return verdict, new >= NEW_SHARE and alike < ALIKE and float(own @ asked) >= ON_TOPIC


def _glue(previous: Statement | None, statement: Statement) -> str:
    """What stands before a statement: a space where it follows the last one, a bullet in a list, else a new paragraph."""
    if statement.item:
        return "- " if previous is None else "\n- "
    if previous is None:
        return ""
    if previous.passage.pk == statement.passage.pk and "\n" not in previous.text + statement.text:
        return " "
    return "\n\n"
