"""How coaching's figures read."""

from __future__ import annotations

from django import template

from coach.charts import Timeline
from coach.composing import clock, clock_at
from coach.moves import MOVES
from coach.talk import Transcript
from coach.wording import figure
from coach.wording import span as from_to

register = template.Library()


@register.filter
def measured(value: float | None, unit: str = "") -> str:
    """A measure's value with its unit: 0.62 of "share" as 62 %."""
    return figure(value, unit)


@register.simple_tag
def span(bounds: tuple[float, float], unit: str = "") -> str:
    """From one value to another, the unit said once."""
    return from_to(*bounds, unit)


@register.simple_tag
def place(timeline: Timeline, line: int) -> float:
    """Where a line stands on the timeline, in per cent."""
    return timeline.places.get(line, 0.0)


@register.filter
def axis(value: float, unit: str = "") -> str:
    """A value at the edge of a drawing: short, without words."""
    return figure(value, unit if unit == "share" else "")


@register.filter
def at(milliseconds: int | None) -> str:
    """A time in the lesson: 245000 as 4:05."""
    return "" if milliseconds is None else clock(milliseconds)


@register.filter
def move(name: str) -> str:
    """A talk move as people read it."""
    found = MOVES.get(name)
    return found.title if found else name.replace("_", " ")


@register.filter
def share(part: float) -> str:
    """0.256 as 26 %."""
    return f"{100 * part:.0f} %"


@register.inclusion_tag("coach/_moment.html")
def moment(transcript: Transcript, line: int, quote: str, weight: float = 0) -> dict[str, object]:
    """A verbatim quote with who said it and when, leading to its line."""
    there = 1 <= line <= len(transcript)
    return {
        "line": line,
        "quote": quote,
        "against": weight < 0,
        "speaker": transcript[line].speaker if there else "",
        "clock": clock_at(transcript, line),
    }
