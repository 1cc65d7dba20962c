"""An answer from the material, as a stream of events: search, decide, write, verify, cite."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from typing import Any

from courses.search import Hit, search
from tutor.chat import about, capable, premises, smalltalk, weak
from tutor.chat.citing import Cited, whereabouts
from tutor.chat.finding import FOUND, Event, Found, Request, look
from tutor.chat.rewriting import standalone
from tutor.chat.threads import away

__all__ = ["Event", "Request", "answer"]


async def answer(request: Request) -> AsyncGenerator[Event]:
    """The events of an answer, without turn and seq. Raises EndpointError where the endpoint fails before it said a thing.

    Ends with an "end" event: model, abstained, seconds and usage.
    """
    started = time.monotonic()
    seconds: dict[str, float] = {}
    said = smalltalk.reply(request.question, request.course) or await away(about.reply)(
        request.question, request.course, request.passages
    )
    if said:
        yield {"type": "start", "model": "", "query": ""}
        yield {"type": "text", "text": said}
        yield _end(request, started, {"search": 0.0, "first_token": 0.0}, model="")
        return
    query = standalone(request.question, request.history)
    yield {"type": "start", "model": request.endpoint.model, "query": query}
    found = await away(look)(request, query)
    seconds["search"] = round(found.seconds, 4)
    if not found.answers:
        async for event in _abstain(request, found):
            yield event
        yield _end(request, started, seconds, abstained=True)
        return
    cited = Cited()
    if found.premise is not None:
        yield await away(_premise)(request, found.premise)
    write = capable.write if request.endpoint.capable else weak.write
    usage: dict[str, int] = {}
    async with aclosing(write(request, query, found, cited, usage)) as events:
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


async def _abstain(request: Request, found: Found) -> AsyncIterator[Event]:
    near = await away(_nearest)(found.hits)
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
