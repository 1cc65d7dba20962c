"""Two steps: a definition names another concept, which the material defines elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tutor.practice.items import Survey
from tutor.practice.statements import Statement, stems
from tutor.studio.kinds import Draft, quoted, sentence_of
from tutor.studio.kinds.alike import defines
from tutor.studio.kinds.asking import askable, definition, questions

KNOWN = 12  # statements about a concept from which everybody knows it


def drafts(material: Survey, rows: Sequence[Statement]) -> Iterator[Draft]:
    """ "What is a branch, and what is the condition in its definition?"."""
    for row in rows:
        if not askable(row, material) or "`" in row.text:
            continue
        asked_first = (asked for asked, _ in questions(row, material) if asked.startswith("What does "))
        question = definition(row) or next(asked_first, "")
        follow = next(_defined_in(row, material), None) if question else None
        if follow is None:
            continue
        asked = f"{question[:-1]}, and what {follow.verb} {follow.subject}?"
        answer = f"{sentence_of(row)} {sentence_of(follow)}"
        sources = (quoted(row), quoted(follow))
        yield Draft("multi-step", asked, answer, sources, "two statements that meet", row.term)


def _defined_in(row: Statement, material: Survey) -> Iterator[Statement]:
    """Definitions of concepts that the statement's predicate names, longest name first."""
    said = f" {row.predicate.lower()} ".replace(",", " ").replace(".", " ")
    own = stems(row.term)
    for term in sorted(material.names, key=len, reverse=True):
        about = material.by_term.get(term, [])
        if len(term) < 4 or f" {term.lower()} " not in said or stems(term) & own or len(about) > KNOWN:
            continue
        yield from (other for other in about if defines(other, material) and not stems(other.predicate) & own)
