"""Where the marks of a report's drawings stand."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coach import charts
from coach.trends import Point, Series
from coach.wording import figure, span

MINUTE = 60_000


def stretch(kind: str, start: float, end: float, line: int) -> dict[str, object]:
    return {"kind": kind, "start": round(start * MINUTE), "end": round(end * MINUTE), "line": line}


def test_a_timeline_has_a_lane_a_voice_and_its_marks_where_the_lines_begin() -> None:
    rows = [stretch("teacher", 0, 5, 1), stretch("silence", 5, 6, 9), stretch("student", 6, 10, 10)]
    starts = {1: 0, 9: 4 * MINUTE, 10: 6 * MINUTE, 12: 8 * MINUTE}
    drawn = charts.timeline(rows, [(12, "highlight", "Uptake")], timed=True, starts=starts)
    lanes = {kind: [(bar.x, bar.width) for bar in bars] for kind, _, bars in drawn.lanes}
    assert lanes == {"teacher": [(0, 50)], "student": [(60, 40)], "group": [], "silence": [(50, 10)]}
    assert [(mark.x, mark.line) for mark in drawn.marks] == [(80, 12)]
    assert [tick.label for tick in drawn.ticks] == ["0", "2", "4", "6", "8", "10"]
    assert [(row.label, row.line) for row in drawn.table][2:4] == [("4–6", 1), ("6–8", 10)]
    assert drawn.table[2].shares == {"teacher": 0.5, "student": 0, "group": 0, "silence": 0.5}


def test_without_times_a_timeline_counts_words() -> None:
    rows = [
        {"kind": "teacher", "start": 0, "end": 300, "line": 1},
        {"kind": "student", "start": 300, "end": 400, "line": 2},
    ]
    drawn = charts.timeline(rows, [], timed=False, starts={1: 0, 2: 300})
    assert [tick.label for tick in drawn.ticks] == ["0", "100", "200", "300", "400"]
    assert drawn.places == {1: 0, 2: 75}


def test_nothing_is_drawn_of_nothing() -> None:
    assert charts.timeline([], [], timed=True, starts={}).lanes == []
    assert charts.plot([]).dots == []


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=30))
def test_every_value_stands_inside_its_drawing(values: list[float]) -> None:
    drawn = charts.plot([(value, False, "", "") for value in values], median=values[0])
    for dot in drawn.dots:
        assert 0 <= dot.x <= 100
        assert 8 <= dot.y <= drawn.height - 8


@pytest.mark.parametrize(
    ("low", "high", "x", "width"), [(1, 7, 0, 100), (0, 9, 0, 100), (4, 4, 50, 1), (4, 5.5, 50, 25)]
)
def test_a_band_stays_on_its_scale(low: float, high: float, x: float, width: float) -> None:
    drawn = charts.band(4, low, high, (1, 7))
    assert (drawn.x, drawn.width, drawn.dot) == (x, width, 50)


def test_fewer_than_three_lessons_have_no_spread() -> None:
    day = date(2026, 11, 12)
    two = Series("uptake", "Uptake", points=[Point(day, "", 0.1), Point(day, "", 0.2)])
    assert (two.enough, two.quartiles) == (False, None)
    three = Series("uptake", "Uptake", points=[*two.points, Point(day, "", 0.6)])
    assert three.median == 0.2
    assert three.quartiles == pytest.approx((0.15, 0.4))


def test_figures_read_as_people_write_them() -> None:
    written = [
        figure(0.624, "share"),
        figure(2.0, "s"),
        figure(0.36, "s"),
        figure(None),
        span(0.56, 0.67, "share"),
    ]
    assert [one.replace("\xa0", " ") for one in written] == ["62 %", "2 s", "0.36 s", "–", "56 to 67 %"]
