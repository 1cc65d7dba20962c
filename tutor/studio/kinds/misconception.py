"""Misconceptions: a wrong claim that a classmate might make, and what the material says instead."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tutor.practice.items import Survey, what, which
from tutor.practice.statements import Statement
from tutor.studio.kinds import Draft, quoted, sentence_of


def drafts(material: Survey, rows: Sequence[Statement]) -> Iterator[Draft]:
    """ "Is it right that tuples can be changed?" – "No. …". The wrong options were shown not to be supported."""
    for row in rows:
        item = which(row, material)
        if item is not None and row.term in material.names:
            wrong = next(option for option in item.options if option != item.answer)
            if wrong[:1].isupper():
                continue  # a name that does not belong there is a slip, no misconception
            claim = row.with_subject(wrong)
        elif (item := what(row, material)) is not None:
            wrong = next(option for option in item.options if option != item.answer)
            verb = row.predicate[: len(row.predicate) - len(item.answer)].strip()
            claim = f"{row.subject} {verb} {wrong}."
        else:
            continue
        said = claim.rstrip(".")
        if not row.leader and wrong == said[: len(wrong)].lower():
            said = said[:1].lower() + said[1:]
        question = f"A classmate says: “{said[:1].upper()}{said[1:]}.” Is that right?"
        yield Draft(
            "misconception",
            question,
            f"No. {sentence_of(row)}",
            (quoted(row),),
            "a wrong option of a quiz item",
        )
