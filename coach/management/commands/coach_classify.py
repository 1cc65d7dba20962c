"""`manage.py coach_classify KIND --data FILE`: judge utterances with the classifier in use."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from coach.classifiers import classify
from coach.classifiers.blend import WeightsDamaged
from coach.classifiers.encoding import EncoderMissing
from coach.classifiers.keeping import kind_of
from coach.classifiers.reading import UnusableData, add_file, read


class Command(BaseCommand):
    """One line a row that has text. `row` counts the file's data rows from 0, the heading not counted."""

    help = (
        "Judge the utterances of a CSV file. Each row with text gives a line; its number counts the rows after the heading "
        "from 0. The file needs no labels."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_file(parser)
        parser.add_argument("--json", action="store_true", help="print JSON lines")

    def handle(self, *args: Any, **options: Any) -> None:
        columns = {name: options[name] for name in ("text", "before") if options[name]}
        try:
            rows = read(options["data"], kind_of(options["kind"]), columns, labelled=False)
            judged = classify(options["kind"], rows.pairs)
        except (UnusableData, EncoderMissing, WeightsDamaged) as error:
            raise CommandError(str(error)) from error
        for number, pair, found in zip(rows.numbers, rows.pairs, judged, strict=True):
            if options["json"]:
                line = {
                    "row": number,
                    "label": found.label,
                    "probabilities": found.probabilities,
                    "score": found.score,
                }
                self.stdout.write(json.dumps(line))
            else:
                self.stdout.write(
                    f"{number:5}  {found.label:<18} {found.score:6.2f}  {' '.join(pair.text.split())[:80]}"
                )
