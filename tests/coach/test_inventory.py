"""The moves that an inventory finds, and those that it does not take for one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from coach.arithmetic import false_statement
from coach.cues import student_cues, teacher_cues
from coach.inventory import inventory
from coach.questions import Kind, questions
from tests.coach.said import talk

DATA = Path(__file__).parents[1] / "data"


def made(text: str) -> set[str]:
    return {cue.move for cue in teacher_cues(text) if cue.certainty >= 0.6}


@pytest.mark.parametrize(
    ("move", "text"),
    [
        ("press_reasoning", "and how do you know that"),
        ("press_reasoning", "Convince me."),
        ("press_reasoning", "and that's because?"),
        ("press_reasoning", "where did the 4 come from"),
        ("press_reasoning", "Where’d you get twelve?"),
        ("press_reasoning", "okay so why don't we need a common denominator here"),
        ("students_relating", "who can add on"),
        ("students_relating", "do you agree with Student B"),
        ("students_relating", "Can somebody put that in their own words?"),
        ("revoicing", "So you're saying that the base is doubled."),
        ("turn_and_talk", "turn to your neighbour and decide which is bigger"),
        ("wait_time", "Take ten seconds. No hands yet."),
        ("connecting_representations", "Where do you see the three in the picture?"),
        ("specific_praise", "I like how you lined up the decimals."),
        ("press_accuracy", "Twelve what?"),
    ],
)
def test_a_move_is_seen_however_it_is_said(move: str, text: str) -> None:
    assert move in made(text)


@pytest.mark.parametrize(
    ("move", "text"),
    [
        ("press_reasoning", "Why don't you sit down."),
        ("press_reasoning", "Why are you talking?"),
        ("press_reasoning", "That's why we need a common denominator."),
        ("press_reasoning", "Why? Because the denominators are the same."),
        ("press_reasoning", "Let me explain how it works."),
        ("press_reasoning", "How many do we have?"),
        ("press_reasoning", "How are we doing?"),
        ("turn_and_talk", "Stop talking to your neighbor."),
        ("turn_and_talk", "Turn to page twelve."),
        ("students_relating", "I agree with you."),
        ("specific_praise", "Good job."),
        ("connecting_representations", "Go back to your table."),
        ("wait_time", "Time's up."),
    ],
)
def test_what_only_looks_like_a_move_is_none(move: str, text: str) -> None:
    assert move not in made(text)


FOCUSING = {
    "focusing_question",
    "press_reasoning",
    "students_relating",
    "connecting_representations",
    "error_probing",
}


@pytest.mark.parametrize("made_it", [True, False])
def test_moves_are_seen_in_many_wordings_and_seldom_where_there_is_none(made_it: bool) -> None:
    rows = [json.loads(row) for row in (DATA / "coach_moves.jsonl").read_text().splitlines()]
    rows = [row for row in rows if row["made"] == made_it]
    wrong = []
    for row in rows:
        same = FOCUSING if made_it and row["move"] == "focusing_question" else {row["move"]}
        if bool(made(row["text"]) & same) != made_it:
            wrong.append(row["text"])
    assert len(wrong) <= 0.05 * len(rows), wrong


def test_student_reasoning_confusion_and_questions_are_told_apart() -> None:
    def of(text: str) -> set[str]:
        return {cue.move for cue in student_cues(text)}

    assert "student_reasoning" in of("It's even because it ends in four.")
    assert "student_confusion" in of("I don't get why you flip it")
    assert "student_question" in of("What if you add to both?")
    assert "student_relating" in of("I disagree with Student B because he forgot the zero.")
    assert of("Can I go to the bathroom?") == set()


@pytest.mark.parametrize(
    ("said", "asked", "wrong"),
    [
        ("7 times 8 is 54", "", True),
        ("seven times eight is fifty-six", "", False),
        ("1/2 plus 1/3 equals 2/5", "", True),
        ("half of seven is three and a half", "", False),
        ("3 + 4 + 5 is 12", "", False),
        ("54.", "What is 7 times 8?", True),
        ("Three.", "Eight times what is twenty-four?", False),
        ("15 divided by 2 is 7", "", False),
    ],
)
def test_false_arithmetic_is_known_and_nothing_else_is(said: str, asked: str, wrong: bool) -> None:
    assert (false_statement(said, asked) is not None) == wrong


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("What is three times four?", Kind.CLOSED),
        ("what is three times four", Kind.CLOSED),
        ("Why does that work?", Kind.OPEN),
        ("so how do you know", Kind.OPEN),
        ("Is everybody ready?", Kind.PROCEDURAL),
        ("That makes sense, right?", Kind.RHETORICAL),
    ],
)
def test_questions_are_known_by_kind_with_and_without_marks(text: str, kind: Kind) -> None:
    assert [question.kind for question in questions(text)] == [kind]


def test_a_statement_is_no_question() -> None:
    assert questions("What we are going to do is add the tops. Do number four.") == []


@pytest.mark.model
@pytest.mark.django_db
def test_a_wrong_answer_is_an_error_and_asking_after_it_is_probing() -> None:
    lesson = inventory(
        talk(
            ("Teacher", "What is seven times eight?"),
            ("Student A", "Fifty-four."),
            ("Teacher", "How did you get fifty-four?"),
            ("Student A", "I did seven sevens and added five."),
        )
    )
    assert lesson.has(2, "student_error")
    assert lesson.has(3, "error_probing")
    assert lesson.has(3, "press_reasoning")


@pytest.mark.model
@pytest.mark.django_db
def test_a_row_of_small_questions_is_a_funnel() -> None:
    lines = [("Teacher", "I'm starting.")]
    for asked, answer in (
        ("What is two fours?", "Eight."),
        ("Plus one?", "Nine."),
        ("Times two?", "Eighteen."),
        ("Half of it?", "Nine."),
    ):
        lines += [("Teacher", asked), ("Student A", answer)]
    found = inventory(talk(*lines, ("Teacher", "There we are.")))
    assert [move.line for move in found.by_name["funnelling_question"]] == [2, 4, 6, 8]
