"""`manage.py dataset make|card|export|import`: datasets from the command line, the same code as the pages and the task."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from courses.models import Course
from tutor.studio.exchange import Unreadable, export, receive
from tutor.studio.forecast import forecast
from tutor.studio.kinds import KINDS
from tutor.studio.making import make
from tutor.studio.models import Dataset


class Command(BaseCommand):
    """Make, describe, export and import datasets."""

    help = "Question–answer examples made of a course's material."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The four actions."""
        actions = parser.add_subparsers(dest="action", required=True)
        made = actions.add_parser("make", help="make a dataset of a course's material")
        made.add_argument("course", help="slug")
        made.add_argument("--kinds", nargs="*", default=[], help=f"of: {', '.join(KINDS)} (default: all)")
        made.add_argument("--limit", type=int, default=400, help="examples to keep (default: 400)")
        made.add_argument("--title", default="")
        made.add_argument("--json", action="store_true")
        card = actions.add_parser("card", help="what is in a dataset")
        card.add_argument("dataset", type=int)
        card.add_argument("--json", action="store_true")
        out = actions.add_parser("export", help="write its kept examples as JSONL, with chat messages")
        out.add_argument("dataset", type=int)
        out.add_argument("file", type=Path)
        come = actions.add_parser("import", help="take an instructor's pairs (CSV or JSONL) as a dataset")
        come.add_argument("course", help="slug")
        come.add_argument("file", type=Path)
        come.add_argument("--into", type=int, metavar="ID", help="add them to this dataset of the course")
        come.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        """Do what was asked for."""
        match options["action"]:
            case "make":
                self._make(options)
            case "card":
                self._show(_dataset(options["dataset"]), options["json"])
            case "export":
                count = export(_dataset(options["dataset"]), options["file"])
                self.stdout.write(f"{count} examples written to {options['file']}.")
            case "import":
                try:
                    course = _course(options["course"])
                    into = _dataset(options["into"]) if options["into"] else None
                    if into is not None and into.course_id != course.pk:
                        raise CommandError(f"Dataset {into.pk} is of another course, {into.course.slug}.")
                    dataset, _ = receive(course, options["file"], into=into)
                except Unreadable as error:
                    raise CommandError(str(error)) from None
                self._show(dataset, options["json"])

    def _make(self, options: dict[str, Any]) -> None:
        course = _course(options["course"])
        kinds = [kind for part in options["kinds"] for kind in part.replace(",", " ").split()] or list(KINDS)
        if unknown := [kind for kind in kinds if kind not in KINDS]:
            raise CommandError(f"There is no kind “{unknown[0]}”. There are: {', '.join(KINDS)}.")
        if options["limit"] < 1:
            raise CommandError("--limit has to be at least 1.")
        title = options["title"] or f"Dataset of {course.title}"
        dataset = Dataset.objects.create(
            course=course, title=title[:200], kinds=kinds, limit=options["limit"]
        )
        cost = forecast(course, (), kinds, options["limit"])
        tokens = f" and about {cost.tokens:,} tokens of {cost.model}" if cost.model else ""
        self.stderr.write(f"This takes about {cost.minutes} min{tokens}.")
        dataset.claim()
        with dataset.heartbeat():  # or a worker that finds it silent takes it for lost, and makes it as well
            make(dataset)
        dataset.finish()
        if not dataset.card["kept"]:
            raise CommandError(
                "Nothing could be asked about this course's material. Has it been read? See `manage.py ingest`."
            )
        self._show(dataset, options["json"])

    def _show(self, dataset: Dataset, as_json: bool) -> None:
        card = {"dataset": dataset.pk, "course": dataset.course.slug, "title": dataset.title, **dataset.card}
        if as_json:
            self.stdout.write(json.dumps(card, ensure_ascii=False))
            return
        self.stdout.write(f"Dataset {dataset.pk}: {card['kept']} kept, {card['held_out']} of them held out")
        for name in ("kinds", "dropped", "made_how"):
            self.stdout.write(
                f"  {name.replace('_', ' ')}: " + ", ".join(f"{key} {n}" for key, n in card[name].items())
            )
        coverage = card["coverage"]
        self.stdout.write(f"  {coverage['covered']} of {coverage['passages']} passages covered")


def _course(slug: str) -> Course:
    course = Course.objects.filter(slug=slug).first()
    if course is None:
        raise CommandError(f"There is no course “{slug}”.")
    return course


def _dataset(pk: int) -> Dataset:
    dataset = Dataset.objects.filter(pk=pk).select_related("course").first()
    if dataset is None:
        raise CommandError(f"There is no dataset {pk}.")
    return dataset
