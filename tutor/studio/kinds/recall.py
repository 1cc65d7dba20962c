"""What a concept is, does or is called: one statement answers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tutor.chat.starters import question_about
from tutor.practice.items import Survey, name, which
from tutor.practice.statements import Statement
from tutor.studio.kinds import Draft, quoted, sentence_of


def drafts(material: Survey, rows: Sequence[Statement]) -> Iterator[Draft]:
    """ "What is a list?", "What is the term for …?", "Which of the things taught …?"."""
    for row in rows:
        question = question_about(row.text, material.text) if not row.leader else ""
        if question and row.term in material.names:
            yield Draft("recall", question, sentence_of(row), (quoted(row),), "a statement of the material")
        named = name(row, material)
        if named is not None:
            answer = f"{named.answer[:1].upper()}{named.answer[1:]}. {sentence_of(row)}"
            yield Draft(
                "recall", named.prompt, answer, (quoted(row),), "a definition, asked the other way round"
            )
        elif (chosen := which(row, material)) is not None:
            question = chosen.prompt.replace("hich of these", "hat", 1)
            yield Draft(
                "recall", question, sentence_of(row), (quoted(row),), "a statement, asked for its subject"
            )
