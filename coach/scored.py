"""What a scored lesson is: measures, ratings with evidence, findings and suggestions."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from coach.rating import Rated


@dataclass(frozen=True)
class Measured:
    """One figure. `value` is None where this transcript cannot tell, and then `detail["why"]` says why.

    `detail` always has "title", "unit", "better" ("more", "less" or ""), "published" and "measured" (accuracy in words).
    """

    name: str  # of coach.measures.MEASURES
    value: float | None
    detail: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Stretch:
    """A stretch of the timeline. `start` and `end` are milliseconds, or counted words where the transcript has no times."""

    kind: str  # teacher | student | group | silence | other
    start: int
    end: int
    line: int  # the line at which it begins (for a silence: the line before it)


@dataclass(frozen=True)
class Segment:
    """A stretch of the lesson that one instrument rates. Times are milliseconds, None where there are none."""

    instrument: str
    start: int | None
    end: int | None
    first_line: int
    last_line: int
    ratings: list[Rated] = field(default_factory=list)


@dataclass(frozen=True)
class Found:
    """A highlight or a missed opportunity. `quote` stands verbatim at `line`."""

    line: int
    quote: str
    move: str
    why: str


@dataclass(frozen=True)
class Suggested:
    """What the teacher could have said at a moment. `quote` is the student's moment, verbatim at `line`.

    `gate` is what the novelty gate found: {"verdict": "new" | "extend", "why": words, "lines": [where it was done]}.
    """

    line: int
    quote: str
    move: str
    missing: str
    say: str
    expect: str
    gate: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Scored:
    """All that is said about one lesson."""

    measures: list[Measured] = field(default_factory=list)
    timeline: list[Stretch] = field(default_factory=list)
    segments: list[Segment] = field(default_factory=list)
    highlights: list[Found] = field(default_factory=list)
    missed: list[Found] = field(default_factory=list)
    suggestions: list[Suggested] = field(default_factory=list)
    made_with: dict[str, Any] = field(default_factory=dict)  # classifiers, calibrations, the endpoint's model

    def as_json(self) -> dict[str, Any]:
        """What `score_transcript --json` prints."""
        return {
            "measures": {row.name: {"value": row.value, "detail": row.detail} for row in self.measures},
            "segments": [
                {
                    "start": segment.start,
                    "end": segment.end,
                    "ratings": [
                        {
                            "dimension": rated.dimension,
                            "score": rated.score,
                            "low": rated.low,
                            "high": rated.high,
                            "observable": rated.observable,
                            "evidence": [{"line": row.line, "quote": row.quote} for row in rated.evidence],
                        }
                        for rated in segment.ratings
                    ],
                }
                for segment in self.segments
            ],
            "highlights": [vars(found) for found in self.highlights],
            "missed": [vars(found) for found in self.missed],
            "suggestions": [vars(suggested) for suggested in self.suggestions],
        }
