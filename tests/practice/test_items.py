"""Items made without a language model: grounded word for word, in good English, with one right answer."""

from __future__ import annotations

import re

import pytest

from courses.models import Course, Material, Passage, Proposition
from courses.propositions import segment
from courses.verification import SUPPORTED, verify
from tests import make
from tutor.practice import items
from tutor.practice.grading import grade
from tutor.practice.models import Item
from tutor.practice.statements import cut_up, term_of

# What the demo course says, in its own words, in the order of its lectures.
PASSAGES = (
    "The mean is the number that makes the sum of squared deviations smallest. The deviations from the mean always add "
    "up to zero. The sample variance measures how far single readings lie from their mean. The mean is 10.0 g.",
    "The standard error is the standard deviation of the mean. The standard deviation describes one reading. The standard "
    "error describes the mean of n readings. It falls as more readings are taken.",
    "For white noise, the moving average divides the noise variance by its length. A moving average of 19 samples "
    "corresponds to a smoothing factor of 0.1. The rule rests on this. Exponential smoothing keeps only one number, the "
    "last output. White noise has no memory. The sample variance does not tell white noise from any other.",
    "An outlier is a measurement that does not come from the process we think we are measuring. The mean has a breakdown "
    "point of zero. The median has a breakdown point of fifty percent.",
    "The median resists bad measurements up to half of them. A median filter is a filter that replaces each sample by the "
    "median of its neighbours.",
)


def read(course: Course, text: str, **fields: object) -> Passage:
    """A passage with its propositions, as reading makes them."""
    passage = make.passage(make.material(course, text, **fields), text)
    for sentence in segment(text):
        for claim in sentence.propositions:
            ordinal = passage.propositions.count()
            Proposition.objects.create(
                passage=passage, ordinal=ordinal, text=claim, start=sentence.start, end=sentence.end
            )
    course.touch_index()
    return passage


@pytest.fixture
def course(db: None) -> Course:
    course = make.course()
    for text in PASSAGES:
        read(course, text)
    return course


def made(course: Course, limit: int = 50) -> list[Item]:
    return items.make(course, list(course.passages.order_by("pk")), limit)


@pytest.mark.model
def test_every_item_rests_on_words_of_its_passage_and_has_one_right_answer(course: Course) -> None:
    found = made(course)
    # programs are not made of text
    assert {item.kind for item in found} == set(Item.Kind.values) - {Item.Kind.CODE}
    assert len(found) >= 8
    assert len({item.prompt for item in found}) == len(found)
    for item in found:
        assert item.passage is not None
        assert item.material is not None
        assert item.state == Item.State.READY
        assert item.material.extract.text[item.start : item.end] == item.quote
        assert verify(item.explanation, [item.passage.text]).verdict == SUPPORTED
        assert grade(item, item.answer).outcome == "right", item.prompt
        assert item.prompt.endswith(("?", "”"))
        assert not re.search(
            r"\b(this|these (?!\w+s\b)|10\.0 g|the rule)\b", item.prompt.replace("of these", "")
        )
        assert item.skill.passages.filter(pk=item.passage.pk).exists()
        if item.kind == Item.Kind.CHOICE:
            assert 3 <= len(item.options) <= 4
            assert len(set(item.options)) == len(item.options)
            for option in item.options:
                expected = "right" if option == item.answer else "wrong"
                assert grade(item, option).outcome == expected
                assert option.lower() not in item.prompt.lower()
        if item.kind == Item.Kind.SHORT:
            assert not re.search(rf"\b{re.escape(item.answer)}\b", item.prompt, re.IGNORECASE)


@pytest.mark.model
def test_the_questions_are_such_as_a_teacher_asks(course: Course) -> None:
    prompts = {item.prompt: item for item in made(course)}
    assert prompts["What breakdown point does the median have?"].answer == "fifty percent"
    gap = "Which number belongs in the gap? “A moving average of 19 samples corresponds to a smoothing factor of ____.”"
    assert prompts[gap].answer == "0.1"
    noise = prompts["For white noise, which of these divides the noise variance by its length?"]
    assert noise.answer == "the moving average"
    term = "What is the term for a measurement that does not come from the process we think we are measuring?"
    assert prompts[term].answer == "outlier"
    assert "Explain in your own words: what is an outlier?" in prompts


@pytest.mark.model
def test_making_them_again_gives_the_same_and_never_what_was_retired(course: Course) -> None:
    first = made(course)
    assert [item.pk for item in made(course)] == [item.pk for item in first]
    Item.objects.filter(pk=first[0].pk).update(state=Item.State.RETIRED)
    again = made(course)
    assert first[0].pk not in {item.pk for item in again}
    assert first[0].prompt not in {item.prompt for item in again}
    Item.objects.filter(pk=first[1].pk).update(prompt="In a teacher's own words?")
    assert first[1].pk in {item.pk for item in made(course)}  # not made anew beside it
    assert len(made(course)) == len(first) - 1
    options = [item.options for item in first]
    Item.objects.all().delete()
    assert [item.options for item in made(course)] == options  # the order is not a matter of chance


@pytest.mark.model
def test_a_limit_is_spread_over_the_passages(course: Course) -> None:
    found = made(course, 3)
    assert len(found) == 3
    assert len({item.passage_id for item in found}) == 3


@pytest.mark.model
def test_no_wrong_option_is_right_as_well(course: Course) -> None:
    prompt = "For white noise, which of these divides the noise variance by its length?"
    before = next(item for item in made(course) if item.prompt == prompt)
    other = next(option for option in before.options if option != before.answer)
    Item.objects.all().delete()
    read(course, f"For white noise, {other} divides the noise variance by its length.")
    assert not any(
        {other, before.answer} <= set(item.options) for item in made(course) if item.prompt == prompt
    )


@pytest.mark.model
def test_what_students_may_not_read_gives_neither_items_nor_options(course: Course) -> None:
    hidden = read(course, "The secret estimator is the number that nobody may know yet.", hidden=True)
    assert items.make(course, [hidden], 10) == []
    assert not any("secret" in f"{item.prompt} {item.options}" for item in made(course))
    Material.objects.update(hidden=True)
    assert made(course) == []


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("title", "heading"),
    [("Problem sheet 2", ""), ("Lecture 1", "A worked example"), ("Lecture 1", "Exercises")],
)
def test_nothing_is_asked_about_a_single_case(title: str, heading: str) -> None:
    course = make.course()
    passage = read(course, PASSAGES[3], title=title)
    Passage.objects.filter(pk=passage.pk).update(heading_path=[heading])
    assert made(course) == []


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("claim", "subject"),
    [
        ("The median filter keeps sharp steps sharp.", "the median filter"),
        ("A window of 25 samples leaves one fifth of the noise amplitude.", "a window of 25 samples"),
        ("The moving average of length M replaces each sample.", "the moving average of length M"),
        ("Random errors scatter around zero.", "random errors"),
        ("It does not change while we measure.", None),
        ("This rule has a trap that is called masking.", None),
        ("In our example the deviation is about forty one grams.", None),
        ("The noise amplitude falls by the square root of M.", None),
        ("The weight of a sample is $\\alpha$ times the last.", None),
        ("Wagon wheels turn backwards for the same reason.", None),
    ],
)
def test_only_statements_that_stand_on_their_own_are_taken_apart(claim: str, subject: str | None) -> None:
    passage = make.passage(make.material(make.course(), claim), claim)
    found = cut_up(claim, passage, 0, len(claim), claim)
    assert (found.subject if found else None) == subject


@pytest.mark.django_db
@pytest.mark.parametrize("lead", ["Ex: ", "For example, "])
def test_what_is_said_of_one_case_is_not_asked_of_all(lead: str) -> None:
    claim = "A function uses two parameters to compute the square footage of a room."
    passage = make.passage(make.material(make.course(), lead + claim), lead + claim)
    assert cut_up(claim, passage, 0, len(lead + claim), claim) is None
    assert cut_up(claim, passage, len(lead), len(lead + claim), claim) is not None


@pytest.mark.parametrize(
    ("subject", "term"),
    [
        ("the standard error", "standard error"),
        ("the moving average of length M", "moving average"),
        ("The ten percent trimmed mean", "trimmed mean"),
        ("the standard deviation s", "standard deviation"),
        ("TIOBE", "TIOBE"),
        ("making mistakes", ""),
        ("the longer window", ""),
        ("this reading", ""),
        ("the first one", ""),
        ("", ""),
    ],
)
def test_a_concept_is_named_without_what_limits_it(subject: str, term: str) -> None:
    assert term_of(subject) == term
