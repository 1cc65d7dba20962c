"""`manage.py coach_calibrate`: fit the scorer to human ratings and say how far it agrees with them."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from coach.calibrating import CannotCalibrate, calibrate, keep
from coach.classifiers.blend import WeightsDamaged
from coach.classifiers.encoding import EncoderMissing
from coach.human_ratings import UnreadableRatings, read_ratings
from coach.instruments import find, spec_of
from coach.judging import capable_endpoint
from coach.models import Calibration, Instrument
from coach.rated_lessons import files_of, of_files
from tutor.jobs import State


class Command(BaseCommand):
    """Calibrate an instrument."""

    help = (
        "Fit the scorer to an institution's ratings. RATINGS is a CSV with a column for the lesson (the transcript's file name "
        "without its ending), and if you have them the segment (the instrument's units of time, from 1) and the rater; and "
        "either the columns dimension and score, or one column for each dimension. With --json: {instrument, dimensions: "
        "{name: {n, lessons, raters, stretches, not_observable, spearman, spearman_low, spearman_high, kappa, kappa_low, "
        "kappa_high, by_rater, human, trusted, why}}, stored, columns, notes}. Figures are of lessons that the fit had not "
        "seen; intervals (95 %) are by resampling lessons. What can be trusted is used from then on."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--ratings", required=True, type=Path, help="the CSV of human ratings")
        parser.add_argument("--transcripts", required=True, type=Path, help="the folder of transcripts")
        parser.add_argument(
            "--instrument",
            default="",
            help="its name; without it the one whose dimensions the table rates",
        )
        parser.add_argument(
            "--column",
            action="append",
            default=[],
            metavar="WHAT=HEADING",
            help="a column that does not say what it is: lesson, segment, rater, dimension, score or a dimension's name",
        )
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        ratings: Path = options["ratings"]
        folder: Path = options["transcripts"]
        if not ratings.is_file():
            raise CommandError(f"There is no file {ratings}.")
        if not folder.is_dir():
            raise CommandError(f"There is no folder {folder}.")
        columns = dict(_pair(one) for one in options["column"])
        instrument, table = _table(ratings.read_bytes(), columns, options["instrument"])
        spec = spec_of(instrument)
        files = files_of(folder, {one.lesson for one in table.scores})
        unread: list[str] = []
        try:
            lessons, unread = of_files(
                files, spec, capable_endpoint(), lambda done: self.tell("measure", done)
            )
            outcome = calibrate(spec, table.scores, lessons, self.tell)
        except (CannotCalibrate, EncoderMissing, WeightsDamaged) as error:
            raise CommandError(" ".join([str(error), *unread])) from None
        notes = [*table.notes, *unread, *outcome.notes]
        stored = None
        if outcome.models:
            now = timezone.now()
            row = Calibration.objects.create(
                instrument=instrument, state=State.DONE, progress=1, started_at=now, finished_at=now
            )
            keep(row, outcome, [*table.notes, *unread])
            stored = row.pk
        found = {
            "instrument": instrument.name,
            "dimensions": outcome.agreement,
            "stored": stored,
            "columns": table.columns,
            "notes": notes,
        }
        if options["json"]:
            self.stdout.write(json.dumps(found, ensure_ascii=False))
        else:
            self.show(found)

    def tell(self, stage: str, done: float) -> None:
        """Say on the error output how far it is."""
        if sys.stderr.isatty():
            self.stderr.write(f"  {stage} {done:.0%}")

    def show(self, found: dict[str, Any]) -> None:
        """The agreement for a person to read."""
        self.stdout.write(f"{found['instrument']}: agreement on lessons that the fit had not seen")
        for name, row in found["dimensions"].items():
            human = row["human"]
            beside = f"; people among themselves {_figure(human, 'spearman')}" if human else ""
            self.stdout.write(
                f"  {name}: Spearman {_figure(row, 'spearman')}, kappa {_figure(row, 'kappa')}, {row['n']} ratings of "
                f"{row['lessons']} lessons by {row['raters']} people{beside}"
            )
            self.stdout.write(f"    {'in use' if row['trusted'] else 'not used'}. {row['why']}")
        for note in found["notes"]:
            self.stdout.write(f"  {note}")


def _figure(row: dict[str, Any], name: str) -> str:
    value, low, high = row[name], row[f"{name}_low"], row[f"{name}_high"]
    if value is None:
        return "–"
    return f"{value:.2f}" + (f" ({low:.2f} to {high:.2f})" if low is not None else "")


def _pair(text: str) -> tuple[str, str]:
    what, sign, heading = text.partition("=")
    if not sign or not what or not heading:
        raise CommandError(f"--column {text}: write WHAT=HEADING, such as lesson=OBSID.")
    return what.strip(), heading.strip()


def _table(data: bytes, columns: dict[str, str], name: str) -> tuple[Instrument, Any]:
    """The instrument and the ratings; without a name, the active instrument that the table fits."""
    from coach.instruments import active

    if name:
        try:
            candidates = [find(name)]
        except Instrument.DoesNotExist:
            known = ", ".join(one.name for one in active())
            raise CommandError(f"There is no instrument {name}. Known are {known}.") from None
    else:
        candidates = active()
    refused = []
    fitting = []
    for instrument in candidates:
        try:
            table = read_ratings(data, spec_of(instrument), columns)
            fitting.append((len(table.scores), instrument, table))
        except UnreadableRatings as error:
            refused.append(str(error))
    if not fitting:
        raise CommandError(refused[0])
    best = max(fitting, key=lambda row: row[0])
    return best[1], best[2]
