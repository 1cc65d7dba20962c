"""A statement: words of a passage that stand on their own and can be said to a student."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from courses.models import Passage
from courses.verification.words import words

ALIKE = 0.88  # cosine from which two statements say the same
SAME_WORDS = 0.7  # share of words from which they do, whatever the cosine

Vector = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Statement:
    """Words of a passage that stand on their own; start and end are offsets in the passage's text."""

    passage: Passage
    start: int
    end: int
    score: float
    vector: Vector
    rank: int  # of the passage among the hits
    defines: float = 0.0  # the part of the score that it has for being a definition
    listing: str | None = None  # language of a listing, "" for an unknown one
    lead: str = ""  # "Yes." or "No.", where it decides the question
    item: bool = False  # one of several that are shown as a list
    row: str = ""  # what a row of a table says, with the names of its columns

    @property
    def source(self) -> str:
        return self.passage.text[self.start : self.end]

    @property
    def text(self) -> str:
        """As it is shown: a listing is fenced, all else is the passage's Markdown."""
        if self.listing is None:
            said = (self.row or self.source).strip().replace("\u200b", "")
            said = " ".join(said.split()) if self.passage.kind == "speech" else said
            return f"{self.lead} {said}" if self.lead else said
        return f"```{self.listing}\n{self.source.strip(chr(10))}\n```"


def repeats(one: Statement, other: Statement) -> bool:
    """Whether two statements say the same, or share words of the passage."""
    if one.passage.pk == other.passage.pk and one.start < other.end and other.start < one.end:
        return True
    left, right = ({word.key for word in words(text.source) if word.content} for text in (one, other))
    shared = len(left & right) / max(5, min(len(left), len(right)))
    return shared >= SAME_WORDS or (float(one.vector @ other.vector) >= ALIKE and shared >= 0.5)
