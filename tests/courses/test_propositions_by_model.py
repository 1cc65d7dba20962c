"""Propositions written by a capable endpoint: what its claims have to pass, and what happens when it fails."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.files.base import ContentFile

from courses import tasks
from courses.ingestion import ingest
from courses.models import Material, Proposition
from courses.propositions_by_model import GIVE_UP
from tests import make
from tests.llm.scripted import Answer, Scripted
from tutor.llm.models import Endpoint, Usage

pytestmark = [pytest.mark.django_db, pytest.mark.model]

SENTENCE = "Copper conducts heat well, and dry wood conducts heat badly."  # which the rules leave whole
GOOD = ["Copper conducts heat well.", "Dry wood conducts heat badly."]
BAD = [
    "Copper conducts heat badly.",
    "Dry wood does not conduct heat.",
    "Elephants hear infrasound over many kilometres.",
]
FILLER = [
    f"A rod of length {n} is warmed at one end until its temperature is {n * 10} degrees, and a plate of area {n * 7} is "
    f"cooled by water from spring number {n}."
    for n in range(2, 50)
]
NOTES = "# Waves\n\n" + SENTENCE + "\n\n# Heat\n\n" + " ".join(FILLER)


@pytest.fixture
def server(settings: Any) -> Iterator[Scripted]:
    with Scripted() as running:
        settings.LLM_BASE_URL, settings.LLM_MODEL, settings.LLM_CAPABLE = running.url, "scripted", True
        yield running


def written(*claims: str, number: int = 0) -> str:
    return json.dumps({"sentences": [{"number": number, "propositions": list(claims)}]})


def material() -> Material:
    """A material that was read, each section a passage, with the rules' propositions."""
    row = Material(course=make.course(), title="notes", filename="notes.md")
    row.file.save("notes.md", ContentFile(NOTES.encode()), save=False)
    row.save()
    ingest(row)
    row.refresh_from_db()
    assert row.state == Material.State.DONE
    return row


def refine(row: Material) -> None:
    """What the worker does after reading, to the end."""
    while not row.refined:
        tasks.refine_material(row.pk)
        row.refresh_from_db()


def claims_about(row: Material, word: str) -> list[str]:
    found = Proposition.objects.filter(passage__material=row, text__icontains=word).order_by("pk")
    return list(found.values_list("text", flat=True))


@pytest.fixture(autouse=True)
def no_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    """The next slice is asked for by `refine` itself."""
    monkeypatch.setattr(tasks.refine_material, "delay", lambda pk: None)


def test_only_what_the_passage_supports_is_kept(server: Scripted) -> None:
    row = material()
    before = claims_about(row, "rod of length 30")
    server.script(Answer(written(*GOOD, *BAD, "\x00 ", GOOD[0]), when="Copper"), Answer(written()))
    refine(row)
    first = row.passages.get(text__contains="Copper")
    kept = [one for one in first.propositions.order_by("pk") if first.text[one.start : one.end] == SENTENCE]
    assert [one.text for one in kept] == GOOD
    assert all(one.vector for one in kept)
    assert not claims_about(row, "elephants")
    assert before
    assert (
        claims_about(row, "rod of length 30") == before
    )  # the model wrote nothing about it: the rules' own stand
    used = Usage.objects.filter(purpose="propositions", course_id=row.course_id)
    assert used.count() == len(server.requests()) == row.passages.count()
    assert all(one.prompt_tokens > 0 and one.completion_tokens > 0 for one in used)


@pytest.mark.parametrize(
    "answer",
    [
        Answer("Here are your propositions: the sound is fast."),
        Answer('{"sentences": [{"number": "one", "propositions": "all"}]}'),
        Answer('{"sentences": [{"number": 99, "propositions": ["Light is heavy."]}]}'),
        Answer(written("Something else entirely.", "")),
        Answer(status=500, error="out of memory"),
        Answer(status=401, error="no such key"),
        Answer(die_after=2),
    ],
    ids=["prose", "shape", "number", "unsupported", "fails", "key", "dies"],
)
def test_where_the_endpoint_fails_the_rules_stand(server: Scripted, answer: Answer) -> None:
    server.script(answer)
    row = material()
    before = list(Proposition.objects.filter(passage__material=row).order_by("pk").values_list("text"))
    refine(row)
    assert (
        list(Proposition.objects.filter(passage__material=row).order_by("pk").values_list("text")) == before
    )
    assert row.refined
    assert row.state == Material.State.DONE


def test_one_malformed_answer_does_not_end_it_and_its_tokens_are_booked(server: Scripted) -> None:
    row = material()
    assert row.passages.count() >= 2
    server.script(Answer("no JSON"), Answer("still none"), Answer(written()))
    refine(row)
    assert len(server.requests()) == row.passages.count() + 1  # the first was asked twice
    used = list(Usage.objects.filter(purpose="propositions").order_by("pk"))
    assert len(used) == row.passages.count()
    assert used[0].completion_tokens == 4


def test_it_gives_up_after_some_answers_that_were_none(server: Scripted) -> None:
    row = material()
    assert row.passages.count() > GIVE_UP
    server.script(Answer("no JSON"))
    refine(row)
    assert len(server.requests()) == 2 * GIVE_UP


def test_a_course_whose_endpoint_was_switched_off_asks_it_nothing(server: Scripted, settings: Any) -> None:
    settings.LLM_BASE_URL = ""
    row = material()
    off = server.endpoint(capable=True, enabled=False)
    off.save()
    row.course.endpoint = off
    row.course.save()
    refine(Material.objects.get(pk=row.pk))
    assert server.requests() == []
    assert Endpoint.objects.default().embedded
