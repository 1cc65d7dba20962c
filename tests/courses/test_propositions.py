"""Propositions: atomic, self-contained, true to their sentence; whole where the rules are not sure."""

import json
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from courses.propositions import segment


def claims(text: str) -> list[list[str]]:
    return [sentence.propositions for sentence in segment(text)]


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("A list is mutable, and it can grow.", ["A list is mutable.", "A list can grow."]),
        ("The rod is warm; its ends are cold.", ["The rod is warm.", "The rod’s ends are cold."]),
        ("Rust has traits, enums, and macros.", ["Rust has traits.", "Rust has enums.", "Rust has macros."]),
        ("Lists and tuples are sequences.", ["Lists are sequences.", "Tuples are sequences."]),
        ("The `f()` call takes a list and returns a sum.", ["The `f()` call takes a list.", "The `f()` call returns a sum."]),
        ("A set, which holds no duplicates, is unordered.", ["A set is unordered.", "A set holds no duplicates."]),
        ("The lens bends the light, which is polarised.", ["The lens bends the light.", "The light is polarised."]),
        ("Entropy, a measure of disorder, never decreases.", ["Entropy never decreases.", "Entropy is a measure of disorder."]),
        ("Although tuples are ordered, they cannot be changed.", ["Tuples are ordered.", "Tuples cannot be changed."]),
        ("Copper conducts heat, whereas wood is an insulator.", ["Copper conducts heat.", "Wood is an insulator."]),
        ("However, the sum converges.", ["The sum converges."]),
        ("Mixins promote reuse and can remove duplication.", ["Mixins promote reuse.", "Mixins can remove duplication."]),
        ("In C, a string is mutable and has a length.", ["In C, a string is mutable.", "In C, a string has a length."]),
        ("In 1982, Ada Bell, a chemist, left Rome.", ["In 1982, Ada Bell left Rome.", "Ada Bell was a chemist."]),
        ("Heat: Heat is energy in transit.", ["Heat is energy in transit."]),
        ("Data structure: A list is a data structure.", ["A list is a data structure."]),
        ("We set $a = b, c$, and the sum is $a; b$.", ["We set $a = b, c$.", "The sum is $a; b$."]),
    ],
)  # fmt: skip
def test_a_sentence_is_taken_apart(sentence: str, expected: list[str]) -> None:
    assert claims(sentence) == [expected]


@pytest.mark.parametrize(
    "sentence",
    [
        "If the rod is warm, the sensor reports it and stops the pump.",  # under a condition
        "The loop stops when x is 0 and returns y.",  # whose condition is it?
        "A function that takes a list and returns a sum is pure.",  # two verbs of a relative clause
        "The mixture consists of sand, salt, and water.",  # not true of each
        "Red and green are different colours.",
        "Tuples have a fixed size, so they use less memory.",  # the reason would be lost
        "Programs read and write files.",
        "The value is either a list or a tuple.",
        "The system does not store names and does not send them.",
        "The book focuses on practice through videos, exercises, and links to tools.",  # "links" is a noun
        "The result means that the rod cools, and the ends freeze.",  # reported
        "It is possible to sort a list.",
        "Numbers can be divided, but strings cannot.",
        "The search needs a base case; otherwise, it may not end.",
    ],
)
def test_what_is_not_certain_stays_whole(sentence: str) -> None:
    assert claims(sentence) == [[sentence]]


def test_a_pronoun_is_replaced_where_one_thing_can_be_meant() -> None:
    assert claims("Python is a high-level language. It was released in 1991.")[1] == [
        "Python was released in 1991."
    ]
    assert claims("Grace Hopper wrote compilers. She served in the navy.")[1] == [
        "Grace Hopper served in the navy."
    ]
    assert claims("Alan Turing (1912–1954) wrote proofs. He built machines.")[1] == [
        "Alan Turing built machines."
    ]
    assert claims("The `map()` function applies a rule. This function returns lists.")[1] == [
        "The `map()` function returns lists."
    ]


@pytest.mark.parametrize(
    "text",
    [
        "The rod touches the plate. It is hot.",  # which?
        "Programmers write tests. It helps.",
        "The parser reads a token. This chapter explains grammars.",
        "Is a list mutable? It is.",
    ],
)
def test_a_pronoun_with_two_candidates_stays(text: str) -> None:
    second = text.split(". ", 1)[-1].split("? ")[-1]
    assert claims(text)[1] == [second]


def test_questions_instructions_headings_and_code_claim_nothing() -> None:
    text = "# Loops\n\nWhat is a loop? Write a program that counts words.\n\n```py\nx = 1. Then\n```"
    text += "\n\ny = f(x)\n\nA loop repeats."
    assert claims(text) == [[], [], [], [], [], ["A loop repeats."]]


def test_offsets_are_those_of_the_sentence() -> None:
    text = "- First, the rod cools.\n- Then it is cut; the ends are kept."
    for sentence in segment(text):
        assert text[sentence.start : sentence.end] == sentence.text


def test_the_command_prints_one_object_a_sentence(tmp_path: Path) -> None:
    file = tmp_path / "text.md"
    file.write_text("A list is mutable, and it can grow. What is a set?")
    out = StringIO()
    call_command("propositions", str(file), "--json", stdout=out)
    rows = [json.loads(line) for line in out.getvalue().splitlines()]
    assert rows[0] == {
        "sentence": "A list is mutable, and it can grow.",
        "start": 0,
        "end": 35,
        "propositions": ["A list is mutable.", "A list can grow."],
    }
    assert rows[1]["propositions"] == []


def test_the_command_says_what_is_wrong_with_the_file(tmp_path: Path) -> None:
    file = tmp_path / "binary.dat"
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(CommandError, match="UTF-8"):
        call_command("propositions", str(file))


@pytest.mark.model
def test_the_score_tells_full_propositions_from_lost_ones(tmp_path: Path) -> None:
    from courses.management.commands.propositions import score
    from courses.propositions import Sentence

    text = "The heat equation describes how temperature spreads through a rod over time."
    good = score(text, [Sentence(text, 0, len(text), [text])])
    poor = score(text, [Sentence(text, 0, len(text), ["Bananas are yellow."])])
    assert good["support"] > poor["support"]
    assert good["coverage"] > poor["coverage"]


@pytest.mark.parametrize(
    "sentence", ["Lists are mutable, but tuples are not.", "The team built one in a year; it uses a heap."]
)
def test_a_clause_that_says_nothing_alone_stays_with_the_one_before_it(sentence: str) -> None:
    (found,) = segment(sentence)
    assert found.propositions == [sentence]
