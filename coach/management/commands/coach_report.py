"""`manage.py coach_report`: a lesson's report as a PDF."""

from __future__ import annotations

import uuid
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from coach.composing import compose
from coach.models import Report
from coach.pdf import document


class Command(BaseCommand):
    help = "Write the report on an observation as a PDF, as its teacher would get it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("observation", type=uuid.UUID, help="the observation's UUID, as in its address")
        parser.add_argument("file", type=Path, help="where to write the PDF")

    def handle(self, *args: Any, observation: uuid.UUID, file: Path, **options: Any) -> None:
        rows = Report.objects.select_related("observation__teacher", "reviewer")
        report = rows.filter(observation__uuid=observation).first()
        if report is None:
            raise CommandError(f"There is no report on an observation {observation}. Score the lesson first.")
        if not report.revision:
            raise CommandError("This lesson has not been scored yet.")
        written = document(compose(report, report.observation.teacher))
        try:
            file.write_bytes(written)
        except OSError as error:
            raise CommandError(f"{file} cannot be written: {error.strerror}") from error
        self.stdout.write(f"{file}: {len(written) / 1024:.0f} kB")
