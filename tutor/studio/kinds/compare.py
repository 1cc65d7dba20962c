"""Comparison: two concepts of one sort, each of which the material defines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

from tutor.practice.items import Survey
from tutor.practice.statements import Statement
from tutor.studio.kinds import Draft, quoted, sentence_of
from tutor.studio.kinds.alike import others

A_STATEMENT = 2  # comparisons that one statement takes part in


def drafts(material: Survey, rows: Sequence[Statement]) -> Iterator[Draft]:
    """ "What is the difference between a function argument and a function parameter?": what each is."""
    for row in rows:
        for other in islice((one for one in others(row, material) if one.term > row.term), A_STATEMENT):
            question = f"What is the difference between {row.subject} and {other.subject}?"
            answer = f"{sentence_of(row)} {sentence_of(other)}"
            yield Draft(
                "compare",
                question,
                answer,
                (quoted(row), quoted(other)),
                "two definitions of one sort",
                row.term,
            )
