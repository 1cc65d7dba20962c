"""What a turn's events came to: the message with its sentences, citations and notes, and the state of the turn."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction
from django.utils import timezone

from courses.models import Material, Passage
from tutor.chat.events import Outcome, append, in_order
from tutor.chat.models import Citation, Message, Signal, Turn

LOST = "The server that was answering stopped before it was done. Ask again."


class Lost(Exception):
    """The turn was closed by somebody else, or its conversation is gone."""


@dataclass
class Answer:
    """An answer as its events have built it so far."""

    text: str = ""
    sentences: dict[int, dict[str, Any]] = field(default_factory=dict)
    citations: list[dict[str, Any]] = field(default_factory=list)
    notes: list[dict[str, Any]] = field(default_factory=list)
    model: str = ""
    query: str = ""
    abstained: bool = False
    seconds: dict[str, float] = field(default_factory=dict)
    usage: dict[str, int] = field(default_factory=dict)

    def take(self, kind: str, data: dict[str, Any]) -> None:
        match kind:
            case "start":
                self.model, self.query = data.get("model", ""), data.get("query", "")
            case "text":
                self.text += data["text"]
            case "verdict":
                self.sentences[data["sentence"]] = {
                    key: data[key] for key in ("sentence", "start", "end", "verdict")
                }
            case "citation":
                self.citations.append(data)
            case "note":
                self.notes.append(data)
                self.abstained = self.abstained or data.get("kind") == "abstained"
            case "end":
                self.model = data.get("model") or self.model
                self.abstained = self.abstained or bool(data.get("abstained"))
                self.seconds, self.usage = data.get("seconds") or {}, data.get("usage") or {}

    @classmethod
    def of(cls, events: Iterable[tuple[str, dict[str, Any]]]) -> Answer:
        answer = cls()
        for kind, data in events:
            answer.take(kind, data)
        return answer


def close(
    turn: int, owner: str, state: Turn.State, answer: Answer, *, error: str = "", code: str = ""
) -> Outcome:
    """Store the outcome of a turn that `owner` answers; gives its last event. Inside a transaction.

    Raises Lost where the turn is not the owner's any more.
    """
    mine = Turn.objects.unfinished().filter(pk=turn, owner=owner)
    return _close(turn, mine.update(**_values(state, answer, error)), state, answer, error, code)


def close_dead() -> list[Turn]:
    """Close the turns whose owners died, with what had been said by then. Any process may do it, several at once."""
    closed = []
    for turn in Turn.objects.abandoned().select_related("conversation"):
        with transaction.atomic():
            in_order(turn.conversation_id)
            answer = Answer.of(turn.events.values_list("type", "data"))
            taken = (
                Turn.objects.abandoned().filter(pk=turn.pk).update(**_values(Turn.State.FAILED, answer, LOST))
            )
            if taken:
                append(turn, *_close(turn.pk, taken, Turn.State.FAILED, answer, LOST, "lost"))
                closed.append(turn)
    return closed


def _values(state: Turn.State, answer: Answer, error: str) -> dict[str, Any]:
    now = timezone.now()
    return {
        "state": state,
        "query": answer.query,
        "model": answer.model[:200],
        "abstained": answer.abstained,
        "seconds": answer.seconds,
        "error": error,
        "finished": now,
        "changed": now,
        "lease_until": None,
    }


def _close(pk: int, taken: int, state: Turn.State, answer: Answer, error: str, code: str) -> Outcome:
    if not taken:
        raise Lost(f"Turn {pk} was closed elsewhere")
    turn = Turn.objects.select_related("usage").get(pk=pk)
    message = _message(turn, answer)
    _settle(turn, answer)
    ids = {"message": message.pk if message else None}
    match state:
        case Turn.State.DONE:
            return "end", {
                **ids,
                "state": "done",
                "abstained": answer.abstained,
                "model": answer.model,
                "seconds": answer.seconds,
                "usage": answer.usage,
            }
        case Turn.State.STOPPED:
            Signal.objects.create(turn=turn, kind=Signal.Kind.STOPPED, data={"characters": len(answer.text)})
            return "stopped", ids
        case _:
            return "error", {"answer": ids["message"], "message": error, "code": code}


def _message(turn: Turn, answer: Answer) -> Message | None:
    if not (answer.text or answer.notes):
        return None
    message = Message.objects.create(
        turn=turn,
        author=Message.Author.AGENT,
        text=answer.text,
        sentences=list(answer.sentences.values()),
        notes=answer.notes,
    )
    passages = set(
        Passage.objects.filter(pk__in=[cited["passage"] for cited in answer.citations]).values_list(
            "pk", flat=True
        )
    )
    materials = {
        str(uuid): pk
        for pk, uuid in Material.objects.filter(
            uuid__in={cited["material"] for cited in answer.citations}
        ).values_list("pk", "uuid")
    }
    Citation.objects.bulk_create(
        Citation(
            message=message,
            sentence=cited["sentence"],
            marker=cited["marker"],
            passage_id=cited["passage"] if cited["passage"] in passages else None,
            material_id=materials.get(str(cited["material"])),
            quote=cited["quote"],
            start=cited["start"],
            end=cited["end"],
            anchor=cited["anchor"],
            label=cited["label"][:255],
            verdict=cited["verdict"],
        )
        for cited in answer.citations
    )
    return message


def _settle(turn: Turn, answer: Answer) -> None:
    """Enter what the answer cost; of one that was cut off, about what it cost (four characters a token)."""
    if turn.usage is None:
        return
    said = answer.usage or {"prompt_tokens": 0, "completion_tokens": len(answer.text) // 4}
    turn.usage.settle(said["prompt_tokens"], said["completion_tokens"])
