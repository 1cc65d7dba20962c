"""How well talk is classified on lessons not seen: by TF-IDF alone, by the frozen encoder alone, and as Lyceum does it.

LYCEUM_COACH_DATA names a folder with uptake.csv and focusing.csv; without it Lyceum's own rows are measured alone.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from bench.figures import Figure

WAYS = {"TF-IDF alone": ("lexical",), "frozen encoder alone": ("encoded",), "ours": ()}
SHOWN = {
    "uptake": ("spearman", "macro_f1"),
    "focusing": ("pearson", "pearson_label", "macro_f1"),
    "reasoning": ("macro_f1",),
    "teacher_moves": ("macro_f1",),
    "student_moves": ("macro_f1",),
}
PROMISED = {("uptake", "spearman"): 0.60, ("focusing", "pearson"): 0.72, ("focusing", "macro_f1"): 0.65}


def figures() -> Iterator[Figure]:
    """Each kind three ways, the same folds."""
    from coach.classifiers.keeping import SHIPPED, kind_of
    from coach.classifiers.reading import read
    from coach.classifiers.training import measure, views_of

    given = os.environ.get("LYCEUM_COACH_DATA")
    for name, shown in SHOWN.items():
        own = SHIPPED / f"{name}.csv"
        if not own.is_file() and not given:
            print(f"{name}: not measured, LYCEUM_COACH_DATA names no folder with {name}.csv")
            continue
        kind = kind_of(name)
        rows = read(own if own.is_file() else Path(str(given)) / f"{name}.csv", kind)
        views = views_of(rows, kind)
        for way, parts in WAYS.items():
            measured = measure(kind, rows, views, parts)
            for figure in shown:
                promise = PROMISED.get((name, figure)) if way == "ours" else None
                yield Figure(f"{name} {figure}, {way}, {len(rows)} rows", measured[figure], at_least=promise)
