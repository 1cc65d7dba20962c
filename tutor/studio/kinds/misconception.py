"""Misconceptions: a wrong claim that a classmate might make, and what the material says instead."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tutor.practice.items import Survey, what, which
from tutor.practice.statements import Statement
from tutor.studio.kinds import Draft, quoted, sentence_of


def drafts(material: Survey, rows: Sequence[Statement]) -> Iterator[Draft]:
    """ "Is it right that tuples can be changed?" – "No. …". The wrong options were shown not to be supported."""
    for row in rows:
        claim = next(wrong_claims(row, material), "")
        if not claim:
            continue
        question = f"A classmate says: “{claim}” Is that right?"
        yield Draft(
            "misconception",
            question,
            f"No. {sentence_of(row)}",
            (quoted(row),),
            "a wrong option of a quiz item",
        )


def wrong_claims(row: Statement, material: Survey) -> Iterator[str]:
    """The statement said of another concept, and something else said of its own: what the material does not hold."""
    item = which(row, material)
    if item is not None and row.term in material.names:
        wrong = next(option for option in item.options if option != item.answer)
        if not wrong[:1].isupper():  # a name that does not belong there is a slip, no misconception
            yield _sentence(row.with_subject(wrong))
    item = what(row, material)
    if item is not None:
        wrong = next(option for option in item.options if option != item.answer)
        verb = row.predicate[: len(row.predicate) - len(item.answer)].strip()
        yield _sentence(f"{row.subject} {verb} {wrong}")


def _sentence(claim: str) -> str:
    return f"{claim[:1].upper()}{claim[1:].rstrip('.')}."
