"""Starter questions: grammatical, made from the material, and each one answered by it."""

from __future__ import annotations

import pytest

from courses.answers import publish_answer
from courses.index import pack
from courses.models import Course, Material, Passage, Proposition
from courses.sentences import sentences
from tests import make
from tutor.chat.starters import (
    is_outdated,
    make_starters,
    question_about,
    question_on,
    refresh_outdated,
    starters_for,
)
from tutor.llm.embeddings import embed

TEXT = (
    "The standard error is the spread of the mean over repeated experiments. Outliers are the readings that lie far from the "
    "rest. The window width determines how much a filter smooths. This is the reason. A moving average is a filter that "
    "replaces each reading by the mean of its neighbours. Hooke’s law describes a spring."
)


@pytest.mark.parametrize(
    ("statement", "question"),
    [
        ("The standard error is the spread of the mean.", "What is the standard error?"),
        ("Outliers are the readings that lie far from the rest.", "What are outliers?"),
        ("A moving average is a filter that replaces readings.", "What is a moving average?"),
        ("The window width determines how much a filter smooths.", "What does the window width determine?"),
        ("Hooke’s law describes a spring.", "What does Hooke’s law describe?"),
        ("The rate depends on the difference.", "What does the rate depend on?"),
        ("It ends at one temperature, which is called thermal equilibrium.", "What is thermal equilibrium?"),
        ("The partial derivatives are called sensitivities.", "What are sensitivities?"),
        ("TIOBE is a company that ranks languages.", "What is TIOBE?"),
        ("Ex on the Beach is a series on television.", "What is Ex on the Beach?"),
        ("Assume a cup contains water.", ""),
        ("Knowing how to program is a skill for life.", ""),
        ("This is the reason for it.", ""),
        ("It is a filter that smooths.", ""),
        ("In this lecture the mean is a number we use.", ""),
        ("What we want is the mean of it.", ""),
        ("If the noise is a nuisance to us, average.", ""),
        ("Averaging helps.", ""),
    ],
)
def test_a_statement_becomes_a_question_it_answers(statement: str, question: str) -> None:
    assert (
        question_about(statement, f"the rate, a moving average, outliers and so on. {statement}") == question
    )


@pytest.mark.parametrize(
    ("heading", "question"),
    [
        ("2.1 The standard error", "Can you explain the standard error?"),
        ("Smoothing a signal", "Can you explain smoothing a signal?"),
        ("How to choose a window", "How do you choose a window?"),
        ("Why do we repeat a measurement?", "Why do we repeat a measurement?"),
        ("While loop", "Can you explain “While loop”?"),
        ("Sampling comes first", ""),
        ("Outlier tests", "Can you explain outlier tests?"),
        ("Choose a window", ""),
        ("Summary", ""),
        ("Exercises 3", ""),
        ("$x^2$", ""),
    ],
)
def test_a_heading_becomes_a_question(heading: str, question: str) -> None:
    assert question_on(heading, "what an outlier is. smoothing. the window of a while loop") == question


def read(course: Course, text: str, **fields: object) -> Material:
    """A material with one passage a sentence pair, as reading it would make."""
    material = make.material(course, text, **fields)
    spans = sentences(text)
    passage = make.passage(material, text, vector=pack(embed([text])[0]))
    Proposition.objects.bulk_create(
        Proposition(
            passage=passage, ordinal=i, text=text[a:b], start=a, end=b, vector=pack(embed([text[a:b]])[0])
        )
        for i, (a, b) in enumerate(spans)
    )
    course.touch_index()
    course.refresh_from_db()
    return material


@pytest.mark.model
@pytest.mark.django_db
def test_starters_are_answered_varied_and_kept_until_the_material_changes() -> None:
    course = make.course()
    student = make.enrol(course)
    read(course, TEXT)
    read(
        course,
        "Thermal equilibrium is the state in which no heat flows. Heat is the energy on its way from hot to cold.",
    )
    assert is_outdated(course)
    assert refresh_outdated() == 1
    assert refresh_outdated() == 0
    offered = starters_for(course, student, as_student=False)
    assert 2 <= len(offered) <= 5
    assert len({starter.passage.material_id for starter in offered}) == 2
    course.touch_index()
    assert refresh_outdated() == 1


@pytest.mark.model
@pytest.mark.django_db
def test_what_students_may_not_read_is_not_asked_about() -> None:
    course = make.course()
    student = make.enrol(course)
    read(course, TEXT, answer_key=True)
    assert make_starters(course) == 0
    Material.objects.update(answer_key=False)
    assert make_starters(course) > 0
    Material.objects.update(hidden=True)
    assert starters_for(course, student, as_student=False) == []


@pytest.mark.model
@pytest.mark.django_db
def test_what_staff_pinned_is_offered_first() -> None:
    course = make.course()
    read(course, TEXT)
    material = publish_answer(
        course, "May we use a calculator in the exam?", "Yes, any that cannot send or receive.", None
    )
    passage = Passage.objects.get(material=material)
    Passage.objects.filter(pk=passage.pk).update(vector=pack(embed([passage.text])[0]))
    course.touch_index()
    course.refresh_from_db()
    make_starters(course)
    assert course.starters.all()[0].question == "May we use a calculator in the exam?"
