"""What a browser may send over the socket, checked before anything acts on it."""

from __future__ import annotations

import json
import time
import uuid
from dataclasses import dataclass, field
from typing import Any

MAX_BYTES = 32_768
MAX_TURNS = 2_000


BURST, A_SECOND = 60, 5  # messages a client may send at once, and on


class Allowance:
    """How much a client may still send."""

    def __init__(self) -> None:
        self.left, self.counted = float(BURST), time.monotonic()

    def spend(self) -> bool:
        """Count one message. False once there are too many."""
        now = time.monotonic()
        self.left = min(BURST, self.left + (now - self.counted) * A_SECOND) - 1
        self.counted = now
        return self.left >= 0


class Malformed(ValueError):
    """The message breaks the protocol; says how."""


@dataclass(frozen=True)
class Ask:
    question: str
    client_id: uuid.UUID
    edits: uuid.UUID | None = None
    regenerates: uuid.UUID | None = None


@dataclass(frozen=True)
class Stop:
    turn: uuid.UUID


@dataclass(frozen=True)
class Resume:
    after: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Noticed:
    """Something the person did with an answer."""

    turn: uuid.UUID
    kind: str
    data: dict[str, Any] = field(default_factory=dict)


def parse(text: str) -> Ask | Stop | Resume | Noticed:
    """The message in a frame. Raises Malformed."""
    try:
        fields = json.loads(text)
    except (ValueError, RecursionError):
        raise Malformed("The message is not JSON.") from None
    if not isinstance(fields, dict):
        raise Malformed("The message is not a JSON object.")
    match fields.get("type"):
        case "ask":
            return Ask(
                _text(fields, "question"),
                _uuid(fields.get("client_id")),
                *(_uuid(fields[name]) if fields.get(name) else None for name in ("edits", "regenerates")),
            )
        case "stop":
            return Stop(_uuid(fields.get("turn")))
        case "resume":
            return Resume(_after(fields.get("after", {})))
        case "signal":
            return Noticed(_uuid(fields.get("turn")), _text(fields, "kind"), _small(fields.get("data")))
        case _:
            raise Malformed("The message's type is none of ask, stop, resume and signal.")


def _text(fields: dict[str, Any], name: str) -> str:
    value = fields.get(name, "")
    if not isinstance(value, str):
        raise Malformed(f"{name} is not text.")
    return value


def _uuid(value: object) -> uuid.UUID:
    try:
        return uuid.UUID(value)  # type: ignore[arg-type] # whatever it is, the next line says so
    except (ValueError, TypeError, AttributeError):
        raise Malformed("The message names no valid id.") from None


def _after(value: object) -> dict[str, int]:
    if not isinstance(value, dict) or len(value) > MAX_TURNS:
        raise Malformed("after is not a map from turns to numbers.")
    after = {}
    for turn, seq in value.items():
        if isinstance(seq, bool) or not isinstance(seq, int) or not 0 <= seq < 2**31:
            raise Malformed("after names a number that is no event's.")
        after[str(_uuid(turn))] = seq
    return after


def _small(value: object) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict) or len(json.dumps(value)) > 1000:
        raise Malformed("data is not a small object.")
    return value
