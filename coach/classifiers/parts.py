"""The parts of a classifier: each looks at one view of the pairs and predicts every target; a blend weighs them.

A part is fitted with scikit-learn and kept as plain arrays, so that judging needs numpy alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from coach.classifiers import Pair, encoding, features, listening

Floats = NDArray[np.float32]
Arrays = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class View:
    """Everything the parts look at, for n pairs. `heard` is empty [n, 0] where no part looks at it."""

    measured: Floats
    terms: list[list[str]]
    encoded: Floats
    heard: Floats

    @classmethod
    def of(cls, pairs: Sequence[Pair], parts: Sequence[str]) -> Self:
        """What these parts look at. Raises coach.classifiers.encoding.EncoderMissing."""
        text = encoding.layers([pair.text for pair in pairs]).astype(np.float32)
        before = encoding.layers([pair.before for pair in pairs]).astype(np.float32)
        encoded = np.concatenate([text, before, 10 * text * before], axis=2)
        return cls(
            features.measured(pairs),
            [features.terms(pair) for pair in pairs],
            encoded.reshape(len(pairs), -1),
            listening.heard(pairs).astype(np.float32)
            if "heard" in parts
            else np.zeros((len(pairs), 0), np.float32),
        )

    def take(self, places: NDArray[np.int64]) -> View:
        terms = [self.terms[place] for place in places]
        return View(self.measured[places], terms, self.encoded[places], self.heard[places])

    def __len__(self) -> int:
        return len(self.terms)


class Part(Protocol):
    """One predictor of the targets [n, k]. A target that is nan in a row is not learned from that row."""

    def fit(self, view: View, targets: Floats, weights: Floats) -> None: ...

    def predict(self, view: View) -> Floats: ...

    def arrays(self) -> Arrays: ...

    def load(self, arrays: Mapping[str, NDArray[Any]]) -> None: ...


def _columns(targets: Floats) -> list[tuple[NDArray[np.bool_], list[int]]]:
    """Columns that are known in the same rows, together."""
    groups: dict[bytes, tuple[NDArray[np.bool_], list[int]]] = {}
    for column in range(targets.shape[1]):
        known = ~np.isnan(targets[:, column])
        groups.setdefault(known.tobytes(), (known, []))[1].append(column)
    return list(groups.values())


class Encoded:
    """Ridge regression on the encoder's vectors of both sides and their product."""

    SHRINK = 2.0  # times the number of features

    slope: Floats
    bias: Floats

    def fit(self, view: View, targets: Floats, weights: Floats) -> None:
        from sklearn.linear_model import Ridge

        x = view.encoded
        mean, spread = x.mean(0), x.std(0) + 1e-6
        x = (x - mean) / spread
        self.slope = np.zeros((x.shape[1], targets.shape[1]), np.float32)
        self.bias = np.zeros(targets.shape[1], np.float32)
        for known, columns in _columns(targets):
            ridge = Ridge(self.SHRINK * x.shape[1]).fit(
                x[known], targets[known][:, columns], sample_weight=weights[known]
            )
            slope = np.atleast_2d(ridge.coef_).T / spread[:, None]
            self.slope[:, columns] = slope
            self.bias[columns] = ridge.intercept_ - mean @ slope

    def predict(self, view: View) -> Floats:
        return view.encoded @ self.slope + self.bias

    def arrays(self) -> Arrays:
        scale = np.abs(self.slope).max(0) + 1e-12
        return {
            "slope": (self.slope / scale).astype(np.float16),
            "scale": scale.astype(np.float32),
            "bias": self.bias,
        }

    def load(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        self.slope = arrays["slope"].astype(np.float32) * arrays["scale"]
        self.bias = arrays["bias"]


class Lexical:
    """Ridge regression on TF-IDF of the terms."""

    SHRINK = 3.0
    LEAST = 3  # rows a term stands in

    places: dict[str, int]
    rarity: Floats
    slope: Floats
    bias: Floats

    def fit(self, view: View, targets: Floats, weights: Floats) -> None:
        from sklearn.linear_model import Ridge

        seen = Counter(term for row in view.terms for term in set(row))
        kept = sorted(term for term, rows in seen.items() if rows >= self.LEAST)
        self.places = {term: place for place, term in enumerate(kept)}
        count = np.array([seen[term] for term in kept], np.float32)
        self.rarity = np.log((1 + len(view)) / (1 + count)) + 1
        x = self._matrix(view)
        self.slope = np.zeros((len(kept), targets.shape[1]), np.float32)
        self.bias = np.zeros(targets.shape[1], np.float32)
        for known, columns in _columns(targets):
            ridge = Ridge(self.SHRINK, solver="sparse_cg", tol=1e-3).fit(
                x[np.flatnonzero(known)], targets[known][:, columns], sample_weight=weights[known]
            )
            self.slope[:, columns] = np.atleast_2d(ridge.coef_).T
            self.bias[columns] = ridge.intercept_

    def predict(self, view: View) -> Floats:
        predicted: Floats = np.asarray(self._matrix(view) @ self.slope + self.bias, np.float32)
        return predicted

    def _matrix(self, view: View) -> Any:
        from scipy.sparse import csr_matrix

        values: list[float] = []
        indices: list[int] = []
        starts = [0]
        for row in view.terms:
            found = Counter(self.places[term] for term in row if term in self.places)
            raw = [(1 + np.log(times)) * self.rarity[place] for place, times in found.items()]
            length = float(np.sqrt(np.sum(np.square(raw)))) or 1.0
            values += [float(value) / length for value in raw]
            indices += list(found)
            starts.append(len(indices))
        return csr_matrix(
            (np.array(values, np.float32), indices, starts), shape=(len(view), len(self.places))
        )

    def arrays(self) -> Arrays:
        scale = np.abs(self.slope).max(0, initial=0) + 1e-12
        return {
            "terms": np.frombuffer("\n".join(self.places).encode(), np.uint8),
            "rarity": self.rarity.astype(np.float16),
            "slope": (self.slope / scale).astype(np.float16),
            "scale": scale.astype(np.float32),
            "bias": self.bias,
        }

    def load(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        terms = arrays["terms"].tobytes().decode()
        self.places = {term: place for place, term in enumerate(terms.split("\n") if terms else [])}
        self.rarity = arrays["rarity"].astype(np.float32)
        self.slope = arrays["slope"].astype(np.float32) * arrays["scale"]
        self.bias = arrays["bias"]


class Counted:
    """Boosted trees on what can be counted."""

    TREES = 120
    DEPTH = 12  # no tree is deeper: it has at most 8 leaves

    nodes: NDArray[np.int16]  # [targets, trees, nodes, (feature or -1, left, right)]
    values: Floats  # [targets, trees, nodes, (threshold, value)]
    bias: Floats

    def fit(self, view: View, targets: Floats, weights: Floats) -> None:
        from sklearn.ensemble import HistGradientBoostingRegressor
        from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

        shape = (targets.shape[1], self.TREES, 15)
        self.nodes = np.full((*shape, 3), -1, np.int16)
        self.values = np.zeros((*shape, 2), np.float32)
        self.bias = np.zeros(targets.shape[1], np.float32)
        for column in range(targets.shape[1]):
            known = ~np.isnan(targets[:, column])
            self.bias[column] = np.average(targets[known, column], weights=weights[known])
            if np.ptp(targets[known, column]) == 0:
                continue  # nothing to learn: a label that never occurs, or a kind without a finer score
            fitted = HistGradientBoostingRegressor(
                max_iter=self.TREES,
                learning_rate=0.05,
                max_leaf_nodes=8,
                min_samples_leaf=15,
                l2_regularization=5.0,
                early_stopping=False,
                random_state=0,
            )
            with threadpool_limits(1):  # threads that wait for one another would take ten times as long
                fitted.fit(view.measured[known], targets[known, column], sample_weight=weights[known])
            self.bias[column] = float(fitted._baseline_prediction.ravel()[0])
            for at, (predictor,) in enumerate(fitted._predictors):
                for place, node in enumerate(predictor.nodes):
                    leaf = bool(node["is_leaf"])
                    feature = -1 if leaf else int(node["feature_idx"])
                    self.nodes[column, at, place] = (feature, int(node["left"]), int(node["right"]))
                    self.values[column, at, place] = (
                        0 if leaf else node["num_threshold"],
                        node["value"] if leaf else 0,
                    )

    def predict(self, view: View) -> Floats:
        count, trees = self.nodes.shape[:2]
        total = np.tile(self.bias, (len(view), 1)).astype(np.float32)
        rows = np.arange(len(view))[:, None]
        tree = np.arange(trees)[None, :]
        for column in range(count):
            nodes, values = self.nodes[column], self.values[column]
            at = np.zeros((len(view), trees), np.int64)
            for _ in range(self.DEPTH):
                feature, left, right = np.moveaxis(nodes[tree, at], 2, 0)
                goes_left = view.measured[rows, np.maximum(feature, 0)] <= values[tree, at, 0]
                at = np.where(feature < 0, at, np.where(goes_left, left, right))
            total[:, column] += values[tree, at, 1].sum(1)
        return total

    def arrays(self) -> Arrays:
        return {"nodes": self.nodes, "values": self.values, "bias": self.bias}

    def load(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        self.nodes, self.values, self.bias = arrays["nodes"], arrays["values"], arrays["bias"]


class _Curved:
    """Kernel ridge regression on some blocks of the view.

    The kernel is a sum of Gaussian ones, one a block: the columns of a block are scaled to unit spread, and of many columns
    the first principal components are kept.
    """

    SHRINK = 0.75  # times the sum of the weights
    COMPONENTS = 96
    weights: tuple[float, ...]  # of the blocks

    middles: list[Floats]  # of each block [columns]
    scales: list[Floats]  # of each block [columns]
    turns: list[Floats]  # of each block [columns, components], [0, 0] where all columns are kept
    seen: list[Floats]  # of each block: the training rows [n, components]
    dual: Floats  # [n, targets]
    bias: Floats

    def blocks(self, view: View) -> tuple[Floats, ...]:
        raise NotImplementedError

    def fit(self, view: View, targets: Floats, weights: Floats) -> None:
        from scipy.linalg import solve

        blocks = self.blocks(view)
        self.middles = [block.mean(0) for block in blocks]
        self.scales = [_scale(block) for block in blocks]
        self.turns = [self._turn(*found) for found in zip(blocks, self.middles, self.scales, strict=True)]
        self.seen = [block.astype(np.float16).astype(np.float32) for block in self._placed(view)]
        kernel = self._kernel(self.seen).astype(np.float64)
        shrink = self.SHRINK * sum(self.weights) / weights
        self.dual = np.zeros((len(view), targets.shape[1]), np.float32)
        self.bias = np.zeros(targets.shape[1], np.float32)
        for known, columns in _columns(targets):
            rows = np.flatnonzero(known)
            wanted = targets[rows][:, columns].astype(np.float64)
            mean = np.average(wanted, axis=0, weights=weights[rows])
            ridge = kernel[np.ix_(rows, rows)] + np.diag(shrink[rows])
            self.dual[rows[:, None], columns] = solve(ridge, wanted - mean, assume_a="pos")
            self.bias[columns] = mean

    def _turn(self, block: Floats, middle: Floats, scale: Floats) -> Floats:
        from sklearn.decomposition import PCA

        kept = min(self.COMPONENTS, len(block) - 1)
        if block.shape[1] <= 2 * kept:
            return np.zeros((0, 0), np.float32)
        found = PCA(kept, svd_solver="randomized", iterated_power=2, random_state=0).fit(
            (block - middle) * scale
        )
        turn: Floats = found.components_.T.astype(np.float16).astype(np.float32)
        return turn

    def _placed(self, view: View) -> list[Floats]:
        placed: list[Floats] = []
        for place, block in enumerate(self.blocks(view)):
            scaled = (block - self.middles[place]) * self.scales[place]
            turn = self.turns[place]
            placed.append((scaled @ turn if turn.size else scaled).astype(np.float32))
        return placed

    def _kernel(self, placed: Sequence[Floats]) -> Floats:
        """Of each row with each training row, [m, n]."""
        total = np.zeros((len(placed[0]), len(self.seen[0])), np.float32)
        for weight, block, seen in zip(self.weights, placed, self.seen, strict=True):
            apart = (block**2).sum(1)[:, None] + (seen**2).sum(1) - 2 * block @ seen.T
            total += weight * np.exp(-np.maximum(apart, 0) / 2)
        return total

    def predict(self, view: View) -> Floats:
        return self._kernel(self._placed(view)) @ self.dual + self.bias

    def arrays(self) -> Arrays:
        made: Arrays = {"dual": self.dual, "bias": self.bias}
        for place in range(len(self.weights)):
            made[f"{place}.middle"], made[f"{place}.scale"] = self.middles[place], self.scales[place]
            made[f"{place}.turn"] = self.turns[place].astype(np.float16)
            made[f"{place}.seen"] = self.seen[place].astype(np.float16)
        return made

    def load(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        self.dual, self.bias = arrays["dual"], arrays["bias"]
        self.middles, self.scales, self.turns, self.seen = (
            [arrays[f"{place}.{name}"].astype(np.float32) for place in range(len(self.weights))]
            for name in ("middle", "scale", "turn", "seen")
        )


def _scale(block: Floats) -> Floats:
    """What brings each column to unit spread (a column that never changes to nothing), over the root of their number."""
    spread = block.std(0)
    scale: Floats = np.where(spread > 1e-6, 1 / (spread + 1e-6), 0) / np.sqrt(block.shape[1])
    return scale.astype(np.float32, copy=False)


class Heard(_Curved):
    """On what the language model heard."""

    weights = (1.0, 0.05)

    def blocks(self, view: View) -> tuple[Floats, ...]:
        return view.heard[:, : listening.STATES], view.heard[:, listening.STATES :]


class Compared(_Curved):
    """On the encoder's vectors, the mean of its layers, and on what can be counted."""

    weights = (1.0, 0.5)

    def blocks(self, view: View) -> tuple[Floats, ...]:
        return view.encoded.reshape(len(view), len(encoding.LAYERS), -1).mean(1), view.measured


PARTS: dict[str, type[Part]] = {
    "encoded": Encoded,
    "lexical": Lexical,
    "counted": Counted,
    "heard": Heard,
    "compared": Compared,
}
