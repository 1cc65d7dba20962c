"""Questions that go to the people who teach, their replies, and their corrections of the agent.

What staff write reaches the student's conversation at once, and counts as material from then on.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from courses import access
from courses.answers import publish_answer
from courses.models import Course
from tutor.accounts.models import User
from tutor.chat import mailing
from tutor.chat.events import append
from tutor.chat.models import Message, Signal, StaffQuestion, Turn
from tutor.chat.signals import replied
from tutor.chat.turns import announce


class NotFinished(Exception):
    """The agent is still answering."""


def hand_over(turn: Turn, comment: str) -> StaffQuestion:
    """Give the turn's question to the course staff and tell them. Once a turn; again changes nothing."""
    if turn.state in Turn.UNFINISHED:
        raise NotFinished("Wait until the answer is complete, then ask the staff.")
    with transaction.atomic():
        question, new = StaffQuestion.objects.get_or_create(turn=turn, defaults={"comment": comment})
        if new:
            Signal.objects.create(turn=turn, kind=Signal.Kind.ASKED_STAFF)
            mailing.soon(question)
    return question


def of_course(course: Course) -> QuerySet[StaffQuestion]:
    """All questions that students of the course handed to its staff, oldest first."""
    rows = StaffQuestion.objects.filter(turn__conversation__course=course)
    return rows.select_related(
        "turn__conversation__user", "turn__speaker", "answered_by", "material"
    ).order_by("created")


def waiting(course: Course) -> QuerySet[StaffQuestion]:
    """Those that nobody has replied to."""
    return of_course(course).filter(answered_at=None)


def replies_for(user: User, course: Course) -> QuerySet[StaffQuestion]:
    """The replies a student got in the course, newest first."""
    asked = of_course(course).filter(turn__in=Turn.objects.asked_by(user), turn__conversation__deleted=False)
    return asked.exclude(answered_at=None).order_by("-answered_at")


def reply(question: StaffQuestion, text: str, by: User, *, publish: bool) -> bool:
    """Answer a student; with `publish` the answer becomes material. False if somebody else was first."""
    with transaction.atomic():
        first = StaffQuestion.objects.filter(pk=question.pk, answered_at=None).update(
            answered_by=by, answered_at=timezone.now(), reply=text
        )
        if not first:
            return False
        _say(question.turn, text, by)
        mailing.soon(question)
    if publish:
        material = publish_answer(question.turn.conversation.course, question.turn.question, text, by)
        StaffQuestion.objects.filter(pk=question.pk).update(material=material)
    return True


def correct(turn: Turn, text: str, by: User) -> None:
    """Put the staff's answer in the place of the agent's: shown under it, pinned for whoever asks next."""
    with transaction.atomic():
        _say(turn, text, by)
        for question in StaffQuestion.objects.filter(turn=turn, answered_at=None):
            StaffQuestion.objects.filter(pk=question.pk).update(
                answered_by=by, answered_at=timezone.now(), reply=text
            )
            mailing.soon(question)
    publish_answer(turn.conversation.course, turn.question, text, by)


def _say(turn: Turn, text: str, by: User) -> None:
    message = Message.objects.create(turn=turn, author=Message.Author.STAFF, user=by, text=text)
    data = {
        "kind": "staff_reply",
        "text": text,
        "author": by.get_full_name(),
        "at": message.created.isoformat(),
        "message": message.pk,
    }
    append(turn, "note", data)
    Turn.objects.filter(pk=turn.pk).update(changed=timezone.now())
    transaction.on_commit(lambda: announce(turn))
    replied.send(Turn, turn=turn, text=text, by=by)


def counts(request: HttpRequest) -> dict[str, Any]:
    """Context processor: questions that wait for staff, and replies that the student has not seen."""
    course: Course | None = getattr(request, "course", None)
    if course is None:
        return {}

    @cache
    def inbox_count() -> int:
        teaches = access.teaches(request, course) and not access.as_student(request, course)
        return waiting(course).count() if teaches else 0

    @cache
    def unseen_replies() -> int:
        user = request.user
        return (
            replies_for(user, course).filter(seen_by_student=False).count() if isinstance(user, User) else 0
        )

    return {"inbox_count": inbox_count, "unseen_replies": unseen_replies}
