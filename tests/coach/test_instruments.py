"""Instruments: two come with Lyceum, others are brought as TOML, and every version stays."""

from __future__ import annotations

from pathlib import Path

import pytest

from coach.instruments import (
    BadInstrument,
    active,
    built_in,
    find,
    install,
    keep,
    load,
    spec_of,
)
from coach.instruments.reading import FOLDER
from coach.models import Calibration, Instrument

OWN = """
name = "our-talk"
title = "Our talk"
unit_minutes = 10

[scale]
low = 1
high = 4

[[dimension]]
name = "listening"
title = "Listening"
description = "Whether people take up what others said."
more = ["uptake_level", "student_relating"]
less = ["funnelling_question"]

[[dimension.indicator]]
title = "Taking up"
low = "Answers are passed over."
high = "Answers are built upon."
moves = ["uptake"]

[[dimension]]
name = "room"
title = "The room"
description = "How the room is set up."
observable = false
unseen = "How a room is set up is not said aloud."
"""


def test_what_comes_with_lyceum_covers_what_the_field_rates() -> None:
    by_name = {one.name: one for one in built_in()}
    interaction, mathematics = by_name["class-informed"], by_name["mqi-informed"]
    assert interaction.unit_minutes == 15
    assert {"positive_climate", "behaviour_management", "instructional_dialogue"} <= {
        one.name for one in interaction.dimensions
    }
    assert {(one.low, one.high) for one in interaction.dimensions} == {(1, 7)}
    assert mathematics.unit_minutes == 7.5
    assert [(one.name, one.inverse) for one in mathematics.dimensions] == [
        ("explanations", False),
        ("remediation", False),
        ("imprecision", True),
        ("student_questioning_and_reasoning", False),
    ]
    assert {(one.low, one.high) for one in mathematics.dimensions} == {(1, 3)}


def test_every_built_in_dimension_says_what_it_looks_for_and_what_no_transcript_shows() -> None:
    for instrument in built_in():
        for one in instrument.dimensions:
            assert one.directions, one.name
            assert len([row for row in one.indicators if row.observable and row.moves]) >= 2, one.name
            assert all(row.low and row.high for row in one.indicators), one.name
            assert {exemplar.level for exemplar in one.exemplars} >= {"low", "high"}, one.name
        unseen = [row for one in instrument.dimensions for row in one.indicators if not row.observable]
        assert len(unseen) >= 3
        assert not any(row.moves for row in unseen)


@pytest.mark.django_db
def test_installing_twice_changes_nothing() -> None:
    assert install() == 2
    assert install() == 0
    assert [(one.name, one.version, one.built_in) for one in active()] == [
        ("class-informed", 1, True),
        ("mqi-informed", 1, True),
    ]
    assert find("mqi_informed").dimensions.count() == 4


@pytest.mark.django_db
def test_the_row_gives_back_the_instrument_that_was_read() -> None:
    for spec in built_in():
        keep(spec, built_in=True)
        assert spec_of(find(spec.name)) == spec


@pytest.mark.django_db
def test_a_changed_instrument_is_the_next_version_and_the_first_one_stays() -> None:
    first, new = keep(load(OWN))
    assert (first.version, new) == (1, True)
    again, new = keep(load(OWN))
    assert (again, new) == (first, False)
    laid_out_otherwise, new = keep(
        load("# the same\n\n" + OWN.replace('title = "Our talk"', 'title   =   "Our talk"'))
    )
    assert (laid_out_otherwise, new) == (first, False)
    second, new = keep(load(OWN.replace("high = 4", "high = 5")))
    assert (second.version, new) == (2, True)
    assert find("our-talk") == second
    assert Instrument.objects.filter(name="our-talk").count() == 2
    assert [one.high for one in first.dimensions.all()] == [4, 4]


@pytest.mark.django_db
def test_bringing_an_earlier_version_again_puts_it_back_into_use() -> None:
    first, _ = keep(load(OWN))
    keep(load(OWN.replace("high = 4", "high = 5")))
    keep(load(OWN))
    assert find("our-talk") == first
    assert Instrument.objects.filter(name="our-talk", active=True).count() == 1


@pytest.mark.django_db
def test_an_institutions_own_version_of_a_built_in_instrument_is_not_taken_out_of_use() -> None:
    install()
    source = (FOLDER / "mqi_informed.toml").read_text()
    own, _ = keep(load(source.replace("unit_minutes = 7.5", "unit_minutes = 10")))
    assert find("mqi-informed") == own
    install()
    assert find("mqi-informed") == own
    keep(
        load(source.replace("unit_minutes = 7.5", "unit_minutes = 12")), built_in=True
    )  # a later release of Lyceum
    assert find("mqi-informed") == own


BROKEN = [
    ("unit_minutes = 10", "unit_minutes = 10\nsubjects = 3", r"Line 5, the instrument, key subjects: write a list of words"),
    ("[scale]", "[scale", r"This is not TOML: .*line 6"),
    ('title = "Our talk"', "", r"Line 1, the instrument, key title: it is missing"),
    ("unit_minutes = 10", "unit_minutes = 0", r"Line 4, the instrument, key unit_minutes: 0 is not a number of minutes"),
    ("unit_minutes = 10", "minutes = 10", r"Line 4, the instrument, key minutes: there is no such key; did you"),
    ("high = 4", "high = 40", r"key high: a scale from 1 to 40 does not work"),
    ("high = 4", 'high = "4"', r"Line 8, the scale, key high: '4' is not a whole number"),
    ('name = "listening"', 'name = "Listening!"', r"Line 11, dimension 1 .*, key name: 'Listening!' is no name"),
    ('name = "room"', 'name = "listening"', r"Line 24, dimension 2, key name: 'listening' is used twice"),
    ('"uptake_level"', '"uptake_lvl"', r"Line 14, dimension 1 .*, key more: there is no feature 'uptake_lvl'; did you"),
    ('less = ["funnelling_question"]', 'less = ["student_relating"]', r"Line 15, .* key less: 'student_relating' is named twice"),
    ('moves = ["uptake"]', 'moves = ["taking_up"]', r"Line 21, dimension 1 .*, indicator 1, key moves: there is no move"),
    ('unseen = "How a room is set up is not said aloud."', "", r"Line 23, dimension 2 .*, key unseen: it is missing"),
    ("observable = false", 'observable = "no"', r"Line 27, .* key observable: write true or false"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("found", "instead", "says"), BROKEN, ids=[row[1][:24] or row[0][:24] for row in BROKEN]
)
def test_a_mistake_in_the_file_is_named_with_its_line_and_key(found: str, instead: str, says: str) -> None:
    assert OWN.count(found) == 1
    with pytest.raises(BadInstrument, match=says):
        load(OWN.replace(found, instead))


def test_an_instrument_without_dimensions_or_in_another_encoding_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInstrument, match=r"write at least one \[\[dimension\]\]"):
        load(OWN.partition("[[dimension]]")[0])
    path = tmp_path / "instrument.toml"
    path.write_bytes(OWN.replace("Our talk", "Unser Gespräch").encode("latin-1"))
    with pytest.raises(BadInstrument, match="Line 3 is not UTF-8 text"):
        load(path)
    with pytest.raises(BadInstrument, match="larger than"):
        load(OWN + "#" * 500_000)


@pytest.mark.django_db
def test_an_instrument_about_mathematics_is_not_used_on_other_lessons() -> None:
    for subject, used in (("Mathematics", True), ("Algebra II", True), ("", True), ("History", False)):
        assert ("mqi-informed" in [row.name for row in active(subject)]) is used, subject
        assert "class-informed" in [row.name for row in active(subject)]


@pytest.mark.django_db
def test_a_new_wording_keeps_what_was_fitted_and_another_make_up_does_not() -> None:
    first, _ = keep(load(OWN))
    numbers = {"listening": {"trusted": True}, "room": {"trusted": False}}
    agreement = {name: {"spearman": 0.6} for name in numbers}
    Calibration.objects.create(
        instrument=first, active=True, state="done", models_by_dimension=numbers, agreement=agreement
    )
    reworded, _ = keep(load(OWN.replace("Answers are built upon.", "Answers are built on.")))
    taken_over = reworded.calibrations.get(active=True)
    assert taken_over.trusted == ["listening"]
    assert taken_over.agreement == agreement
    assert "from version 1" in taken_over.notes[0]
    other, _ = keep(load(OWN.replace('less = ["funnelling_question"]', "")))
    assert not other.calibrations.exists()
    assert first.calibrations.filter(active=True).exists()
