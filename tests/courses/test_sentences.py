"""Sentence boundaries: what ends a sentence, what does not, and that no character is lost."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from courses.sentences import sentences


def split(text: str) -> list[str]:
    return [text[start:end] for start, end in sentences(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One. Two! Three? Four", ["One.", "Two!", "Three?", "Four"]),
        (
            "See e.g. Smith et al. 2010 for it. Then go on.",
            ["See e.g. Smith et al. 2010 for it.", "Then go on."],
        ),
        ("Pi is 3.14 or so. Fig. 2 shows it.", ["Pi is 3.14 or so.", "Fig. 2 shows it."]),
        ("J. R. Smith wrote it. Dr. Jones read it.", ["J. R. Smith wrote it.", "Dr. Jones read it."]),
        ("In plan B. The next plan is C.", ["In plan B.", "The next plan is C."]),
        ("He said “Stop.” Then he left.", ["He said “Stop.”", "Then he left."]),
        ("“Stop!” he said. He left.", ["“Stop!” he said.", "He left."]),
        ("Well... it works. Well… Then it fails.", ["Well... it works.", "Well…", "Then it fails."]),
        (
            "It works (see p. 3. It is short.) today. Yes.",
            ["It works (see p. 3. It is short.) today.", "Yes."],
        ),
        ("We set $x = 1. Y$ here. Next.", ["We set $x = 1. Y$ here.", "Next."]),
        ("$$ a. B\n= c $$\n\nText.", ["$$ a. B\n= c $$", "Text."]),
        ("Call `a. B. c()` now. `f` is next.", ["Call `a. B. c()` now.", "`f` is next."]),
        (
            "Code:\n\n```py\nx = 1. Then\n\ny = 2\n```\n\nDone.",
            ["Code:", "```py\nx = 1. Then\n\ny = 2\n```", "Done."],
        ),
        ("- one item\n- two items. Really.\n1. Third", ["- one item", "- two items.", "Really.", "1. Third"]),
        ("| a | b |\n|---|---|\n| 1. A | 2 |\n\nAfter.", ["| a | b |\n|---|---|\n| 1. A | 2 |", "After."]),
        ("# A heading\nText of it. More.", ["# A heading", "Text of it.", "More."]),
        ("Go to https://a.example/B.C. Then stop.", ["Go to https://a.example/B.C.", "Then stop."]),
        ("A wrapped\nline goes on. End.", ["A wrapped\nline goes on.", "End."]),
        ("It costs $5. It was $6 before.", ["It costs $5.", "It was $6 before."]),
    ],
)
def test_boundaries(text: str, expected: list[str]) -> None:
    assert split(text) == expected


@given(st.text(alphabet=' \n\tabcABC.!?…$`|-*#()[]"”1,;:\\。', max_size=300))
def test_nothing_but_white_space_is_left_out_and_nothing_overlaps(text: str) -> None:
    position = 0
    for start, end in sentences(text):
        assert start >= position
        assert not text[position:start].strip()
        assert text[start:end] == text[start:end].strip() != ""
        position = end
    assert not text[position:].strip()


def test_run_on_speech_is_cut_where_its_lines_end_with_a_stop() -> None:
    said = (
        "put the measurements in order, then drop the lowest and the highest of them,\n"
        "a robust replacement is the median of the distances from the median,\n"
        "to compare it with a standard deviation, take it times one and a half."
    )
    assert [said[start:end] for start, end in sentences(said)] == said.split("\n")
    short = "So far, we assumed,\nthat all is well."
    assert sentences(short) == [(0, len(short))]
