"""The endpoint test: what is wrong, precisely, and how quick it is."""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import dataclass, field
from time import perf_counter

from tutor.llm.client import Message, list_models, stream_chat
from tutor.llm.errors import EndpointError
from tutor.llm.models import Endpoint

SLOW_FIRST_TOKEN = 5.0  # seconds; students give up on more
SHORT_LIST = 12


@dataclass(frozen=True)
class Check:
    """The outcome of an endpoint test. `problem` stops it from being used, `warning` does not."""

    problem: str = ""
    warning: str = ""
    kind: str = ""  # EndpointError.kind of the problem
    models: list[str] = field(default_factory=list)
    first_token: float | None = None  # seconds
    tokens_per_second: float | None = None

    @property
    def ok(self) -> bool:
        return not self.problem


async def check(endpoint: Endpoint) -> Check:
    """Ask for the models and for a few words, and say what is wrong."""
    models: list[str] = []
    try:
        models = await list_models(endpoint)
    except EndpointError as error:
        if error.kind not in {"request", "model", "malformed"}:  # some servers have no /models but do answer
            return Check(problem=str(error), kind=error.kind)
    if models and endpoint.model not in models:
        known = ", ".join(models[:SHORT_LIST]) + (", …" if len(models) > SHORT_LIST else "")
        problem = f"{endpoint.name} has no model {endpoint.model!r}. It has: {known}"
        return Check(problem=problem, kind="model", models=models)
    try:
        return await _ask(endpoint, models)
    except EndpointError as error:
        return Check(problem=str(error), kind=error.kind, models=models)


async def _ask(endpoint: Endpoint, models: list[str]) -> Check:
    question: list[Message] = [{"role": "user", "content": "Count from one to ten."}]
    started = perf_counter()
    first: float | None = None
    pieces, tokens = 0, 0
    async with aclosing(stream_chat(endpoint, question, max_tokens=24, temperature=0.0)) as stream:
        async for chunk in stream:
            if chunk.text:
                first = first or perf_counter() - started
                pieces += 1
            tokens = chunk.usage.completion if chunk.usage else tokens
    if first is None:
        return Check(
            f"{endpoint.name} answered with no text at all. Is {endpoint.model} a chat model?", models=models
        )
    writing = perf_counter() - started - first
    warning = ""
    if pieces == 1 and tokens > 1:
        warning = f"{endpoint.name} does not stream: students will see nothing until the answer is complete."
    elif first > SLOW_FIRST_TOKEN:
        warning = (
            f"The first word took {first:.1f} s: students will wait. Is the model loaded, is the server busy?"
        )
    rate = (tokens - 1) / writing if tokens > 1 and pieces > 1 and writing > 0 else None
    return Check(warning=warning, models=models, first_token=first, tokens_per_second=rate)
