"""A teacher's goals: chosen from a suggestion, followed up in the next lessons by the figure that shows them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from django.contrib.auth.models import AnonymousUser
from django.utils import timezone

from coach.models import Goal, Report, Suggestion
from coach.moves import MOVES
from coach.trends import Point, lessons_of, rates
from tutor.accounts.models import User

# The figure that shows a move where no count of the move itself is kept.
MEASURE_OF = {
    "focusing_question": "focusing",
    "funnelling_question": "funnelling",
    "uptake": "uptake",
    "open_question": "questions_open",
    "closed_question": "questions_closed",
    "wait_time": "wait_time_1",
}
MEASURE_TITLES = {
    "focusing": "focusing replies, as a share",
    "funnelling": "funnelling replies, as a share",
    "uptake": "replies that take up what was said, as a share",
    "questions_open": "open questions, as a share",
    "questions_closed": "closed questions, as a share",
    "wait_time_1": "seconds of wait after a question",
}
OPEN = 2  # goals at a time; more are no goals


class TooManyGoals(Exception):
    """The message says what to do first."""


@dataclass(frozen=True)
class FollowUp:
    """A goal and how its figure went from the lesson in which it was chosen on."""

    goal: Goal
    title: str  # of the move
    shows: str  # what the figures count, in words
    points: list[Point] = field(default_factory=list)  # the lesson of the goal first, then the next ones

    @property
    def since(self) -> list[Point]:
        """The lessons after the one in which the goal was chosen."""
        return [point for point in self.points if not point.here]


def choose(suggestion: Suggestion, teacher: User) -> Goal:
    """Make the suggestion's move a goal of the teacher. Choosing it again changes nothing.

    Raises TooManyGoals when the teacher already has `OPEN` others.
    """
    report = suggestion.report
    mine = Goal.objects.filter(teacher=teacher, closed_at=None)
    found = mine.filter(move=suggestion.move).first()
    if found is not None:
        return found
    if mine.count() >= OPEN:
        raise TooManyGoals(f"You have {OPEN} open goals. Close one first: few goals are met, many are not.")
    move = MOVES.get(suggestion.move)
    return Goal.objects.create(
        teacher=teacher,
        report=report,
        move=suggestion.move,
        words=f"{move.title}: {move.meaning}" if move else suggestion.move,
        measure=MEASURE_OF.get(suggestion.move, ""),
        baseline=value(report, suggestion.move),
    )


def close(goal: Goal) -> None:
    """The teacher is done with the goal, met or not."""
    Goal.objects.filter(pk=goal.pk, closed_at=None).update(closed_at=timezone.now())


def value(report: Report, move: str) -> float | None:
    """How often the move was made in ten turns, or what the measure of such moves says; None where neither tells."""
    measure = MEASURE_OF.get(move, "")
    if not measure:
        found = rates(report)
        return None if found is None else found.get(move, 0.0)
    row = next((row for row in report.measures.all() if row.name == measure), None)
    return row.value if row else None


def follow_up(teacher: User, reader: User | AnonymousUser, *, closed: bool = False) -> list[FollowUp]:
    """The teacher's open goals (or all) with their figures, in the lessons that the reader may see.

    Others than the teacher see only goals that were chosen in a report which they may read.
    """
    goals = Goal.objects.filter(teacher=teacher).select_related("report__observation")
    if reader.pk != teacher.pk:
        goals = goals.filter(report__isnull=False).exclude(report__status=Report.Status.PRIVATE)
    rows = list(goals if closed else goals.filter(closed_at=None))
    reports = list(lessons_of(teacher.pk, reader)) if rows else []
    return [_followed(goal, reports) for goal in rows]


def _followed(goal: Goal, reports: Sequence[Report]) -> FollowUp:
    points = []
    for report in reports:
        here = report.pk == goal.report_id
        if not here and not _after(report, goal):
            continue
        found = value(report, goal.move)
        if found is not None:
            observation = report.observation
            points.append(
                Point(observation.taught_on, observation.title, found, report.get_absolute_url(), here)
            )
    move = MOVES.get(goal.move)
    measure = MEASURE_OF.get(goal.move)
    shows = MEASURE_TITLES[measure] if measure else "times in ten of the teacher’s turns"
    return FollowUp(goal, move.title if move else goal.move, shows, points)


def _after(report: Report, goal: Goal) -> bool:
    if goal.report is None:
        return report.observation.taught_on >= timezone.localdate(goal.created)
    return (report.observation.taught_on, report.pk) > (goal.report.observation.taught_on, goal.report.pk)
