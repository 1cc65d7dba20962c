"""A teacher's own lessons in a row: what measures and moves did over time, with median and spread."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from statistics import median, quantiles
from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.db.models import Q, QuerySet

from coach.models import Report
from coach.moves import MOVES
from tutor.accounts.models import User
from tutor.jobs import State

KEY_MOVES = (  # those that goals are usually about; the others are shown on demand
    "press_reasoning", "press_accuracy", "focusing_question", "open_question", "uptake", "revoicing", "students_relating",
    "keeping_together", "wait_time", "specific_praise", "error_probing",
)  # fmt: skip
FEW = 3  # lessons; with fewer, nothing is said about a teacher


def lessons_of(teacher_id: int, reader: User | AnonymousUser) -> QuerySet[Report]:
    """The teacher's scored lessons that the reader may see, oldest first: all of their own, else those that were shared."""
    rows = Report.objects.filter(observation__teacher_id=teacher_id, state=State.DONE)
    if reader.pk != teacher_id:
        rows = rows.exclude(status=Report.Status.PRIVATE)
    return (
        rows.select_related("observation")
        .prefetch_related("measures")
        .order_by("observation__taught_on", "pk")
    )


def earlier(report: Report, reader: User | AnonymousUser) -> QuerySet[Report]:
    """The same teacher's scored lessons before this one."""
    taught = report.observation.taught_on
    before = Q(observation__taught_on__lt=taught) | Q(observation__taught_on=taught, pk__lt=report.pk)
    return lessons_of(report.observation.teacher_id, reader).filter(before)


@dataclass(frozen=True)
class Point:
    """One lesson's value."""

    day: date
    title: str
    value: float
    url: str = ""
    here: bool = False  # the lesson that is looked at


@dataclass(frozen=True)
class Series:
    """One figure over a teacher's lessons, oldest first."""

    name: str
    title: str
    unit: str = ""
    better: str = ""  # more | less | ""
    points: list[Point] = field(default_factory=list)

    @property
    def values(self) -> list[float]:
        return [point.value for point in self.points]

    @property
    def enough(self) -> bool:
        """Whether there are lessons enough to say something."""
        return len(self.points) >= FEW

    @property
    def median(self) -> float | None:
        return median(self.values) if self.points else None

    @cached_property
    def quartiles(self) -> tuple[float, float] | None:
        """Between which the middle half of the lessons lies; None with fewer than `FEW`."""
        if not self.enough:
            return None
        low, _, high = quantiles(self.values, n=4, method="inclusive")
        return low, high


def of_measures(reports: Iterable[Report], here: Report | None = None) -> dict[str, Series]:
    """Each measure over these lessons, in the order in which a report shows them."""
    found: dict[str, Series] = {}
    for report in reports:
        for row in report.measures.all():
            detail: dict[str, Any] = row.detail
            series = found.setdefault(
                row.name,
                Series(
                    row.name,
                    detail.get("title") or row.name,
                    detail.get("unit", ""),
                    detail.get("better", ""),
                ),
            )
            if row.value is not None:
                series.points.append(_point(report, row.value, here))
    return found


def of_moves(reports: Sequence[Report], voice: str = "teacher") -> dict[str, Series]:
    """How often each move was made in ten turns of these lessons; moves that never were are left out."""
    counted = [(report, rates(report, voice)) for report in reports]
    found: dict[str, Series] = {}
    for name, move in MOVES.items():
        points = [_point(report, n.get(name, 0.0), None) for report, n in counted if n is not None]
        if any(point.value for point in points):
            found[name] = Series(name, move.title, "in ten turns", "", points)
    return found


def rates(report: Report, voice: str = "teacher") -> dict[str, float] | None:
    """How often each move was made in ten turns of one side; None where the report does not tell."""
    row = next((row for row in report.measures.all() if row.name == f"{voice}_moves"), None)
    turns = row.detail.get("turns") if row else None
    if row is None or not turns:
        return None
    return {name: 10 * times / turns for name, times in row.detail.get("counts", {}).items()}


def _point(report: Report, value: float, here: Report | None) -> Point:
    observation = report.observation
    return Point(
        observation.taught_on,
        observation.title,
        value,
        report.get_absolute_url(),
        here is not None and here.pk == report.pk,
    )
