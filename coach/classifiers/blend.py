"""A classifier: parts, and the blend that turns their predictions into probabilities and a score."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from coach.classifiers import Judged, Pair, features
from coach.classifiers.kinds import FIRST_PARTS, Kind
from coach.classifiers.parts import PARTS, Arrays, Part, View

Floats = NDArray[np.float32]
FORMAT = 1
INNER = 4  # folds in which the blend sees predictions of parts that did not see the lesson
SHARPNESS = 0.5  # how far rare labels are raised: 0 not at all, 1 to equal weight
BARE_WEIGHT = 0.5  # of each training row without its punctuation, beside the row itself


class WeightsDamaged(Exception):
    """Stored weights cannot be used; the message says what to do."""


def folds(lessons: Sequence[str], count: int, seed: int = 0) -> list[NDArray[np.int64]]:
    """Places of the rows held out in each fold. No lesson stands in two folds; the folds are about equally long."""
    rng = np.random.default_rng(seed)
    names, of_row = np.unique(np.array(lessons), return_inverse=True)
    count = min(count, len(names))
    sizes = np.bincount(of_row)
    filled = np.zeros(count)
    fold_of = np.zeros(len(names), np.int64)
    shuffled = rng.permutation(len(names))
    for lesson in shuffled[np.argsort(-sizes[shuffled], kind="stable")]:
        fold_of[lesson] = int(np.argmin(filled))
        filled[fold_of[lesson]] += sizes[lesson]
    return [np.flatnonzero(fold_of[of_row] == fold) for fold in range(count)]


def targets(kind: Kind, labels: NDArray[np.int64], scores: NDArray[np.float64]) -> Floats:
    """What the parts predict, [n, 1 + labels]: the score (level where the file has no finer one), then each label's yes or no."""
    finer = scores.copy()
    if kind.ordinal:
        levels = np.where(labels >= 0, labels, np.nan).astype(float)
        finer = levels if np.isnan(finer).all() else finer
    found = np.full((len(labels), 1 + len(kind.labels)), np.nan, np.float32)
    found[:, 0] = finer if kind.ordinal else 0
    for place in range(len(kind.labels)):
        found[:, 1 + place] = np.where(labels >= 0, labels == place, np.nan)
    return found


class Blend:
    """A fitted classifier of one kind."""

    def __init__(self, kind: Kind, parts: Sequence[str] = ()) -> None:
        """Of these parts, or the kind's own."""
        self.kind = kind
        self.parts: dict[str, Part] = {name: PARTS[name]() for name in parts or kind.parts}
        self.slope: NDArray[np.float64] = np.zeros(0)  # [features, labels]
        self.bias: NDArray[np.float64] = np.zeros(0)
        self.weights: NDArray[np.float64] = np.zeros(0)  # of `_columns`, and the constant

    # Fitting ---------------------------------------------------------------------------------------------------------

    def fit(
        self,
        views: tuple[View, View],
        labels: NDArray[np.int64],
        scores: NDArray[np.float64],
        lessons: Sequence[str],
    ) -> Self:
        """Fit to n rows, given as they are and without punctuation."""
        wanted = targets(self.kind, labels, scores)
        count = len(lessons)
        unseen = {name: np.zeros((2 * count, wanted.shape[1]), np.float32) for name in self.parts}
        for held in folds(lessons, INNER, seed=1):
            seen = np.setdiff1d(np.arange(count), held)
            for name, part in self._fitted(views, wanted, seen).items():
                for half, view in enumerate(views):
                    unseen[name][half * count + held] = part.predict(view.take(held))
        self._blend(unseen, np.tile(labels, 2), np.tile(wanted[:, 0], 2), count)
        self.parts = self._fitted(views, wanted, np.arange(count))
        return self

    def _fitted(self, views: tuple[View, View], wanted: Floats, places: NDArray[np.int64]) -> dict[str, Part]:
        both = _joined([view.take(places) for view in views])
        weights = np.repeat(np.array([1, BARE_WEIGHT], np.float32), len(places))
        fitted: dict[str, Part] = {name: PARTS[name]() for name in self.parts}
        for part in fitted.values():
            part.fit(both, np.tile(wanted[places], (2, 1)), weights)
        return fitted

    def _blend(
        self, unseen: Mapping[str, Floats], labels: NDArray[np.int64], finer: Floats, count: int
    ) -> None:
        from scipy.optimize import nnls
        from sklearn.linear_model import LogisticRegression

        x = self._features(unseen)
        weights = np.repeat([1.0, BARE_WEIGHT], count)
        known = labels >= 0
        shares = np.bincount(labels[known], minlength=len(self.kind.labels)) / known.sum()
        raised = (1 / np.maximum(shares, 1e-9)) ** SHARPNESS
        fitted = LogisticRegression(C=0.3, max_iter=2000).fit(
            x[known], labels[known], sample_weight=weights[known] * raised[labels[known]]
        )
        self.slope = np.zeros((x.shape[1], len(self.kind.labels)))
        self.bias = np.full(len(self.kind.labels), -30.0)  # a label that never occurs is never given
        binary = len(fitted.classes_) == 2
        coefficients = np.vstack([-fitted.coef_, fitted.coef_]) / 2 if binary else fitted.coef_
        intercepts = np.hstack([-fitted.intercept_, fitted.intercept_]) / 2 if binary else fitted.intercept_
        self.slope[:, fitted.classes_] = coefficients.T
        self.bias[fitted.classes_] = intercepts
        if not self.kind.ordinal:
            return
        known = ~np.isnan(finer)
        columns = self._columns(unseen)
        mean, goal = columns[known].mean(0), finer[known].mean()
        root = np.sqrt(weights[known])
        share, _ = nnls((columns[known] - mean) * root[:, None], (finer[known] - goal) * root)
        self.weights = np.append(share, goal - mean @ share)
        if self.kind.leveled:
            known, found = labels >= 0, columns @ share + self.weights[-1]
            varies = np.ptp(found[known]) > 1e-9
            slope, start = (
                np.polyfit(found[known], labels[known], 1) if varies else (0.0, labels[known].mean())
            )
            self.weights = np.append(slope * share, slope * self.weights[-1] + start)

    def _columns(self, predicted: Mapping[str, Floats]) -> NDArray[np.float64]:
        """For each part its score, and the level that its labels make one expect, [n, 2 * parts]."""
        levels = np.arange(len(self.kind.labels))
        return np.stack(
            [column for found in predicted.values() for column in (found[:, 0], found[:, 1:] @ levels)], 1
        ).astype(np.float64)

    def _features(self, predicted: Mapping[str, Floats]) -> NDArray[np.float64]:
        first = 0 if self.kind.ordinal else 1
        return np.hstack([found[:, first:] for found in predicted.values()]).astype(np.float64)

    # Judging ---------------------------------------------------------------------------------------------------------

    def judge(self, view: View) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Probabilities [n, labels] and scores [n]."""
        predicted = {name: part.predict(view) for name, part in self.parts.items()}
        raw = self._features(predicted) @ self.slope + self.bias
        raw -= raw.max(1, keepdims=True)
        probabilities = np.exp(raw)
        probabilities /= probabilities.sum(1, keepdims=True)
        if self.kind.ordinal:
            scores = self._columns(predicted) @ self.weights[:-1] + self.weights[-1]
            if self.kind.leveled:
                scores = scores.clip(0, len(self.kind.labels) - 1)
        else:
            scores = probabilities.max(1)
        return probabilities, scores

    def classify(self, pairs: Sequence[Pair]) -> list[Judged]:
        """One judgement a pair."""
        probabilities, scores = self.judge(View.of(pairs, tuple(self.parts)))
        return [
            Judged(
                label=self.kind.labels[int(row.argmax())],
                probabilities={
                    label: round(float(value), 4) for label, value in zip(self.kind.labels, row, strict=True)
                },
                score=round(float(score), 4),
            )
            for row, score in zip(probabilities, scores, strict=True)
        ]

    # Keeping ---------------------------------------------------------------------------------------------------------

    def to_bytes(self) -> bytes:
        """The weights as one .npz file: arrays only, nothing that runs."""
        arrays: Arrays = {
            f"{name}.{key}": value
            for name, part in self.parts.items()
            for key, value in part.arrays().items()
        }
        about = {
            "format": FORMAT,
            "kind": self.kind.name,
            "labels": self.kind.labels,
            "features": features.NAMES,
            "parts": list(self.parts),
        }
        arrays |= {"blend.slope": self.slope, "blend.bias": self.bias, "blend.weights": self.weights}
        arrays["about"] = np.frombuffer(json.dumps(about).encode(), np.uint8)
        buffer = io.BytesIO()
        np.savez_compressed(buffer, allow_pickle=False, **arrays)
        return buffer.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes, kind: Kind) -> Self:
        """Raises WeightsDamaged."""
        try:
            with np.load(io.BytesIO(data), allow_pickle=False) as file:
                arrays: dict[str, NDArray[Any]] = {name: file[name] for name in file.files}
            about = json.loads(arrays.pop("about").tobytes())
            if (about["format"], about["kind"]) != (FORMAT, kind.name) or tuple(
                about["labels"]
            ) != kind.labels:
                raise WeightsDamaged("they are of another kind or an older version")
            if tuple(about["features"]) != features.NAMES:
                raise WeightsDamaged("they were made with other features")
            made = cls(kind, about.get("parts", FIRST_PARTS))
            for name, part in made.parts.items():
                part.load(
                    {
                        key.removeprefix(f"{name}."): v
                        for key, v in arrays.items()
                        if key.startswith(f"{name}.")
                    }
                )
            made.slope, made.bias = arrays["blend.slope"], arrays["blend.bias"]
            made.weights = arrays["blend.weights"]
        except (OSError, ValueError, KeyError) as error:
            raise WeightsDamaged(f"they cannot be read ({error})") from error
        return made


def _joined(views: Sequence[View]) -> View:
    return View(
        np.concatenate([view.measured for view in views]),
        [row for view in views for row in view.terms],
        np.concatenate([view.encoded for view in views]),
        np.concatenate([view.heard for view in views]),
    )
