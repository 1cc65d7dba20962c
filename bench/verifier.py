"""Fits the verifier and reports what it does on claims it has not seen.

    python -m bench.verifier DATA [--write]

DATA holds course/python-programming/modules and grounding/clapnq_*.jsonl. Half of the modules, by hash, are fitted
on; the other half is what the figures are about. The claims in bench/claims.jsonl are of the first half. With --write
the shipped weights (fitted on all of it, at the cut that held on unseen groups) go to courses/data/verifier.json.
"""

from __future__ import annotations

import argparse
import json
import os
import random
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupKFold
from sklearn.preprocessing import StandardScaler

from bench.claims import MORE, Labelled, by_hand, elsewhere, falsified, from_clapnq, half
from courses.verification import read
from courses.verification.evidence import FEATURES, NAMES
from courses.verification.model import WEIGHTS

Rows = NDArray[np.float64]

PARTIAL_RATE = 0.25
BY_HAND = 3.0  # weight of a claim that the figures are about
TO_FIT = 2.0  # weight of one that was written to fit with
FALSE_RATE = 0.02  # of unseen unsupported claims that may pass where the cut is chosen; 0.05 is the promise


def gather(data: Path) -> list[Labelled]:
    """All labelled claims: by hand, true ones elsewhere, CLAPNQ's, and what rules made of them."""
    folder = data / "course/python-programming/modules"
    hand = list(by_hand(folder))
    gold = list(from_clapnq(data / "grounding", 1.0))
    chance = random.Random(7)
    pool = [claim.claim for claim in hand + gold]
    made = [bad for claim in gold for bad in falsified(claim, pool, chance, 0.2)]
    made += [bad for claim in hand if claim.supported for bad in falsified(claim, pool, chance, 0.2)]
    return [*hand, *elsewhere(hand), *gold, *made, *by_hand(folder, MORE, TO_FIT)]


def table(claims: list[Labelled]) -> Rows:
    """Feature rows (n, len(NAMES)), one a claim: of the window that speaks for it most."""
    blank = [0.0] * len(NAMES)
    readings = [read([claim.claim], claim.passages)[0] for claim in claims]
    return np.array([found[0].features if found else blank for found in readings])


@dataclass(frozen=True)
class Fitted:
    """Boosted trees and a linear model; the score is the sum of their log odds."""

    trees: HistGradientBoostingClassifier
    scaler: StandardScaler
    linear: LogisticRegression

    def scores(self, rows: Rows) -> Rows:
        """Log odds of support (n,)."""
        linear = self.linear.decision_function(self.scaler.transform(rows))
        return np.asarray(self.trees.decision_function(rows) + linear)


def fit(rows: Rows, claims: list[Labelled], chosen: NDArray[np.bool_]) -> Fitted:
    """Fit on the chosen claims, the true ones weighing as much as the false."""
    labels = np.array([int(claim.supported) for claim in claims])
    weights = np.array([claim.weight for claim in claims])
    for value in (0, 1):
        mask = chosen & (labels == value)
        weights[mask] *= chosen.sum() / 2 / weights[mask].sum()
    trees = HistGradientBoostingClassifier(
        max_iter=120, learning_rate=0.08, max_leaf_nodes=8, min_samples_leaf=25, l2_regularization=3.0,
        monotonic_cst=list(FEATURES.values()), random_state=0, max_features=0.4,
    ).fit(rows[chosen], labels[chosen], sample_weight=weights[chosen])  # fmt: skip
    scaler = StandardScaler().fit(rows[chosen])
    linear = LogisticRegression(C=0.02, max_iter=500)
    linear.fit(scaler.transform(rows[chosen]), labels[chosen], sample_weight=weights[chosen])
    return Fitted(trees, scaler, linear)


def cut_for(scores: NDArray[np.float64], labels: NDArray[np.int64], rate: float) -> float:
    """The lowest cut at which at most `rate` of the unsupported pass."""
    false = np.sort(scores[labels == 0])[::-1]
    return float(false[int(rate * len(false))]) + 1e-9


def report(
    name: str, scores: NDArray[np.float64], claims: list[Labelled], cut: float, verbose: bool = False
) -> dict[str, float]:
    """Print what a cut does to scored claims, by kind."""
    labels = np.array([int(claim.supported) for claim in claims])
    passed = scores > cut
    recall = float(passed[labels == 1].mean())
    false = float(passed[labels == 0].mean())
    precision = float(labels[passed].mean()) if passed.any() else 0.0
    auc = float(roc_auc_score(labels, scores))
    print(
        f"{name}: n {len(claims)}  AUC {auc:.3f}  recall {recall:.3f}  false rate {false:.3f}  precision {precision:.3f}"
    )
    points = " ".join(
        f"{rate:.2f}:{(scores[labels == 1] > cut_for(scores, labels, rate)).mean():.2f}"
        for rate in (0.01, 0.02, 0.05, 0.1, 0.2, 0.3)
    )
    print(f"  ROC (false rate:recall) {points}")
    kinds: dict[str, list[bool]] = defaultdict(list)
    for claim, yes in zip(claims, passed, strict=True):
        kinds[claim.kind].append(bool(yes))
    print(
        "  called supported, by kind: "
        + ", ".join(f"{kind} {np.mean(v):.2f} of {len(v)}" for kind, v in sorted(kinds.items()))
    )
    if verbose:
        for claim, yes, value in sorted(zip(claims, passed, scores, strict=True), key=lambda row: -row[2]):
            if yes != claim.supported:
                print(
                    f"  {'FALSE' if yes else 'missed'} {value:6.2f} {claim.kind:10} {claim.group} {claim.claim}"
                )
    return {"recall": recall, "false_rate": false, "precision": precision, "auc": auc}


def export(fitted: Fitted, scale: tuple[float, float], supported: float, partial: float) -> dict[str, object]:
    """The fitted model as courses.verification.model reads it."""
    trees = [predictor[0].nodes for predictor in fitted.trees._predictors]
    width = max(len(nodes) for nodes in trees)
    grid: dict[str, list[list[Any]]] = {key: [] for key in ("feature", "threshold", "left", "right", "value")}
    for nodes in trees:
        rest = [0] * (width - len(nodes))
        leaf = [bool(found) for found in nodes["is_leaf"]]
        feature = [-1 if last else int(f) for f, last in zip(nodes["feature_idx"], leaf, strict=True)]
        grid["feature"].append(feature + [-1] * len(rest))
        grid["threshold"].append(
            [
                round(float(t), 5) if not last else 0.0
                for t, last in zip(nodes["num_threshold"], leaf, strict=True)
            ]
            + rest
        )
        grid["left"].append([int(node) for node in nodes["left"]] + rest)
        grid["right"].append([int(node) for node in nodes["right"]] + rest)
        grid["value"].append(
            [round(float(v), 5) if last else 0.0 for v, last in zip(nodes["value"], leaf, strict=True)] + rest
        )
    slope = fitted.linear.coef_[0] / fitted.scaler.scale_
    bias = float(fitted.linear.intercept_[0] - (slope * fitted.scaler.mean_).sum())
    return {
        "names": NAMES,
        **grid,
        "linear": [round(float(value), 6) for value in slope],
        "bias": float(fitted.trees._baseline_prediction.ravel()[0]) + bias,
        "scale": list(scale),
        "supported": supported,
        "partial": partial,
    }


def crossed(rows: Rows, claims: list[Labelled], among: NDArray[np.bool_]) -> Rows:
    """Scores of claims by models that saw no claim of their group; nan outside `among`."""
    groups = np.array([claim.group for claim in claims])
    out = np.full(len(claims), np.nan)
    places = np.flatnonzero(among)
    for seen, unseen in GroupKFold(5).split(places, groups=groups[places]):
        chosen = np.zeros(len(claims), dtype=bool)
        chosen[places[seen]] = True
        out[places[unseen]] = fit(rows, claims, chosen).scores(rows[places[unseen]])
    return out


def main() -> None:
    """Measure, print, and with --write ship."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--verbose", action="store_true")
    options = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tutor.settings")
    claims = gather(options.data)
    labels = np.array([int(claim.supported) for claim in claims])
    rows = table(claims)
    print(len(claims), "claims,", int(labels.sum()), "supported")
    is_fit = np.array([half(claim.group) == "fit" for claim in claims])
    hand = np.array([claim.weight == BY_HAND for claim in claims])
    written = np.array([claim.weight >= TO_FIT for claim in claims])  # the cut rests on all that people wrote
    kinds = np.array([claim.kind for claim in claims])

    def part(mask: NDArray[np.bool_]) -> list[Labelled]:
        return [claim for claim, yes in zip(claims, mask, strict=True) if yes]

    # the cut comes from groups of the fit half that were held out in turn
    unseen = crossed(rows, claims, is_fit)
    cut = cut_for(unseen[is_fit & written], labels[is_fit & written], FALSE_RATE)
    scores = fit(rows, claims, is_fit).scores(rows)
    report("test half, by hand", scores[~is_fit & hand], part(~is_fit & hand), cut, options.verbose)
    apart = ~is_fit & (kinds == "elsewhere")
    print(f"test half, true elsewhere: {(scores[apart] > cut).mean():.3f} of {apart.sum()} called supported")
    report("test half, CLAPNQ and falsified by rule", scores[~is_fit & ~hand], part(~is_fit & ~hand), cut)
    everything = np.ones(len(claims), dtype=bool)
    unseen = crossed(rows, claims, everything)
    final = cut_for(unseen[written], labels[written], FALSE_RATE)
    report("all by hand, each module held out in turn", unseen[hand], part(hand), final)
    if options.write:
        platt = LogisticRegression().fit(unseen[written].reshape(-1, 1), labels[written])
        slope, intercept = float(platt.coef_[0, 0]), float(platt.intercept_[0])

        def calibrated(value: float) -> float:
            return float(1 / (1 + np.exp(-(slope * value + intercept))))

        partial = min(final, cut_for(unseen[written], labels[written], PARTIAL_RATE))
        shipped = export(
            fit(rows, claims, everything), (slope, intercept), calibrated(final), calibrated(partial)
        )
        WEIGHTS.write_text(json.dumps(shipped, separators=(",", ":")), encoding="utf-8")
        print("written", WEIGHTS.name, WEIGHTS.stat().st_size, "bytes; cut", round(calibrated(final), 3))


if __name__ == "__main__":
    main()
