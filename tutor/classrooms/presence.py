"""Who is in a class: whoever has it open in a tab. A class that paused because nobody was there goes on for who comes."""

from __future__ import annotations

from collections.abc import Set
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F, QuerySet

from tutor.accounts.models import User
from tutor.chat.events import WRITING
from tutor.classrooms.acts import of_person, state_note
from tutor.classrooms.models import Act, Classroom, Seat

AWAY = timedelta(seconds=45)  # without an open tab, after which a person is gone
NOBODY = "nobody is here"  # why a class paused by itself


def present(room: Classroom, now: datetime) -> QuerySet[Seat]:
    """The seats of those who are there."""
    return room.seats.filter(seen__gt=now - AWAY)


def notice(followers: Set[tuple[int, int]], now: datetime) -> None:
    """These people, each with the conversation they follow, are there now."""
    conversations = {conversation for conversation, _ in followers}
    live = Seat.objects.filter(classroom__conversation__in=conversations).exclude(
        classroom__state=Classroom.State.ENDED
    )
    seats = [
        seat
        for seat in live.filter(classroom__conversation__members=F("user")).select_related(
            "classroom", "user"
        )
        if (seat.classroom.conversation_id, seat.user_id) in followers
    ]
    with WRITING:
        Seat.objects.filter(pk__in=[seat.pk for seat in seats]).update(seen=now)
    for seat in seats:
        if seat.classroom.state == Classroom.State.PAUSED:
            _go_on(seat.classroom_id, seat.user, now)


def _go_on(pk: int, user: User, now: datetime) -> None:
    """Let a class go on that paused because nobody was there. What a person paused stays so."""
    with WRITING, transaction.atomic():
        rows = Classroom.objects.select_for_update(of=("self",)).select_related("conversation", "page")
        room = rows.filter(pk=pk, state=Classroom.State.PAUSED).first()
        if room is None:
            return
        paused = room.acts.filter(kind=Act.Kind.MOVE, about__do="pause").order_by("-pk").first()
        if paused is None or paused.about.get("why") != NOBODY:
            return
        room.state, room.step_at = Classroom.State.RUNNING, now
        room.save(update_fields=["state", "step_at"])
        note = {**state_note(room), "why": "back"}
        of_person(room, user, Act.Kind.MOVE, [note], about={"do": "continue", "why": "back"})
