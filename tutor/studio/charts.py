"""Line charts as plain figures: points of a drawing, and what stands at the ends of its axes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

WIDTH, HEIGHT = 640, 200  # of the drawing
MOST = 400  # points of a line


def chart(title: str, lines: Mapping[str, Sequence[tuple[int, float]]], places: int) -> dict[str, Any]:
    """Lines [(step, value), …] over one another, from zero to the highest value; {} where there is nothing to draw.

    {"title", "lines": [{"name", "points", "last"}], "top", "first", "last", "width", "height"}; figures have `places` decimals.
    """
    drawn = {name: line for name, line in lines.items() if line}
    if not drawn:
        return {}
    first = min(line[0][0] for line in drawn.values())
    last = max(line[-1][0] for line in drawn.values())
    top = max(max(value for _, value in line) for line in drawn.values()) or 1.0
    return {
        "title": title,
        "lines": [
            {"name": name, "points": _points(line, first, last, top), "last": f"{line[-1][1]:,.{places}f}"}
            for name, line in drawn.items()
        ],
        "top": f"{top:,.{places}f}",
        "first": first,
        "last": last,
        "width": WIDTH,
        "height": HEIGHT,
    }


def _points(line: Sequence[tuple[int, float]], first: int, last: int, top: float) -> str:
    every = max(1, -(-len(line) // MOST))
    shown = [*line[::every], line[-1]]
    wide = max(1, last - first)
    return " ".join(
        f"{(step - first) / wide * WIDTH:.1f},{HEIGHT - value / top * HEIGHT:.1f}" for step, value in shown
    )
