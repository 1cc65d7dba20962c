"""`manage.py coach_train KIND --data FILE`: train a classifier of talk from labelled rows, and say how good it is."""

from __future__ import annotations

import json
import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from coach.classifiers.encoding import EncoderMissing
from coach.classifiers.keeping import keep, kind_of
from coach.classifiers.reading import UnusableData, add_file, read
from coach.classifiers.training import train

COLUMNS = ("text", "before", "label", "lesson")


class Command(BaseCommand):
    """Train, measure on lessons that were not seen, store; the site uses the new classifier from then on."""

    help = (
        "Train a classifier of classroom talk from a CSV file with one utterance a row, print its scores on lessons it did "
        "not see, and use it from now on. Some 1,400 rows take a few minutes."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_file(parser)
        parser.add_argument("--label", metavar="NAME", help="the column with the label")
        parser.add_argument(
            "--lesson", metavar="NAME", help="the column that says which lesson a row is from"
        )
        parser.add_argument("--json", action="store_true", help="print JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        kind, path = kind_of(options["kind"]), options["data"]
        began = time.monotonic()

        def progress(line: str) -> None:
            self.stderr.write(f"{time.monotonic() - began:5.0f} s  {line}")

        try:
            rows = read(path, kind, {name: options[name] for name in COLUMNS if options[name]})
            blend, scores = train(kind, rows, progress)
        except (UnusableData, EncoderMissing) as error:
            raise CommandError(str(error)) from error
        row = keep(blend, scores, path.name, rows.sha256)
        report = {
            "kind": kind.name,
            "classifier": row.pk,
            **scores,
            "seconds": round(time.monotonic() - began, 1),
        }
        if options["json"]:
            self.stdout.write(json.dumps(report, ensure_ascii=False))
            return
        self.stdout.write(f"{kind.name}: {scores['rows']} rows of {scores['lessons']} lessons")
        self.stdout.write(f"  {', '.join(f'{label} {count}' for label, count in scores['labels'].items())}")
        self.stdout.write(f"Measured on lessons not seen ({scores['folds']} folds):")
        for name, value in scores["measured"].items():
            if name == "without_punctuation":
                self.stdout.write("The same without punctuation:")
                for again, figure in value.items():
                    self.stdout.write(f"  {again:<15} {_shown(figure)}")
            else:
                self.stdout.write(f"  {name:<15} {_shown(value)}")
        self.stdout.write(f"Stored as classifier {row.pk}, in use from now on.")


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{label} {figure:.3f}" for label, figure in value.items())
    return f"{value:.3f}"
