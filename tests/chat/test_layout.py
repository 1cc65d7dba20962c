"""What of a passage says how things are."""

from __future__ import annotations

import pytest

from courses.models import Extract, Passage, Proposition
from courses.transcripts import edit_cue
from tests import make
from tutor.chat.layout import layouts

pytestmark = pytest.mark.django_db

SLIDE = """Signals, noise and averages · Lecture 2

Last week the quantity stood still while we measured it.

Noise falls with the window"""


def test_a_subtitle_without_a_verb_says_nothing() -> None:
    passage = make.passage(make.material(make.course(), SLIDE), SLIDE)
    for start, end in ((0, 39), (41, 97), (99, len(SLIDE))):
        Proposition.objects.create(
            passage=passage, ordinal=start, text=SLIDE[start:end], start=start, end=end
        )
    found = layouts(list(Passage.objects.select_related("material")))[0]
    assert [found.text(piece) for piece in found.pieces if piece.claims] == [
        "Last week the quantity stood still while we measured it.",
        "Noise falls with the window",
    ]


def test_after_a_line_before_it_was_corrected_a_heading_is_still_a_heading() -> None:
    material = make.material(make.course(), "uh\n\nNoise falls with the window\n\nThe mean moves.")
    kinds = {"uh": "cue", "Noise falls with the window": "heading", "The mean moves.": "text"}
    text = material.extract.text
    blocks = [
        {"kind": kind, "start": text.index(words), "end": text.index(words) + len(words), "anchor": {}, "data": {}}
        for words, kind in kinds.items()
    ]  # fmt: skip
    Extract.objects.update(blocks=blocks)
    make.passage(material, text[4:])

    def claimed() -> list[str]:
        found = layouts(list(Passage.objects.select_related("material")))[0]
        return [found.text(piece) for piece in found.pieces if piece.claims]

    assert claimed() == ["The mean moves."]
    edit_cue(material, 0, "Good morning to everybody in the room")
    assert claimed() == ["The mean moves."]
