"""Line charts as plain figures: points of a drawing, and what stands at the ends of its axes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

WIDTH, HEIGHT = 640, 200  # of the drawing
MOST = 400  # points of a line


def chart(
    title: str, lines: Mapping[str, Sequence[tuple[int, float]]], places: int, *, from_zero: bool = True
) -> dict[str, Any]:
    """Lines [(step, value), …] over one another, from zero or the lowest value to the highest; {} where none can be drawn.

    {"title", "lines": [{"name", "points", "last"}], "low", "top", "first", "last", "width", "height"}; figures have `places`
    decimals.
    """
    drawn = {name: line for name, line in lines.items() if line}
    if not drawn:
        return {}
    first = min(line[0][0] for line in drawn.values())
    last = max(line[-1][0] for line in drawn.values())
    values = [value for line in drawn.values() for _, value in line]
    low, top = min(0.0, *values) if from_zero else min(values), max(values)
    return {
        "title": title,
        "lines": [
            {
                "name": name,
                "points": _points(line, (first, last), (low, top)),
                "last": f"{line[-1][1]:,.{places}f}",
            }
            for name, line in drawn.items()
        ],
        "low": f"{low:,.{places}f}",
        "top": f"{top:,.{places}f}",
        "first": first,
        "last": last,
        "width": WIDTH,
        "height": HEIGHT,
    }


def _points(line: Sequence[tuple[int, float]], steps: tuple[int, int], values: tuple[float, float]) -> str:
    every = max(1, -(-len(line) // MOST))
    shown = [*line[::every], line[-1]]
    wide, high = max(1, steps[1] - steps[0]), (values[1] - values[0]) or 1.0
    return " ".join(
        f"{(step - steps[0]) / wide * WIDTH:.1f},{HEIGHT - (value - values[0]) / high * HEIGHT:.1f}"
        for step, value in shown
    )
