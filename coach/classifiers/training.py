"""Trains a classifier from labelled rows, and measures it on lessons that it did not see."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from coach.classifiers import Pair
from coach.classifiers.blend import Blend, folds
from coach.classifiers.features import bare
from coach.classifiers.kinds import Kind
from coach.classifiers.parts import View
from coach.classifiers.reading import Rows, UnusableData

OUTER = 5
FEWEST_LESSONS = 5
FEWEST_ROWS = 40
FEWEST_OF_A_LABEL = 5

Progress = Callable[[str], None]


def check(kind: Kind, rows: Rows) -> None:
    """Raises UnusableData where there is too little to learn from or to measure on."""
    lessons = len(set(rows.lessons))
    if lessons < FEWEST_LESSONS:
        raise UnusableData(
            f"The rows come from {lessons} lesson{'s' if lessons != 1 else ''}; at least {FEWEST_LESSONS} are needed, "
            "because a classifier is measured on lessons that it did not see. Is the right column named with --lesson?"
        )
    if len(rows) < FEWEST_ROWS:
        raise UnusableData(f"There are {len(rows)} labelled rows; at least {FEWEST_ROWS} are needed.")
    counts = np.bincount(rows.labels[rows.labels >= 0], minlength=len(kind.labels))
    if (counts >= FEWEST_OF_A_LABEL).sum() < 2:
        found = ", ".join(
            f"{label} {count}" for label, count in zip(kind.labels, counts, strict=True) if count
        )
        raise UnusableData(
            f"At least two labels with {FEWEST_OF_A_LABEL} rows each are needed; there are: {found or 'none'}."
        )


def views_of(rows: Rows, kind: Kind) -> tuple[View, View]:
    """The rows as they are, and without punctuation. Raises coach.classifiers.encoding.EncoderMissing."""
    without = [Pair(bare(pair.before), bare(pair.text)) for pair in rows.pairs]
    return View.of(rows.pairs, kind.parts), View.of(without, kind.parts)


def measure(
    kind: Kind,
    rows: Rows,
    views: tuple[View, View],
    parts: Sequence[str] = (),
    progress: Progress = lambda line: None,
) -> dict[str, Any]:
    """Agreement on lessons that a classifier of these parts (the kind's own when none is named) did not see, on the rows as
    they are and "without_punctuation".

    Everything is fitted anew in each fold, the blend too, on lessons of the other folds alone.
    """
    count = len(rows)
    probabilities = np.zeros((2, count, len(kind.labels)))
    scores = np.zeros((2, count))
    held_out = folds(rows.lessons, OUTER)
    for number, held in enumerate(held_out, start=1):
        progress(f"measuring: part {number} of {len(held_out)}")
        seen = np.setdiff1d(np.arange(count), held)
        blend = Blend(kind, parts).fit(
            (views[0].take(seen), views[1].take(seen)),
            rows.labels[seen],
            rows.scores[seen],
            [rows.lessons[place] for place in seen],
        )
        for half, view in enumerate(views):
            probabilities[half, held], scores[half, held] = blend.judge(view.take(held))
    measured = agreement(kind, rows, probabilities[0], scores[0])
    measured["without_punctuation"] = agreement(kind, rows, probabilities[1], scores[1])
    return measured


def train(kind: Kind, rows: Rows, progress: Progress = lambda line: None) -> tuple[Blend, dict[str, Any]]:
    """The classifier fitted to all rows, and its scores: {"rows", "lessons", "folds", "labels", "measured"}.

    Raises UnusableData, coach.classifiers.encoding.EncoderMissing. The same rows give the same classifier.
    """
    check(kind, rows)
    lessons = len(set(rows.lessons))
    progress(f"{len(rows)} rows of {lessons} lessons: reading them")
    views = views_of(rows, kind)
    measured = measure(kind, rows, views, progress=progress)
    progress("fitting all rows")
    blend = Blend(kind).fit(views, rows.labels, rows.scores, rows.lessons)
    counts = np.bincount(rows.labels[rows.labels >= 0], minlength=len(kind.labels))
    return blend, {
        "rows": len(rows),
        "lessons": lessons,
        "folds": min(OUTER, lessons),
        "labels": dict(zip(kind.labels, counts.tolist(), strict=True)),
        "measured": measured,
    }


def agreement(
    kind: Kind, rows: Rows, probabilities: NDArray[np.float64], scores: NDArray[np.float64]
) -> dict[str, Any]:
    """How judgements agree with the labels, three decimals.

    For ordinal kinds also spearman and pearson of the score with the level (…_label) and, where the file has one, with the
    finer score behind it.
    """
    from scipy.stats import pearsonr, spearmanr
    from sklearn.metrics import f1_score

    known = rows.labels >= 0
    given = probabilities.argmax(1)
    present = sorted(set(rows.labels[known].tolist()))
    each = f1_score(rows.labels[known], given[known], labels=present, average=None, zero_division=0)
    found: dict[str, Any] = {
        "macro_f1": round(float(np.mean(each)), 3),
        "accuracy": round(float((given == rows.labels)[known].mean()), 3),
        "f1": {
            kind.labels[place]: round(float(value), 3) for place, value in zip(present, each, strict=True)
        },
    }
    if kind.ordinal:
        finer = ~np.isnan(rows.scores)
        if finer.any():
            found["spearman"] = round(float(spearmanr(scores[finer], rows.scores[finer])[0]), 3)
            found["pearson"] = round(float(pearsonr(scores[finer], rows.scores[finer])[0]), 3)
        found["spearman_label"] = round(float(spearmanr(scores[known], rows.labels[known])[0]), 3)
        found["pearson_label"] = round(float(pearsonr(scores[known], rows.labels[known])[0]), 3)
    return found
