"""What a report shows, put together once for its page and its PDF."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from coach import charts, trends
from coach.goals import FollowUp, follow_up
from coach.models import (
    Dimension,
    Finding,
    Instrument,
    Judgement,
    Measure,
    Rating,
    RatingTask,
    Report,
    Suggestion,
)
from coach.moves import MOVES
from coach.reviewing import Statement
from coach.talk import Transcript
from coach.trends import Series
from coach.wording import MEANINGS
from coach.words import count
from tutor.accounts.models import User

QUOTES = 3  # evidence lines that a dimension shows before a stretch is opened


@dataclass(frozen=True)
class Judged:
    """A statement with what people said to it."""

    kind: str  # rating | finding | suggestion
    row: Statement
    judgements: list[Judgement]
    mine: Judgement | None

    @property
    def corrections(self) -> list[Judgement]:
        return [one for one in self.judgements if one.verdict == Judgement.Verdict.CORRECTED]


@dataclass(frozen=True)
class Stated:
    """A finding or a suggestion."""

    judged: Judged
    row: Finding | Suggestion
    title: str  # of the move
    clock: str


@dataclass(frozen=True)
class Stretch:
    """One rated stretch of one dimension."""

    judged: Judged
    row: Rating
    when: str
    band: charts.Band | None


@dataclass(frozen=True)
class Rated:
    """A dimension over the lesson's stretches."""

    dimension: Dimension
    stretches: list[Stretch]

    @property
    def observable(self) -> bool:
        return self.dimension.observable and any(one.row.observable for one in self.stretches)

    @property
    def calibrated(self) -> bool:
        """Whether any stretch has a number."""
        return any(one.row.score is not None for one in self.stretches)

    @property
    def reason(self) -> str:
        """Why there is no number, or nothing to see."""
        speaking = [one for one in self.stretches if one.row.evidence.all()] or self.stretches
        found = next((one.row.reason for one in speaking if one.row.reason), "")
        return found.removeprefix("No number: ").removeprefix("Not observable in a transcript: ")

    @property
    def best(self) -> list[Any]:
        """The evidence that counts most, over all stretches, each line once."""
        found: dict[tuple[int, str], Any] = {}
        for one in self.stretches:
            for row in one.row.evidence.all():
                found.setdefault((row.line, row.quote), row)
        chosen = sorted(found.values(), key=lambda row: -abs(row.weight))[:QUOTES]
        return sorted(chosen, key=lambda row: row.line)


@dataclass(frozen=True)
class Figure:
    """A measure with the teacher's own earlier lessons behind it."""

    row: Measure
    series: Series  # the earlier lessons and this one
    before: Series  # the earlier ones
    plot: charts.Plot | None

    @property
    def title(self) -> str:
        return self.row.detail.get("title") or self.row.name.replace("_", " ")

    @property
    def meaning(self) -> str:
        return MEANINGS.get(self.row.name, "")

    @property
    def counts(self) -> list[tuple[str, int]]:
        """Moves that the measure counts, the most frequent first."""
        found = self.row.detail.get("counts") or {}
        return sorted(((name, n) for name, n in found.items() if n), key=lambda one: -one[1])


@dataclass(frozen=True)
class Sheet:
    """A whole report."""

    report: Report
    transcript: Transcript
    timeline: charts.Timeline
    highlights: list[Stated] = field(default_factory=list)
    missed: list[Stated] = field(default_factory=list)
    suggestions: list[Stated] = field(default_factory=list)
    figures: list[Figure] = field(default_factory=list)
    instruments: list[tuple[Instrument, list[Rated]]] = field(default_factory=list)
    goals: list[FollowUp] = field(default_factory=list)
    earlier: int = 0  # lessons of the same teacher behind the measures
    blind: bool = False  # the reader rates this lesson, and sees no ratings before that is done

    @property
    def behind(self) -> list[tuple[str, str]]:
        """What stood behind the report, as people read it; sorted, because PostgreSQL does not keep the order of keys."""
        return [
            (key.replace("_", " "), _in_words(value)) for key, value in sorted(self.report.made_with.items())
        ]

    @property
    def minutes(self) -> int | None:
        """How long the lesson was; None without times."""
        duration = self.transcript.duration
        return None if duration is None else max(round(duration / 60_000), 1)


def _in_words(value: Any) -> str:
    if isinstance(value, dict):
        return (
            "; ".join(f"{key.replace('_', ' ')}: {_in_words(one)}" for key, one in sorted(value.items()))
            or "none"
        )
    if isinstance(value, list):
        return ", ".join(str(one) for one in value) or "none"
    return "none" if value in (None, "") else str(value)


def compose(report: Report, reader: User) -> Sheet:
    """The report as `reader` may see it: of the teacher's other lessons only those that the reader may read."""
    transcript = report.observation.transcript()
    highlights, missed = (
        [_stated(row, "finding", reader, transcript) for row in _with(report.findings.filter(kind=kind))]
        for kind in (Finding.Kind.HIGHLIGHT, Finding.Kind.MISSED)
    )
    suggestions = [_stated(row, "suggestion", reader, transcript) for row in _with(report.suggestions)]
    marks = [
        (one.row.line, kind, one.title)
        for kind, rows in (("highlight", highlights), ("missed", missed), ("suggestion", suggestions))
        for one in rows
    ]
    before = list(trends.earlier(report, reader))
    blind = RatingTask.objects.blind(reader, report.observation)
    return Sheet(
        report,
        transcript,
        charts.timeline(report.timeline, marks, timed=transcript.timed, starts=_starts(transcript)),
        highlights,
        missed,
        suggestions,
        _figures(report, before),
        [] if blind else _instruments(report, reader, transcript),
        follow_up(report.observation.teacher, reader),
        len(before),
        blind,
    )


def _with(rows: Any) -> Iterable[Any]:
    return rows.prefetch_related("judgements__person")  # type: ignore[no-any-return]


def judged(row: Any, kind: str, reader: User) -> Judged:
    """The statement with everybody's judgements, the reader's own apart."""
    said = list(row.judgements.all())
    return Judged(kind, row, said, next((one for one in said if one.person_id == reader.pk), None))


def _stated(row: Any, kind: str, reader: User, transcript: Transcript) -> Stated:
    move = MOVES.get(row.move)
    title = move.title if move else row.move
    return Stated(judged(row, kind, reader), row, title, clock_at(transcript, row.line))


def _starts(transcript: Transcript) -> dict[int, int]:
    """Where each line begins: milliseconds, or words said before it where there are no times."""
    if transcript.timed:
        return {one.line: one.start or 0 for one in transcript}
    found, said = {}, 0
    for one in transcript:
        found[one.line] = said
        said += max(count(one.text), 1)
    return found


def clock_at(transcript: Transcript, line: int) -> str:
    """When a line was said, as 12:05; empty without times."""
    start = transcript[line].start if 1 <= line <= len(transcript) else None
    return "" if start is None else clock(start)


def clock(milliseconds: int) -> str:
    """A time in the lesson as people read it: 4:07, 1:02:30."""
    seconds = max(milliseconds, 0) // 1000
    minutes, hours = seconds // 60 % 60, seconds // 3600
    return f"{hours}:{minutes:02}:{seconds % 60:02}" if hours else f"{minutes}:{seconds % 60:02}"


def _figures(report: Report, before: list[Report]) -> list[Figure]:
    rows = list(report.measures.all())
    behind = trends.of_measures(before)
    here = trends.of_measures([*before, report], here=report)
    found = []
    for row in rows:
        series = here[row.name]
        earlier = behind.get(row.name) or Series(row.name, series.title, series.unit, series.better)
        drawn = row.value is not None and earlier.points
        points = [(point.value, point.here, f"{point.day:%d %b %Y}", point.url) for point in series.points]
        plotted = charts.plot(points, median=earlier.median if earlier.enough else None) if drawn else None
        found.append(Figure(row, series, earlier, plotted))
    return found


def _instruments(
    report: Report, reader: User, transcript: Transcript
) -> list[tuple[Instrument, list[Rated]]]:
    rows = report.ratings.select_related("dimension__instrument").prefetch_related(
        "evidence", "judgements__person"
    )
    by_dimension: dict[int, list[Rating]] = {}
    for row in rows:
        by_dimension.setdefault(row.dimension_id, []).append(row)
    found: dict[int, tuple[Instrument, list[Rated]]] = {}
    for stretches in sorted(
        by_dimension.values(), key=lambda rows: (rows[0].dimension.instrument_id, rows[0].dimension.ordinal)
    ):
        dimension = stretches[0].dimension
        rated = Rated(
            dimension,
            [_stretch(row, reader, transcript) for row in sorted(stretches, key=lambda row: row.first_line)],
        )
        found.setdefault(dimension.instrument_id, (dimension.instrument, []))[1].append(rated)
    return list(found.values())


def _stretch(row: Rating, reader: User, transcript: Transcript) -> Stretch:
    drawn = None
    if row.score is not None:
        scale = (row.dimension.low, row.dimension.high)
        low = row.score if row.low is None else row.low
        high = row.score if row.high is None else row.high
        drawn = charts.band(row.score, low, high, scale)
    return Stretch(judged(row, "rating", reader), row, when(transcript, row.first_line, row.last_line), drawn)


def when(transcript: Transcript, first: int, last: int) -> str:
    """A stretch in words: from when to when, or from which line to which."""
    if not (1 <= first <= last <= len(transcript)):
        return f"lines {first}–{last}"
    start, end = transcript[first].start, transcript[last].end or transcript[last].start
    if start is None or end is None:
        return f"lines {first}–{last}"
    return f"{clock(start)}–{clock(end)}"
