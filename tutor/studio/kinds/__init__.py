"""Kinds of questions a dataset is made of: one module each, and this dict of them.

Each module has `drafts(material: Survey, rows: Sequence[Statement]) -> Iterator[Draft]`: the questions that the statements of one
passage allow, with answers in the material's own words. No language model takes part. Coding exercises are not made of statements
but of programs: see `tutor.studio.exercises.deriving`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module

from courses.models import Passage
from tutor.practice.items import Survey
from tutor.practice.statements import Statement
from tutor.studio.exercises.verifying import Exercise, Result

CODING = "coding"
KINDS = {
    "recall": "tutor.studio.kinds.recall",
    "explain": "tutor.studio.kinds.explain",
    "apply": "tutor.studio.kinds.apply",
    "compare": "tutor.studio.kinds.compare",
    "multi-step": "tutor.studio.kinds.multi_step",
    "misconception": "tutor.studio.kinds.misconception",
    "problem": "tutor.studio.kinds.problem",
    CODING: "",
}


@dataclass(frozen=True, slots=True)
class Quoted:
    """Verbatim words of a passage; start and end are offsets in it."""

    passage: Passage
    start: int
    end: int

    @property
    def text(self) -> str:
        return self.passage.text[self.start : self.end]


@dataclass(frozen=True, slots=True)
class Programmed:
    """A coding exercise of a draft: what was verified, what came of it, and what students see of it beside the task."""

    title: str
    given: Exercise
    result: Result
    starter: str
    hint: str


@dataclass(frozen=True, slots=True)
class Draft:
    """An example before it was checked. skill: the concept it is about. computed: its answer was run or solved, so that it
    stands without being read in a passage; failed: why that went wrong."""

    kind: str
    question: str
    answer: str
    sources: tuple[Quoted, ...]
    made_how: str
    skill: str = ""
    computed: bool = False
    failed: str = ""
    program: Programmed | None = None


def drafts_of(kind: str, material: Survey, rows: Sequence[Statement]) -> Iterator[Draft]:
    """The drafts of one kind from the statements of one passage. Raises KeyError for an unknown kind."""
    if module := KINDS[kind]:
        yield from import_module(module).drafts(material, rows)


def quoted(row: Statement) -> Quoted:
    """The sentence that a statement stands in."""
    return Quoted(row.passage, row.start, row.end)


def sentence_of(row: Statement) -> str:
    """A statement as a whole sentence."""
    text = " ".join(row.text.split())
    return text if text.endswith((".", "!", "?")) else f"{text}."
