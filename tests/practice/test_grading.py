"""Grading: exact where it must be, kind to spelling, never to numbers and negations, and silent on what is no answer."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from courses.models import Passage
from tests import make
from tutor.llm import embeddings
from tutor.practice.grading import Refused, attempt, edits, grade, is_typo
from tutor.practice.models import Attempt, Item
from tutor.practice.quantities import quantities

EXPLANATIONS = Path(__file__).parent.parent / "data" / "explanations.jsonl"


@pytest.fixture
def passage(db: None) -> Passage:
    course = make.course()
    material = make.material(
        course, "The standard error is the standard deviation of the mean. It falls with n."
    )
    return make.passage(material, material.extract.text)


def short(passage: Passage, answer: str, *accepted: str) -> Item:
    for other in ("weighted mean", "median", "standard deviation"):
        passage.course.skills.get_or_create(name=other)
    skill = "breakdown point" if any(part.isdigit() for part in answer) else answer
    return make.item(
        passage,
        skill=skill,
        kind=Item.Kind.SHORT,
        options=[],
        answer=answer,
        accepted=list(accepted),
        prompt="?",
    )


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("50 %", [(50, "%")]),
        ("fifty percent", [(50, "percent")]),
        ("one point four eight", [(1.48, "")]),
        ("one hundred two grams", [(102, "grams")]),
        ("about one hundred and fifty seven measurements", [(157, "")]),
        ("9.8, 10.1 and −0.2 g", [(9.8, ""), (10.1, ""), (-0.2, "g")]),
        ("1,000 of 2000", [(1000, ""), (2000, "")]),
        ("x2 and the first one", [(1, "")]),
    ],
)
def test_numbers_are_read_however_they_are_written(text: str, found: list[tuple[float, str]]) -> None:
    assert [(number.value, number.unit) for number in quantities(text)] == found


@pytest.mark.parametrize(
    ("answer", "response", "outcome"),
    [
        ("standard error", "standard error", "right"),
        ("standard error", "The Standard Errors.", "right"),
        ("standard error", "I think it is the standard error", "right"),
        ("standard error", "standart eror", "right"),
        ("standard error", "se", "right"),
        ("standard error", "error", "partial"),
        ("standard error", "the standard error bar chart", "partial"),
        ("standard error", "not the standard error", "wrong"),
        ("standard error", "standard deviation", "wrong"),
        ("standard error", "standard error or standard deviation", "wrong"),
        ("standard error", "bias", "wrong"),
        ("mean", "weighted mean", "wrong"),
        ("weighted mean", "mean", "partial"),
        ("mean", "mane", "wrong"),
        ("dependent", "independent", "wrong"),
        ("increase", "decrease", "wrong"),
        ("fifty percent", "50 %", "right"),
        ("fifty percent", "0.5", "right"),
        ("fifty percent", "50", "partial"),
        ("fifty percent", "51 %", "wrong"),
        ("fifty percent", "fivty percent", "wrong"),
        ("fifty percent", "half of it", "wrong"),
        ("0.071 g", "71 mg", "right"),
        ("0.071 g", "0.071 kg", "wrong"),
        ("1.48", "one point four eight", "right"),
        ("1.48", "1.49", "wrong"),
        ("1.48", "1.48 or 2", "wrong"),
        ("zero", "0", "right"),
        ("zero", "0 %", "right"),
    ],
)
def test_short_answers(passage: Passage, answer: str, response: str, outcome: str) -> None:
    given = grade(short(passage, answer, *(["SE"] if answer == "standard error" else [])), response)
    assert given.outcome == outcome, given
    assert given.score == {"right": 1, "partial": 0.5, "wrong": 0}[given.outcome]
    assert answer in given.feedback


def test_spelling_is_forgiven_only_where_it_can_be_nothing_else() -> None:
    assert edits("standard", "standrad") == 1
    assert is_typo("varianse", "variance")
    for written, meant in [
        ("man", "mean"),
        ("medium", "median"),
        ("independent", "dependent"),
        ("157", "158"),
    ]:
        assert not is_typo(written, meant)


def test_a_choice_is_its_text_or_its_letter(passage: Passage) -> None:
    item = make.item(passage)
    assert grade(item, item.answer.upper()).outcome == "right"
    assert grade(item, "a)").outcome == "right"
    assert grade(item, item.options[1]).outcome == "wrong"
    with pytest.raises(Refused, match="none of the options"):
        grade(item, "their sum")


@pytest.mark.parametrize("kind", Item.Kind.values)
@pytest.mark.parametrize("response", ["", "  \n", "???", "\0", "…", "x" * 60_000])
def test_what_is_no_answer_is_refused_in_words_and_never_counted(
    passage: Passage, kind: str, response: str
) -> None:
    item, student = make.item(passage, kind=kind), make.user()
    with pytest.raises(Refused) as refusal:
        attempt(item, student, response)
    assert str(refusal.value).endswith((".", "counted."))
    assert not Attempt.objects.exists()


def test_a_retired_item_takes_no_attempts(passage: Passage) -> None:
    item = make.item(passage, state=Item.State.RETIRED)
    with pytest.raises(Refused, match="not asked any more"):
        attempt(item, make.user(), item.answer)


def test_without_an_encoder_an_explanation_waits(passage: Passage, monkeypatch: pytest.MonkeyPatch) -> None:
    item = make.item(passage, kind=Item.Kind.EXPLAIN, options=[], prompt="What is it?", answer=passage.text)

    def down(texts: list[str]) -> None:
        raise embeddings.EmbeddingError("The model host does not answer.")

    monkeypatch.setattr("courses.verification.vectors.embed", down)
    with pytest.raises(Refused, match="nothing was counted"):
        grade(item, "Something the encoder has never seen, such as a zebra in the garden.")


def explanations(name: str) -> tuple[Counter[str], list[str]]:
    """How the judged explanations of a set are graded: agreements, near misses and reversals, with what was missed."""
    found: Counter[str] = Counter()
    missed = []
    for row in map(json.loads, EXPLANATIONS.read_text().splitlines()):
        if row["set"] != name:
            continue
        answer = row["answer"]
        item = Item(
            kind=Item.Kind.EXPLAIN, prompt=row["prompt"], answer=answer, explanation=answer, quote=answer
        )
        outcome = grade(item, row["response"]).outcome
        reversal = {outcome, row["outcome"]} == {"right", "wrong"}
        found["agreed" if outcome == row["outcome"] else "reversed" if reversal else "near"] += 1
        if outcome != row["outcome"]:
            missed.append(f"{row['response']}: {outcome}")
    return found, missed


@pytest.mark.model
@pytest.mark.parametrize(("name", "least", "reversals"), [("fitted", 0.9, 0), ("fresh", 0.7, 2)])
def test_explanations_are_graded_as_a_teacher_did(name: str, least: float, reversals: int) -> None:
    found, missed = explanations(name)
    assert found["agreed"] >= least * found.total(), missed
    assert found["reversed"] <= reversals, missed
