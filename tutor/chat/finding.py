"""What the material holds on a question, and whether that answers it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from courses.models import Course, PassageQuerySet
from courses.search import Hit, search
from courses.verification.vectors import vectors_of
from tutor.accounts.models import User
from tutor.chat import answerability, composing, premises
from tutor.chat.layout import heading
from tutor.chat.rewriting import as_question
from tutor.chat.vocabulary import rarity, spelled
from tutor.llm.models import Endpoint

FOUND = 8  # passages
ON_PREMISE = 2  # statements, where the question takes something wrong for granted
LEAST = 0.36  # score of the best statement below which there is none
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
    statements: list[composing.Statement]
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
    query = spelled(request.course, as_question(query))
    vector = vectors_of([query])[0]
    hits = search(request.course, query, passages=request.passages, k=FOUND, vector=vector)
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
    if not chosen or chosen[0].score < LEAST:
        probability = 0.0
    elif any(statement.defines for statement in chosen):
        probability = max(probability, DEFINED)
    contradiction = premises.contradiction(query, [hit.passage.text for hit in hits[:4]])
    if contradiction is not None:  # what speaks against the premise comes first, and little beside it
        chosen = sorted(chosen, key=lambda one: one.source not in contradiction.quote)[:ON_PREMISE]
    return Found(hits, probability, chosen, contradiction, seconds)
