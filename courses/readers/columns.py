"""From segments of text on a page to the lines of its columns, in reading order."""

from __future__ import annotations

import itertools
import re
from bisect import bisect
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from courses.readers.pdf_text import Box, Segment, script

# a numerator raised and a denominator lowered after a sign, as in f(x) =^1_{1+x}
_FRACTION = re.compile(r"(?<=[=+\-−·(,≤≥<>])\s*\^(?:\{([^{}]*)\}|(\S))\s*_(?:\{([^{}]*)\}|(\S))")
_MATH = re.compile(r"[=≈≠≤≥∑∏∫∂∇√∞±×÷∈∉⊂⊆∪∩∀∃→⇒⇔αβγδεζηθικλμνξπρστυφχψωΓΔΘΛΞΠΣΦΨΩ^_{}|‖⟨⟩+]")


@dataclass
class Line:
    """Segments on one line of one column, from left to right."""

    cells: list[Segment]
    text: str = ""
    x0: float = 0
    y0: float = 0
    x1: float = 0
    y1: float = 0
    size: float = 0
    bold: bool = False
    mono: bool = False
    formula: bool = False

    def __post_init__(self) -> None:
        cells = self.cells
        widest = max(cells, key=lambda cell: len(cell.text))
        self.text = joined(cells)
        self.x0, self.x1 = cells[0].x0, max(cell.x1 for cell in cells)
        self.y0, self.y1 = min(cell.y0 for cell in cells), max(cell.y1 for cell in cells)
        self.size = widest.size
        self.bold = all(cell.bold for cell in cells)
        self.mono = all(cell.mono for cell in cells)
        self.formula = _is_formula(self)

    @property
    def box(self) -> Box:
        return self.x0, self.y0, self.x1, self.y1


def _is_formula(line: Line) -> bool:
    """A line that is mathematics rather than prose."""
    text = line.text
    words = re.findall(r"[^\W\d_]{3,}", text)
    marks = len(_MATH.findall(text))
    if not marks or len(words) > 3 or line.mono:
        return False
    fonts = any(cell.math for cell in line.cells)
    return (marks >= 2 and sum(map(len, words)) < 0.35 * len(text)) or (
        fonts and sum(map(len, words)) < 0.25 * len(text)
    )


def joined(cells: Sequence[Segment]) -> str:
    """The text of segments from left to right, with what is raised or lowered marked: x^2, a_i, 1/(1+x)."""
    text, size = cells[0].text, max(cell.size for cell in cells)
    for last, cell in itertools.pairwise(cells):
        piece = cell.text
        if cell.size < 0.87 * size and last.size > 0.87 * size and len(piece) <= 8:
            rise = ((last.y0 + last.y1) - (cell.y0 + cell.y1)) / 2
            piece = script("^" if rise > 0.2 * size else "_" if rise < -0.12 * size else "", piece, text)
            text += piece
            continue
        text += ("" if cell.x0 - last.x1 < 0.12 * cell.size and last.x1 <= cell.x0 + 1 else " ") + piece
    return _FRACTION.sub(lambda m: f" {_operand(m[1] or m[2])}/{_operand(m[3] or m[4])}", text)


def _operand(text: str) -> str:
    return text if re.fullmatch(r"\w+", text) else f"({text})"


def page_lines(segments: Sequence[Segment]) -> list[list[Line]]:
    """Lines of each column, columns in reading order."""
    return [_lines(group) for group in _columns(list(segments)) if group]


def _columns(segments: list[Segment], depth: int = 0) -> list[list[Segment]]:
    found = _gutter(segments) if depth < 2 and len(segments) >= 4 else None
    if found is None:
        return [segments]
    crossing = sorted((s for s in segments if s.x0 < found < s.x1), key=lambda s: s.y0)
    tops = [(s.y0 + s.y1) / 2 for s in crossing]
    bands: list[tuple[list[Segment], list[Segment]]] = [([], []) for _ in range(len(crossing) + 1)]
    for segment in segments:
        if not segment.x0 < found < segment.x1:
            band = bands[bisect(tops, (segment.y0 + segment.y1) / 2)]
            band[segment.x0 >= found].append(segment)
    groups: list[list[Segment]] = [[]]
    for index, (left, right) in enumerate(bands):
        if left and right:
            left, right, after = _balanced(left, right)
            groups += [*_columns(left, depth + 1), *_columns(right, depth + 1), after]
        else:
            groups[-1] += left + right
        if index < len(crossing):
            groups[-1].append(crossing[index])
    return groups


def _balanced(
    left: list[Segment], right: list[Segment]
) -> tuple[list[Segment], list[Segment], list[Segment]]:
    """(left, right, what stands under both): columns that end at the same height, and a gap after which only one
    side goes on."""
    sides = [sorted(left, key=lambda s: s.y0), sorted(right, key=lambda s: s.y0)]
    for side, other in ((0, 1), (1, 0)):
        end, segments = _end(sides[other]), sides[side]
        for index, (above, below) in enumerate(itertools.pairwise(segments)):
            gap = (below.y0 - above.y1) / above.size
            new = gap > 1.8 or (gap > 0.9 and (below.size > 1.1 * above.size or below.bold))
            if new and below.y0 > end and abs(above.y1 - end) < 3 * above.size:
                after = segments[index + 1 :] + [s for s in sides[other] if s.y0 > end]
                sides[side], sides[other] = segments[: index + 1], [s for s in sides[other] if s.y0 <= end]
                return sides[0], sides[1], after
    return left, right, []


def _end(segments: Sequence[Segment]) -> float:
    """Where a column's text ends, a lone footer left aside."""
    end = segments[0].y1
    for segment in segments[1:]:
        if segment.y0 - end > 5 * segment.size:
            break
        end = max(end, segment.y1)
    return end


def _gutter(segments: Sequence[Segment]) -> float | None:
    """The middle of the white space between two columns of running text, or None."""
    low, high = min(s.x0 for s in segments), max(s.x1 for s in segments)
    width = high - low
    if width <= 0:
        return None
    edges = sorted([(s.x0, 1) for s in segments] + [(s.x1, -1) for s in segments])
    covered, best, least = 0, None, 0.4 * len(segments)
    for (x, step), (following, _) in itertools.pairwise(edges):
        covered += step
        inside = low + 0.2 * width < (x + following) / 2 < high - 0.2 * width
        if (
            inside
            and following - x >= 6
            and (covered < least or (covered == least and best and following - x > best[1]))
        ):
            best, least = ((x + following) / 2, following - x), covered
    if best is None:
        return None
    left = [s for s in segments if s.x1 <= best[0]]
    right = [s for s in segments if s.x0 >= best[0]]
    if min(len(left), len(right)) < 2 or best[1] < 0.7 * median(s.size for s in segments):
        return None
    for side in (left, right):
        if sum(len(s.text) for s in side) / len(side) < 18:
            return None
    overlap = min(max(s.y1 for s in left), max(s.y1 for s in right)) - max(
        min(s.y0 for s in left), min(s.y0 for s in right)
    )
    shorter = min(max(s.y1 for s in side) - min(s.y0 for s in side) for side in (left, right))
    return best[0] if overlap > 0.4 * shorter else None


def _lines(segments: Sequence[Segment]) -> list[Line]:
    rows: list[list[Segment]] = []
    bottoms: list[Segment] = []
    for segment in sorted(segments, key=lambda s: (s.y0 + s.y1) / 2):
        if rows:
            main = bottoms[-1]
            shared = min(main.y1, segment.y1) - max(main.y0, segment.y0)
            if shared > 0.5 * min(main.y1 - main.y0, segment.y1 - segment.y0) and not covers(
                rows[-1], segment
            ):
                rows[-1].append(segment)
                if segment.y1 - segment.y0 > main.y1 - main.y0:
                    bottoms[-1] = segment
                continue
        rows.append([segment])
        bottoms.append(segment)
    return [Line(_left_to_right(row)) for row in rows]


def _left_to_right(row: Sequence[Segment]) -> list[Segment]:
    """Segments by where they begin; a small one over another, as a numerator, comes before it."""
    starts = {}
    for segment in row:
        under = [
            o
            for o in row
            if o is not segment and o.x0 < segment.x0 and segment.x1 < o.x1 and segment.y0 < o.y0
        ]
        starts[id(segment)] = (
            min((o.x0 for o in under), default=segment.x0 + 0.01)
            if segment.size < 0.85 * max((o.size for o in under), default=0)
            else segment.x0 + 0.01
        )
    return sorted(row, key=lambda s: starts[id(s)])


def covers(row: Sequence[Segment], segment: Segment) -> bool:
    """True where the segment lies over text that is in the row already, and is no numerator or limit."""
    return any(
        min(s.x1, segment.x1) - max(s.x0, segment.x0) > 0.5 * min(s.x1 - s.x0, segment.x1 - segment.x0)
        for s in row
        if min(s.size, segment.size) > 0.85 * max(s.size, segment.size)
    )
