"""What a concept is, does or is called, when and with what: one statement answers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tutor.practice.items import Survey, name
from tutor.practice.statements import Statement
from tutor.studio.kinds import Draft, quoted, sentence_of
from tutor.studio.kinds.asking import askable, questions

FROM_ONE = 2  # questions of one statement


def drafts(material: Survey, rows: Sequence[Statement]) -> Iterator[Draft]:
    """ "What is a list?", "When does a round-off error occur?", "Which function reads a line?", "What is the term for …?"."""
    for row in rows:
        if not askable(row, material):
            continue
        found = list(questions(row, material))
        named = name(row, material) if not row.plural and "`" not in row.text else None
        if named is not None and named.answer.islower():
            found.insert(1, (named.prompt, "a definition, asked the other way round"))
        for question, how in found[:FROM_ONE]:
            yield Draft("recall", question, sentence_of(row), (quoted(row),), how, row.term)
