"""Explanations: what a passage says of one concept, in its order; and what a sentence gives a reason for."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import groupby

from tutor.practice.items import Survey
from tutor.practice.statements import Statement
from tutor.studio.kinds import Draft, quoted, sentence_of

MOST = 3  # sentences of an explanation
REASON = re.compile(r"^(?P<what>[^,;:]{12,120}?),?\s+because\s+(?P<why>[^;:]{8,160})\.$", re.IGNORECASE)


def drafts(material: Survey, rows: Sequence[Statement]) -> Iterator[Draft]:
    """ "Can you explain tuples?" from two or three statements about them; "Why …?" from a sentence with "because"."""
    about = sorted((row for row in rows if row.term in material.names), key=lambda row: row.term)
    for term, found in groupby(about, key=lambda row: row.term):
        said = _in_order(list(found))
        if len(said) >= 2:
            answer = " ".join(sentence_of(row) for row in said)
            question = f"Can you explain {material.names[term]}?"
            yield Draft("explain", question, answer, tuple(map(quoted, said)), "statements about one concept")
    for row in rows:
        reason = REASON.match(sentence_of(row))
        if reason and row.subject and row.predicate and not row.leader:
            question = _why(row, reason["what"])
            if question:
                yield Draft(
                    "explain", question, sentence_of(row), (quoted(row),), "a sentence that gives a reason"
                )


def _in_order(rows: Sequence[Statement]) -> list[Statement]:
    """Different sentences, as they stand in the passage."""
    seen: dict[str, Statement] = {}
    for row in rows:
        seen.setdefault(sentence_of(row), row)
    return sorted(seen.values(), key=lambda row: row.start)[:MOST]


def _why(row: Statement, what: str) -> str:
    """ "Lists are mutable" -> "Why are lists mutable?"; "" where the verb is not one that simply moves forward."""
    verb = row.verb
    if verb not in ("is", "are", "was", "were", "can", "cannot", "must", "should", "will"):
        return ""
    rest = what[what.lower().find(f" {verb} ") + len(verb) + 2 :] if f" {verb} " in what.lower() else ""
    return f"Why {verb} {row.subject} {rest}?" if rest else ""
