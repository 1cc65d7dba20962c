"""What of a passage says how things are."""

from __future__ import annotations

import pytest

from courses.models import Passage, Proposition
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
