"""Passages that answer a query: dense and lexical, over passages and their propositions, fused by reciprocal rank."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from django.conf import settings
from django.db.models import Exists, OuterRef
from numpy.typing import NDArray

from courses.index import CourseIndex, index_of
from courses.lexical import terms
from courses.models import Course, Material, Passage, PassageQuerySet, Proposition
from courses.reranking import scores
from courses.sentences import sentences
from tutor.llm.embeddings import embed

RRF_K = 60  # reciprocal rank fusion, Cormack et al. 2009
PROPOSITION_WEIGHT = 1.5  # of the list by propositions; the other two count once (bench/search.py)
CANDIDATES = 30  # of each of the dense and the lexical list
RERANKED = 20  # that a cross-encoder, where one is set, looks at
PIN_SIMILARITY = 0.62  # cosine of query and staff answer from which the answer comes first
PIN_COVERAGE = 0.8  # the same without a vector: share of the query's telling words that the answer has

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Hit:
    """A passage that was found. start and end: the span that matches best, offsets in the material's text."""

    passage: Passage
    score: float  # fused: only good for comparing hits of one search
    start: int
    end: int
    similarity: float  # cosine of the query with the passage or its best proposition; 0 without vectors

    @property
    def text(self) -> str:
        return self.passage.text

    @property
    def url(self) -> str:
        return self.passage.url(self.start, self.end)


@dataclass
class Candidate:
    """A row of the index that may be a hit."""

    row: int
    passage: int
    pinned: bool
    similarity: float = 0.0
    score: float = 0.0


def search(
    course: Course, query: str, *, passages: PassageQuerySet, k: int = 8, vector: Floats | None = None
) -> list[Hit]:
    """The best k passages for a query, best first, among those of `passages` (the access-filtered queryset).

    `vector` is the query's, when the caller has it. Raises EmbeddingError when it cannot be made.
    """
    if not query.strip() or k < 1:
        return []
    if vector is None:
        vector = embed([query])[0]
    words = terms(query)
    index = index_of(course)
    asked = _Asked(query, vector, words, k)
    materials = _materials(course, passages)
    hits, complete = _search(index, asked, lambda: index.allowed(materials), passages)
    if not complete:  # the queryset is narrower than its materials: rank exactly what it holds
        readable = set(passages.order_by().values_list("pk", flat=True))
        hits, _ = _search(index, asked, lambda: index.allowed_passages(readable), passages)
    rows = {hit.passage.material_id: hit.passage.material for hit in hits}
    for hit in hits:
        hit.passage.material = rows[hit.passage.material_id]  # one row for all: its text is loaded once
        hit.passage.course = hit.passage.material.course = course
    return hits


@dataclass(frozen=True)
class _Asked:
    query: str
    vector: Floats
    words: list[str]
    k: int


def _search(
    index: CourseIndex, asked: _Asked, allowed: Callable[[], NDArray[np.bool_]], passages: PassageQuerySet
) -> tuple[list[Hit], bool]:
    """The best allowed rows that are in the caller's queryset, and whether all the best ones were in it."""
    with index.lock:
        found = _candidates(index, asked.vector, asked.words, allowed(), asked.k)
        weigh = {word: index.lexical.idf(word) for word in asked.words}
    spans = _rank_by_propositions(found, asked.vector)
    if settings.RERANK_URL:
        found = _reranked(asked.query, found, passages)
    pinned = [candidate for candidate in found if candidate.pinned]
    if pinned:
        found = _pinned_first(found, pinned, weigh)
    best = found[: asked.k]
    rows = passages.select_related("material").defer("vector").in_bulk([one.passage for one in best])
    hits = [
        _hit(one, rows[one.passage], spans.get(one.passage, []), weigh) for one in best if one.passage in rows
    ]
    return hits, len(hits) == len(best)


def _reranked(query: str, found: list[Candidate], passages: PassageQuerySet) -> list[Candidate]:
    """The first candidates in the cross-encoder's order, the rest behind them."""
    texts = dict(passages.filter(pk__in=[one.passage for one in found[:RERANKED]]).values_list("pk", "text"))
    first = [one for one in found[:RERANKED] if one.passage in texts]
    given = scores(query, [texts[one.passage] for one in first])
    if given is None:
        return found
    ranked = [first[place] for place in sorted(range(len(first)), key=lambda place: -given[place])]
    return ranked + [one for one in found if one not in ranked]


def neighbours(hit: Hit, passages: PassageQuerySet, reach: int = 1) -> list[Passage]:
    """The passage of a hit with those around it that may be read and stand under the same heading, in order."""
    around = passages.filter(
        material=hit.passage.material_id,
        ordinal__gte=hit.passage.ordinal - reach,
        ordinal__lte=hit.passage.ordinal + reach,
    ).order_by("ordinal")
    found = [
        row for row in around if row.pk == hit.passage.pk or row.heading_path == hit.passage.heading_path
    ]
    for row in found:
        row.material = hit.passage.material
    return found


def _materials(course: Course, passages: PassageQuerySet) -> list[int]:
    """The materials of which the queryset lets something through; a few hundred index look-ups, not a scan."""
    inside = passages.order_by().filter(material=OuterRef("pk"))
    return list(
        Material.objects.filter(Exists(inside), course=course).order_by().values_list("pk", flat=True)
    )


def _candidates(
    index: CourseIndex, vector: Floats, words: list[str], allowed: NDArray[np.bool_], k: int
) -> list[Candidate]:
    """What the dense and the lexical index find, fused by reciprocal rank, best first."""
    count = max(CANDIDATES, 2 * k)
    dense = index.nearest(vector, allowed, count)
    lexical = index.matching(words, allowed, count)
    found: dict[int, Candidate] = {}
    for ranked in (dense, lexical):
        for rank, (row, _) in enumerate(ranked, start=1):
            if row not in found:
                found[row] = Candidate(
                    row, int(index.ids[row]), bool(index.pinned[row]), index.similarity(row, vector)
                )
            found[row].score += 1 / (RRF_K + rank)
    return sorted(found.values(), key=lambda candidate: -candidate.score)


Span = tuple[int, int, float]  # start and end in the passage's text, cosine with the query


def _rank_by_propositions(found: list[Candidate], vector: Floats) -> dict[int, list[Span]]:
    """Fuse in a third list: the candidates by their best proposition (small to big). Sorts `found`.

    Returns where each passage's propositions stand, with their cosines.
    """
    stored = list(
        Proposition.objects.filter(
            passage__in=[one.passage for one in found], vector__isnull=False
        ).values_list("passage_id", "start", "end", "vector")
    )
    spans: dict[int, list[Span]] = {}
    if stored:
        packed = b"".join(row[3] or b"" for row in stored)
        cosines = np.frombuffer(packed, np.float16).reshape(len(stored), -1).astype(np.float32) @ vector
        for (passage, start, end, _), cosine in zip(stored, cosines.tolist(), strict=True):
            spans.setdefault(passage, []).append((start, end, cosine))
        best = {passage: max(cosine for *_, cosine in inside) for passage, inside in spans.items()}
        by_passage = {candidate.passage: candidate for candidate in found}
        for rank, passage in enumerate(sorted(best, key=lambda passage: -best[passage]), start=1):
            candidate = by_passage[passage]
            candidate.score += PROPOSITION_WEIGHT / (RRF_K + rank)
            candidate.similarity = max(candidate.similarity, best[passage])
    found.sort(key=lambda candidate: (-candidate.score, candidate.passage))
    return spans


def _pinned_first(
    found: list[Candidate], pinned: list[Candidate], weigh: dict[str, float]
) -> list[Candidate]:
    """Staff answers to this very question, then the rest."""
    rows = Passage.objects.in_bulk([candidate.passage for candidate in pinned])
    first = [
        candidate
        for candidate in pinned
        if candidate.similarity >= PIN_SIMILARITY
        or (
            candidate.passage in rows
            and _coverage(rows[candidate.passage].text.split("\n", 1)[0], weigh) >= PIN_COVERAGE
        )
    ]
    return first + [candidate for candidate in found if candidate not in first]


def _coverage(text: str, weigh: dict[str, float]) -> float:
    """Share of the query's words, by weight, that the text has."""
    total = sum(weigh.values())
    return sum(weigh.get(term, 0.0) for term in set(terms(text))) / total if total else 0.0


def _hit(candidate: Candidate, passage: Passage, spans: Sequence[Span], weigh: dict[str, float]) -> Hit:
    """The candidate with the span in it that matches best, by meaning and by words."""
    text = passage.text
    best, span = -1.0, (0, len(text))
    for start, end, cosine in spans or [(start, end, 0.0) for start, end in sentences(text)]:
        value = cosine + _coverage(text[start:end], weigh)
        if value > best:
            best, span = value, (start, end)
    start, end = passage.start + span[0], passage.start + span[1]
    return Hit(passage, candidate.score, start, end, candidate.similarity)
