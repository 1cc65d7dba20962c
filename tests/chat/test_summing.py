"""Summaries: which material is meant, and what is said of it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.utils import timezone

from courses.ingestion import ingest
from courses.models import Course, Material, Passage
from tests import make
from tutor.chat import finding, summing
from tutor.llm.models import Endpoint

FIRST = """# Tuples

A tuple is a sequence of values that cannot be modified after it was created. Tuples use less memory than lists because they
have a fixed size. For example, the tuple (1, 2) has two values.

# Lists

A list grows and shrinks while the program runs. Adding a value at the end of a list takes the same time however long the
list is.
"""
SECOND = """# Dictionaries

A dictionary maps keys to values. The keys of a dictionary have to be hashable, so a list cannot be a key of a dictionary.
"""


def read_in(course: Course, title: str, text: str, **fields: Any) -> Material:
    row = make.material(course, title=title, filename="notes.md", **fields)
    row.file.save("notes.md", ContentFile(text.encode()))
    ingest(row)
    return row


@pytest.fixture
def course() -> Course:
    course = make.course("Containers")
    read_in(course, "Lecture 1: Sequences", FIRST)
    read_in(course, "Lecture 2: Mappings", SECOND)
    return course


def look(course: Course, question: str) -> finding.Found:
    endpoint = Endpoint(name="none", base_url="http://127.0.0.1:1/v1", model="m")
    return finding.look(
        finding.Request(course, None, question, [], endpoint, Passage.objects.for_agent(course)), question
    )


@pytest.mark.model
@pytest.mark.django_db
@pytest.mark.parametrize(
    "question",
    [
        "Summarise lecture 1",
        "can you give me a short summary of the first lecture?",
        "What is lecture one about?",
        "What are the main points of the lecture on sequences?",
        "Please sum up lecture 1 in two sentences.",
    ],
)
def test_a_lecture_is_summed_up_in_its_own_words_and_order(course: Course, question: str) -> None:
    found = look(course, question)
    said = [one.source for one in found.statements]
    assert found.answers
    assert all(one.passage.material.title == "Lecture 1: Sequences" for one in found.statements)
    assert any("tuple is a sequence" in text for text in said)
    assert any(text.startswith(("A list grows", "Adding a value")) for text in said)
    places = [one.passage.start + one.start for one in found.statements]
    assert places == sorted(places)
    assert all(one.source == one.passage.text[one.start : one.end] for one in found.statements)
    assert {one.passage.pk for one in found.statements} == {hit.passage.pk for hit in found.hits}


@pytest.mark.model
@pytest.mark.django_db
@pytest.mark.parametrize(
    "question",
    ["Summarise lecture 3", "Summarise the lectures", "What is a tuple?", "What is a dictionary about?"],
)
def test_where_no_material_of_its_own_is_named_the_question_is_an_ordinary_one(
    course: Course, question: str
) -> None:
    assert summing.named(question, Passage.objects.for_agent(course)) == []


@pytest.mark.model
@pytest.mark.django_db
def test_what_is_not_released_is_not_summed_up(course: Course) -> None:
    later = timezone.now() + timedelta(days=1)
    Material.objects.filter(title__startswith="Lecture 2").update(release_at=later)
    assert summing.named("Summarise lecture 2", Passage.objects.for_agent(course)) == []


@pytest.mark.model
@pytest.mark.django_db
def test_a_thing_is_summed_up_by_what_it_is(course: Course) -> None:
    found = look(course, "Summarise dictionaries")
    assert found.statements[0].source.startswith("A dictionary maps keys to values")
