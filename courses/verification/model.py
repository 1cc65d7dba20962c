"""The fitted weights of the verifier: boosted trees beside a linear model, read from JSON and evaluated with numpy."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

WEIGHTS = Path(__file__).parent.parent / "data" / "verifier.json"


@dataclass(frozen=True, slots=True)
class Trees:
    """An ensemble of binary trees. Arrays are (trees, nodes): feature -1 marks a leaf, left and right are nodes."""

    names: list[str]
    feature: NDArray[np.int64]
    threshold: NDArray[np.float64]
    left: NDArray[np.int64]
    right: NDArray[np.int64]
    value: NDArray[np.float64]
    linear: NDArray[np.float64]  # one weight a feature, added to what the trees say
    bias: float
    scale: tuple[float, float]  # Platt: slope and intercept
    supported: float  # score from which a claim is supported
    partial: float

    def scores(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        """Calibrated probabilities of support (n,) for feature rows (n, len(names))."""
        count = self.feature.shape[0]
        trees = np.arange(count)
        out = np.empty(len(rows))
        for i, row in enumerate(rows):
            node = np.zeros(count, dtype=np.int64)
            while True:
                feature = self.feature[trees, node]
                inner = feature >= 0
                if not inner.any():
                    break
                low = row[np.maximum(feature, 0)] <= self.threshold[trees, node]
                step = np.where(low, self.left[trees, node], self.right[trees, node])
                node = np.where(inner, step, node)
            out[i] = self.bias + self.value[trees, node].sum() + row @ self.linear
        slope, intercept = self.scale
        return np.asarray(1.0 / (1.0 + np.exp(-(slope * out + intercept))), dtype=np.float64)

    def verdict(self, score: float) -> str:
        if score >= self.supported:
            return "supported"
        return "partial" if score >= self.partial else "unsupported"


@cache
def model() -> Trees:
    """The shipped weights, read once."""
    data = json.loads(WEIGHTS.read_text(encoding="utf-8"))
    return Trees(
        names=data["names"],
        feature=np.array(data["feature"], dtype=np.int64),
        threshold=np.array(data["threshold"], dtype=np.float64),
        left=np.array(data["left"], dtype=np.int64),
        right=np.array(data["right"], dtype=np.int64),
        value=np.array(data["value"], dtype=np.float64),
        linear=np.array(data["linear"], dtype=np.float64),
        bias=data["bias"],
        scale=(data["scale"][0], data["scale"][1]),
        supported=data["supported"],
        partial=data["partial"],
    )
