"""Ratings: what stands in a stretch of talk, as a band on an instrument's dimensions, with the lines it rests on.

A dimension that was never calibrated on human ratings gets its evidence and no number.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from coach.evidence import Quoted, evidence
from coach.features import FEATURES, WORDS_A_MINUTE, Stretch
from coach.fitting import Fitted
from coach.instruments.reading import DimensionSpec, InstrumentSpec
from coach.inventory import Inventory
from coach.talk import Transcript, Voice
from coach.words import count

Calibrated = Mapping[
    str, Mapping[str, Any]
]  # dimension -> its model's numbers, as Calibration.models_by_dimension
Judged = Mapping[str, Mapping[int, float]]  # dimension -> line -> level, see coach.judging

LEAST_WORDS = 40  # fewer in a stretch say nothing
UNCALIBRATED = (
    "No number: this dimension was not yet calibrated on human ratings. The lines speak for themselves."
)


@dataclass(frozen=True)
class Span:
    """A stretch that one rating covers: lines `first_line` to `last_line`; times in milliseconds, None without times."""

    number: int  # of the unit of time, from 1; 0 for a whole lesson
    start: int | None
    end: int | None
    first_line: int
    last_line: int


@dataclass(frozen=True)
class Rated:
    """A rating of one dimension in one span. `low` and `high` hold eight in ten human ratings; None without calibration."""

    dimension: str
    score: float | None
    low: float | None
    high: float | None
    observable: bool
    reason: str  # why there is no number, or what it rests on; "" where nothing needs saying
    evidence: list[Quoted] = field(default_factory=list)


def segments(transcript: Transcript, unit_minutes: float) -> list[Span]:
    """The lesson cut into an instrument's units of time; without times by words (130 a minute).

    They keep the unit's number, so that a unit in which nobody speaks leaves a gap; a last piece shorter than half a unit
    joins the one before. [] for a transcript without lines.
    """
    clock = _clock(transcript)
    unit = unit_minutes * 60_000
    units: dict[int, list[int]] = {}
    for utterance, time in zip(transcript, clock, strict=True):
        units.setdefault(int(time // unit) + 1, []).append(utterance.line)
    numbers = sorted(units)
    if len(numbers) > 1 and clock[-1] - (numbers[-1] - 1) * unit < unit / 2:
        units[numbers[-2]] += units.pop(numbers.pop())
    return [_span(transcript, number, units[number][0], units[number][-1]) for number in numbers]


def whole(transcript: Transcript) -> Span:
    """The whole lesson as one span, numbered 0."""
    return _span(transcript, 0, 1, len(transcript))


def _span(transcript: Transcript, number: int, first: int, last: int) -> Span:
    lines = [transcript[line] for line in range(first, last + 1)]
    starts = [one.start for one in lines if one.start is not None]
    ends = [time for one in lines for time in (one.end, one.start) if time is not None]
    timed = transcript.timed
    return Span(number, min(starts) if timed else None, max(ends) if timed else None, first, last)


def _clock(transcript: Transcript) -> list[float]:
    """Milliseconds from the beginning at each line, never running backwards."""
    clock: list[float] = []
    if transcript.timed:
        zero = min(one.start or 0 for one in transcript)
        latest = 0.0
        for one in transcript:
            latest = max(latest, (one.start or 0) - zero)
            clock.append(latest)
        return clock
    said = 0
    for one in transcript:
        clock.append(said / WORDS_A_MINUTE * 60_000)
        said += count(one.text)
    return clock


def rate(
    transcript: Transcript,
    inventory: Inventory,
    spec: InstrumentSpec,
    spans: Sequence[Span],
    calibrated: Calibrated | None = None,
    judged: Sequence[Judged] = (),
) -> list[list[Rated]]:
    """For each span a rating on each of the instrument's dimensions, in their order.

    `judged` is, for each span, what coach.judging.judge found; () where no capable endpoint was asked.
    """
    found = list(judged) or [{} for _ in spans]
    rows: list[list[Rated]] = []
    for span, by_model in zip(spans, found, strict=True):
        stretch = Stretch(transcript, inventory, span.first_line, span.last_line, by_model)
        rows.append(
            [
                _rated(transcript, inventory, one, stretch, (calibrated or {}).get(one.name))
                for one in spec.dimensions
            ]
        )
    return rows


def _rated(
    transcript: Transcript,
    inventory: Inventory,
    dimension: DimensionSpec,
    stretch: Stretch,
    numbers: Mapping[str, Any] | None,
) -> Rated:
    why = unseen(dimension, stretch)
    if why:
        return Rated(dimension.name, None, None, None, False, why)
    fitted = Fitted.of(numbers) if numbers and numbers.get("trusted") else None
    quotes = evidence(transcript, inventory, dimension, stretch, fitted)
    if fitted is None:
        if not quotes:
            return Rated(
                dimension.name, None, None, None, False, "Nothing that is said here speaks to this dimension."
            )
        return Rated(
            dimension.name, None, None, None, True, (numbers or {}).get("why") or UNCALIBRATED, quotes
        )
    score, low, high = fitted.band(stretch, dimension.name)
    reason = "" if quotes else "No single line moves this band: it rests on what is not there."
    return Rated(dimension.name, round(score, 2), round(low, 2), round(high, 2), True, reason, quotes)


def unseen(dimension: DimensionSpec, stretch: Stretch) -> str:
    """Why there is nothing to rate in this stretch; "" where there is."""
    if not dimension.observable:
        return dimension.unseen
    if stretch.words < LEAST_WORDS:
        return f"Too little is said here to rate: {stretch.words} words."
    if not stretch.heard(Voice.TEACHER):
        return "No teacher is heard in this stretch."
    voices = {FEATURES[name].by for name in dimension.needs}
    if dimension.needs and not any(stretch.occurs(name) for name in dimension.needs):
        if voices == {Voice.STUDENT} and not stretch.heard(Voice.STUDENT):
            return "No student is heard in this stretch."
        titles = ", ".join(FEATURES[name].title for name in dimension.needs)
        return f"Nothing of what this dimension is about was heard here ({titles})."
    return ""
