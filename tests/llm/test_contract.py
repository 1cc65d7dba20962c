"""The protocol, held by the real small model and by the scripted endpoint alike."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from tests.llm.scripted import Answer, Scripted
from tutor.llm.client import Message, complete, list_models, stream_chat
from tutor.llm.errors import EndpointError
from tutor.llm.models import Endpoint

CAPITAL = "What is the capital of France?"
PARIS = "The capital of France is Paris."
SCHEMA = {
    "type": "object",
    "properties": {"capital": {"type": "string", "maxLength": 20}, "continent": {"enum": ["Europe", "Asia"]}},
    "required": ["capital", "continent"],
    "additionalProperties": False,
}


def ask(words: str = CAPITAL) -> list[Message]:
    return [{"role": "user", "content": words}]


@dataclass
class Side:
    """One of the two servers, and how to see that it is at rest."""

    endpoint: Endpoint
    script: Callable[..., None]
    idle: Callable[[], Any]


@pytest.fixture(params=["scripted", pytest.param("host", marks=pytest.mark.model)])
def side(request: pytest.FixtureRequest) -> Side:
    if request.param == "scripted":
        server: Scripted = request.getfixturevalue("scripted")
        return Side(server.endpoint(), server.script, lambda: server.wait("disconnected", seconds=1))
    endpoint: Endpoint = request.getfixturevalue("host_endpoint")
    return Side(endpoint, lambda *answers: None, lambda: until_idle(endpoint))


def until_idle(endpoint: Endpoint) -> None:
    """Returns when the host runs nothing; what runs on ends by itself only after minutes."""
    for _ in range(50):
        state = httpx.get(endpoint.base_url.replace("/v1", "/health")).json()
        if not state["running"] and not state["waiting"]:
            return
    raise AssertionError(f"the host still works: {state}")


async def streamed(endpoint: Endpoint, messages: Sequence[Message], **options: Any) -> tuple[list[str], Any]:
    async with aclosing(stream_chat(endpoint, messages, **options)) as stream:
        chunks = [chunk async for chunk in stream]
    return [chunk.text for chunk in chunks if chunk.text], chunks[-1]


async def test_an_answer_streams_and_ends_with_its_usage(side: Side) -> None:
    side.script(Answer(PARIS))
    pieces, last = await streamed(side.endpoint, ask(), max_tokens=40)
    assert "".join(pieces) == PARIS
    assert len(pieces) > 3
    assert last.finish == "stop"
    assert last.usage.prompt > 0
    assert len(pieces) <= last.usage.completion < 12
    assert not last.usage.estimated


async def test_a_whole_answer_is_the_streamed_one(side: Side) -> None:
    side.script(Answer(PARIS))
    answer = await complete(side.endpoint, ask(), max_tokens=40)
    assert (answer.text, answer.finish) == (PARIS, "stop")


async def test_leaving_a_stream_stops_the_server(side: Side) -> None:
    side.script(Answer("word " * 400, hold_after=3))
    async with aclosing(
        stream_chat(side.endpoint, ask("Write a very long story."), max_tokens=3000)
    ) as stream:
        seen = 0
        async for _ in stream:
            seen += 1
            if seen == 3:
                break
    await asyncio.to_thread(side.idle)


async def test_cancelling_a_whole_answer_stops_the_server(side: Side) -> None:
    side.script(Answer("word " * 400, hold_after=0))
    task = asyncio.ensure_future(complete(side.endpoint, ask("Write a very long story."), max_tokens=3000))
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(task, 0.7)
    await asyncio.to_thread(side.idle)


async def test_requests_at_once_do_not_mix(side: Side) -> None:
    capitals = {"France": "Paris", "Germany": "Berlin", "Japan": "Tokyo"}
    side.script(*(Answer(f"It is {capital}.", when=country) for country, capital in capitals.items()))
    questions = [ask(f"What is the capital of {country}?") for country in capitals]
    answers = await asyncio.gather(
        *(complete(side.endpoint, question, max_tokens=30) for question in questions)
    )
    for answer, capital in zip(answers, capitals.values(), strict=True):
        assert capital in answer.text


async def test_a_schema_gives_valid_data(side: Side) -> None:
    side.script(Answer('{"capital": "Paris", "continent": "Europe"}'))
    answer = await complete(side.endpoint, ask(CAPITAL + " Answer in JSON."), schema=SCHEMA, max_tokens=60)
    assert answer.data["continent"] in ("Europe", "Asia")
    assert isinstance(answer.data["capital"], str)


async def test_models_are_listed(side: Side) -> None:
    assert side.endpoint.model in await list_models(side.endpoint)


@pytest.mark.parametrize(
    ("change", "kind", "answer"),
    [
        ({"model": "no-such-model"}, "model", Answer(status=404, error="No model is called 'no-such-model'")),
        ({"temperature": 9}, "request", Answer(status=400, error="temperature must lie between 0 and 2")),
        (
            {"messages": ask("long " * 9000)},
            "context",
            Answer(status=400, error="maximum context length is 4096 tokens"),
        ),
    ],
)
async def test_errors_have_one_shape(side: Side, change: dict[str, Any], kind: str, answer: Answer) -> None:
    side.script(answer)
    with pytest.raises(EndpointError) as caught:
        await complete(side.endpoint, **{"messages": ask(), **change})
    assert caught.value.kind == kind
    assert caught.value.detail
