"""How far two sets of ratings agree, and how sure one can be of that when lessons are as few as they are."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Statistic = Callable[[Sequence[float] | Array, Sequence[float] | Array], float | None]
Counted = Callable[[Array, Array, Array], Array]
REPEATS = 1_000
SEED = 4


@dataclass(frozen=True)
class Estimate:
    """A statistic and the middle 95 % of what it is on lessons drawn again with replacement; None where it is undefined."""

    value: float | None
    low: float | None
    high: float | None


def ranks(values: Sequence[float] | Array, counts: Array | None = None) -> Array:
    """Ranks from 1; equal values share the mean of theirs. counts: how often each value is there, [..., n]; once if None."""
    array = np.asarray(values, dtype=float)
    often = np.ones(array.shape) if counts is None else counts
    order = np.argsort(array, kind="stable")
    rising, sizes = array[order], often[..., order]
    begins = np.searchsorted(rising, rising, side="left")
    ends = np.searchsorted(rising, rising, side="right")
    below = np.concatenate([np.zeros((*sizes.shape[:-1], 1)), np.cumsum(sizes, axis=-1)], axis=-1)
    ranked: Array = np.empty(sizes.shape)
    ranked[..., order] = (below[..., begins] + below[..., ends] + 1) / 2
    return ranked


def spearman(first: Sequence[float] | Array, second: Sequence[float] | Array) -> float | None:
    """Spearman's rank correlation, -1 to 1; None where one side never varies or there are fewer than three pairs."""
    return _one(_spearman, first, second)


def quadratic_kappa(first: Sequence[float] | Array, second: Sequence[float] | Array) -> float | None:
    """Cohen's kappa with quadratic weights (1 complete agreement, 0 chance); None where neither side ever varies.

    With these weights it needs no table of points: 1 − Σ(a−b)² / Σ over all pairs of a's and b's, divided by their number.
    """
    return _one(_kappa, first, second)


def _one(statistic: Counted, first: Sequence[float] | Array, second: Sequence[float] | Array) -> float | None:
    a, b = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    value = float(statistic(a, b, np.ones(len(a)))) if len(a) else math.nan
    return None if math.isnan(value) else value


def _spearman(a: Array, b: Array, counts: Array) -> Array:
    """The correlation of ranks for each row of counts [..., n] of the pairs; NaN where it is undefined."""
    pairs = counts.sum(-1)
    x, y = ranks(a, counts), ranks(b, counts)
    middle = (pairs[..., None] + 1) / 2  # the mean rank
    x, y = x - middle, y - middle
    size = np.sqrt((counts * x * x).sum(-1) * (counts * y * y).sum(-1))
    defined = (size > 1e-12) & (pairs >= 3)
    found: Array = np.where(defined, (counts * x * y).sum(-1) / np.where(defined, size, 1), np.nan)
    return found


def _kappa(a: Array, b: Array, counts: Array) -> Array:
    """The same of quadratic kappa."""
    pairs = counts.sum(-1)
    mean_a, mean_b = counts @ a / pairs, counts @ b / pairs
    spread = counts @ a**2 / pairs - mean_a**2 + counts @ b**2 / pairs - mean_b**2
    by_chance = spread + (mean_a - mean_b) ** 2
    defined = by_chance > 1e-12
    found: Array = np.where(
        defined, 1 - counts @ (a - b) ** 2 / pairs / np.where(defined, by_chance, 1), np.nan
    )
    return found


def estimate(
    statistic: Statistic,
    first: Sequence[float] | Array,
    second: Sequence[float] | Array,
    lessons: Sequence[str] | NDArray[np.str_],
    *,
    repeats: int = REPEATS,
) -> Estimate:
    """The statistic with its 95 % interval, lessons resampled whole: stretches of one lesson are not independent.

    statistic: spearman or quadratic_kappa. With fewer than three lessons there is no interval. Deterministic.
    """
    a, b = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    value = statistic(a, b)
    names, lesson_of = np.unique(np.asarray(lessons), return_inverse=True)
    if value is None or len(names) < 3:
        return Estimate(value, None, None)
    drawn = np.random.default_rng(SEED).integers(0, len(names), (repeats, len(names)))
    often = np.stack([np.bincount(row, minlength=len(names)) for row in drawn])
    again = _COUNTED[statistic](a, b, often[:, lesson_of].astype(float))
    # a draw without variation knows nothing
    low, high = np.quantile(np.where(np.isnan(again), 0.0, again), [0.025, 0.975])
    return Estimate(value, float(low), float(high))


_COUNTED: dict[Statistic, Counted] = {spearman: _spearman, quadratic_kappa: _kappa}


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
