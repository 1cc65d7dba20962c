"""Explanations: what a passage says of one concept, in its order; and what a sentence gives a reason for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from tutor.practice.items import Survey
from tutor.practice.statements import Statement
from tutor.studio.kinds import Draft, quoted, sentence_of
from tutor.studio.kinds.asking import askable, why

MOST = 3  # sentences of an explanation
FEWEST = 2


def drafts(material: Survey, rows: Sequence[Statement]) -> Iterator[Draft]:
    """ "Can you explain tuples?" from two or three statements about them; "Why …?" from a sentence with "because"."""
    about = sorted((row for row in rows if askable(row, material)), key=lambda row: row.term)
    for term, found in groupby(about, key=lambda row: row.term):
        said = _in_order([row for row in found if row.term])
        if len(said) >= FEWEST and any(row.defines or len(said) >= MOST for row in said):
            answer = " ".join(sentence_of(row) for row in said)
            question = f"Can you explain {said[0].subject if not said[0].limited else material.names[term]}?"
            yield Draft(
                "explain", question, answer, tuple(map(quoted, said)), "statements about one concept", term
            )
    for row in rows:
        if askable(row, material) and (question := why(row)):
            yield Draft(
                "explain",
                question,
                sentence_of(row),
                (quoted(row),),
                "a sentence that gives a reason",
                row.term,
            )


def _in_order(rows: Sequence[Statement]) -> list[Statement]:
    """Different sentences of one number, a definition first, else as they stand in the passage."""
    seen: dict[str, Statement] = {}
    for row in rows:
        if not row.limited:
            seen.setdefault(sentence_of(row), row)
    ordered = sorted(seen.values(), key=lambda row: (not row.defines, row.start))
    return [row for row in ordered if row.plural == ordered[0].plural][:MOST]
