"""Use: what a thing is for, and how something is done."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from tutor.practice.items import Survey
from tutor.practice.statements import Statement
from tutor.studio.kinds import Draft, quoted, sentence_of

USED = re.compile(
    r"^(?:(?:is|are|can be|may be|is often|are often|is commonly|are commonly) used (?:to|for)|(?:helps?|allows?|lets?|enables?) "
    r"(?:\w+ )?(?:programmers?|users?|people|you|us|one|developers?)? ?(?:to )?)\s*(?P<what>[a-z][^,;:()]{8,110})\.?$",
    re.IGNORECASE,
)
TO = re.compile(r"^To (?P<what>[a-z][^,;:()]{6,70}), (?P<how>[^;:]{12,160})\.$")
BY = re.compile(
    r"^can be (?P<done>[a-z]+(?:ed|en|de|lt|wn)) (?P<how>(?:by|using|with) [^,;:()]{6,110})\.?$",
    re.IGNORECASE,
)


def drafts(material: Survey, rows: Sequence[Statement]) -> Iterator[Draft]:
    """ "What is a set used for?", "How do you open a file?", "How can a list be sorted?"."""
    for row in rows:
        sentence = sentence_of(row)
        if (goal := TO.match(sentence)) is not None:
            yield Draft(
                "apply", f"How do you {goal['what']}?", sentence, (quoted(row),), "a sentence that says how"
            )
        if row.term not in material.names or row.leader:
            continue
        if USED.match(row.predicate):
            be = "are" if row.plural else "is"
            yield Draft(
                "apply", f"What {be} {row.subject} used for?", sentence, (quoted(row),), "a stated use"
            )
        elif (done := BY.match(row.predicate)) is not None:
            question = f"How can {row.subject} be {done['done']}?"
            yield Draft("apply", question, sentence, (quoted(row),), "a sentence that says how")
