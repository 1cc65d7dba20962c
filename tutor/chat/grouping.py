"""Like questions together: by the likeness of their vectors, or of their words where no model answers."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence

import numpy as np
from django.core.cache import cache
from numpy.typing import NDArray

from tutor.llm.embeddings import DIMENSION, EmbeddingError, embed

ALIKE = 0.62  # cosine from which two questions count as the same one, in other words
WORDS_ALIKE = 0.45  # the same, where only words can be compared
KEEP = 30 * 24 * 3600  # seconds a question's vector is cached

Floats = NDArray[np.float32]


def alike(questions: Sequence[str]) -> list[list[int]]:
    """Groups of like questions, each as indices, the most typical one first."""
    if not questions:
        return []
    vectors, least = _vectors(questions)
    groups = []
    for members in cluster(vectors, least):
        near = vectors[members] @ vectors[members].mean(axis=0)
        typical = members[int(np.argmax(near))]
        groups.append([typical, *(member for member in members if member != typical)])
    return groups


def like(question: str, others: Sequence[str]) -> list[bool]:
    """Which of the others ask the same as the question."""
    vectors, least = _vectors([question, *others])
    return [bool(near >= least) for near in vectors[1:] @ vectors[0]]


def _vectors(questions: Sequence[str]) -> tuple[Floats, float]:
    try:
        return vectors_of(questions), ALIKE
    except EmbeddingError:
        return word_vectors(questions), WORDS_ALIKE


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
