"""How far two who labelled the same things agree beyond chance, and how sure that is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tutor.studio.bootstrap import INTERVAL, RESAMPLES

FEWEST = 5  # pairs below which no kappa is given


def kappa(first: Sequence[str], second: Sequence[str]) -> float | None:
    """Cohen's kappa of two lists of labels (1960): 1 complete agreement, 0 chance; None where both always say the same one."""
    if not first:
        return None
    same = sum(a == b for a, b in zip(first, second, strict=True)) / len(first)
    chance = sum(first.count(name) * second.count(name) for name in {*first, *second}) / len(first) ** 2
    return (same - chance) / (1 - chance) if chance < 1 else None


def agreement(first: Sequence[str], second: Sequence[str], seed: int = 0) -> dict[str, Any]:
    """{"pairs", "same", "kappa", "low", "high"}: the share of same labels, and kappa with a 95 % interval by resampling.

    Kappa and its interval are None where there are too few pairs, or one label stands everywhere.
    """
    pairs = len(first)
    same = sum(a == b for a, b in zip(first, second, strict=True))
    found: dict[str, Any] = {"pairs": pairs, "same": round(same / pairs, 4) if pairs else None}
    found |= {"kappa": None, "low": None, "high": None}
    value = kappa(first, second) if pairs >= FEWEST else None
    if value is None:
        return found
    a, b = np.asarray(first), np.asarray(second)
    drawn = np.random.default_rng(seed).integers(0, pairs, (RESAMPLES, pairs))
    again = [kappa(a[rows].tolist(), b[rows].tolist()) for rows in drawn]
    low, high = np.percentile([one for one in again if one is not None], INTERVAL)
    return {
        **found,
        "kappa": round(value, 3),
        "low": round(float(low), 3),
        "high": round(float(high), 3),
    }
