"""The one way the application talks to language models: OpenAI-compatible HTTP.

Everything here is async; cancelling a call or closing its generator closes the connection at once, and the server
stops generating. Callers that iterate `stream_chat` and may leave early wrap it in `contextlib.aclosing`.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass, field
from typing import Any

import httpx

from tutor.llm import structured
from tutor.llm.errors import EndpointError as EndpointError
from tutor.llm.errors import explain, from_response
from tutor.llm.models import Endpoint, UnreadableKey

Message = dict[str, Any]  # {"role": "system" | "user" | "assistant", "content": str | list of parts}

CONNECT_SECONDS = 5.0
ATTEMPTS = 3
MAX_EVENT_BYTES = 4 << 20
COMPLAINTS = {  # a parameter, and what a server that does not know it says when it refuses the request
    "stream_options": ("stream_options",),
    "max_tokens": ("max_tokens", "max_completion_tokens"),
    "temperature": ("temperature",),
    "seed": ("seed",),
    "response_format": ("response_format", "json_schema", "grammar", "guided"),
}
UNKNOWN = (
    "support",
    "unknown",
    "unrecognized",
    "unexpected",
    "permitted",
    "must be one of",
)  # and not: a bad value


@dataclass(frozen=True)
class Tokens:
    """What a request cost. Estimated (four characters a token) where the endpoint does not say."""

    prompt: int
    completion: int
    estimated: bool = False


@dataclass(frozen=True)
class Chunk:
    """A piece of a streamed answer. The last one has `finish` ("stop", "length", …) and `usage`."""

    text: str = ""
    finish: str | None = None
    usage: Tokens | None = None


@dataclass(frozen=True)
class Completion:
    """A whole answer; `data` is the validated object where a schema was asked for."""

    text: str
    finish: str
    usage: Tokens
    model: str
    data: Any = None


@dataclass
class _Request:
    endpoint: Endpoint
    body: dict[str, Any]
    key: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        try:
            self.key = self.endpoint.api_key
        except UnreadableKey as error:
            raise EndpointError("key", str(error)) from error

    @property
    def url(self) -> str:
        return f"{self.endpoint.base_url.rstrip('/')}/chat/completions"

    @property
    def headers(self) -> dict[str, str]:
        return _headers(self.key)

    @property
    def timeout(self) -> httpx.Timeout:
        return httpx.Timeout(self.endpoint.timeout, connect=CONNECT_SECONDS, pool=None)

    @property
    def refused(self) -> set[str]:
        """The parameters this server has refused before."""
        return _REFUSED.setdefault((self.endpoint.base_url, self.body["model"]), set())

    def payload(self) -> dict[str, Any]:
        body = {**self.body, "stream": True, "stream_options": {"include_usage": True}}
        if "max_tokens" in self.refused:  # vendors' reasoning models know only the newer name
            body["max_completion_tokens"] = body.pop("max_tokens")
        return {name: value for name, value in body.items() if name not in self.refused}

    def learn(self, error: EndpointError) -> str:
        """Remember the parameter that the server does not know, and return its name; "" if it complains otherwise."""
        text = error.detail.lower()
        if error.kind != "request" or not any(word in text for word in UNKNOWN):
            return ""
        for name, words in COMPLAINTS.items():
            sent = name in self.body or name == "stream_options"
            if sent and name not in self.refused and any(word in text for word in words):
                self.refused.add(name)
                return name
        return ""


_REFUSED: dict[tuple[str, str], set[str]] = {}
_CLIENTS: dict[asyncio.AbstractEventLoop, httpx.AsyncClient] = {}


def _client() -> httpx.AsyncClient:
    """One connection pool a running loop. Redirects are not followed: an endpoint is where the admin said it is."""
    loop = asyncio.get_running_loop()
    client = _CLIENTS.get(loop)
    if client is None or client.is_closed:
        for ended in [known for known in list(_CLIENTS) if known.is_closed()]:
            del _CLIENTS[ended]
        direct: dict[str, None] = {f"all://{host}": None for host in ("127.0.0.1", "localhost", "[::1]")}
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=32, keepalive_expiry=30)
        client = _CLIENTS[loop] = httpx.AsyncClient(limits=limits, mounts=direct, follow_redirects=False)
    return client


def _headers(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"} if key else {}


def _request(
    endpoint: Endpoint,
    messages: Sequence[Message],
    model: str,
    max_tokens: int | None,
    temperature: float | None,
    stop: Sequence[str],
    **more: Any,
) -> _Request:
    body: dict[str, Any] = {
        "model": model or endpoint.model,
        "messages": list(messages),
        "max_tokens": endpoint.max_tokens if max_tokens is None else max_tokens,
        "temperature": endpoint.temperature if temperature is None else temperature,
    }
    if stop:
        body["stop"] = list(stop)
    body.update({name: value for name, value in more.items() if value is not None})
    return _Request(endpoint, body)


async def stream_chat(
    endpoint: Endpoint,
    messages: Sequence[Message],
    *,
    model: str = "",
    max_tokens: int | None = None,
    temperature: float | None = None,
    stop: Sequence[str] = (),
    seed: int | None = None,
) -> AsyncGenerator[Chunk]:
    """Stream an answer as it is written; the endpoint's own limits apply where none are given.

    Raises EndpointError. What failed before the first byte is tried again; what failed later is not, because text
    has already been handed on.
    """
    request = _request(endpoint, messages, model, max_tokens, temperature, stop, seed=seed)
    async with aclosing(_chunks(request)) as chunks:
        async for chunk in chunks:
            yield chunk


async def _chunks(request: _Request) -> AsyncGenerator[Chunk]:
    async with AsyncExitStack() as stack:
        response = await _open(stack, request)
        usage: Tokens | None = None
        finish: str | None = None
        written: list[str] = []
        async for event in _events(response, request):
            if event.get("error"):
                raise from_response(request.endpoint, 200, json.dumps(event), request.key)
            usage = _usage(event) or usage
            for choice in event.get("choices") or []:
                part = choice.get("delta") or choice.get("message") or {}
                text = part.get("content") or ""
                finish = choice.get("finish_reason") or finish
                if text:
                    written.append(text)
                    yield Chunk(text)
        if finish is None:
            name = request.endpoint.name
            raise EndpointError(
                "cut", f"{name} ended its answer in the middle. Ask again; if it goes on, look at its log."
            )
        yield Chunk("", finish, usage or _estimate(request.body["messages"], "".join(written)))


async def complete(
    endpoint: Endpoint,
    messages: Sequence[Message],
    *,
    schema: dict[str, Any] | None = None,
    model: str = "",
    max_tokens: int | None = None,
    temperature: float | None = None,
    stop: Sequence[str] = (),
    seed: int | None = None,
) -> Completion:
    """A whole answer; with a JSON schema, one whose `data` is valid against it. Raises EndpointError.

    The endpoint is asked to constrain its output; where it cannot, the schema goes into the prompt. Whatever comes back
    is validated, and an invalid answer gets one attempt at repair.
    """

    async def once(turns: Sequence[Message]) -> Completion:
        constraint = structured.response_format(schema) if schema else None
        request = _request(
            endpoint,
            turns,
            model,
            max_tokens,
            temperature,
            stop,
            seed=seed,
            response_format=constraint,
        )
        if schema and "response_format" in request.refused:
            request.body["messages"] = structured.with_instruction(turns, schema)
        return await _whole(request)

    try:
        answer = await once(messages)
    except EndpointError as error:
        if error.kind != "constraint":
            raise
        answer = await once(messages)  # now without it: the refusal has been remembered
    if schema is None:
        return answer
    data, problem = structured.parse(answer.text, schema)
    if not problem:
        return _with(answer, data, answer.usage)
    again = await once([*messages, *structured.repair(answer.text, problem, schema)])
    data, problem = structured.parse(again.text, schema)
    spent = Tokens(
        answer.usage.prompt + again.usage.prompt,
        answer.usage.completion + again.usage.completion,
        answer.usage.estimated or again.usage.estimated,
    )
    if problem:
        failure = EndpointError(
            "schema",
            f"{endpoint.name} did not give the structured answer that was asked for ({problem}). "
            "A more capable model, or one whose server supports JSON schema, will.",
        )
        failure.spent = spent.prompt, spent.completion
        raise failure
    return _with(again, data, spent)


def _with(answer: Completion, data: Any, usage: Tokens) -> Completion:
    return Completion(answer.text, answer.finish, usage, answer.model, data)


async def _whole(request: _Request) -> Completion:
    # Streamed too: a slow model is then told from a dead one by its silence, not by the length of its answer.
    async with aclosing(_chunks(request)) as chunks:
        pieces = [chunk async for chunk in chunks]
    last = pieces[-1]
    assert last.finish is not None
    assert last.usage is not None
    return Completion("".join(piece.text for piece in pieces), last.finish, last.usage, request.body["model"])


async def score(
    endpoint: Endpoint, messages: Sequence[Message], options: Sequence[str], *, model: str = ""
) -> list[float]:
    """The mean log probability a token of each option as the whole answer. Raises EndpointError.

    Only the embedded host can say it (`/v1/score`); `complete` with a schema of the options chooses elsewhere.
    """
    request = _Request(
        endpoint, {"model": model or endpoint.model, "messages": list(messages), "options": list(options)}
    )
    url = f"{endpoint.base_url.rstrip('/')}/score"
    try:
        response = await _client().post(
            url, json=request.body, headers=request.headers, timeout=request.timeout
        )
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise explain(endpoint, error) from error
    if response.status_code != 200:
        raise from_response(endpoint, response.status_code, response.text, request.key)
    try:
        rows = response.json()["data"]
        return [float(row["logprob"]) / max(int(row["tokens"]), 1) for row in rows]
    except (ValueError, LookupError, TypeError):
        raise _malformed(endpoint, response.text) from None


async def list_models(endpoint: Endpoint) -> list[str]:
    """The model names the endpoint serves; raises EndpointError."""
    try:
        key = endpoint.api_key
        url = f"{endpoint.base_url.rstrip('/')}/models"
        timeout = httpx.Timeout(15, connect=CONNECT_SECONDS)
        response = await _client().get(url, headers=_headers(key), timeout=timeout)
    except UnreadableKey as error:
        raise EndpointError("key", str(error)) from error
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise explain(endpoint, error) from error
    if response.status_code != 200:
        raise from_response(
            endpoint, response.status_code, response.text, key, response.headers.get("location", "")
        )
    try:
        return [str(entry["id"]) for entry in response.json()["data"]]
    except (ValueError, LookupError, TypeError):
        raise _malformed(endpoint, response.text) from None


async def _open(stack: AsyncExitStack, request: _Request) -> httpx.Response:
    """The response with its body unread, after what retries are due; raises EndpointError."""
    attempt = 0
    while True:
        attempt += 1
        try:
            response = await stack.enter_async_context(
                _client().stream(
                    "POST",
                    request.url,
                    json=request.payload(),
                    headers=request.headers,
                    timeout=request.timeout,
                )
            )
            if response.status_code == 200:
                return response
            text = (await response.aread()).decode(errors="replace")
            location = response.headers.get("location", "")
            failure = from_response(request.endpoint, response.status_code, text, request.key, location)
            wait = _seconds(response.headers.get("retry-after"))
            await stack.aclose()
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            failure, wait = explain(request.endpoint, error), None
        unknown = request.learn(failure)
        if unknown == "response_format":  # the schema must go into the prompt instead
            raise EndpointError("constraint", str(failure), failure.detail)
        if unknown:
            attempt -= 1  # each parameter is refused once, so this ends
            continue
        if not failure.passing or attempt >= ATTEMPTS or (wait or 0) > CONNECT_SECONDS:
            raise failure
        await asyncio.sleep(wait if wait is not None else 0.2 * 4 ** (attempt - 1) * random.uniform(0.8, 1.2))


def _seconds(value: str | None) -> float | None:
    try:
        return float(value) if value else None
    except ValueError:
        return None


async def _events(response: httpx.Response, request: _Request) -> AsyncIterator[dict[str, Any]]:
    """The JSON objects of a server-sent event stream, or the one object of a server that does not stream."""
    streams = "event-stream" in response.headers.get("content-type", "")
    try:
        if not streams:
            yield _object(request.endpoint, await response.aread())
            return
        async for data in _data_lines(response, request.endpoint):
            if data == b"[DONE]":
                return
            yield _object(request.endpoint, data)
    except httpx.HTTPError as error:
        raise explain(request.endpoint, error, begun=True) from error


async def _data_lines(response: httpx.Response, endpoint: Endpoint) -> AsyncIterator[bytes]:
    # Split on \n alone: text may hold U+2028 and its like, which str.splitlines would take for a line's end.
    rest = b""
    async for block in response.aiter_bytes():
        *lines, rest = (rest + block).split(b"\n")
        if len(rest) > MAX_EVENT_BYTES:
            raise _malformed(endpoint, rest[:80].decode(errors="replace"))
        for line in lines:
            if line.startswith(b"data:"):
                yield line[5:].strip()
    if rest.startswith(b"data:"):
        yield rest[5:].strip()


def _object(endpoint: Endpoint, data: bytes) -> dict[str, Any]:
    try:
        event = json.loads(data)
    except ValueError:
        event = None
    if not isinstance(event, dict):
        raise _malformed(endpoint, data.decode(errors="replace"))
    return event


def _malformed(endpoint: Endpoint, text: str) -> EndpointError:
    return EndpointError(
        "malformed",
        f"{endpoint.name} answered something that is not the OpenAI protocol ({text[:80]!r}). "
        "Check that its address ends in the API's root, usually /v1.",
    )


def _usage(event: dict[str, Any]) -> Tokens | None:
    usage = event.get("usage")
    if not isinstance(usage, dict) or usage.get("prompt_tokens") is None:
        return None
    return Tokens(int(usage["prompt_tokens"]), int(usage.get("completion_tokens") or 0))


def _estimate(messages: Sequence[Message], text: str) -> Tokens:
    prompt = sum(len(str(message.get("content"))) for message in messages)
    return Tokens(prompt // 4 + 1, len(text) // 4 + 1, estimated=True)
