"""What the material holds on a question, and whether that answers it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from courses.models import Course, PassageQuerySet
from courses.search import Hit, search
from courses.verification.vectors import vectors_of
from tutor.accounts.models import User
from tutor.chat import about, answerability, composing, premises, summing
from tutor.chat.answerability import Rarity, covered
from tutor.chat.aspects import aspect_of, subject_words
from tutor.chat.layout import heading
from tutor.chat.rewriting import as_question
from tutor.chat.statement import Statement
from tutor.chat.vocabulary import rarity, spelled
from tutor.llm.models import Endpoint

FOUND = 8  # passages
ON_PREMISE = 2  # statements, where the question takes something wrong for granted
LEAST = 0.36  # score of the best statement below which there is none
OF_A_SIDE = 2  # hits for each of two things that are compared
BEFORE_SIDES = 2  # hits for both that stay before these
TOLD = 0.5  # probability of an answer where a statement about the subject says what is asked of it
ALL, MOST_OF = (
    0.95,
    0.6,
)  # of the subject's words by weight, that such a statement has with its headings, and alone
DEFINED = 0.8  # probability of an answer where the material defines the very thing that is asked for


Event = dict[str, Any]


@dataclass(frozen=True)
class Request:
    """A question and all that may be used to answer it. `passages` is the access-filtered queryset, the only source."""

    course: Course
    user: User | None
    question: str
    history: Sequence[tuple[str, str]]
    endpoint: Endpoint
    passages: PassageQuerySet


@dataclass(frozen=True)
class Found:
    """What the material holds on the question."""

    hits: list[Hit]
    probability: float  # that it holds the answer
    statements: list[Statement]
    premise: premises.Contradiction | None
    seconds: float

    @property
    def answers(self) -> bool:
        return self.probability >= answerability.weights().answered or any(
            hit.passage.pinned for hit in self.hits[:1]
        )


def look(request: Request, query: str) -> Found:
    """Search, and decide whether the material answers."""
    started = time.monotonic()
    if summed := summing.told(summing.named(query, request.passages)):
        return _summed(summed, time.monotonic() - started)
    query = spelled(request.course, as_question(query))
    hits = _searched(request, query)
    seconds = time.monotonic() - started
    if not hits:
        return Found([], 0.0, [], None, seconds)
    telling = rarity(request.course)
    rows = [
        answerability.features(query, heading(hit.passage), hit.passage.text, telling)
        for hit in hits[: answerability.CONSIDERED]
    ]
    probability = max(answerability.probability(row) for row in rows)
    chosen = composing.statements(query, hits, telling)
    chosen = [statement for statement in chosen if not about.names_nobody(query, statement.source)]
    if not chosen or chosen[0].score < LEAST:
        probability = 0.0
    elif chosen[0].lead or any(statement.defines for statement in chosen):
        probability = max(probability, DEFINED)
    elif any(_tells(query, statement, telling) for statement in chosen):
        probability = max(probability, TOLD)
    contradiction = premises.contradiction(query, [hit.passage.text for hit in hits[:4]])
    if contradiction is not None:  # what speaks against the premise comes first, and little beside it
        chosen = sorted(chosen, key=lambda one: one.source not in contradiction.quote)[:ON_PREMISE]
    return Found(hits, probability, chosen, contradiction, seconds)


def _summed(statements: list[Statement], seconds: float) -> Found:
    """A material in short, shown as a list; a capable model has the passages it is made of."""
    passages = {one.passage.pk: one.passage for one in statements}
    hits = [Hit(one, 1.0, one.start, one.end, 1.0) for one in passages.values()]
    return Found(hits, 1.0, [replace(one, item=True) for one in statements], None, seconds)


def _searched(request: Request, query: str) -> list[Hit]:
    """The hits for a query; where it compares two things, with the best ones for each among the first."""
    vector = vectors_of([query])[0]
    hits = search(request.course, query, passages=request.passages, k=FOUND, vector=vector)
    for side in composing.sides(query):
        of_side = search(request.course, f"What is {side}?", passages=request.passages, k=OF_A_SIDE)
        known = {hit.passage.pk for hit in hits[:BEFORE_SIDES]}
        new = [hit for hit in of_side if hit.passage.pk not in known]
        rest = [hit for hit in hits if hit.passage.pk not in {one.passage.pk for one in new}]
        hits = [*rest[:BEFORE_SIDES], *new, *rest[BEFORE_SIDES:]]
    return hits[:FOUND]


def _tells(query: str, statement: Statement, rarity: Rarity) -> bool:
    """Whether a statement is about all that the question is about, and says of it what is asked: a reason, advantages.

    A row of a table says of it whatever its columns are for.
    """
    if statement.row:
        telling = subject_words(query)
        weigh = [max(rarity(word.text), 0.05) for word in telling]
        return len(telling) > 1 and covered(telling, weigh, statement.row) >= ALL
    aspect = aspect_of(query)
    if aspect is None or not aspect.says.search(statement.source):
        return False
    telling = subject_words(query)
    weigh = [max(rarity(word.text), 0.05) for word in telling]
    titled = f"{heading(statement.passage)} {statement.source}"
    return covered(telling, weigh, titled) >= ALL and covered(telling, weigh, statement.source) >= MOST_OF
