"""How far two sets of ratings agree, and how sure one can be of that when lessons are as few as they are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
REPEATS = 1_000
SEED = 4


@dataclass(frozen=True)
class Estimate:
    """A statistic and the middle 95 % of what it is on lessons drawn again with replacement; None where it is undefined."""

    value: float | None
    low: float | None
    high: float | None


def ranks(values: Sequence[float] | Array) -> Array:
    """Ranks from 1; equal values share the mean of theirs."""
    array = np.asarray(values, dtype=float)
    _, inverse, counts = np.unique(array, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    mean_rank = last - (counts - 1) / 2
    ranked: Array = mean_rank[inverse]
    return ranked


def spearman(first: Sequence[float] | Array, second: Sequence[float] | Array) -> float | None:
    """Spearman's rank correlation, -1 to 1; None where one side never varies or there are fewer than three pairs."""
    a, b = ranks(first), ranks(second)
    if len(a) < 3:
        return None
    a, b = a - a.mean(), b - b.mean()
    size = float(np.sqrt((a @ a) * (b @ b)))
    return float(a @ b) / size if size > 1e-12 else None


def quadratic_kappa(first: Sequence[float] | Array, second: Sequence[float] | Array) -> float | None:
    """Cohen's kappa with quadratic weights (1 complete agreement, 0 chance); None where neither side ever varies.

    With these weights it needs no table of points: 1 − Σ(a−b)² / Σ over all pairs of a's and b's, divided by their number.
    """
    a, b = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    if not len(a):
        return None
    seen = float(((a - b) ** 2).mean())
    by_chance = float(a.var() + b.var() + (a.mean() - b.mean()) ** 2)
    return 1 - seen / by_chance if by_chance > 1e-12 else None


Statistic = Callable[[Array, Array], float | None]


def estimate(
    statistic: Statistic,
    first: Sequence[float] | Array,
    second: Sequence[float] | Array,
    lessons: Sequence[str] | NDArray[np.str_],
    *,
    repeats: int = REPEATS,
) -> Estimate:
    """The statistic with its 95 % interval, lessons resampled whole: stretches of one lesson are not independent.

    With fewer than three lessons there is no interval. Deterministic.
    """
    a, b = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    value = statistic(a, b)
    names = np.unique(np.asarray(lessons))
    if value is None or len(names) < 3:
        return Estimate(value, None, None)
    rows = [np.flatnonzero(np.asarray(lessons) == name) for name in names]
    random = np.random.default_rng(SEED)
    found = []
    for _ in range(repeats):
        drawn = np.concatenate([rows[at] for at in random.integers(0, len(rows), len(rows))])
        again = statistic(a[drawn], b[drawn])
        found.append(0.0 if again is None else again)  # a draw without variation knows nothing
    low, high = np.quantile(found, [0.025, 0.975])
    return Estimate(value, float(low), float(high))


@dataclass(frozen=True)
class Given:
    """One rating by one person of one stretch of one lesson."""

    lesson: str
    segment: int
    rater: str
    score: float


def between_raters(given: Sequence[Given]) -> dict[str, Any] | None:
    """How far people agree where two or more rated the same stretch; None where nobody did.

    Each pair of raters counts in both orders, so that it does not matter who is named first.
    """
    by_stretch: dict[tuple[str, int], dict[str, float]] = {}
    for one in given:
        by_stretch.setdefault((one.lesson, one.segment), {})[one.rater] = one.score
    first, second, lessons, raters = [], [], [], set()
    for (lesson, _), scores in sorted(by_stretch.items()):
        for a, b in permutations(sorted(scores), 2):
            first.append(scores[a])
            second.append(scores[b])
            lessons.append(lesson)
            raters |= {a, b}
    if not first:
        return None
    differences = np.abs(np.array(first) - np.array(second))
    return {
        "n": len(first) // 2,
        "lessons": len(set(lessons)),
        "raters": len(raters),
        **named("spearman", estimate(spearman, first, second, lessons)),
        **named("kappa", estimate(quadratic_kappa, first, second, lessons)),
        "same": round(float((differences < 0.5).mean()), 3),
        "within_one": round(float((differences < 1.5).mean()), 3),
    }


def named(name: str, found: Estimate) -> dict[str, float | None]:
    """The estimate as three keys: name, name_low, name_high."""
    values = {name: found.value, f"{name}_low": found.low, f"{name}_high": found.high}
    return {key: None if value is None else round(value, 3) for key, value in values.items()}
