"""What the client does with endpoints that behave, and with those that do not."""

import asyncio
import socket
from collections.abc import Sequence
from contextlib import aclosing
from typing import Any

import pytest

from tests.llm.scripted import Answer, Scripted
from tutor.llm.checks import check
from tutor.llm.client import Chunk, Message, complete, list_models, stream_chat
from tutor.llm.errors import EndpointError
from tutor.llm.models import Endpoint

ASK: list[Message] = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "What is heat?"},
]
SCHEMA = {
    "type": "object",
    "properties": {"grade": {"type": "integer"}},
    "required": ["grade"],
    "additionalProperties": False,
}


async def chunks(endpoint: Endpoint, messages: Sequence[Message] = ASK, **options: Any) -> list[Chunk]:
    async with aclosing(stream_chat(endpoint, messages, **options)) as stream:
        return [chunk async for chunk in stream]


async def text(endpoint: Endpoint, **options: Any) -> str:
    return "".join(chunk.text for chunk in await chunks(endpoint, **options))


async def failure(endpoint: Endpoint) -> EndpointError:
    with pytest.raises(EndpointError) as caught:
        await chunks(endpoint)
    return caught.value


def unused_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def test_text_streams_in_pieces_and_ends_with_usage(scripted: Scripted) -> None:
    scripted.script(Answer("Heat flows from hot to cold."))
    *pieces, last = await chunks(scripted.endpoint(), max_tokens=9, stop=["\n\n"])
    assert [chunk.text for chunk in pieces] == ["Heat ", "flows ", "from ", "hot ", "to ", "cold."]
    assert (last.finish, last.usage and last.usage.completion) == ("stop", 6)
    body = scripted.requests()[0].body
    assert (body["max_tokens"], body["stop"], body["stream"]) == (9, ["\n\n"], True)


async def test_line_separators_inside_text_do_not_break_the_stream(scripted: Scripted) -> None:
    scripted.script(Answer(pieces=["a\u2028b", "c\x85d", "naïve ∂u/∂t"]))
    assert await text(scripted.endpoint()) == "a\u2028bc\x85dnaïve ∂u/∂t"


async def test_usage_is_estimated_where_the_endpoint_gives_none(scripted: Scripted) -> None:
    scripted.script(Answer("one two three", usage=False))
    usage = (await chunks(scripted.endpoint()))[-1].usage
    assert usage is not None
    assert usage.estimated
    assert usage.completion == 4


async def test_a_server_that_does_not_stream_still_answers(scripted: Scripted) -> None:
    scripted.script(Answer("All at once.", streams=False))
    assert await text(scripted.endpoint()) == "All at once."


async def test_leaving_the_stream_closes_the_connection(scripted: Scripted) -> None:
    scripted.script(Answer("one two three four", hold_after=2))
    async with aclosing(stream_chat(scripted.endpoint(), ASK)) as stream:
        async for chunk in stream:
            if chunk.text == "two ":
                break
    scripted.wait("disconnected", seconds=2)


async def test_cancelling_closes_the_connection(scripted: Scripted) -> None:
    scripted.script(Answer(hold_after=0))
    for call in (text(scripted.endpoint()), complete(scripted.endpoint(), ASK)):
        task = asyncio.ensure_future(call)
        await asyncio.to_thread(scripted.wait, "running")
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.to_thread(scripted.wait, "disconnected", seconds=2)
        scripted.script(Answer(hold_after=0))


async def test_a_passing_failure_before_the_first_byte_is_tried_again(scripted: Scripted) -> None:
    busy = Answer(status=503, error="loading", headers={"Retry-After": "0"})
    scripted.script(busy, busy, Answer("Here now."))
    assert await text(scripted.endpoint()) == "Here now."


async def test_retries_end(scripted: Scripted) -> None:
    scripted.script(Answer(status=429, error="slow down", headers={"Retry-After": "0"}))
    assert (await failure(scripted.endpoint())).kind == "rate"
    assert len(scripted.requests()) == 3


async def test_what_was_handed_on_is_never_asked_for_again(scripted: Scripted) -> None:
    scripted.script(Answer("one two three", die_after=2))
    got: list[str] = []
    with pytest.raises(EndpointError) as caught:
        async for chunk in stream_chat(scripted.endpoint(), ASK):
            got += [chunk.text]
    assert (got, caught.value.kind) == (["one ", "two "], "cut")
    assert len(scripted.requests()) == 1


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (Answer(status=401, error="Incorrect API key provided: sk-secret"), "key"),
        (Answer(status=404, error="The model `scripted` does not exist"), "model"),
        (Answer(status=400, error="maximum context length is 2048 tokens"), "context"),
        (Answer(status=307, headers={"Location": "http://elsewhere.example/v1"}), "redirect"),
        (Answer(malformed_after=1), "malformed"),
        (Answer(error_after=1), "server"),
        (Answer(end_after=2), "cut"),
        (Answer(raw="<html>It works!</html>"), "malformed"),
    ],
)
async def test_failures_are_told_apart(scripted: Scripted, answer: Answer, kind: str) -> None:
    scripted.script(answer)
    endpoint = scripted.endpoint()
    endpoint.api_key = "sk-secret"
    error = await failure(endpoint)
    assert error.kind == kind
    assert "sk-secret" not in f"{error} {error.detail}"


async def test_silence_is_noticed(scripted: Scripted) -> None:
    scripted.script(Answer(hold_after=1))
    error = await failure(scripted.endpoint(timeout=1))
    assert error.kind == "timeout"


async def test_nothing_there(scripted: Scripted) -> None:
    refused = await failure(Endpoint(name="Gone", base_url=f"http://127.0.0.1:{unused_port()}/v1", model="m"))
    assert refused.kind == "refused"
    unknown = await failure(Endpoint(name="Typo", base_url="http://no-such-host.invalid/v1", model="m"))
    assert unknown.kind == "dns"
    plain = scripted.url.replace("http:", "https:")
    assert (await failure(Endpoint(name="Plain", base_url=plain, model="m"))).kind == "tls"


async def test_the_key_is_sent_and_stored_encrypted(scripted: Scripted) -> None:
    endpoint = scripted.endpoint()
    endpoint.api_key = "sk-secret"
    assert b"sk-secret" not in endpoint.secret
    await text(endpoint)
    assert scripted.requests()[0].headers["authorization"] == "Bearer sk-secret"


async def test_parameters_a_server_refuses_are_left_out_from_then_on(scripted: Scripted) -> None:
    scripted.script(Answer("Fine.", refuses=["stream_options", "max_tokens", "temperature"]))
    endpoint = scripted.endpoint()
    assert await text(endpoint, max_tokens=7) == "Fine."
    last = scripted.requests()[-1].body
    assert last["max_completion_tokens"] == 7
    assert not {"stream_options", "max_tokens", "temperature"} & set(last)
    seen = len(scripted.requests())
    await text(endpoint)
    assert len(scripted.requests()) == seen + 1


async def test_a_schema_is_asked_for_and_validated(scripted: Scripted) -> None:
    scripted.script(Answer('{"grade": 3}'))
    answer = await complete(scripted.endpoint(), ASK, schema=SCHEMA)
    assert answer.data == {"grade": 3}
    asked = scripted.requests()[0].body["response_format"]
    assert (asked["type"], asked["json_schema"]["schema"]) == ("json_schema", SCHEMA)


async def test_an_invalid_answer_gets_one_repair(scripted: Scripted) -> None:
    scripted.script(Answer('{"grade": "good"}'), Answer('Sorry! ```json\n{"grade": 4}\n```'))
    answer = await complete(scripted.endpoint(), ASK, schema=SCHEMA)
    assert answer.data == {"grade": 4}
    repair = scripted.requests()[1].body["messages"]
    assert repair[-2] == {"role": "assistant", "content": '{"grade": "good"}'}
    assert "/grade" in repair[-1]["content"]
    scripted.script(Answer("no"))
    with pytest.raises(EndpointError, match="structured answer"):
        await complete(scripted.endpoint(), ASK, schema=SCHEMA)
    assert len(scripted.requests()) == 2


async def test_without_constrained_output_the_prompt_says_the_schema(scripted: Scripted) -> None:
    scripted.script(Answer('{"grade": 5}', refuses=["response_format"]))
    assert (await complete(scripted.endpoint(), ASK, schema=SCHEMA)).data == {"grade": 5}
    last = scripted.requests()[-1].body
    assert "response_format" not in last
    assert '"grade"' in last["messages"][0]["content"]


async def test_many_streams_at_once_stay_apart(scripted: Scripted) -> None:
    scripted.script(*(Answer(f"number {n} " * 20, when=f"<{n}>") for n in range(50)))
    endpoint = scripted.endpoint()

    async def one(n: int) -> str:
        got = await chunks(endpoint, [{"role": "user", "content": f"<{n}>"}])
        return "".join(chunk.text for chunk in got)

    assert await asyncio.gather(*(one(n) for n in range(50))) == [f"number {n} " * 20 for n in range(50)]


async def test_models_are_listed(scripted: Scripted) -> None:
    assert await list_models(scripted.endpoint()) == ["scripted"]


async def test_a_check_says_what_is_wrong(scripted: Scripted) -> None:
    good = await check(scripted.endpoint())
    assert (good.ok, good.problem, good.models) == (True, "", ["scripted"])
    absent = await check(scripted.endpoint(model="llama9"))
    assert not absent.ok
    assert "llama9" in absent.problem
    assert "scripted" in absent.problem
    scripted.script(Answer("All at once.", streams=False))
    assert "stream" in (await check(scripted.endpoint())).warning
    nobody = await check(Endpoint(name="Gone", base_url=f"http://127.0.0.1:{unused_port()}/v1", model="m"))
    assert "Nothing listens" in nobody.problem
