"""Classifiers of classroom talk: uptake, focusing questions, student reasoning, teacher and student talk moves.

`classify` judges utterances after what the other side said just before. Weights are those of the site's own training
(`manage.py coach_train`), or the ones that come with Lyceum.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

KINDS: dict[str, str] = {
    "uptake": "coach.classifiers.kinds.UPTAKE",
    "focusing": "coach.classifiers.kinds.FOCUSING",
    "reasoning": "coach.classifiers.kinds.REASONING",
    "teacher_moves": "coach.classifiers.kinds.TEACHER_MOVES",
    "student_moves": "coach.classifiers.kinds.STUDENT_MOVES",
}


@dataclass(frozen=True)
class Pair:
    """An utterance and what the other side said just before ("" if nothing)."""

    before: str
    text: str


@dataclass(frozen=True)
class Judged:
    """A judgement. `score` is continuous, higher is more: uptake like a z-score, focusing and reasoning the expected level
    (0 to 2, 0 to 1), moves the probability of the label.
    """

    label: str
    probabilities: dict[str, float]
    score: float


def classify(kind: str, rows: Sequence[Pair]) -> list[Judged]:
    """Judge utterances, in their order. uptake, focusing and teacher_moves judge a teacher's text after a student's;
    reasoning and student_moves a student's after a teacher's.

    Raises KeyError for an unknown kind, coach.classifiers.encoding.EncoderMissing without a default model, and
    coach.classifiers.blend.WeightsDamaged.
    """
    from coach.classifiers.keeping import active

    return active(kind).blend.classify(rows) if rows else []


def accuracy(kind: str) -> dict[str, Any]:
    """How good the classifier in use is: {"measured": {...}, "published": {...}, "rows", "lessons", "source", "shipped"}.

    "measured" are its scores by cross-validation over lessons, "published" what others reported; "by" in each says on what.
    """
    from coach.classifiers.keeping import active

    return active(kind).about
