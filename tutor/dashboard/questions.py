"""What students ask, put into groups of like questions, with how well they were answered. Never who asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Exists, OuterRef, QuerySet

from courses.models import TEACHING, Course, Enrolment
from tutor.chat.grouping import alike
from tutor.chat.models import Conversation, Feedback, StaffQuestion, Turn

MOST = 600  # the latest questions of the period that are grouped


@dataclass
class Group:
    """Like questions. `label` is the most typical one, in a student's own words."""

    label: str
    turns: list[Turn]

    @property
    def count(self) -> int:
        return len(self.turns)

    @property
    def people(self) -> int:
        return len({turn.conversation.user_id for turn in self.turns})

    @property
    def unanswered(self) -> int:
        return sum(turn.abstained for turn in self.turns)

    @property
    def unanswered_share(self) -> float:
        return self.unanswered / self.count

    @property
    def thumbs_down(self) -> int:
        return sum(turn.down for turn in self.turns)  # type: ignore[attr-defined] # annotated in `asked`

    @property
    def latest(self) -> datetime:
        return max(turn.created for turn in self.turns)


def asked(course: Course, since: datetime | None) -> QuerySet[Turn]:
    """The students' finished questions, newest first; not those of staff, nor ones that were asked again or edited."""
    teaching = Enrolment.objects.filter(course=course, role__in=TEACHING, user=OuterRef("conversation__user"))
    turns = Turn.objects.filter(
        ~Exists(teaching),
        ~Exists(Turn.objects.filter(edits=OuterRef("pk"))),
        conversation__course=course,
        conversation__kind=Conversation.Kind.CHAT,
        conversation__as_student=False,
        conversation__user__is_superuser=False,
        regenerates=None,
    ).exclude(state__in=(Turn.State.QUEUED, Turn.State.RUNNING))
    if since is not None:
        turns = turns.filter(created__gte=since)
    feedback = Feedback.objects.filter(turn=OuterRef("pk"))
    return (
        turns.annotate(
            down=Exists(feedback.filter(up=False)),
            up=Exists(feedback.filter(up=True)),
            handed_over=Exists(StaffQuestion.objects.filter(turn=OuterRef("pk"), answered_at=None)),
        )
        .select_related("conversation")
        .order_by("-created")
    )


def grouped(turns: Sequence[Turn]) -> list[Group]:
    """Like questions together, the largest group first."""
    groups = [
        Group(turns[members[0]].question, [turns[member] for member in members])
        for members in alike([turn.query or turn.question for turn in turns])
    ]
    return sorted(groups, key=lambda group: (-group.count, -group.latest.timestamp()))
