"""An institution's table of ratings is understood as it comes, or refused with what was found in it."""

from __future__ import annotations

import pytest

from coach.human_ratings import HumanScore, UnreadableRatings, label, read_ratings
from coach.instruments import built_in

CLASS, MQI = built_in()
LONG = """lesson,segment,rater,dimension,score
a,1,R1,positive_climate,5
a,1,R2,Positive climate,6
a,2,R1,instructional dialogue,NA
"""
WIDE = """OBSID;chapter;coder;Explanations;REMED;imprecision;notes
12;1;A;2;1;3;short
12;2;A;2,5;;1;long
"""


def test_one_row_a_rating_is_read_with_titles_or_names_of_dimensions() -> None:
    table = read_ratings(LONG.encode(), CLASS)
    assert table.scores == [
        HumanScore("a", 1, "R1", "positive_climate", 5.0),
        HumanScore("a", 1, "R2", "positive_climate", 6.0),
        HumanScore("a", 2, "R1", "instructional_dialogue", None),
    ]
    assert table.columns == {
        "lesson": "lesson", "segment": "segment", "rater": "rater", "dimension": "dimension", "score": "score",
    }  # fmt: skip
    assert table.notes == []


def test_one_column_a_dimension_is_read_with_semicolons_and_decimal_commas() -> None:
    table = read_ratings(WIDE.encode("utf-8-sig"), MQI, {"remediation": "REMED"})
    assert [(one.dimension, one.segment, one.score) for one in table.scores] == [
        ("explanations", 1, 2.0),
        ("remediation", 1, 1.0),
        ("imprecision", 1, 3.0),
        ("explanations", 2, 2.5),
        ("remediation", 2, None),
        ("imprecision", 2, 1.0),
    ]
    assert table.columns["lesson"] == "OBSID"


def test_without_segment_and_rater_a_rating_is_of_the_whole_lesson_and_that_is_said() -> None:
    table = read_ratings(b"transcript,positive_climate\nx,3\n", CLASS)
    assert table.scores == [HumanScore("x", 0, "rater", "positive_climate", 3.0)]
    assert any("whole lesson" in note for note in table.notes)
    assert any("one person" in note for note in table.notes)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ("a,b\n1,2\n", "No column says which lesson was rated. Found: “a”, “b”"),
        ("lesson,segment\nx,1\n", "No column holds scores. Found: “lesson”, “segment”"),
        ("lesson,positive_climate\nx,9\n", "row 2: 9 is not on positive_climate's scale from 1 to 7"),
        ("lesson,positive_climate\nx,good\n", "row 2: “good” is no score for positive_climate"),
        ("lesson,segment,positive_climate\nx,first,3\n", "row 2: “first” is no segment"),
        (
            "lesson,positive_climate\nx,3\nx,4\n",
            "row 3: rater rated lesson x, segment 0, positive_climate before",
        ),
        ("lesson,dimension,score\nx,charisma,3\n", "rates none of the dimensions .* It names “charisma”"),
        ("lesson,score,score\nx,1,2\n", "Two columns have the same heading: “score”"),
        ("lesson,positive_climate\n", "The table is empty"),
        ("", "The table is empty"),
        ("PK\x03\x04", "spreadsheet, not CSV"),
    ],
)
def test_a_table_that_cannot_be_used_is_refused_with_what_was_found(data: str, says: str) -> None:
    with pytest.raises(UnreadableRatings, match=says):
        read_ratings(data.encode(), CLASS)


def test_a_column_that_is_not_there_or_means_nothing_is_refused() -> None:
    with pytest.raises(UnreadableRatings, match="There is no column “OBS”"):
        read_ratings(LONG.encode(), CLASS, {"lesson": "OBS"})
    with pytest.raises(UnreadableRatings, match="“teacher” cannot be a column"):
        read_ratings(LONG.encode(), CLASS, {"teacher": "lesson"})


def test_dimensions_of_other_instruments_are_passed_over_and_counted() -> None:
    table = read_ratings((LONG + "a,1,R1,charisma,5\n").encode(), CLASS)
    assert len(table.scores) == 3
    assert table.notes == ["1 rows were passed over: “charisma” are no dimensions of this instrument."]


def test_raters_are_kept_under_labels_never_by_name() -> None:
    assert [label(name) for name in ("R1", "coder 12", "7", "B", "")] == ["R1", "coder 12", "7", "B", "rater"]
    named = label("Jane Doe")
    assert "jane" not in named.lower()
    assert named == label("jane doe ")
    assert named != label("John Doe")
