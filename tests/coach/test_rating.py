"""Ratings rest on lines that are quoted word for word; without calibration there is no number."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from coach.evidence import MOST
from coach.features import Stretch
from coach.instruments import InstrumentSpec, built_in, load
from coach.inventory import Inventory, Move
from coach.moves import MOVES
from coach.rating import Rated, rate, segments
from coach.talk import Transcript, Utterance, Voice
from tests.coach.talking import lesson
from tests.coach.test_instruments import OWN

INSTRUMENTS = built_in()
CLASS, MQI = INSTRUMENTS


def rated(inventory: Inventory, spec: InstrumentSpec = CLASS) -> list[dict[str, Rated]]:
    spans = segments(inventory.transcript, spec.unit_minutes)
    rows = rate(inventory.transcript, inventory, spec, spans)
    return [{one.dimension: one for one in row} for row in rows]


def talk(*said: tuple[str, str], moves: dict[int, str] | None = None) -> Inventory:
    """Lines of (“T” or a student's letter, words), with a move at some of them."""
    lines = []
    for number, (who, text) in enumerate(said, 1):
        voice = Voice.TEACHER if who == "T" else Voice.STUDENT
        speaker = "Teacher" if who == "T" else f"Student {who}"
        lines.append(Utterance(number, speaker, voice, text))
    found = [Move(line, name, lines[line - 1].text, 1.0) for line, name in (moves or {}).items()]
    return Inventory(Transcript(tuple(lines)), tuple(found))


def without_times(transcript: Transcript) -> Transcript:
    return Transcript(tuple(replace(one, start=None, end=None) for one in transcript))


def test_a_dimension_that_was_never_calibrated_shows_its_lines_and_no_number() -> None:
    for row in rated(lesson(3, openness=0.7)):
        dialogue = row["instructional_dialogue"]
        assert (dialogue.score, dialogue.low, dialogue.high) == (None, None, None)
        assert dialogue.observable
        assert "not yet calibrated" in dialogue.reason
        assert 1 <= len(dialogue.evidence) <= MOST


def test_a_fit_that_is_not_trusted_gives_no_number_either() -> None:
    inventory = lesson(3, openness=0.7)
    spans = segments(inventory.transcript, 15)
    numbers = {
        "features": ["press_reasoning"], "means": [0.0], "scales": [1.0], "weights": [1.0], "intercept": 4.0,
        "cuts": [1.5, 2.5, 3.5, 4.5, 5.5, 6.5], "below": -1.0, "above": 1.0, "low": 1, "high": 7,
    }  # fmt: skip
    for trusted in (False, True):
        models = {"thinking": {**numbers, "trusted": trusted}}
        rows = rate(inventory.transcript, inventory, CLASS, spans, models)
        thinking = next(one for one in rows[0] if one.dimension == "thinking")
        assert (thinking.score is not None) is trusted


def test_the_evidence_is_the_line_whose_deletion_moves_the_score_most() -> None:
    inventory = talk(
        ("T", "Open your books at page nine, and read the first problem to yourselves, all of you."),
        ("A", "It says that there are nine strips and that each of them is cut into four."),
        ("T", "Why does cutting each of them into four make the number of pieces larger?"),
        ("A", "Because every strip gives four pieces, so it is four for each of the nine."),
        ("T", "Write that down, with a drawing beside it, and then go on to the next one."),
        moves={1: "directing", 3: "press_reasoning", 4: "student_reasoning", 5: "directing"},
    )
    thinking = rated(inventory)[0]["thinking"]
    assert {3, 4} <= {one.line for one in thinking.evidence}
    by_line = {one.line: one.weight for one in thinking.evidence}
    assert by_line[3] > 0
    stretch = Stretch(inventory.transcript, inventory, 1, 5)
    before, after = stretch.value("press_reasoning"), stretch.value("press_reasoning", without=3)
    assert before is not None
    assert after == 0
    assert before > 0


def test_a_line_that_speaks_against_the_dimension_weighs_below_zero() -> None:
    inventory = lesson(5, openness=0.0)
    dialogue = rated(inventory)[0]["instructional_dialogue"]
    leading = {move.line for move in inventory.by_name["funnelling_question"]}
    assert any(one.line in leading and one.weight < 0 for one in dialogue.evidence)


def test_of_a_long_line_the_sentence_that_matters_is_quoted() -> None:
    long = "We were at page nine. " * 20 + "Why must the sum be even? " + "Now let us see. " * 20
    inventory = talk(("T", long), ("A", "Because two odd numbers always make an even one."))
    inventory = Inventory(
        inventory.transcript, (Move(1, "press_reasoning", "Why must the sum be even?", 1.0),)
    )
    thinking = rated(inventory)[0]["thinking"]
    assert "Why must the sum be even?" in [one.quote for one in thinking.evidence]


def test_a_stretch_with_nothing_of_a_dimension_is_not_observable_and_says_why() -> None:
    no_errors = rated(lesson(1, openness=1.0), MQI)[0]["remediation"]
    assert not no_errors.observable
    assert no_errors.evidence == []
    assert "error" in no_errors.reason
    lecture = talk(
        *[("T", f"Now we come to step number {number}, which is the same as before.") for number in range(9)]
    )
    dialogue = rated(lecture)[0]["instructional_dialogue"]
    assert not dialogue.observable
    assert dialogue.reason == "No student is heard in this stretch."
    short = rated(talk(("T", "Good morning."), ("A", "Morning.")))[0]["thinking"]
    assert not short.observable
    assert short.reason == "Too little is said here to rate: 3 words."


def test_what_a_dimension_cannot_see_in_talk_it_never_rates() -> None:
    room = rated(lesson(2, openness=0.5), load(OWN))[0]["room"]
    assert (room.observable, room.score, room.reason) == (
        False,
        None,
        "How a room is set up is not said aloud.",
    )


def test_segments_follow_the_instruments_unit_of_time() -> None:
    transcript = lesson(1, openness=0.5, exchanges=70, seconds=20).transcript  # 46 min 40 s
    spans = segments(transcript, 15)
    assert [span.number for span in spans] == [1, 2, 3]  # the last 100 seconds belong to the third
    assert (spans[0].first_line, spans[0].last_line) == (1, 45)
    assert spans[1].start == 15 * 60_000
    assert spans[-1].last_line == len(transcript)
    assert len(segments(transcript, 7.5)) == 6


def test_without_times_segments_are_measured_in_words() -> None:
    transcript = without_times(lesson(1, openness=0.5, exchanges=200).transcript)
    spans = segments(transcript, 7.5)
    assert len(spans) > 2
    assert all(span.start is None and span.end is None for span in spans)
    words = [
        sum(len(transcript[line].text.split()) for line in range(span.first_line, span.last_line + 1))
        for span in spans[:-1]
    ]
    assert all(850 < count < 1100 for count in words)  # 7.5 minutes of 130 words


def test_a_break_leaves_a_gap_in_the_numbers() -> None:
    first, second = (lesson(seed, openness=0.5, exchanges=20).transcript for seed in (1, 2))
    later = [
        replace(
            one,
            line=len(first) + one.line,
            start=(one.start or 0) + 45 * 60_000,
            end=(one.end or 0) + 45 * 60_000,
        )
        for one in second
    ]
    spans = segments(Transcript((*first, *later)), 15)
    assert [span.number for span in spans] == [1, 4]


def test_nothing_comes_of_a_transcript_without_lines() -> None:
    assert segments(Transcript(()), 15) == []


WORDS = [
    "so",
    "why",
    "is",
    "the",
    "half",
    "bigger",
    "than",
    "a third",
    "because",
    "it has",
    "four",
    "pieces",
    "okay",
]
LINES = some.lists(
    some.tuples(
        some.sampled_from("TTABC"),
        some.lists(some.sampled_from(WORDS), min_size=1, max_size=90),
        some.lists(some.sampled_from(sorted(MOVES)), max_size=2),
        some.sampled_from([" ", ", ", ". ", "  ", "? "]),
    ),
    max_size=60,
)


def fitted(spec: InstrumentSpec) -> dict[str, dict[str, Any]]:
    """Models as a calibration stores them, in which every feature bears on the score."""
    models = {}
    for one in spec.dimensions:
        names = list(one.directions)
        models[one.name] = {
            "features": names, "means": [0.5] * len(names), "scales": [0.5] * len(names),
            "weights": [float(sign or 1) for sign in one.directions.values()], "intercept": (one.low + one.high) / 2,
            "cuts": [point + 0.5 for point in range(one.low, one.high)], "below": -1.0, "above": 1.5,
            "low": one.low, "high": one.high, "trusted": True,
        }  # fmt: skip
    return models


@settings(max_examples=60, deadline=None)
@given(LINES, some.booleans())
def test_every_quote_stands_word_for_word_at_its_line(
    lines: list[tuple[str, list[str], list[str], str]], calibrated: bool
) -> None:
    inventory = talk(*[(who, joint.join(words)) for who, words, _, joint in lines])
    moves = tuple(
        Move(number, name, inventory.transcript[number].text, 0.5 + number % 5 / 10)
        for number, (_, _, names, _) in enumerate(lines, 1)
        for name in names
    )
    inventory = Inventory(inventory.transcript, moves)
    for spec in INSTRUMENTS:
        spans = segments(inventory.transcript, spec.unit_minutes)
        rows = rate(inventory.transcript, inventory, spec, spans, fitted(spec) if calibrated else None)
        for span, row in zip(spans, rows, strict=True):
            for said, one in zip(spec.dimensions, row, strict=True):
                assert (one.score is not None) is (calibrated and one.observable)
                if one.score is not None and one.low is not None and one.high is not None:
                    assert said.low <= one.low <= one.score <= one.high <= said.high
                assert len(one.evidence) <= MOST
                assert one.observable or one.reason
                for quoted in one.evidence:
                    assert quoted.quote.strip()
                    assert quoted.quote in inventory.transcript[quoted.line].text
                    assert span.first_line <= quoted.line <= span.last_line


@pytest.mark.parametrize("spec", INSTRUMENTS, ids=lambda spec: str(spec.name))
def test_rating_a_lesson_twice_says_the_same(spec: InstrumentSpec) -> None:
    assert rated(lesson(4, openness=0.4), spec) == rated(lesson(4, openness=0.4), spec)
