"""The novelty gate on planted cases: the same excerpt with the move at its place, and without."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from coach.inventory import inventory
from coach.moves import TEACHER_MOVES
from coach.novelty import gate
from tests.coach.said import talk

pytestmark = [pytest.mark.model, pytest.mark.django_db]

CASES = [
    json.loads(row)
    for row in (Path(__file__).parents[1] / "data" / "coach_gate.jsonl").read_text().splitlines()
]
MOST_LEAKS, MOST_FALSE_BLOCKS = 0.05, 0.10


def excerpt(case: dict[str, Any], reply: str) -> Iterator[tuple[str, str]]:
    yield from ((speaker, text) for speaker, text in case["before"])
    yield tuple(case["student"])
    yield "Teacher", reply
    yield from ((speaker, text) for speaker, text in case["after"])


def open_at(case: dict[str, Any], reply: str) -> bool:
    lesson = inventory(talk(*excerpt(case, reply)))
    return gate(lesson, len(case["before"]) + 1, case["move"]).open


def test_there_are_enough_cases_of_the_moves_that_are_suggested() -> None:
    assert len(CASES) >= 100
    assert {case["move"] for case in CASES} <= set(TEACHER_MOVES)


def test_a_move_put_in_at_its_place_is_already_done() -> None:
    leaks = [case["with"] for case in CASES if open_at(case, case["with"])]
    assert len(leaks) <= MOST_LEAKS * len(CASES), leaks


def test_a_move_taken_out_is_new_again() -> None:
    blocked = [case["without"] for case in CASES if not open_at(case, case["without"])]
    assert len(blocked) <= MOST_FALSE_BLOCKS * len(CASES), blocked


def test_what_was_done_elsewhere_is_to_be_extended_and_says_where() -> None:
    lesson = inventory(
        talk(
            ("Student A", "It is twelve."),
            ("Teacher", "Twelve. How do you know that?"),
            ("Student A", "Because six and six is twelve."),
            ("Teacher", "Good. Number two?"),
            ("Student B", "Nine."),
            ("Teacher", "What makes you think that it's nine?"),
            ("Student B", "I counted them."),
            ("Teacher", "Okay. Number three?"),
            ("Student C", "It's even, because both ends are the same."),
            ("Teacher", "Right. Number four, please."),
        )
    )
    found = gate(lesson, 9, "press_reasoning")
    assert found.verdict == "extend"
    assert found.lines == (2, 6)
    assert "2 and 6" in found.why
    assert "9" in found.why


def test_the_teachers_next_turns_count_while_the_talk_stays_with_the_student() -> None:
    stays = [
        ("Student A", "You can turn it round and it's the same, because three fours are four threes."),
        ("Teacher", "Mm-hm."),
        ("Student A", "And it's always like that."),
        ("Teacher", "Why is it always like that?"),
        ("Student A", "You only turn the paper."),
    ]
    assert gate(inventory(talk(*stays)), 1, "press_reasoning").verdict == "done"
    leaves = [
        ("Student A", "You can turn it round and it's the same, because three fours are four threes."),
        ("Teacher", "Good. Next one. Student B."),
        ("Student B", "Nine."),
        ("Teacher", "Why is it nine?"),
        ("Student B", "I counted."),
    ]
    assert gate(inventory(talk(*leaves)), 1, "press_reasoning").verdict == "new"
