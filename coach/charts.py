"""Where the marks of the report's drawings stand, in per cent of their width, for the page's SVG and the PDF alike."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

LANES = {"teacher": "Teacher", "student": "Student", "group": "Group", "silence": "Silence"}
TICKS = 9  # at most about so many under a timeline
STEPS = (1, 2, 5, 10, 15, 20, 30, 60, 120)  # minutes between ticks


@dataclass(frozen=True)
class Bar:
    """A stretch in its lane."""

    x: float
    width: float
    line: int
    kind: str


@dataclass(frozen=True)
class Mark:
    """A finding or a suggestion at its moment."""

    x: float
    line: int
    kind: str  # highlight | missed | suggestion
    title: str


@dataclass(frozen=True)
class Tick:
    x: float
    label: str
    anchor: str  # of SVG text: start | middle | end


@dataclass(frozen=True)
class Slice:
    """A row of the table behind a timeline: who spoke how much from one tick to the next."""

    label: str
    line: int
    shares: dict[str, float]  # by lane, 0..1 of the slice


@dataclass(frozen=True)
class Timeline:
    """The lesson from left to right."""

    timed: bool  # False: by words, as the transcript has no times
    lanes: list[tuple[str, str, list[Bar]]] = field(default_factory=list)  # kind, title, bars
    marks: list[Mark] = field(default_factory=list)
    ticks: list[Tick] = field(default_factory=list)
    table: list[Slice] = field(default_factory=list)
    places: dict[int, float] = field(default_factory=dict)  # a line's x


def timeline(
    stretches: Sequence[Mapping[str, Any]],
    marks: Iterable[tuple[int, str, str]],
    *,
    timed: bool,
    starts: Mapping[int, int],
) -> Timeline:
    """Lay out stretches ({"kind", "start", "end", "line"}, milliseconds or words) and marks (line, kind, title).

    `starts` is where each line begins, in the same unit.
    """
    if not stretches:
        return Timeline(timed)
    first = min(row["start"] for row in stretches)
    last = max(row["end"] for row in stretches)
    whole = max(last - first, 1)

    def x(at: float) -> float:
        return float(round(100 * (at - first) / whole, 2))

    bars = [
        Bar(x(row["start"]), max(round(x(row["end"]) - x(row["start"]), 2), 0.1), row["line"], row["kind"])
        for row in stretches
    ]
    step, unit = _step(whole, timed)
    lanes = [(kind, title, [bar for bar in bars if bar.kind == kind]) for kind, title in LANES.items()]
    placed = [
        Mark(min(max(x(starts.get(line, first)), 0), 100), line, kind, title) for line, kind, title in marks
    ]
    return Timeline(
        timed,
        lanes,
        placed,
        _ticks(whole, step, unit),
        _table(stretches, first, last, step, unit),
        {line: min(max(x(start), 0), 100) for line, start in starts.items()},
    )


def _step(whole: float, timed: bool) -> tuple[int, int]:
    """Between two ticks: milliseconds (or words), and what one of the label's units is."""
    unit = 60_000 if timed else 1
    choices = [unit * n for n in STEPS] if timed else [n * 100 for n in STEPS]
    return next((step for step in choices if whole / step <= TICKS), choices[-1]), unit


def _ticks(whole: float, step: int, unit: int) -> list[Tick]:
    found = []
    for at in range(0, int(whole) + 1, step):
        x = round(100 * at / whole, 2)
        anchor = "start" if x < 3 else "end" if x > 97 else "middle"
        found.append(Tick(x, str(at // unit), anchor))
    return found


def _table(
    stretches: Sequence[Mapping[str, Any]], first: int, last: int, step: int, unit: int
) -> list[Slice]:
    found = []
    for begin in range(first, last, step):
        end = min(begin + step, last)
        inside = [row for row in stretches if row["end"] > begin and row["start"] < end]
        if not inside:
            continue
        shares = dict.fromkeys(LANES, 0.0)
        for row in inside:
            if row["kind"] in shares:
                shares[row["kind"]] += (min(row["end"], end) - max(row["start"], begin)) / (end - begin)
        label = f"{(begin - first) // unit}–{-(-(end - first) // unit)}"
        found.append(Slice(label, inside[0]["line"], {kind: min(one, 1.0) for kind, one in shares.items()}))
    return found


@dataclass(frozen=True)
class Dot:
    x: float
    y: float
    here: bool
    title: str
    url: str = ""


@dataclass(frozen=True)
class Plot:
    """Values over lessons: dots joined by a line, the median, and the middle half. y runs down, in units of `height`."""

    height: float
    dots: list[Dot]
    median: float | None  # y
    band: tuple[float, float] | None  # y of its top, its height
    low: float  # the value at the bottom
    high: float  # at the top

    @property
    def joints(self) -> list[tuple[Dot, Dot]]:
        """Neighbours, to be joined by a line."""
        return list(zip(self.dots, self.dots[1:], strict=False))


def plot(
    points: Sequence[tuple[float, bool, str, str]],
    *,
    median: float | None = None,
    quartiles: tuple[float, float] | None = None,
    height: float = 64,
    margin: float = 8,
) -> Plot:
    """Lay out (value, is it the lesson looked at, title, url), oldest first."""
    values = [value for value, *_ in points]
    known = [*values, *([] if median is None else [median]), *(quartiles or ())]
    low, high = (min(known), max(known)) if known else (0.0, 1.0)
    if high - low < 1e-9:
        low, high = low - 0.5, high + 0.5

    def y(value: float) -> float:
        return round(margin + (height - 2 * margin) * (high - value) / (high - low), 1)

    dots = [
        Dot(round(100 * (index + 0.5) / len(points), 2), y(value), here, title, url)
        for index, (value, here, title, url) in enumerate(points)
    ]
    band = (y(quartiles[1]), round(y(quartiles[0]) - y(quartiles[1]), 1)) if quartiles else None
    return Plot(height, dots, None if median is None else y(median), band, low, high)


@dataclass(frozen=True)
class Band:
    """A rating on its scale, from left to right in per cent."""

    x: float
    width: float
    dot: float


def band(score: float, low: float, high: float, scale: tuple[int, int]) -> Band:
    """Where the interval and the score stand on a scale."""
    least, most = scale

    def x(value: float) -> float:
        return round(100 * (min(max(value, least), most) - least) / max(most - least, 1), 1)

    return Band(x(low), max(round(x(high) - x(low), 1), 1.0), x(score))
