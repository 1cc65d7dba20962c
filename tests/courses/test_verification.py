"""The verifier: verbatim quotes, what speaks against a claim, and the promise it makes on labelled claims."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from bench.claims import MORE, half
from courses.verification import verify, verify_all
from courses.verification.evidence import NAMES, align, features, parts
from courses.verification.model import model
from courses.verification.quotes import (
    FABRICATED,
    MISATTRIBUTED,
    STITCHED,
    check_quote,
    find_quote,
)
from courses.verification.words import number_key, relation, words

TUPLES = (
    "Tuples are ordered and allow duplicates, like lists. A tuple cannot be modified after creation. "
    "Tuples are immutable, whereas lists are mutable. A tuple of 3 elements has the indexes 0, 1 and 2."
)
LOOPS = "A break statement ends the loop. A continue statement skips the rest of one iteration."


def test_a_quote_is_found_whatever_its_spacing_case_and_quote_marks() -> None:
    text = "He said:\n“A  tuple\ncannot be modified” – and left."
    found = find_quote('"a tuple cannot be modified"', text)
    assert found is not None
    assert found.whole
    assert text[found.start : found.end] == "A  tuple\ncannot be modified"


def test_a_quote_with_one_word_changed_is_found_as_nearly_there() -> None:
    text = "The mean of a sample is the sum of its values divided by the number of its values."
    found = find_quote(
        "the mean of the sample is the sum of its values divided by the number of its values", text
    )
    assert found is not None
    assert not found.whole
    assert found.ratio >= 0.9


def test_words_that_stand_apart_are_no_quote() -> None:
    assert find_quote("lists are immutable", TUPLES) is None


def test_quotes_that_do_not_hold_are_named_by_their_fault() -> None:
    passages = [TUPLES, LOOPS]
    assert check_quote("A break statement ends the loop.", passages, cited=1).error == ""
    assert check_quote("A break statement ends the loop.", passages, cited=0).error == MISATTRIBUTED
    assert check_quote("Tuples are ordered ... ends the loop", passages, cited=0).error == STITCHED
    assert (
        check_quote("Tuples are ordered and allow statement ends the loop", passages, cited=0).error
        == STITCHED
    )
    assert check_quote("Sets are unordered collections.", passages, cited=0).error == FABRICATED


@pytest.mark.parametrize(
    ("one", "other"),
    [("three", "3"), ("1,000", "1000.0"), ("two hundred", "200"), ("third", "3rd"), ("5 million", "5000000")],
)
def test_numbers_are_the_same_however_they_are_written(one: str, other: str) -> None:
    assert [word.key for word in words(one)] == [word.key for word in words(other)]


def test_a_percentage_is_not_its_bare_number() -> None:
    assert number_key("50%") != number_key("50")


@pytest.mark.parametrize(
    ("one", "other"), [("mutable", "immutable"), ("first", "last"), ("valid", "invalid")]
)
def test_opposites_are_told_from_equals(one: str, other: str) -> None:
    assert relation(one, other).opposite
    assert relation(one, other).strength == 0


def test_equals_are_near() -> None:
    assert relation("buys", "purchase").strength >= 0.8
    assert relation("modified", "change").strength >= 0.8


def test_negation_reaches_to_the_end_of_its_clause() -> None:
    negated = {
        word.lower for word in words("A tuple cannot be modified, but a list can be changed.") if word.negated
    }
    assert "modified" in negated
    assert "changed" not in negated


def test_a_claim_is_cut_where_it_says_something_of_its_own() -> None:
    assert len(parts("Tuples are immutable and use less memory, whereas lists can be changed.")) == 3
    assert len(parts("Tuples are immutable.")) == 1


def test_code_is_compared_letter_by_letter() -> None:
    claim, window = words("`my_list[3]` uses print()"), words("`my_list[2]` uses print()")
    found = {word.text: match for word, match in zip(claim, align(claim, window), strict=True) if match}
    assert found["my_list"].strength == 1.0
    assert found["3"].strength == 0.0


def test_every_feature_has_its_name() -> None:
    row = features(words("Tuples are immutable."), words(TUPLES), frozenset(), (0.5, 0.5, 0.5))
    assert len(row) == len(NAMES) == len(model().names)


def test_claims_written_to_fit_with_are_of_no_module_that_is_measured() -> None:
    groups = [json.loads(line)["module"] for line in MORE.read_text(encoding="utf-8").splitlines()]
    assert {half(group) for group in groups} == {"fit"}


@pytest.mark.model
def test_a_sentence_of_the_passage_is_supported_by_itself() -> None:
    found = verify("A tuple cannot be modified after creation.", [LOOPS, TUPLES])
    assert found.verdict == "supported"
    assert [(quote.passage, quote.text) for quote in found.quotes] == [
        (1, "A tuple cannot be modified after creation")
    ]
    assert TUPLES[found.quotes[0].start : found.quotes[0].end] == found.quotes[0].text


@pytest.mark.model
@pytest.mark.parametrize(
    "claim",
    [
        "A tuple can be modified after creation.",
        "Tuples are mutable, whereas lists are immutable.",
        "A tuple of 3 elements has the indexes 1, 2 and 3.",
        "Tuples are ordered and are stored in the processor's cache.",
        "A continue statement ends the loop.",
        "Sets hold no duplicates.",
        "",
        "???",
    ],
)
def test_what_the_passages_do_not_say_is_not_supported(claim: str) -> None:
    assert verify(claim, [TUPLES, LOOPS]).verdict != "supported"


@pytest.mark.model
def test_nothing_is_supported_by_nothing() -> None:
    assert verify("Tuples are immutable.", []).verdict == "unsupported"
    assert verify("Tuples are immutable.", ["", "  "]).verdict == "unsupported"


@pytest.mark.model
def test_claims_checked_together_come_out_as_one_by_one() -> None:
    claims = ["Tuples are immutable.", "A break statement ends the loop.", "Lists are sorted."]
    assert verify_all(claims, [TUPLES, LOOPS]) == [verify(claim, [TUPLES, LOOPS]) for claim in claims]


@pytest.mark.model
def test_the_command_prints_a_verdict_a_claim(tmp_path: Path) -> None:
    file = tmp_path / "claims.jsonl"
    file.write_text(
        json.dumps({"id": "a", "claim": "Tuples are immutable.", "passages": [TUPLES]})
        + "\n\n"
        + json.dumps({"id": 2, "claim": "Tuples are made of wood.", "passages": [TUPLES]}),
        encoding="utf-8",
    )
    out = io.StringIO()
    call_command("verify", claims=file, stdout=out)
    first, second = (json.loads(line) for line in out.getvalue().splitlines())
    assert list(first) == ["id", "verdict", "score", "quotes"]
    assert (first["id"], first["verdict"]) == ("a", "supported")
    assert (second["id"], second["verdict"]) == (2, "unsupported")
    assert 0 <= second["score"] < first["score"] <= 1


def test_the_command_names_the_line_it_cannot_read(tmp_path: Path) -> None:
    file = tmp_path / "claims.jsonl"
    file.write_text('{"id": 1, "claim": "x", "passages": []}\n{"id": 2, "claim": "x"}\n', encoding="utf-8")
    with pytest.raises(CommandError, match="Line 2"):
        call_command("verify", claims=file)
