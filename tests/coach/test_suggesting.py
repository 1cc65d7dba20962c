"""Findings and suggestions: the right moment, the student's own words, and nothing that is not there."""

from __future__ import annotations

import pytest

from coach.diagnosing import Strategy, strategies
from coach.findings import highlights, missed
from coach.inventory import Inventory, inventory
from coach.moves import TEACHER_MOVES
from coach.rewording import better
from coach.student_words import student_words
from coach.suggesting import Draft, makes, suggest
from coach.targets import targets
from tests.coach.said import talk

FILLED = {
    "said": "the pieces of a third are smaller",
    "idea": "the pieces of a third are smaller",
    "claim": "the pieces of a third are smaller",
    "did": "you added the tops and the bottoms",
    "answer": "two fifths",
    "term": "denominator",
    "asked": "What do we call that?",
}
LESSON = [
    ("Teacher", "What is one half plus one third?"),
    ("Student A", "I added the tops and I added the bottoms and got two fifths."),
    ("Teacher", "Not quite. Student B?"),
    ("Student B", "Five sixths."),
    ("Teacher", "Good. How did you get five sixths?"),
    ("Student B", "I made them both sixths, because two and three both go into six."),
    ("Teacher", "So you're saying that sixths fit into both of them. Who can add on to that?"),
    ("Student C", "It's like finding a piece that both are made of."),
    ("Teacher", "Yes. Number two, please."),
    ("Student D", "I'm confused because the bigger bottom makes a smaller piece."),
    ("Teacher", "It's just the rule. Open your books on page nine."),
]


@pytest.fixture
def lesson(db: None) -> Inventory:
    return inventory(talk(*LESSON))


def drafts(lesson: Inventory) -> list[Draft]:
    return suggest(lesson, targets(lesson))


@pytest.mark.parametrize("strategy", strategies().values(), ids=lambda strategy: strategy.name)
def test_every_written_sentence_makes_the_move_that_it_is_for(strategy: Strategy) -> None:
    assert strategy.move in TEACHER_MOVES
    for wording in strategy.say:
        assert makes(wording.format(**FILLED), strategy.move), wording
        assert "{" in wording, "it must take up the student's words"


def test_there_are_strategies_for_everything_that_a_moment_can_be() -> None:
    assert len(strategies()) >= 12
    assert all(
        strategy.expect and strategy.missing and strategy.intention for strategy in strategies().values()
    )


@pytest.mark.parametrize(
    ("said", "place", "words"),
    [
        (
            "Um, I added the tops and I added the bottoms.",
            "did",
            "you added the tops and you added the bottoms",
        ),
        ("Because the pieces are smaller.", "claim", "the pieces are smaller"),
        ("Twelve?", "answer", "twelve"),
        (
            "Like, I think it's not twenty-four because six fours is— six fours is that.",
            "idea",
            "it's not twenty-four",
        ),
        ("Is it bigger?", "claim", ""),
        ("I, um, the, uh.", "idea", ""),
    ],
)
def test_a_students_words_are_taken_up_or_left_but_never_made_up(said: str, place: str, words: str) -> None:
    assert getattr(student_words(said), place) == words


@pytest.mark.model
def test_what_met_no_answer_is_missed_and_suggested_in_the_students_words(lesson: Inventory) -> None:
    found = targets(lesson)
    made = drafts(lesson)
    assert {one.line for one in missed(lesson, found, made)} == {2, 10}
    assert {draft.suggested.line for draft in made} == {2, 10}
    first = next(draft.suggested for draft in made if draft.suggested.line == 2)
    assert "you added the tops" in first.say
    assert first.quote in LESSON[1][1]
    assert "“Not quite. Student B?”" in first.missing


@pytest.mark.model
def test_highlights_are_the_teachers_own_words_with_what_came_of_them(lesson: Inventory) -> None:
    found = highlights(lesson)
    assert {one.line for one in found} <= {5, 7}
    assert all(one.quote in LESSON[one.line - 1][1] for one in found)
    assert (
        "I made them both sixths" in " ".join(one.why for one in found) or "finding a piece" in found[0].why
    )


@pytest.mark.model
@pytest.mark.django_db
def test_nothing_is_forced_where_nobody_says_anything() -> None:
    lesson = inventory(talk(*[("Teacher", "Copy the next line, please."), ("Student A", "Okay.")] * 5))
    assert drafts(lesson) == []
    assert missed(lesson, targets(lesson), []) == []


@pytest.mark.model
def test_a_models_better_words_are_taken(lesson: Inventory) -> None:
    draft = next(draft for draft in drafts(lesson) if draft.target.line == 2)
    say = "You added the tops and the bottoms. How did you decide to do that, and where do the fifths come from?"
    written = {
        "say": say,
        "missing": "How the two fifths came about was not asked.",
        "expect": "The steps, and then a pause.",
    }
    found = better(lesson, draft, written)
    assert found.say == say
    assert found.missing.startswith("How the two fifths")
    assert (found.line, found.move, found.gate) == (2, draft.strategy.move, draft.suggested.gate)


@pytest.mark.model
@pytest.mark.parametrize(
    "say",
    [
        "Well done, keep going with your work on the tops.",  # makes no such move
        "How did you get there? You said “we always flip the second one”.",  # was never said
        "How do you know, Jonathan? You added the tops and the bottoms, so how did you get that?",  # a name
        "How do you know? " + "Tell us about the tops and the bottoms and everything else. " * 9,  # too long
        "How do you know that it rains?",  # nothing of the student's
    ],
)
def test_a_models_words_that_do_not_hold_are_left(lesson: Inventory, say: str) -> None:
    draft = next(draft for draft in drafts(lesson) if draft.target.line == 2)
    assert better(lesson, draft, {"say": say, "missing": "x", "expect": "y"}) == draft.suggested


def test_what_a_student_says_is_not_pointed_at_twice_and_a_question_keeps_its_mark() -> None:
    eats = student_words("It eats the soil, because the roots suck it up and that's how it gets bigger.")
    assert not eats.claim.startswith("that")
    asks = student_words("I don't get it. How can air turn into wood? Air doesn't weigh anything.")
    assert asks.idea == "How can air turn into wood?"
