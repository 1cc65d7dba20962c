"""The ordinal model behind a calibrated dimension: few figures, few ratings, so it is held back hard.

A ridge regression whose weights may only point where the instrument says they point, on standardised features; points of
the scale are cut so that they come up as often as people give them; the band is what held-out ratings strayed by.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from coach.features import FEATURES

if TYPE_CHECKING:
    from coach.features import Stretch

Array = NDArray[np.float64]
STRENGTHS = (
    1.0,
    3.0,
    10.0,
    30.0,
    100.0,
    300.0,
)  # of the ridge; the one that predicts other lessons best is taken
FOLDS = 5
COVERAGE = 0.8  # of a band


@dataclass(frozen=True)
class Fitted:
    """A fitted dimension as plain numbers: score = intercept + Σ weight · (feature − mean) / scale, on low..high."""

    features: tuple[str, ...]
    means: tuple[float, ...]
    scales: tuple[float, ...]
    weights: tuple[float, ...]
    intercept: float
    cuts: tuple[float, ...]  # between the scale's points: high − low of them
    below: float  # how far under the score a human rating may lie; not above 0
    above: float
    low: int
    high: int

    def numbers(self) -> dict[str, Any]:
        """For a row of the database."""
        return asdict(self)

    @classmethod
    def of(cls, numbers: Mapping[str, Any]) -> Fitted:
        """From a row. Raises KeyError where it is none."""
        values: dict[str, Any] = {name: numbers[name] for name in cls.__dataclass_fields__}
        for name in ("features", "means", "scales", "weights", "cuts"):
            values[name] = tuple(values[name])
        return cls(**values)

    def bearing(self) -> list[str]:
        """The features that bear on the score at all."""
        pairs = zip(self.features, self.weights, strict=True)
        return [name for name, weight in pairs if weight and name in FEATURES]

    def linear(self, stretch: Stretch, dimension: str, without: int | None = None) -> float:
        """The score before it is kept on the scale. A feature that cannot be had counts as an ordinary one."""
        total = self.intercept
        rows = zip(self.features, self.means, self.scales, self.weights, strict=True)
        for name, mean, scale, weight in rows:
            if weight and name in FEATURES:
                value = stretch.value(name, dimension, without)
                total += weight * ((value if value is not None else mean) - mean) / scale
        return total

    def band(self, stretch: Stretch, dimension: str) -> tuple[float, float, float]:
        """(score, low, high): eight in ten human ratings are expected from low to high."""
        score = self.linear(stretch, dimension)
        ends = (score, score + self.below, score + self.above)
        return tuple(float(min(max(end, self.low), self.high)) for end in ends)  # type: ignore[return-value]


@dataclass(frozen=True)
class Rows:
    """What a dimension is fitted to: one row a human rating."""

    features: tuple[str, ...]
    values: Array  # rows × features; nan where a stretch does not have it
    scores: Array
    lessons: NDArray[np.str_]
    raters: NDArray[np.str_]
    segments: NDArray[np.str_]  # which stretch was rated

    def take(self, chosen: NDArray[np.bool_]) -> Rows:
        return Rows(
            self.features, self.values[chosen], self.scores[chosen], self.lessons[chosen], self.raters[chosen],
            self.segments[chosen],
        )  # fmt: skip

    def __len__(self) -> int:
        return len(self.scores)


def fit(rows: Rows, directions: Mapping[str, int], low: int, high: int) -> Fitted:
    """The model of all rows. Raises ValueError where there are none."""
    if not len(rows):
        raise ValueError("There are no ratings to fit.")
    means, scales = _standard(rows.values)
    table = _standardised(rows.values, means, scales)
    signs = np.array([directions[name] for name in rows.features], dtype=float)
    weights = _weights(table, rows.scores, rows.lessons, signs)
    intercept = float(rows.scores.mean())
    strayed = rows.scores - held_out(rows, directions)
    below, above = _band(strayed)
    return Fitted(
        features=rows.features,
        means=tuple(means.tolist()),
        scales=tuple(scales.tolist()),
        weights=tuple(weights.tolist()),
        intercept=intercept,
        cuts=cut(intercept + table @ weights, rows.scores, low, high),
        below=below,
        above=above,
        low=low,
        high=high,
    )


def held_out(rows: Rows, directions: Mapping[str, int], *, by_rater: bool = False) -> Array:
    """Each row's score by a model that has seen neither its lesson nor, if asked, its rater.

    The mean is that of all rows: one that left the row out would lean away from it, and agreement would look worse than none.
    """
    means, scales = _standard(rows.values)
    table = _standardised(rows.values, means, scales)
    signs = np.array([directions[name] for name in rows.features], dtype=float)
    predicted = np.full(len(rows), rows.scores.mean())
    fold_of = folds(rows.lessons)
    people_of = folds(rows.raters, FOLDS) if by_rater else np.zeros(len(rows), dtype=np.int64)
    for people in np.unique(people_of):
        for fold in np.unique(fold_of):
            out = fold_of == fold
            there = out & (people_of == people)
            seen = ~out & (people_of != people) if by_rater else ~out
            if there.any() and seen.sum() > 1:
                weights = _weights(table[seen], rows.scores[seen], rows.lessons[seen], signs)
                predicted[there] += table[there] @ weights
    return predicted


def cut(predicted: Array, scores: Array, low: int, high: int) -> tuple[float, ...]:
    """Where to cut predictions into points of the scale, so that each comes up as often as people give it."""
    ordered = np.sort(predicted)
    shares = [float((scores < point - 0.5).mean()) for point in range(low + 1, high + 1)]
    return tuple(float(np.quantile(ordered, share)) if 0 < share < 1 else _beyond(share) for share in shares)


def points(predicted: Array, cuts: Sequence[float], low: int) -> NDArray[np.int64]:
    """The point of the scale that each prediction falls on."""
    found: NDArray[np.int64] = low + np.searchsorted(np.array(cuts), predicted, side="right")
    return found


def folds(lessons: NDArray[np.str_], count: int = 10) -> NDArray[np.int64]:
    """A fold for each row, all rows of a lesson in one; lessons are dealt out by size, always in the same way."""
    names, sizes = np.unique(lessons, return_counts=True)
    order = sorted(range(len(names)), key=lambda at: (-sizes[at], names[at]))
    fold_of = {names[at]: place % count for place, at in enumerate(order)}
    return np.array([fold_of[name] for name in lessons])


def _beyond(share: float) -> float:
    return -1e9 if share <= 0 else 1e9


def _standard(values: Array) -> tuple[Array, Array]:
    """Means and standard deviations of the features; 0 and 1 where there is nothing to take them from."""
    there = ~np.isnan(values)
    count = np.maximum(there.sum(axis=0), 1)
    means = np.where(there, values, 0).sum(axis=0) / count
    spread = np.sqrt((np.where(there, values - means, 0) ** 2).sum(axis=0) / count)
    return means, np.where(spread > 1e-9, spread, 1.0)


def _standardised(values: Array, means: Array, scales: Array) -> Array:
    return np.where(np.isnan(values), 0.0, (values - means) / scales)


def _weights(table: Array, scores: Array, lessons: NDArray[np.str_], signs: Array) -> Array:
    """The weights under the strength of ridge that predicts lessons left out best."""
    fold_of = folds(lessons, FOLDS)
    if len(np.unique(fold_of)) < 2:
        return _ridge(table, scores, signs, STRENGTHS[-1])
    errors = []
    for strength in STRENGTHS:
        error = 0.0
        for fold in np.unique(fold_of):
            out = fold_of == fold
            weights = _ridge(table[~out], scores[~out], signs, strength)
            residual = scores[out] - scores[~out].mean() - (table[out] - table[~out].mean(axis=0)) @ weights
            error += float((residual**2).sum())
        errors.append(error)
    return _ridge(table, scores, signs, STRENGTHS[int(np.argmin(errors))])


def _ridge(table: Array, scores: Array, signs: Array, strength: float) -> Array:
    """Least squares with a penalty on large weights, none of which points against its sign (0: free)."""
    from scipy.optimize import nnls

    size = table.shape[1]
    if not size:
        return np.zeros(0)
    centred = table - table.mean(axis=0)
    # The same minimum on as many rows as there are features: fitting is done some thousand times.
    root = np.linalg.cholesky(centred.T @ centred + strength * np.eye(size))
    target = np.linalg.solve(root, centred.T @ (scores - scores.mean()))
    # Without a weight below 0: a feature that lowers the score is turned round, one that is free is there both ways.
    both = np.where(signs < 0, -1.0, 1.0)
    free = np.flatnonzero(signs == 0)
    found, _ = nnls(np.hstack([root.T * both, -root.T[:, free]]), target)
    weights: Array = found[:size] * both
    weights[free] -= found[size:]
    return np.where(np.abs(weights) < 1e-9, 0.0, weights)


def _band(strayed: Array) -> tuple[float, float]:
    """How far held-out ratings lie below and above their prediction, in eight of ten cases."""
    ordered = np.sort(strayed)
    count = len(ordered)
    tail = (1 - COVERAGE) / 2
    lower = max(int(np.floor((count + 1) * tail)) - 1, 0)
    upper = min(int(np.ceil((count + 1) * (1 - tail))) - 1, count - 1)
    return float(min(ordered[lower], 0.0)), float(max(ordered[upper], 0.0))
