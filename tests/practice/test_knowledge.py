"""The learner model: it moves the right way, grows surer with more, and says only what attempts show."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from courses.models import Course, Passage
from tests import make
from tutor.accounts.models import User
from tutor.practice import knowledge
from tutor.practice.models import Attempt, Dispute, Item, Skill

guesses = st.sampled_from([0.05, 0.2, 0.25, 1 / 3, 0.5])
tries = st.lists(
    st.tuples(st.sampled_from([0.0, 0.5, 1.0]), guesses, st.sampled_from([0.5, 1.0])), max_size=12
)


@given(tries, guesses)
def test_a_right_answer_raises_the_probability_and_a_wrong_one_lowers_it(
    before: list[tuple[float, float, float]], guess: float
) -> None:
    now = knowledge.trace(before)
    assert 0 < now < 1
    right, partial, wrong = (knowledge.trace([*before, (score, guess, 1.0)]) for score in (1.0, 0.5, 0.0))
    assert wrong < now < right
    assert wrong < partial < right


@given(tries, guesses, st.sampled_from([0.0, 1.0]))
def test_with_help_it_moves_less_and_the_same_way(
    before: list[tuple[float, float, float]], guess: float, score: float
) -> None:
    now = knowledge.trace(before)
    alone = knowledge.trace([*before, (score, guess, 1.0)]) - now
    helped = knowledge.trace([*before, (score, guess, knowledge.HELPED)]) - now
    assert 0 < helped / alone < 1


@given(tries)
def test_the_easier_it_is_to_guess_the_less_a_right_answer_says(
    before: list[tuple[float, float, float]],
) -> None:
    written, choice = (knowledge.trace([*before, (1.0, guess, 1.0)]) for guess in (0.05, 0.5))
    assert choice < written


@given(
    st.lists(
        st.tuples(st.sampled_from([0.0, 0.5, 1.0]), st.sampled_from([0.5, 1.0])), min_size=1, max_size=10
    )
)
def test_the_interval_shrinks_with_more_of_the_same_and_holds_the_share(
    outcomes: list[tuple[float, float]],
) -> None:
    low, high = knowledge.interval(outcomes)
    nearer, farther = knowledge.interval(outcomes * 2)
    assert farther - nearer < high - low
    weight = sum(weight for _, weight in outcomes)
    expected = (1 + sum(score * weight for score, weight in outcomes)) / (2 + weight)
    assert 0 <= low < expected < high <= 1


def test_nothing_asked_leaves_everything_open() -> None:
    assert knowledge.interval([]) == pytest.approx((0.05, 0.95), abs=0.001)
    assert knowledge.trace([]) == knowledge.KNOWN_BEFORE


# With rows


@pytest.fixture
def passage(db: None) -> Passage:
    course = make.course()
    material = make.material(
        course, "The standard error is the standard deviation of the mean. It falls with n."
    )
    return make.passage(material, material.extract.text)


@pytest.fixture
def student(passage: Passage) -> User:
    return make.enrol(passage.course)


def tried(item: Item, user: User, outcome: str, **fields: object) -> Attempt:
    score = {"right": 1.0, "partial": 0.5, "wrong": 0.0}[outcome]
    return Attempt.objects.create(item=item, user=user, response="x", outcome=outcome, score=score, **fields)


def item(passage: Passage) -> Item:
    return make.item(
        passage, skill="standard error", kind=Item.Kind.SHORT, options=[], answer="standard error"
    )


def said(user: User, course: Course) -> knowledge.Known:
    (known,) = knowledge.of(user, course)
    return known


@pytest.mark.parametrize(
    ("outcomes", "words"),
    [
        ("", "You have not been asked about “standard error” yet."),
        ("r", "You answered one question about “standard error”, rightly."),
        ("rrrw", "You answered 3 of 4 questions about “standard error” rightly; the last one wrongly."),
        ("rr", "You answered 2 of 2 questions about “standard error” rightly."),
        ("ww", "You answered 0 of 2 questions about “standard error” rightly."),
        (
            "wpr",
            "You answered 1 of 3 questions about “standard error” rightly and 1 in part; the last one rightly.",
        ),
    ],
)
def test_the_statement_counts_the_attempts_it_cites(
    passage: Passage, student: User, outcomes: str, words: str
) -> None:
    asked = item(passage)
    rows = [
        tried(asked, student, {"r": "right", "p": "partial", "w": "wrong"}[letter]) for letter in outcomes
    ]
    tried(asked, make.enrol(passage.course), "right")  # of somebody else
    known = said(student, passage.course)
    assert known.statement == words
    assert known.attempts == rows
    assert known.low < known.high


def test_a_skill_is_shown_by_right_answers_without_help_and_no_more_after_a_wrong_one(
    passage: Passage, student: User
) -> None:
    asked = item(passage)
    skill = asked.skill
    assert not knowledge.shows(student, skill)
    tried(asked, student, "right", helped=True)
    tried(asked, student, "right", helped=True)
    tried(asked, student, "right", helped=True)
    assert not knowledge.shows(student, skill)
    tried(asked, student, "right")
    tried(asked, student, "right")
    assert knowledge.shows(student, skill)
    assert "3 of them with help" in said(student, passage.course).statement
    tried(asked, student, "wrong")
    assert not knowledge.shows(student, skill)


def test_what_was_disputed_and_upheld_does_not_count(passage: Passage, student: User) -> None:
    asked = item(passage)
    right, wrong = tried(asked, student, "right"), tried(asked, student, "wrong")
    dispute = Dispute.objects.create(user=student, skill=asked.skill, attempt=wrong, text="It was right.")
    assert said(student, passage.course).attempts == [right, wrong]
    Dispute.objects.update(upheld=False)
    assert said(student, passage.course).attempts == [right, wrong]
    Dispute.objects.update(upheld=True)
    assert said(student, passage.course).attempts == [right]
    Dispute.objects.filter(pk=dispute.pk).update(attempt=None)
    later = tried(asked, student, "right", created=timezone.now())
    Attempt.objects.filter(pk=later.pk).update(created=timezone.now() + timedelta(minutes=1))
    assert [row.pk for row in said(student, passage.course).attempts] == [later.pk]


def test_skills_are_those_that_are_asked_about_or_were(passage: Passage, student: User) -> None:
    Skill.objects.create(course=passage.course, name="nobody asks about it")
    asked = item(passage)
    assert said(student, passage.course).group == "open"
    passage.material.hidden = True
    passage.material.save()
    assert knowledge.of(student, passage.course) == []
    tried(asked, student, "wrong")
    assert said(student, passage.course).group == "shaky"
