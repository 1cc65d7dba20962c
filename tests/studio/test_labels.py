"""Labels of answers by the rule, the banks that questions come from, and agreement."""

from __future__ import annotations

import json

import pytest

from tutor.studio import banks
from tutor.studio.agreement import agreement, kappa
from tutor.studio.labelling import labelled, measured, rule


@pytest.mark.model
def test_what_the_pages_say_of_the_rule_is_what_it_does_on_the_pairs_kept_aside() -> None:
    rows = labelled("held")
    assert len(labelled()) > len(rows) >= 60
    assert {row.question for row in rows}.isdisjoint(row.question for row in labelled("tune"))
    found = agreement(
        [row.label for row in rows], [str(rule(row.question, row.reference, row.text)) for row in rows]
    )
    said = measured()
    assert found["pairs"] == said["pairs"]
    assert found["kappa"] == pytest.approx(said["kappa"], abs=0.05)  # embeddings differ a little by machine
    assert said["low"] > 0.2


@pytest.mark.model
@pytest.mark.parametrize(
    ("reference", "text", "label"),
    [
        ("2*x", "The derivative is 2x.", "correct"),
        ("2*x", "x**2", "incorrect"),
        ("3/4", "75 %", "correct"),
        ("In 1945.", "After the war.", "incorrect"),
        ("8 minutes", "8 seconds", "incorrect"),
        ("No, it is an insulator.", "No.", "correct"),
        ("No, it is an insulator.", "Yes, it is.", "incorrect"),
        ("The middle reading.", "", "incorrect"),
    ],
)
def test_values_are_compared_as_values(reference: str, text: str, label: str) -> None:
    assert rule("What is it?", reference, text) == label


@pytest.mark.model
@pytest.mark.parametrize("text", ["9**9**9**9", "__import__('os')", "x.__class__", "1" * 60, "(((((("])
def test_nothing_that_a_model_writes_is_run_as_a_program(text: str) -> None:
    assert rule("What is 2 + 2?", "4", text) == "incorrect"
    assert rule("What is it?", text, "4") in ("incorrect", "partial")


def test_a_bank_has_parts_options_and_explanations_in_either_form() -> None:
    line = {
        "question": "A list.",
        "parts": [{"question": "Mutable?", "answer": "Yes.", "explanation": "It is."}],
    }
    choice = {"question": "Which?", "answer": "b", "options": ["a", "b"]}
    asked = banks.questions("\n".join(map(json.dumps, (line, choice))).encode(), "bank.jsonl")
    assert [(one.whole, one.exercise, one.explanation) for one in asked] == [
        ("A list.\nMutable?", "1", "It is."),
        ("Which?", "", ""),
    ]
    assert asked[1].options == ["a", "b"]
    table = b"exercise,question,answer,options\n1,Mutable?,Yes.,\n1,Ordered?,Yes.,\n,Which?,b,a|b\n"
    assert [(one.exercise, one.options) for one in banks.questions(table, "bank.csv")] == [
        ("1", []),
        ("1", []),
        ("", ["a", "b"]),
    ]


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("bank.csv", b"", "empty"),
        ("bank.jsonl", b"{", "Row 1 of bank.jsonl is not JSON"),
        ("bank.jsonl", b'{"question": "Why?"}', "no answer"),
        ("bank.jsonl", b'{"question": "Why?", "parts": 3}', "parts"),
        ("bank.csv", b"question,answer,options\nWhich?,c,a|b\n", "the answer one of them"),
        ("bank.csv", b"question,answer\n", "holds no questions"),
    ],
)
def test_a_bank_that_cannot_be_used_says_why(name: str, data: bytes, said: str) -> None:
    with pytest.raises(banks.Unreadable, match=said):
        banks.questions(data, name)


def test_kappa_counts_what_chance_would_have_brought() -> None:
    assert kappa(["a", "b"] * 10, ["a", "b"] * 10) == 1
    assert kappa(["a", "a", "b", "b"], ["a", "b", "a", "b"]) == 0
    assert kappa(["a"] * 4, ["a"] * 4) is None
    found = agreement(["a", "b", "c", "a"] * 10, ["a", "b", "c", "b"] * 10)
    assert found["same"] == 0.75
    assert found["low"] < found["kappa"] < found["high"]
    assert agreement(["a"], ["a"])["kappa"] is None
