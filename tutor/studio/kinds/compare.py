"""Comparison: two concepts of which the material says like things."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from tutor.practice.items import Survey
from tutor.practice.statements import Statement, stems
from tutor.studio.kinds import Draft, quoted, sentence_of

KIND_OF = re.compile(
    r"^(?:is|are) (?:an?|the|one)?\s*(?P<head>(?:[a-z-]+ ){0,2}[a-z-]+?)s? (?:that|which|who|used|of|in|for|with)\b",
    re.IGNORECASE,
)
A_STATEMENT = 2  # comparisons that one statement takes part in


def drafts(material: Survey, rows: Sequence[Statement]) -> Iterator[Draft]:
    """ "What is the difference between a list and a tuple?": what each is, where both are defined as the same sort of thing."""
    for row in rows:
        if not _compares(row, material):
            continue
        made = 0
        for other in material.statements:
            if made >= A_STATEMENT:
                break
            if other.term <= row.term or not _compares(other, material) or not _alike(row, other):
                continue
            question = (
                f"What is the difference between {material.names[row.term]} and {material.names[other.term]}?"
            )
            answer = f"{sentence_of(row)} {sentence_of(other)}"
            made += 1
            yield Draft(
                "compare", question, answer, (quoted(row), quoted(other)), "two definitions of one sort"
            )


def _compares(row: Statement, material: Survey) -> bool:
    return row.term in material.names and row.defines and not row.limited


def _alike(row: Statement, other: Statement) -> bool:
    """Whether both are defined by the same head word ("a number", "a loop"), or their names share one."""
    one, two = KIND_OF.match(row.predicate), KIND_OF.match(other.predicate)
    same_head = one is not None and two is not None and one["head"].split()[-1] == two["head"].split()[-1]
    shared_name = bool(stems(row.term) & stems(other.term)) and " " in row.term and " " in other.term
    nested = stems(row.term) <= stems(other.term) or stems(other.term) <= stems(row.term)
    return (same_head or shared_name) and not nested
