"""The OpenAI protocol's requests and answers, as far as the host speaks it."""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass, field
from typing import Any

MAX_STOPS = 8
MAX_TOP_LOGPROBS = 20


class BadRequest(Exception):
    """The request cannot be served; the message says what to change."""

    def __init__(
        self, message: str, param: str | None = None, code: str = "invalid_value", status: int = 400
    ) -> None:
        super().__init__(message)
        self.param = param
        self.code = code
        self.status = status

    def body(self) -> dict[str, Any]:
        """The error object."""
        kind = "invalid_request_error" if self.status < 500 else "server_error"
        return {"error": {"message": str(self), "type": kind, "param": self.param, "code": self.code}}


@dataclass
class Sampling:
    """How the next token is chosen."""

    temperature: float = 0.0
    top_p: float = 1.0
    frequency_penalty: float = 0.0
    presence_penalty: float = 0.0
    seed: int | None = None
    top_logprobs: int | None = None  # None: no log probabilities are asked for


@dataclass
class ChatRequest:
    """A validated request to /v1/chat/completions."""

    model: str
    messages: list[dict[str, str]]
    max_tokens: int | None
    stop: list[str]
    sampling: Sampling
    stream: bool
    include_usage: bool
    constrained: bool = False
    schema: dict[str, Any] | None = None


@dataclass
class ScoreRequest:
    """A validated request to /v1/score: how probable is each option as the answer?"""

    model: str
    messages: list[dict[str, str]]
    options: list[str]


@dataclass
class EmbeddingsRequest:
    """A validated request to /v1/embeddings."""

    model: str
    texts: list[str]


class _Body:
    """A request's JSON object, read field by field."""

    def __init__(self, raw: Any) -> None:
        if not isinstance(raw, dict):
            raise BadRequest("The body must be a JSON object.")
        self.raw: dict[str, Any] = raw

    def get(self, name: str, kinds: type | tuple[type, ...], what: str, default: Any = None) -> Any:
        value = self.raw.get(name)
        if value is None:
            return default
        if not isinstance(value, kinds) or (isinstance(value, bool) and kinds is not bool):
            raise BadRequest(f"{name} must be {what}.", name)
        return value

    def number(self, name: str, low: float, high: float, default: float) -> float:
        value = float(self.get(name, (int, float), "a number", default))
        if not low <= value <= high:
            raise BadRequest(f"{name} must lie between {low:g} and {high:g}.", name)
        return value

    def whole(self, name: str, low: int, high: int) -> int | None:
        value: int | None = self.get(name, int, "a whole number")
        if value is not None and not low <= value <= high:
            raise BadRequest(f"{name} must lie between {low} and {high}.", name)
        return value

    def strings(self, name: str, default: list[str]) -> list[str]:
        value = self.get(name, (str, list), "a string or a list of strings", default)
        value = [value] if isinstance(value, str) else value
        if not all(isinstance(text, str) for text in value):
            raise BadRequest(f"{name} must be a string or a list of strings.", name)
        return list(value)


def chat_request(raw: Any) -> ChatRequest:
    """Read a chat request; raises BadRequest."""
    body = _Body(raw)
    if body.get("n", int, "a whole number", 1) != 1:
        raise BadRequest("This host writes one choice a request: leave n out.", "n")
    if body.raw.get("tools") or body.raw.get("functions"):
        raise BadRequest("This host does not call tools.", "tools", "unsupported_parameter")
    stop = body.strings("stop", [])
    if len(stop) > MAX_STOPS:
        raise BadRequest(f"At most {MAX_STOPS} stop sequences can be given.", "stop")
    top = body.whole("top_logprobs", 0, MAX_TOP_LOGPROBS)
    wants_logprobs = body.get("logprobs", bool, "true or false", False)
    limit = body.whole("max_completion_tokens", 1, 1 << 20) or body.whole("max_tokens", 1, 1 << 20)
    options = body.get("stream_options", dict, "an object", {})
    constrained, schema = _response_format(body)
    return ChatRequest(
        model=_model(body),
        messages=_messages(body),
        max_tokens=limit,
        stop=stop,
        sampling=Sampling(
            temperature=body.number("temperature", 0, 2, 1),
            top_p=body.number("top_p", 0, 1, 1),
            frequency_penalty=body.number("frequency_penalty", -2, 2, 0),
            presence_penalty=body.number("presence_penalty", -2, 2, 0),
            seed=body.whole("seed", -(1 << 63), (1 << 63) - 1),
            top_logprobs=(top or 0) if wants_logprobs else None,
        ),
        stream=body.get("stream", bool, "true or false", False),
        include_usage=bool(options.get("include_usage")),
        constrained=constrained,
        schema=schema,
    )


def score_request(raw: Any) -> ScoreRequest:
    """Read a request to score options; raises BadRequest."""
    body = _Body(raw)
    options = body.strings("options", [])
    if not options or not all(options):
        raise BadRequest("options must list the answers to score, none of them empty.", "options")
    return ScoreRequest(_model(body), _messages(body), options)


def embeddings_request(raw: Any, *, model: str) -> EmbeddingsRequest:
    """Read an embeddings request for the one model there is; raises BadRequest."""
    body = _Body(raw)
    asked = _model(body)
    if asked != model:
        raise BadRequest(
            f"No embedding model is called {asked!r}. There is: {model}", "model", "model_not_found", 404
        )
    if body.raw.get("encoding_format") not in (None, "float"):
        raise BadRequest("encoding_format must be float.", "encoding_format")
    return EmbeddingsRequest(asked, body.strings("input", []))


def _model(body: _Body) -> str:
    model: str | None = body.get("model", str, "the name of a model")
    if not model:
        raise BadRequest("model must be given.", "model")
    return model


def _messages(body: _Body) -> list[dict[str, str]]:
    messages = body.get("messages", list, "a list of messages", [])
    if not messages:
        raise BadRequest("messages must hold at least one message.", "messages")
    read = []
    for message in messages:
        role = message.get("role") if isinstance(message, dict) else None
        if role not in ("system", "developer", "user", "assistant"):
            raise BadRequest("Each message must have the role system, user or assistant.", "messages")
        read.append(
            {"role": "system" if role == "developer" else role, "content": _content(message.get("content"))}
        )
    return read


def _content(content: Any) -> str:
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        raise BadRequest("A message's content must be a string or a list of parts.", "messages")
    texts = []
    for part in content:
        if not isinstance(part, dict) or part.get("type") != "text" or not isinstance(part.get("text"), str):
            raise BadRequest("This model reads text only: leave images and other parts out.", "messages")
        texts.append(part["text"])
    return "\n".join(texts)


def _response_format(body: _Body) -> tuple[bool, dict[str, Any] | None]:
    wanted = body.get("response_format", dict, "an object", {"type": "text"})
    if wanted.get("type") == "text":
        return False, None
    if wanted.get("type") == "json_object":
        return True, None
    if wanted.get("type") == "json_schema":
        schema = (wanted.get("json_schema") or {}).get("schema")
        if isinstance(schema, dict):
            return True, schema
        raise BadRequest("response_format.json_schema.schema must be a JSON schema.", "response_format")
    raise BadRequest("response_format.type must be text, json_object or json_schema.", "response_format")


@dataclass
class Answer:
    """The envelope of one answer."""

    model: str
    id: str = field(default_factory=lambda: f"chatcmpl-{uuid.uuid4().hex}")
    created: int = field(default_factory=lambda: int(time.time()))

    def chunk(self, delta: dict[str, Any], finish: str | None = None, logprobs: Any = None) -> dict[str, Any]:
        """One event of a stream."""
        choice = {"index": 0, "delta": delta, "logprobs": logprobs, "finish_reason": finish}
        return {**self._envelope("chat.completion.chunk"), "choices": [choice]}

    def closing(self, usage: dict[str, Any]) -> dict[str, Any]:
        """The event that tells the usage."""
        return {**self._envelope("chat.completion.chunk"), "choices": [], "usage": usage}

    def whole(self, text: str, finish: str, logprobs: Any, usage: dict[str, Any]) -> dict[str, Any]:
        """An answer that is not streamed."""
        message = {"role": "assistant", "content": text}
        choice = {"index": 0, "message": message, "logprobs": logprobs, "finish_reason": finish}
        return {**self._envelope("chat.completion"), "choices": [choice], "usage": usage}

    def _envelope(self, kind: str) -> dict[str, Any]:
        return {"id": self.id, "object": kind, "created": self.created, "model": self.model}


def usage(prompt: int, completion: int, reused: int = 0) -> dict[str, Any]:
    """The cost of a request; `reused` prompt tokens were found in the cache."""
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": reused},
    }
