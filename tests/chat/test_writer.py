"""The one writer: whatever comes in, in whatever order, each turn's rows count up from one and lose nothing."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from django.db import IntegrityError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests import make
from tutor.chat import events
from tutor.chat.events import Log, Outcome, Writer, encode, wire
from tutor.chat.models import Conversation, Event, Turn

TEXTS = st.text(min_size=1, max_size=12)
STEPS = st.lists(
    st.tuples(st.integers(0, 2), st.sampled_from(["text", "verdict", "pause", "close"]), TEXTS),
    min_size=1,
    max_size=40,
)


def logs(count: int) -> list[Log]:
    course = make.course()
    talk = Conversation.objects.create(course=course, user=make.enrol(course))
    turns = [Turn.objects.create(conversation=talk, ordinal=i + 1, question="?") for i in range(count)]
    return [Log(turn.pk, str(turn.uuid), talk.pk, []) for turn in turns]


def end() -> Outcome:
    return "end", {"message": None}


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
@pytest.mark.django_db(transaction=True)
def test_rows_are_whole_and_in_order(steps: list[tuple[int, str, str]]) -> None:
    entries = logs(3)
    said: dict[int, list[tuple[str, Any]]] = {0: [], 1: [], 2: []}
    closed: set[int] = set()

    async def write() -> None:
        writer = Writer(lambda _: None, lambda entry, error: pytest.fail(f"{entry.uuid}: {error}"))
        endings = []
        for who, what, text in steps:
            if what == "pause":
                await asyncio.sleep(events.GATHER)
            elif who in closed:
                continue
            elif what == "close":
                closed.add(who)
                endings.append(asyncio.ensure_future(writer.close(entries[who], end)))
                await asyncio.sleep(0)
            else:
                data = {"text": text} if what == "text" else {"sentence": 0, "verdict": text}
                said[who].append((what, text))
                writer.add(entries[who], what, data)
        endings += [asyncio.ensure_future(writer.close(entries[i], end)) for i in range(3) if i not in closed]
        await asyncio.gather(*endings)
        await writer.shut()

    asyncio.run(write())
    for i, entry in enumerate(entries):
        rows = list(Event.objects.filter(turn=entry.turn).order_by("seq"))
        assert [row.seq for row in rows] == list(range(1, len(rows) + 1))
        assert [row.type for row in rows][-1] == "end"
        assert [json.loads(text) for text in entry.wires] == [
            {"turn": entry.uuid, "seq": row.seq, "type": row.type, **row.data} for row in rows
        ]
        stored = [
            ("text", row.data["text"]) if row.type == "text" else ("verdict", row.data["verdict"])
            for row in rows[:-1]
        ]
        assert joined(stored) == joined([(kind, storable(text)) for kind, text in said[i]])


def joined(said: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Neighbouring texts as one, since the writer may gather them."""
    found: list[tuple[str, str]] = []
    for kind, text in said:
        if kind == "text" and found and found[-1][0] == "text":
            found[-1] = ("text", found[-1][1] + text)
        else:
            found.append((kind, text))
    return found


def storable(text: str) -> str:
    return text.replace("\0", "").encode("utf-8", "replace").decode()


@pytest.mark.django_db(transaction=True)
def test_a_turn_that_cannot_be_stored_harms_no_other() -> None:
    good, taken = logs(2)
    Event.objects.create(turn_id=taken.turn, seq=1, type="error", data={})  # somebody else has closed it
    lost: list[tuple[Log, Exception]] = []

    async def write() -> None:
        writer = Writer(lambda _: None, lambda entry, error: lost.append((entry, error)))
        writer.add(good, "text", {"text": "kept"})
        writer.add(taken, "text", {"text": "too late"})
        await writer.close(good, end)
        with pytest.raises(IntegrityError):
            await writer.close(taken, end)
        await writer.shut()

    asyncio.run(write())
    assert [row.type for row in Event.objects.filter(turn=good.turn)] == ["text", "end"]
    assert [row.type for row in Event.objects.filter(turn=taken.turn)] == ["error"]
    assert [(entry.turn, type(error)) for entry, error in lost] == [(taken.turn, IntegrityError)]


@pytest.mark.django_db(transaction=True)
def test_an_outcome_that_fails_stores_nothing_of_its_turn() -> None:
    (entry,) = logs(1)

    def explode() -> Outcome:
        Turn.objects.filter(pk=entry.turn).update(error="half done")
        raise RuntimeError("no")

    async def write() -> None:
        writer = Writer(lambda _: None, lambda *_: None)
        writer.add(entry, "text", {"text": "said"})
        with pytest.raises(RuntimeError):
            await writer.close(entry, explode)
        await writer.shut()

    asyncio.run(write())
    assert not Event.objects.exists()
    assert Turn.objects.get().error == ""


@given(TEXTS, st.dictionaries(TEXTS, st.one_of(st.integers(), TEXTS, st.none())))
def test_what_is_sent_is_json_of_one_line(kind: str, data: dict[str, Any]) -> None:
    sent = json.loads(wire("t", 3, "text", encode({"x": kind, **data})))
    assert (sent.pop("turn", None), sent["seq"]) == (data.get("turn", "t"), data.get("seq", 3))
    assert json.loads(wire("t", 1, "start", "{}")) == {"turn": "t", "seq": 1, "type": "start"}
