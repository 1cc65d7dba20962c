"""Two steps: a statement about one concept names another, which the material defines elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tutor.chat.starters import question_about
from tutor.practice.items import Survey
from tutor.practice.statements import Statement, stems
from tutor.studio.kinds import Draft, quoted, sentence_of


def drafts(material: Survey, rows: Sequence[Statement]) -> Iterator[Draft]:
    """ "What is a dictionary, and what is the key in it?"."""
    for row in rows:
        if row.term not in material.names or row.leader:
            continue
        question = question_about(row.text, material.text)
        if not question.startswith(("What is ", "What are ", "What does ")):
            continue
        follow = next(_defined_in(row, material), None)
        if follow is None:
            continue
        be = "are" if follow.plural else "is"
        asked = f"{question[:-1]}, and what {be} {material.names[follow.term]}?"
        answer = f"{sentence_of(row)} {sentence_of(follow)}"
        yield Draft("multi-step", asked, answer, (quoted(row), quoted(follow)), "two statements that meet")


def _defined_in(row: Statement, material: Survey) -> Iterator[Statement]:
    """Definitions of concepts that the statement's predicate names, longest name first."""
    said = f" {row.predicate.lower()} "
    own = stems(row.term)
    for term in sorted(material.names, key=len, reverse=True):
        if (
            len(term) > 3
            and f" {term.lower()} " in said.replace(",", " ").replace(".", " ")
            and not stems(term) & own
        ):
            yield from (
                other for other in material.by_term.get(term, []) if other.defines and not other.limited
            )
