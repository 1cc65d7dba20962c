"""Intervals by resampling questions: what a figure would have been on other questions of the same sort."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

RESAMPLES = 2000
INTERVAL = (2.5, 97.5)  # percentiles


def mean(values: Sequence[float], seed: int = 0) -> dict[str, float]:
    """The mean of one value a question, with a 95 % interval: {"mean", "low", "high"}. Raises ValueError without values."""
    if not values:
        raise ValueError("There is nothing to take a mean of.")
    sample = np.asarray(values, dtype=np.float64)
    drawn = np.random.default_rng(seed).integers(0, len(sample), (RESAMPLES, len(sample)))
    low, high = np.percentile(sample[drawn].mean(axis=1), INTERVAL)
    return {
        "mean": round(float(sample.mean()), 4),
        "low": round(float(low), 4),
        "high": round(float(high), 4),
    }


def paired(ours: Sequence[float], theirs: Sequence[float]) -> dict[str, float]:
    """The difference of two systems on the same questions, in pairs: mean and interval as `mean` gives them."""
    return mean([one - other for one, other in zip(ours, theirs, strict=True)])
