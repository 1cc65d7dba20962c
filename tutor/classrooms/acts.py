"""Acts as rows: a turn of the classroom's conversation with its first event, and what it is in the class.

What a person does is over as soon as it is stored; what an agent does is stored as begun, for its process to perform.
All of it inside a transaction that holds the conversation's place (`events.in_order`).
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from tutor.accounts.models import User
from tutor.chat.asking import LEASE
from tutor.chat.events import encode, in_order, insert
from tutor.chat.models import Conversation, Turn
from tutor.chat.turns import announce
from tutor.classrooms import script
from tutor.classrooms.models import Act, Action, Agent, Classroom, Function
from tutor.llm.models import Usage

Note = dict[str, Any]  # data of a note event, with its kind


def queued(act: Act) -> dict[str, Any]:
    """Data of an act's first event."""
    turn = act.turn
    return {
        "ordinal": turn.ordinal,
        "act": act.kind,
        "who": who(act),
        "page": act.page.ordinal if act.page else None,
        "action": act.action_id,
        "question": turn.question,
        "place": 0,
        "at": turn.created.isoformat(),
    }


def who(act: Act) -> dict[str, Any]:
    """Whose act it is, as pages are told."""
    if act.user:
        function = "staff" if "replies" in act.about else ""
        return {"type": "person", "id": act.user.pk, "name": act.user.get_full_name(), "function": function}
    if act.agent:
        return {
            "type": "agent",
            "id": act.agent.pk,
            "name": act.agent.name,
            "function": act.agent.function,
        }
    return {"type": "agent", "id": None, "name": "", "function": Function.ASSISTING.value}


def of_person(
    room: Classroom, user: User | None, kind: Act.Kind, notes: list[Note], *, text: str = "", **fields: Any
) -> Act:
    """Store what somebody did, whole; without a user, what the room did by itself."""
    now = timezone.now()
    turn = _turn(room, now, question=text, speaker=user, state=Turn.State.DONE, finished=now)
    act = Act(classroom=room, turn=turn, kind=kind, user=user, page=room.page, words=len(text.split()))
    for name, value in fields.items():
        setattr(act, name, value)
    act.save(force_insert=True)
    last: Note = {
        "message": None,
        "state": "done",
        "abstained": False,
        "model": "",
        "seconds": {},
        "usage": {},
    }
    said = [("queued", queued(act)), *(("note", note) for note in notes), ("end", last)]
    insert((turn.pk, seq, event, encode(data)) for seq, (event, data) in enumerate(said, start=1))
    transaction.on_commit(lambda: announce(turn))
    return act


def of_agent(
    room: Classroom,
    agent: Agent,
    kind: str,
    *,
    question: str = "",
    speaker: User | None = None,
    usage: Usage | None = None,
    action: Action | None = None,
    about: dict[str, Any] | None = None,
) -> Act:
    """Store the beginning of what an agent does; the room's owner performs it."""
    now = timezone.now()
    turn = _turn(
        room, now, question=question, speaker=speaker, usage=usage, owner=room.owner, lease_until=now + LEASE
    )
    page = action.page if action else room.page
    act = Act.objects.create(
        classroom=room, turn=turn, kind=kind, agent=agent, page=page, action=action, about=about or {}
    )
    insert([(turn.pk, 1, "queued", encode(queued(act)))])
    return act


def _turn(room: Classroom, now: datetime, **fields: Any) -> Turn:
    in_order(room.conversation_id)
    last = Turn.objects.filter(conversation=room.conversation_id).aggregate(last=Max("ordinal"))["last"] or 0
    turn = Turn(conversation=room.conversation, ordinal=last + 1, changed=now, **fields)
    turn.save(force_insert=True)
    Conversation.objects.filter(pk=room.conversation_id).update(updated=now)
    return turn


def state_note(room: Classroom) -> Note:
    """How the class runs."""
    return {
        "kind": "state",
        "state": room.state,
        "mode": room.mode,
        "pace": room.pace,
        "talk": room.talkativeness,
    }


def place_note(room: Classroom) -> Note:
    """Where the class is."""
    page = room.page
    assert page is not None
    return {
        "kind": "place",
        "page": script.position(page),
        "pages": script.pages_of(room.lesson).count(),
        "title": str(page),
        "material": page.material.title if page.material else "",
        "url": page.source_url(),
        "section": page.section,
    }
