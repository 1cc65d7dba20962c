"""What coaches and admins see of lessons that were not shared with them: how many there were, and figures over many teachers.

No figure stands on fewer than `LEAST` teachers, and nothing can be filtered. A reader can also read every shared report, and
so could subtract them: the figures take in lessons that were not shared only where `LEAST` teachers or more brought such.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date, timedelta
from statistics import median, quantiles

from django.db.models import Count
from django.db.models.functions import TruncWeek
from django.utils import timezone

from coach.models import Measure, Observation
from tutor.jobs import State

LEAST = 5  # teachers behind every figure
WEEKS = 12


@dataclass(frozen=True)
class Week:
    """Lessons that were taught in one week and brought here, by everybody together."""

    start: date
    lessons: int


@dataclass(frozen=True)
class Figure:
    """One measure over teachers: each teacher counts once, with the median of their lessons."""

    name: str
    title: str
    unit: str
    teachers: int
    median: float
    bounds: tuple[float, float]  # between which lies the middle half of the teachers


@dataclass(frozen=True)
class Aggregates:
    teachers: int  # behind the lessons that count here
    figures: list[Figure] = field(default_factory=list)
    refusal: str = ""  # in words, where there are too few teachers


def activity() -> list[Week]:
    """How many of the lessons brought here were taught in each of the last weeks, oldest first. Nobody's in particular."""
    this_week = timezone.localdate() - timedelta(days=timezone.localdate().weekday())
    first = this_week - timedelta(weeks=WEEKS - 1)
    rows = (
        Observation.objects.filter(taught_on__gte=first)
        .annotate(week=TruncWeek("taught_on"))
        .values("week")
        .annotate(lessons=Count("pk"))
    )
    counted = {row["week"]: row["lessons"] for row in rows}
    weeks = [first + timedelta(weeks=n) for n in range(WEEKS)]
    return [Week(start, counted.get(start, 0)) for start in weeks]


def aggregates() -> Aggregates:
    """Each measure over all teachers, or the words that say why not."""
    rows = (
        Measure.objects.filter(report__state=State.DONE).select_related("report__observation").order_by("pk")
    )
    titles: dict[str, tuple[str, str]] = {}
    shared: dict[str, dict[int, list[float]]] = defaultdict(lambda: defaultdict(list))
    kept: dict[str, dict[int, list[float]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        titles.setdefault(row.name, (row.detail.get("title") or row.name, row.detail.get("unit", "")))
        pile = shared if row.report.shared else kept
        if row.value is not None:
            pile[row.name][row.report.observation.teacher_id].append(row.value)
    figures, most = [], 0
    for name, (title, unit) in titles.items():
        by_teacher = {teacher: list(values) for teacher, values in shared[name].items()}
        if len(kept[name]) >= LEAST:
            for teacher, values in kept[name].items():
                by_teacher.setdefault(teacher, []).extend(values)
        most = max(most, len(by_teacher))
        if len(by_teacher) < LEAST:
            continue
        each = [median(values) for values in by_teacher.values()]
        low, middle, high = (_rounded(value) for value in quantiles(each, n=4, method="inclusive"))
        figures.append(Figure(name, title, unit, len(each), middle, (low, high)))
    if figures:
        return Aggregates(most, figures)
    return Aggregates(
        0,
        refusal=f"Figures over teachers appear when at least {LEAST} teachers have brought and scored a lesson. "
        "With fewer, a figure would say something about one person.",
    )


def _rounded(value: float) -> float:
    """Two figures that count: the exact middle of few teachers is one teacher's own value."""
    return float(f"{value:.2g}")
