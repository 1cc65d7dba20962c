"""What students ask, put into groups of like questions, with how well they were answered. Never who asked."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from django.core.cache import cache
from django.db.models import Exists, OuterRef, QuerySet
from numpy.typing import NDArray

from courses.models import TEACHING, Course, Enrolment
from tutor.chat.models import Conversation, Feedback, StaffQuestion, Turn
from tutor.llm.embeddings import DIMENSION, EmbeddingError, embed

MOST = 600  # the latest questions of the period that are grouped
ALIKE = 0.62  # cosine from which two questions count as the same one, in other words
WORDS_ALIKE = 0.45  # the same, where only words can be compared
KEEP = 30 * 24 * 3600  # seconds a question's vector is cached

Floats = NDArray[np.float32]


@dataclass
class Group:
    """Like questions. `label` is the most typical one, in a student's own words."""

    label: str
    turns: list[Turn]

    @property
    def count(self) -> int:
        return len(self.turns)

    @property
    def people(self) -> int:
        return len({turn.conversation.user_id for turn in self.turns})

    @property
    def unanswered(self) -> int:
        return sum(turn.abstained for turn in self.turns)

    @property
    def unanswered_share(self) -> float:
        return self.unanswered / self.count

    @property
    def thumbs_down(self) -> int:
        return sum(turn.down for turn in self.turns)  # type: ignore[attr-defined] # annotated in `asked`

    @property
    def latest(self) -> datetime:
        return max(turn.created for turn in self.turns)


def asked(course: Course, since: datetime | None) -> QuerySet[Turn]:
    """The students' finished questions, newest first; not those of staff, nor ones that were asked again or edited."""
    teaching = Enrolment.objects.filter(course=course, role__in=TEACHING, user=OuterRef("conversation__user"))
    turns = Turn.objects.filter(
        ~Exists(teaching),
        ~Exists(Turn.objects.filter(edits=OuterRef("pk"))),
        conversation__course=course,
        conversation__kind=Conversation.Kind.CHAT,
        conversation__as_student=False,
        conversation__user__is_superuser=False,
        regenerates=None,
    ).exclude(state__in=(Turn.State.QUEUED, Turn.State.RUNNING))
    if since is not None:
        turns = turns.filter(created__gte=since)
    feedback = Feedback.objects.filter(turn=OuterRef("pk"))
    return (
        turns.annotate(
            down=Exists(feedback.filter(up=False)),
            up=Exists(feedback.filter(up=True)),
            handed_over=Exists(StaffQuestion.objects.filter(turn=OuterRef("pk"), answered_at=None)),
        )
        .select_related("conversation")
        .order_by("-created")
    )


def grouped(turns: Sequence[Turn]) -> list[Group]:
    """Like questions together, the largest group first."""
    if not turns:
        return []
    texts = [turn.query or turn.question for turn in turns]
    try:
        vectors, alike = vectors_of(texts), ALIKE
    except EmbeddingError:
        vectors, alike = word_vectors(texts), WORDS_ALIKE
    groups = []
    for members in cluster(vectors, alike):
        centre = vectors[members].mean(axis=0)
        typical = members[int(np.argmax(vectors[members] @ centre))]
        groups.append(Group(turns[typical].question, [turns[member] for member in members]))
    return sorted(groups, key=lambda group: (-group.count, -group.latest.timestamp()))


def vectors_of(texts: Sequence[str]) -> Floats:
    """One unit vector a text, from the cache where it has been embedded before. Raises EmbeddingError."""
    keys = ["question:" + hashlib.sha256(text.encode()).hexdigest() for text in texts]
    known = cache.get_many(keys)
    missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in known}
    if missing:
        fresh = embed(list(missing.values()))
        made = {key: vector.astype(np.float16).tobytes() for key, vector in zip(missing, fresh, strict=True)}
        cache.set_many(made, KEEP)
        known |= made
    rows = [np.frombuffer(known[key], np.float16).astype(np.float32) for key in keys]
    return np.stack(rows)


def word_vectors(texts: Sequence[str]) -> Floats:
    """Where no model answers: unit vectors of the words' first letters, which takes plurals and tenses together."""
    vectors = np.zeros((len(texts), DIMENSION), np.float32)
    for row, text in enumerate(texts):
        for word in re.findall(r"\w{3,}", text.lower()):
            stem = word[:5].encode()
            vectors[
                row, int.from_bytes(hashlib.blake2b(stem, digest_size=4).digest(), "big") % DIMENSION
            ] += 1
    return unit(vectors)


def unit(vectors: Floats) -> Floats:
    """The rows at length 1; rows of zeros stay so."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    made: Floats = (vectors / np.maximum(lengths, 1e-6)).astype(np.float32)
    return made


def cluster(vectors: Floats, alike: float) -> list[list[int]]:
    """Rows in groups: each joins the nearest centre within `alike` (cosine) or founds one; then once more, settled."""
    centres: list[Floats] = []
    for vector in vectors:
        if centres:
            near = unit(np.stack(centres)) @ vector
            best = int(np.argmax(near))
            if near[best] >= alike:
                centres[best] = centres[best] + vector
                continue
        centres.append(vector.copy())
    nearest = np.argmax(vectors @ unit(np.stack(centres)).T, axis=1)
    groups = [np.flatnonzero(nearest == number).tolist() for number in range(len(centres))]
    return [group for group in groups if group]
