"""Whether the passages that were found hold the answer to a question: likeness, shared words, kind of answer."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from courses.verification.vectors import sentence_spans, vectors_of
from courses.verification.words import Word, relation, words
from tutor.chat.aspects import subject_words

WEIGHTS = Path(__file__).with_name("answerability.json")
CONSIDERED = 4  # hits that are looked into

ASKING = re.compile(
    r"\b(who|whom|whose|when|where|why|how\s+many|how\s+much|how\s+long|how\s+old|how|what|which)\b",
    re.IGNORECASE,
)
NUMBER = re.compile(
    r"\d|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|twelve|hundred|thousand|million|billion)\b",
    re.IGNORECASE,
)
DATE = re.compile(
    r"\b(?:1\d{3}|20\d\d|century|January|February|March|April|May|June|July|August|September|October|November|December)\b"
)
NAME = re.compile(r"(?<=[a-z,;)] )[A-Z][a-z]+")
PLACE = re.compile(r"\b(?:in|at|near|from|of|on|to)\s+(?:the\s+)?[A-Z]")
CAUSE = re.compile(
    r"\b(?:because|due\s+to|since|reasons?|caus\w+|so\s+that|as\s+a\s+result|therefore|thus|hence|in\s+order|to\s+\w+)\b",
    re.IGNORECASE,
)
ANSWERS = {
    "who": NAME, "whom": NAME, "whose": NAME, "when": DATE, "where": PLACE, "why": CAUSE, "how many": NUMBER,
    "how much": NUMBER, "how long": NUMBER, "how old": NUMBER,
}  # fmt: skip
NAMES = [
    "passage",
    "sentence",
    "titled",
    "two_best",
    "whole",
    "best",
    "best_titled",
    "around",
    "rarest_missing",
    "missing_share",
    "kind_best",
    "kind_around",
    "focus",
    "focus_best",
    "length",
    "factoid",
    "what",
    "how",
    "why",
    "plain",
    "sentences",
    "mean",
    "untitled",
]

Rarity = Callable[[str], float]  # how telling a word of the question is in this course, 0..1


@dataclass(frozen=True, slots=True)
class Weights:
    mean: list[float]
    scale: list[float]
    weight: list[float]
    bias: float
    answered: float  # probability from which the material is taken to hold the answer


@cache
def weights() -> Weights:
    """The fitted weights, read once."""
    return Weights(**json.loads(WEIGHTS.read_text(encoding="utf-8")))


def asked_for(question: str) -> str:
    """The question's kind by its asking word: who, when, how many, …; "" for none."""
    found = ASKING.search(question)
    return re.sub(r"\s+", " ", found.group().lower()) if found else ""


def features(question: str, title: str, text: str, rarity: Rarity) -> list[float]:
    """The vector (len(NAMES),) for a question and one passage with its title or headings."""
    spans = sentence_spans(text)
    texts = [text[start:end] for start, end in spans] or [text]
    vectors = vectors_of([question, f"{title}\n{text}", *texts, *(f"{title}: {part}" for part in texts)])
    asked, passage = vectors[0], vectors[1]
    likeness = vectors[2 : 2 + len(texts)] @ asked
    titled = vectors[2 + len(texts) :] @ asked
    best = int(np.argmax(titled))
    telling = subject_words(question)
    weigh = [max(rarity(word.text), 0.05) for word in telling]
    around = " ".join(texts[max(0, best - 1) : best + 2])
    held = {word.key for word in words(f"{title} {text}")}
    named = {word.key for word in words(title) if word.content}
    rest = [(word, weight) for word, weight in zip(telling, weigh, strict=True) if word.key not in named]
    of_rest = sum(weight for _, weight in rest) or 1e-6
    missing = [weight for word, weight in zip(telling, weigh, strict=True) if word.key not in held]
    kind = asked_for(question)
    pattern = ANSWERS.get(kind)
    return [
        float(passage @ asked),
        float(likeness.max()),
        float(titled.max()),
        float(np.sort(likeness)[-2:].mean()),
        covered(telling, weigh, f"{title} {text}"),
        max(covered(telling, weigh, part) for part in texts),
        max(covered(telling, weigh, f"{title} {part}") for part in texts),
        covered(telling, weigh, around),
        max(missing, default=0.0),
        len(missing) / max(1, len(telling)),
        float(bool(pattern.search(texts[best]))) if pattern else 0.5,
        float(bool(pattern.search(around))) if pattern else 0.5,
        sum(weight for word, weight in rest if word.key in held) / of_rest if rest else 1.0,
        max(
            sum(w for word, w in rest if word.key in {v.key for v in words(part)}) / of_rest for part in texts
        )
        if rest
        else 1.0,
        float(min(len(telling), 8)),
        float(pattern is not None and kind != "why"),
        float(kind in ("what", "which")),
        float(kind == "how"),
        float(kind == "why"),
        float(kind == ""),
        float(min(len(texts), 12)),
        float(likeness.mean()),
        sum(weight for _, weight in rest) / (sum(weigh) or 1e-6),
    ]


def covered(telling: Sequence[Word], weigh: Sequence[float], text: str) -> float:
    """Share of the question's words, by weight, that a text has in some form."""
    held = {word.key: word.lower for word in words(text)}
    found = 0.0
    for word, weight in zip(telling, weigh, strict=True):
        if word.key in held:
            found += weight
        else:
            found += (
                weight
                * 0.8
                * max((relation(word.lower, other).strength for other in held.values()), default=0.0)
            )
    return found / (sum(weigh) or 1e-6)


def probability(row: Sequence[float]) -> float:
    """How likely the passage of a feature row holds the answer, 0..1."""
    fitted = weights()
    total = fitted.bias
    for value, mean, scale, weight in zip(row, fitted.mean, fitted.scale, fitted.weight, strict=True):
        total += weight * (value - mean) / scale
    return float(1 / (1 + np.exp(-total)))
