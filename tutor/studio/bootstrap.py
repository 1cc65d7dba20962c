"""Intervals by resampling questions: what a figure would have been on other questions of the same sort."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np

RESAMPLES = 2000
INTERVAL = (2.5, 97.5)  # percentiles


def mean(
    values: Sequence[float], seed: int = 0, *, groups: Sequence[Hashable] | None = None
) -> dict[str, float]:
    """The mean of one value a question, with a 95 % interval: {"mean", "low", "high"}. Raises ValueError without values.

    Questions of the same group (the parts of one exercise) are drawn together, because they are not independent.
    """
    if not values:
        raise ValueError("There is nothing to take a mean of.")
    sample = np.asarray(values, dtype=np.float64)
    names = {name: number for number, name in enumerate(dict.fromkeys(groups or range(len(sample))))}
    member = np.array([names[name] for name in groups or range(len(sample))])
    sums = np.bincount(member, weights=sample)
    sizes = np.bincount(member)
    drawn = np.random.default_rng(seed).integers(0, len(names), (RESAMPLES, len(names)))
    low, high = np.percentile(sums[drawn].sum(axis=1) / sizes[drawn].sum(axis=1), INTERVAL)
    return {
        "mean": round(float(sample.mean()), 4),
        "low": round(float(low), 4),
        "high": round(float(high), 4),
    }


def paired(
    ours: Sequence[float],
    theirs: Sequence[float],
    seed: int = 0,
    *,
    groups: Sequence[Hashable] | None = None,
) -> dict[str, float]:
    """The difference of two systems on the same questions, in pairs: mean and interval as `mean` gives them."""
    return mean([one - other for one, other in zip(ours, theirs, strict=True)], seed, groups=groups)
