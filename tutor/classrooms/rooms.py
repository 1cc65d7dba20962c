"""What people do in a classroom: open it, join, speak, answer, raise a hand, move, leave.

Everything is checked here and stored at once as an act of theirs; what the class makes of it is `stepping`'s.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from courses.models import TEACHING
from tutor.accounts.models import User
from tutor.chat.asking import MAX_QUESTION
from tutor.chat.events import WRITING
from tutor.chat.models import Conversation, Turn
from tutor.classrooms import cast, driving, script, stepping
from tutor.classrooms.acts import Note, of_person, state_note
from tutor.classrooms.director import CLASSMATES
from tutor.classrooms.models import Act, Action, Classroom, Lesson, LessonPage, Question, Seat
from tutor.practice import grading
from tutor.practice.models import Attempt, Item

SLOWEST, FASTEST = 0.5, 2.0
TALK, MOST_TALK = 0.5, 0.8  # share of what is said that the classmates may have together
A_MINUTE = 30  # things a person may say or answer in a minute
ASKS = re.compile(
    r"\?(?:\s|$)|^\W*(?:(?:so|and|but|sorry|please|wait)\W+)*(?:what|why|how|when|where|who|whom|whose|which|can|could|is|are|"
    r"do|does|did|would|should|explain|define)\b",
    re.IGNORECASE,
)

State, Kind = Classroom.State, Act.Kind


class Refused(Exception):
    """It cannot be done now; the message is for the person."""


# Coming and going


def open(  # noqa: A001 - one opens a classroom
    lesson: Lesson,
    user: User,
    *,
    shared: bool,
    mode: str,
    classmates: Collection[int] | None = None,
    talkativeness: float = TALK,
) -> Classroom:
    """A new classroom on a lesson that the user may sit in, with a seat for them. Raises Refused.

    Who teaches and assists is always there; `classmates` are the keys of those who sit in, all of them where it is None,
    and `talkativeness` is the largest share of what is said that they may have together.
    """
    course = lesson.course
    if not Lesson.objects.readable_by(user, course).filter(pk=lesson.pk).exists():
        raise Refused("This lesson is not open to you.")
    if course.archived:
        raise Refused("This course is archived: its classrooms can be read, not opened.")
    if lesson.status != Lesson.Status.PUBLISHED and (shared or course.role_of(user) not in TEACHING):
        raise Refused("The lesson is not published: only those who teach may try it, and by themselves.")
    if mode not in Classroom.Mode.values:
        raise Refused("Choose continuous or interactive.")
    first = script.first_action(lesson)
    if first is None:
        raise Refused("The lesson has no page that could be taught yet.")
    present = [
        agent
        for agent in cast.of(course)
        if classmates is None or agent.pk in classmates or agent.function not in CLASSMATES
    ]
    if not present:
        raise Refused("Nobody teaches in this course: let an agent of its cast take part.")
    with WRITING, transaction.atomic():
        talk = Conversation.objects.create(
            course=course,
            user=user,
            kind=Conversation.Kind.CLASSROOM,
            title=lesson.title[:120],
            as_student=True,
        )
        room = Classroom.objects.create(
            uuid=talk.uuid,
            course=course,
            lesson=lesson,
            conversation=talk,
            shared=shared,
            mode=mode,
            talkativeness=_share(talkativeness),
            action=first,
            created_by=user,
        )
        room.agents.set(present)
        return _seat(room, user).classroom


def join(room: Classroom, user: User) -> Seat:
    """A seat in the classroom, the one the user has or a new one. Raises Refused."""
    if not Classroom.objects.open_to(user, room.course).filter(pk=room.pk).exists():
        raise Refused("This classroom is not open to you.")
    with WRITING, transaction.atomic():
        return _seat(_locked(room), user)


def _seat(room: Classroom, user: User) -> Seat:
    seat, new = Seat.objects.get_or_create(classroom=room, user=user)
    seat.seen = timezone.now()
    seat.save(update_fields=["seen"])
    absent = not room.conversation.members.filter(pk=user.pk).exists()
    room.conversation.members.add(user)
    if new or absent:
        if room.page and new:
            seat.pages.add(room.page)
        of_person(room, user, Kind.MOVE, [_people(room)], about={"do": "join"})
    return seat


def _people(room: Classroom) -> dict[str, Any]:
    members = room.conversation.members.order_by("pk")
    people = [{"id": person.pk, "name": person.get_full_name()} for person in members]
    return {"kind": "people", "people": people, "names": [person["name"] for person in people]}


def seated(room: Classroom, user: User) -> Seat:
    """The user's seat. Raises Refused where there is none, or they may not be here any more."""
    here = Classroom.objects.open_to(user, room.course).filter(pk=room.pk)
    seat = Seat.objects.filter(classroom__in=here, user=user).select_related("classroom", "user").first()
    if seat is None:
        raise Refused("You have no seat in this classroom. Open its page to join.")
    return seat


# What a seated person does. Each gives the act in which it is kept, or None


def act(room: Classroom, user: User, fields: dict[str, Any]) -> Act | None:
    """Do what the page's request says. Raises Refused."""
    seat = seated(room, user)
    match fields:
        case {"do": "here"}:
            _here(seat)
            return None
        case {"do": "leave"}:
            return leave(seat)
        case {"do": "speak", "text": str(text)}:
            flag = fields.get("question")
            return speak(seat, text, flag if isinstance(flag, bool) else None)
        case {"do": "answer", "item": item, "response": str(response)}:
            return respond(seat, str(item), response)
        case {"do": "hand", "up": bool(up)}:
            return raise_hand(seat, up)
        case {"do": "pace", "pace": float() | int() as pace} if not isinstance(pace, bool):
            return move(seat, "pace", pace=min(max(float(pace), SLOWEST), FASTEST))
        case {"do": "mode", "mode": str(mode)} if mode in Classroom.Mode.values:
            return move(seat, "mode", mode=mode)
        case {"do": "talk", "talkativeness": float() | int() as share} if not isinstance(share, bool):
            if not leads(room, user):
                raise Refused(
                    "How much the classmates say is up to whoever opened the class, or teaches the course."
                )
            return move(seat, "talk", talkativeness=_share(share))
        case {"do": "start" | "pause" | "continue" | "skip" | "back" | "end" as do}:
            return move(seat, do)
    raise Refused("The classroom does not know this request. Reload the page.")


def leads(room: Classroom, user: User) -> bool:
    """Whether the user opened the classroom, or teaches in its course."""
    return room.created_by_id == user.pk or room.course.role_of(user) in TEACHING


def _share(value: float) -> float:
    return min(max(float(value), 0.0), MOST_TALK) if math.isfinite(value) else TALK


def _here(seat: Seat) -> None:
    away = not seat.classroom.conversation.members.filter(pk=seat.user_id).exists()
    if away:
        join(seat.classroom, seat.user)
    else:
        Seat.objects.filter(pk=seat.pk).update(seen=timezone.now())


@contextmanager
def _doing(seat: Seat) -> Iterator[Classroom]:
    """The room under its lock, live; afterwards its process goes on at once."""
    with WRITING, transaction.atomic():
        room = _locked(seat.classroom)
        if room.state == State.ENDED:
            raise Refused("This class has ended.")
        Seat.objects.filter(pk=seat.pk).update(seen=timezone.now())
        yield room
        room.step_at = timezone.now()
        room.save()
        transaction.on_commit(lambda: driving.poke(room.pk))


def _locked(room: Classroom) -> Classroom:
    rows = Classroom.objects.select_for_update(of=("self",)).select_related(
        "conversation", "lesson", "course", "page", "action"
    )
    return rows.get(pk=room.pk)


def _check_rate(user: User) -> None:
    since = timezone.now() - timedelta(minutes=1)
    if Turn.objects.filter(speaker=user, created__gte=since, act__user=user).count() >= A_MINUTE:
        raise Refused(f"You said {A_MINUTE} things within a minute. Wait a little.")


def leave(seat: Seat) -> Act | None:
    """Go away: the socket is closed, the seat is kept for coming back."""
    with WRITING, transaction.atomic():
        room = _locked(seat.classroom)
        if not room.conversation.members.filter(pk=seat.user_id).exists():
            return None
        room.conversation.members.remove(seat.user_id)
        Seat.objects.filter(pk=seat.pk).update(seen=None, hand=None)
        return of_person(room, seat.user, Kind.MOVE, [_people(room)], about={"do": "leave"})


def speak(seat: Seat, text: str, question: bool | None = None) -> Act:
    """Say something. What asks, or is said to ask, becomes a question that is answered before anything else."""
    text = text.replace("\0", "").encode("utf-8", "replace").decode().strip()
    if not text:
        raise Refused("Write something first.")
    if len(text) > MAX_QUESTION:
        raise Refused(
            f"That has {len(text):,} characters, {MAX_QUESTION:,} are allowed. Say it in parts, or upload it as material."
        )
    _check_rate(seat.user)
    asks = bool(ASKS.search(text)) if question is None else question
    if asks:
        since = timezone.now() - timedelta(minutes=1)
        recent = Question.objects.filter(act__user=seat.user, created__gte=since).count()
        if recent >= settings.QUESTIONS_A_MINUTE:
            raise Refused(
                f"You asked {recent} questions within a minute. Wait a little, or say it without asking."
            )
    with _doing(seat) as room:
        notes: list[Note] = [{"kind": "question", "state": Question.State.OPEN.value}] if asks else []
        if Seat.objects.filter(pk=seat.pk).exclude(hand=None).update(hand=None):
            notes.append({"kind": "hand", "up": False})
        said = of_person(room, seat.user, Kind.SPEAK, notes, text=text, about={"asks": asks})
        if asks:
            Question.objects.create(classroom=room, act=said, page=room.page)
        stepping.heard(room)
    return said


def respond(seat: Seat, item: str, response: str) -> Act:
    """Answer a quiz item of the page where the class is."""
    _check_rate(seat.user)
    asked = seat.classroom.acts.filter(kind=Kind.QUIZ, page=seat.classroom.page)
    found = asked.select_related("action__item__passage__material__course").order_by("-pk").first()
    quiz = found.action.item if found and found.action else None
    if found is None or quiz is None or str(quiz.uuid) != item:
        raise Refused("The class is not at this question any more.")
    place = f"classroom:{seat.classroom.uuid}"
    helped = Attempt.objects.filter(item=quiz, user=seat.user, place=place).exists()
    try:
        tried = grading.attempt(quiz, seat.user, response, place, helped=helped)
    except grading.Refused as error:
        raise Refused(str(error)) from None
    with _doing(seat) as room:
        about = {"item": quiz.pk, "attempt": tried.pk, "outcome": tried.outcome, "quiz": found.pk}
        return of_person(
            room,
            seat.user,
            Kind.RESPOND,
            [_graded(quiz, tried)],
            text=response,
            about=about,
            action=found.action,
        )


def _graded(item: Item, tried: Attempt) -> dict[str, Any]:
    url = item.passage.url(item.start, item.end) if item.passage else ""
    return {
        "kind": "graded",
        "item": str(item.uuid),
        "outcome": tried.outcome,
        "feedback": tried.feedback,
        "url": url,
        "quote": item.quote,
    }


def raise_hand(seat: Seat, up: bool) -> Act:
    """Raise the hand, or take it down."""
    with _doing(seat) as room:
        Seat.objects.filter(pk=seat.pk).update(hand=timezone.now() if up else None)
        return of_person(room, seat.user, Kind.MOVE, [{"kind": "hand", "up": up}], about={"do": "hand"})


def move(seat: Seat, do: str, **changes: Any) -> Act:
    """Change where the class is, or how it runs: start, pause, continue, skip, back, end; pace and mode with a value."""
    with _doing(seat) as room:
        notes: list[Note] = []
        match do:
            case "start" | "continue":
                # on a running class it means "do not wait for us"; after a pause the class still waits for its quiz
                stepping.heard(room, everything=room.state == State.RUNNING)
                room.state = State.RUNNING
            case "pause":
                if room.state != State.RUNNING:
                    raise Refused("The class is not running.")
                room.state = State.PAUSED
            case "end":
                stepping.end(room, timezone.now())
            case "skip" | "back":
                left = room.page
                target = _target(room, do)
                stepping.go_to(room, target)
                if do == "skip" and left:
                    notes = [{"kind": "skipped", "page": script.position(left), "reason": "You moved on."}]
            case _:
                for name, value in changes.items():
                    setattr(room, name, value)
        return of_person(
            room, seat.user, Kind.MOVE, [*notes, {**state_note(room), "do": do}], about={"do": do}
        )


def _target(room: Classroom, do: str) -> Action | None:
    """The first action of the page before or after; None after the last."""
    if room.questions.filter(state=Question.State.OPEN).exists():
        raise Refused("There is an open question: it is answered first, then the class can move.")
    if room.state == State.OPEN or room.page is None:
        raise Refused("The class has not begun.")
    pages: list[LessonPage] = list(script.pages_of(room.lesson))
    at = next((number for number, page in enumerate(pages) if page.pk == room.page_id), 0)
    if do == "back":
        return script.first_of(pages[max(0, at - 1)])
    return script.first_of(pages[at + 1]) if at + 1 < len(pages) else None
