"""Whether passages support a claim, and by which of their own words. No language model takes part.

A claim is supported when it says no more than one to three neighbouring sentences of a passage say. What the verifier
cannot establish it does not claim: everything else is partial or unsupported.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from courses.verification.evidence import Window, features, parts
from courses.verification.model import model
from courses.verification.quotes import Found, find_quote
from courses.verification.tables import NEGATORS
from courses.verification.vectors import sentence_spans, vectors_of
from courses.verification.words import Word, words

SUPPORTED, PARTIAL, UNSUPPORTED = "supported", "partial", "unsupported"
VERBATIM = 0.98  # score of a claim that the passage holds word for word
LIMITING = frozenset(["only", "unless", "if", "when", "except", "but", "until", "without"])


@dataclass(frozen=True, slots=True)
class Quote:
    """Verbatim words of a passage; start and end are offsets in it."""

    passage: int
    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Verdict:
    verdict: str  # supported | partial | unsupported
    score: float  # 0..1, calibrated on labelled claims
    quotes: list[Quote] = field(default_factory=list)
    contradicted: bool = False  # the best evidence says the opposite


@dataclass(frozen=True, slots=True)
class Reading:
    """A claim beside the window that speaks for it most: what the verdict is made from."""

    window: Window
    features: list[float]


@dataclass(frozen=True, slots=True)
class Evidence:
    """Passages, split into sentences and windows, with their vectors (sentences x 384)."""

    passages: Sequence[str]
    spans: list[tuple[int, int, int]]  # passage, start, end
    vectors: NDArray[np.float32]
    windows: list[Window]
    window_vectors: NDArray[np.float32]
    window_keys: list[frozenset[str]]
    everything: frozenset[str]


def verify(claim: str, passages: Sequence[str]) -> Verdict:
    """Check one claim against passages, most relevant first or in any order."""
    return verify_all([claim], passages)[0]


def verify_all(claims: Sequence[str], passages: Sequence[str]) -> list[Verdict]:
    """Check several claims against the same passages; texts are embedded in one batch."""
    return [
        judge(claim, reading, passages) for claim, reading in zip(claims, read(claims, passages), strict=True)
    ]


def read(claims: Sequence[str], passages: Sequence[str], *, windows: int = 1) -> list[list[Reading]]:
    """For each claim its best windows with their features, best first by likeness and shared words; [] without text."""
    split = [parts(claim) for claim in claims]
    texts = list(claims) + [part for pieces in split for part in pieces if len(pieces) > 1]
    evidence = prepare(passages, also=texts)
    if not evidence.windows:
        return [[] for _ in claims]
    vectors = dict(zip(texts, vectors_of(texts), strict=True))
    chosen: list[tuple[str, list[int], tuple[float, float]]] = []
    for claim, pieces in zip(claims, split, strict=True):
        to_sentences = evidence.vectors @ vectors[claim]
        weakest = (
            min(float((evidence.vectors @ vectors[piece]).max()) for piece in pieces)
            if len(pieces) > 1
            else float(to_sentences.max())
        )
        to_windows = evidence.window_vectors @ vectors[claim]
        keys = {word.key for word in words(claim) if word.content}
        shared = np.array([len(keys & held) / max(1, len(keys)) for held in evidence.window_keys])
        size = np.array([len(window.sentences) for window in evidence.windows])
        order = np.argsort(-(to_windows + shared - 0.02 * size), kind="stable")
        chosen.append((claim, [int(i) for i in order[:windows]], (float(to_sentences.max()), weakest)))
    readings: list[list[Reading]] = []
    for claim, best, (sentence, weakest) in chosen:
        found: list[Reading] = []
        for i in best:
            cosine = float(evidence.window_vectors[i] @ vectors[claim])
            window = evidence.windows[i]
            vector = features(
                words(claim), words(window.text), evidence.everything, (cosine, sentence, weakest)
            )
            found.append(Reading(window, vector))
        readings.append(found)
    return readings


def judge(claim: str, readings: Sequence[Reading], passages: Sequence[str]) -> Verdict:
    """The verdict on a claim from what its best windows say."""
    if not readings or not any(word.content for word in words(claim)):
        return Verdict(UNSUPPORTED, 0.0)
    fitted = model()
    reading = readings[0]
    window, text = reading.window, passages[reading.window.passage]
    score = float(fitted.scores(np.array([reading.features], dtype=np.float64))[0])
    quote = find_quote(claim, text, within=(window.start, window.end))
    start, end = window.start, window.end
    if quote is not None and quote.whole and _says_it_whole(text, quote, window):
        score = max(score, VERBATIM)
        start, end = quote.start, quote.end
    verdict = fitted.verdict(score)
    values = dict(zip(fitted.names, reading.features, strict=True))
    against = values["opposites_clause"] > 0 or values["negation"] > 0
    contradicted = verdict != SUPPORTED and values["covered"] > 0.6 and against
    kept = verdict != UNSUPPORTED or contradicted
    quotes = [Quote(window.passage, start, end, text[start:end])] if kept else []
    return Verdict(verdict, score, quotes, contradicted)


def _says_it_whole(text: str, quote: Found, window: Window) -> bool:
    """Whether the words around a verbatim quote leave its meaning alone: no "not all" before, no "only if" behind."""
    sentences = [(a, b) for a, b in sentence_spans(text) if a < quote.end and quote.start < b]
    start = max((a for a, _ in sentences), default=window.start)
    end = min((b for _, b in sentences if b >= quote.end), default=window.end)
    before = words(text[start : quote.start])
    last = [word for word in before if word.clause == before[-1].clause] if before else []
    behind = words(text[quote.end : end])[:1]
    return not any(word.content or word.lower in NEGATORS for word in last) and not (
        behind and behind[0].lower in LIMITING
    )


def prepare(passages: Sequence[str], also: Sequence[str] = ()) -> Evidence:
    """Split and embed passages; `also` are texts that will be needed and are embedded in the same batch."""
    spans = [(number, a, b) for number, text in enumerate(passages) for a, b in sentence_spans(text)]
    texts = [passages[number][a:b] for number, a, b in spans]
    vectors_of([*texts, *also])
    vectors = vectors_of(texts) if texts else np.zeros((0, 384), dtype=np.float32)
    windows: list[Window] = []
    for i, (number, a, _) in enumerate(spans):
        for size in (1, 2, 3):
            last = i + size - 1
            if last < len(spans) and spans[last][0] == number:
                end = spans[last][2]
                windows.append(Window(number, a, end, passages[number][a:end], tuple(range(i, last + 1))))
    sums = np.array([vectors[list(window.sentences)].sum(axis=0) for window in windows], dtype=np.float32)
    if len(windows):
        sums /= np.linalg.norm(sums, axis=1, keepdims=True) + 1e-9
    keys = [frozenset(word.key for word in words(window.text)) for window in windows]
    everything = frozenset(key for held in keys for key in held)
    return Evidence(passages, spans, vectors, windows, sums, keys, everything)


def explain(claim: str, passages: Sequence[str]) -> Mapping[str, float]:
    """The features of a claim's best reading by name, for people who want to know why."""
    readings = read([claim], passages)[0]
    return dict(zip(model().names, readings[0].features, strict=True)) if readings else {}


__all__ = [
    "Evidence",
    "Quote",
    "Reading",
    "Verdict",
    "Word",
    "explain",
    "judge",
    "prepare",
    "read",
    "verify",
    "verify_all",
]
