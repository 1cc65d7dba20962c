"""A classmate to teach: it knows what it was told and nothing else, and one sees which explanation did it."""

from __future__ import annotations

import json

import pytest
from django.test import Client
from django.urls import reverse

from courses.models import Course
from tests import make
from tutor.accounts.models import User
from tutor.classrooms import teaching
from tutor.classrooms.models import Objection, Teaching, Trial
from tutor.classrooms.teaching import IRRELEVANT, CannotTeach, answer
from tutor.jobs import State
from tutor.practice import items

pytestmark = pytest.mark.model

MEAN = (
    "You add up all readings and divide by how many there are: their sum divided by their number is the mean."
)
MEDIAN = "To get the median you sort the readings, and the median is the middle one."
WRONG = "The mean of some readings is simply the largest one of the readings."
MEDIAN_ITEM = {
    "prompt": "What is the median of some readings?",
    "options": ["Their sum divided by their number", "The middle one", "The largest one"],
    "answer": "The middle one",
    "skill": "The median",
    "explanation": "The median is the middle reading.",
    "quote": "The median is the middle reading.",
}


def taught(*explanations: str, queued: bool = False) -> Teaching:
    """A student's teaching on the factory's lesson, tested, with an item on the mean and one on the median."""
    course = make.course()
    student = make.enrol(course)
    lesson = make.lesson(course)
    page = lesson.pages.get(ordinal=2)
    found = page.passages.get()
    make.item(found, start=found.start, end=found.start + 33, **MEDIAN_ITEM)
    row = teaching.begin(lesson, page.section, student)
    for text in explanations:
        teaching.explain(row, text)
    teaching.ask_for_test(row)
    if queued:
        Teaching.objects.filter(pk=row.pk).update(state=State.QUEUED)
    teaching.examine(row)
    row.refresh_from_db()
    return row


def responses(row: Teaching, condition: str) -> dict[str, str]:
    found = row.trials.filter(condition=condition, item__prompt__contains="some readings")
    return {trial.item.skill.name: trial.response for trial in found.select_related("item__skill")}


@pytest.mark.django_db
def test_it_answers_from_what_it_was_told_and_says_when_it_does_not_know() -> None:
    row = taught(MEAN, "By the way, " + IRRELEVANT[0])
    assert row.state == State.DONE, row.error
    assert responses(row, "taught") == {"The mean": "Their sum divided by their number", "The median": ""}
    assert set(responses(row, "untaught").values()) == {""}
    assert set(responses(row, "irrelevant").values()) == {""}
    helped = {result.item.skill.name: result.helped for result in teaching.result(row)}
    assert helped["The mean"] == [1]


@pytest.mark.django_db
def test_it_believes_what_is_wrong_and_the_student_is_shown_the_material_afterwards() -> None:
    row = taught(WRONG, MEDIAN)
    assert responses(row, "taught") == {"The mean": "The largest one", "The median": "The middle one"}
    objection = Objection.objects.filter(explanation__teaching=row).first()
    assert objection is not None
    assert objection.sentence == WRONG
    assert objection.passage is not None
    assert objection.quote in objection.passage.text
    assert objection.passage.material.extract.text[objection.start : objection.end] == objection.quote


@pytest.mark.django_db
def test_questions_without_options_are_answered_from_the_explanations_too() -> None:
    course = make.course()
    lesson = make.lesson(course)
    found = lesson.pages.get(ordinal=2).passages.get()
    explain = make.item(
        found,
        kind="explain",
        prompt="Explain in your own words: what is the mean?",
        options=[],
        answer="The mean of the readings is their sum divided by their number.",
    )
    short = make.item(
        found,
        kind="short",
        prompt="What is the term for the middle reading?",
        options=[],
        answer="median",
        skill="median",
    )
    others = ["mean", "variance"]
    for item, right in ((explain, MEAN), (short, MEDIAN)):
        assert teaching.respond(item, [right], others)[1], item
        assert not teaching.respond(item, [], others)[1]
        assert not teaching.respond(item, IRRELEVANT, others)[1]


@pytest.mark.django_db
def test_a_second_test_takes_the_place_of_the_first() -> None:
    row = taught(MEDIAN)
    before = row.trials.count()
    teaching.explain(row, MEAN)
    teaching.ask_for_test(row)
    teaching.examine(Teaching.objects.get(pk=row.pk))
    assert row.trials.count() == before
    assert responses(row, "taught")["The mean"] == "Their sum divided by their number"


def test_on_questions_kept_aside_it_knows_little_untaught_and_much_when_taught() -> None:
    from bench.teaching import ROWS, conditions

    rows = [json.loads(line) for line in ROWS.read_text(encoding="utf-8").splitlines()]
    right: dict[str, list[bool]] = {}
    for row in rows:
        if row["half"] == "held":
            for condition, told in conditions(row, rows).items():
                said = answer(row["prompt"], row["options"], told).response
                right.setdefault(condition, []).append(said == row["answer"])
    share = {condition: sum(outcomes) / len(outcomes) for condition, outcomes in right.items()}
    assert share["untaught"] == share["after irrelevant text"] == share["taught something false"] == 0
    assert share["taught"] >= 0.75


@pytest.mark.django_db
def test_what_cannot_be_taught_is_refused_in_words() -> None:
    course = make.course()
    lesson = make.lesson(course)
    assert teaching.sections(lesson) == []
    make.item(lesson.pages.get(ordinal=2).passages.get(), **MEDIAN_ITEM)
    assert teaching.sections(lesson) == [(["Mean and median"], 2), ([], 2)]
    row = teaching.begin(lesson, ["Mean and median"], make.enrol(course))
    with pytest.raises(CannotTeach, match="Choose a section"):
        teaching.begin(row.lesson, ["Elsewhere"], row.user)
    with pytest.raises(CannotTeach, match="knows nothing yet"):
        teaching.ask_for_test(row)
    with pytest.raises(CannotTeach, match="Split it"):
        teaching.explain(row, "word " * 12_000)
    with pytest.raises(CannotTeach, match="Write an explanation"):
        teaching.explain(row, " … ")
    for _ in range(teaching.MOST):
        teaching.explain(row, MEAN)
    with pytest.raises(CannotTeach, match="enough"):
        teaching.explain(row, MEAN)


@pytest.mark.django_db
def test_a_section_without_questions_fails_with_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(teaching, "ask_for_test", lambda row: row.course.items.update(state="retired"))
    monkeypatch.setattr(items, "make", lambda *given: [])
    row = taught(MEAN, queued=True)
    assert row.state == State.FAILED
    assert "not enough questions" in row.error


def seat(client: Client) -> tuple[Course, User]:
    course = make.course()
    student = make.enrol(course)
    client.force_login(student)
    return course, student


@pytest.mark.django_db
def test_from_choosing_a_section_to_the_result(
    client: Client, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: object
) -> None:
    course, _ = seat(client)
    lesson = make.lesson(course)
    make.item(lesson.pages.get(ordinal=2).passages.get(), **MEDIAN_ITEM)
    monkeypatch.setattr(Teaching, "enqueue", teaching.examine)
    here = reverse("classrooms:classmates", args=[course.slug])
    assert "Mean and median" in client.get(here).content.decode()
    begun = client.post(here, {"lesson": lesson.uuid, "section": json.dumps(["Mean and median"])})
    page = begun.headers["Location"]
    client.post(f"{page}explain/", {"text": MEAN + " <script>"})
    shown = client.get(page).content.decode()
    assert "&lt;script&gt;" in shown
    assert "<script>" not in shown.replace("<script ", "")
    with django_capture_on_commit_callbacks(execute=True):  # type: ignore[operator]
        client.post(f"{page}test/")
    shown = client.get(page).content.decode()
    assert "After your explanations" in shown
    assert "I don’t know yet" in shown
    assert "data-live" not in shown


@pytest.mark.django_db
def test_nobody_else_sees_what_a_student_taught(client: Client) -> None:
    row = taught(MEAN)
    classmate = make.enrol(row.course)
    client.force_login(classmate)
    assert client.get(row.get_absolute_url()).status_code == 404
    assert client.post(f"{row.get_absolute_url()}explain/", {"text": "x"}).status_code == 404
    assert (
        row.topic
        not in client.get(reverse("classrooms:classmates", args=[row.course.slug]))
        .content.decode()
        .split("What you taught")[1:]
    )
    assert Trial.objects.filter(teaching=row).exists()
