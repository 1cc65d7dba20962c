"""`manage.py backup`: the whole site in one file."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from datetime import datetime
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from tutor import archive


class Command(BaseCommand):
    help = "Write rows and files of the site into one archive. The site may run meanwhile."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("path", nargs="?", help="the file to write (default: lyceum-<date>.tar.gz here)")
        parser.add_argument("--force", action="store_true", help="write over a file of that name")
        parser.add_argument(
            "--with-secret-key",
            action="store_true",
            help="put SECRET_KEY in as well: the stored API keys can be read after a restore, and by whoever holds the file",
        )
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        path = Path(
            options["path"] or f"lyceum-{datetime.now(timezone.get_current_timezone()):%Y-%m-%d-%H%M}.tar.gz"
        )
        if path.exists() and not options["force"]:
            raise CommandError(f"{path} exists. Choose another name, or say --force to write over it.")
        try:
            done = archive.write(path.absolute(), with_secret_key=options["with_secret_key"])
        except (archive.ArchiveError, OSError) as error:
            raise CommandError(str(error)) from error
        if options["json"]:
            self.stdout.write(json.dumps({"path": str(path), **done}))
            return
        self.stdout.write(
            f"{path}: {sum(done['rows'].values())} rows, {done['files']} files, {done['bytes']:,} bytes."
        )
        self.stdout.write(
            "It holds people's conversations and sign-in data: keep it where only you can read it."
        )
        if not options["with_secret_key"]:
            self.stdout.write(
                "SECRET_KEY is not in it. Keep it too, or API keys must be entered again after a restore."
            )
