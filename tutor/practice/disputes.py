"""A student's objection to what is said about what they know, and its decision by those who teach."""

from __future__ import annotations

from django.db.models import QuerySet
from django.utils import timezone

from courses.models import Course
from tutor.accounts.models import User
from tutor.practice.models import Attempt, Dispute, Skill

LONGEST = 2_000
AT_ONCE = 20  # undecided objections of one person in a course


class Refused(ValueError):
    """The objection or its decision was not kept. The message says why."""


def object_to(skill: Skill, user: User, text: str, attempt: Attempt | None = None) -> Dispute:
    """Keep an objection, to one attempt or to all that is said about the skill. Raises Refused."""
    text = _words(text, "Say in a few words what is wrong.")
    mine = of_course(skill.course).filter(user=user, upheld=None)
    if mine.filter(skill=skill, attempt=attempt).exists():
        raise Refused("You have objected to this already. The course staff will decide.")
    if mine.count() >= AT_ONCE:
        raise Refused(f"{AT_ONCE} of your objections wait already. Wait until they are decided.")
    return Dispute.objects.create(skill=skill, user=user, text=text, attempt=attempt)


def decide(dispute: Dispute, by: User, *, upheld: bool, reply: str) -> bool:
    """Decide an objection once; False if somebody else did already. Raises Refused without a reply."""
    reply = _words(reply, "Write the student a sentence with the decision.")
    if dispute.user_id == by.pk:
        raise Refused("Somebody else has to decide about your own objection.")
    fresh = Dispute.objects.filter(pk=dispute.pk, upheld=None)
    return bool(fresh.update(upheld=upheld, reply=reply, decided_by=by, decided=timezone.now()))


def of_course(course: Course) -> QuerySet[Dispute]:
    """All objections in the course, newest first."""
    rows = Dispute.objects.filter(skill__course=course)
    return rows.select_related(
        "user", "skill__course", "decided_by", "attempt__item__passage__material__course"
    )


def _words(text: str, empty: str) -> str:
    text = text.replace("\0", "").strip()
    if not text:
        raise Refused(empty)
    if len(text) > LONGEST:
        raise Refused(f"That has {len(text):,} characters; at most {LONGEST:,} are kept. Shorten it.")
    return text
