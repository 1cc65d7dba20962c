"""Whether an example is a quiz item in other words.

After OpenMathInstruct-2's decontamination, without a language model: the nearest item by meaning of question and answer together.
Two questions that differ in one word ("the first element", "the last element") are near each other, but not their answers; and an
example gives an item away only if its answer answers the item.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from courses.verification.vectors import vectors_of

# Mean of two cosines with the item and its answer: of the example's question with its answer, and of its answer alone. Set on the
# 40 paraphrases and 60 near misses of tests/data/leaks.jsonl.
SAME = 0.73


@dataclass(frozen=True, slots=True)
class Asked:
    """A question and its answer."""

    question: str
    answer: str

    @property
    def whole(self) -> str:
        return f"{self.question} {self.answer}"


@dataclass(frozen=True, slots=True)
class Leak:
    """An example that gives away a quiz item; both are places in what was given."""

    example: int
    item: int
    likeness: float


def leaks(examples: Sequence[Asked], bank: Sequence[Asked]) -> list[Leak]:
    """The examples that paraphrase an item of the bank, each with the item nearest to it."""
    if not examples or not bank:
        return []
    items = vectors_of([item.whole for item in bank])
    whole = vectors_of([example.whole for example in examples])
    answers = vectors_of([example.answer for example in examples])
    likeness = (whole @ items.T + answers @ items.T) / 2
    nearest = likeness.argmax(axis=1)
    best = likeness[np.arange(len(examples)), nearest]
    return [Leak(int(n), int(nearest[n]), float(best[n])) for n in np.flatnonzero(best >= SAME)]
