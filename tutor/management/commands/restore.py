"""`manage.py restore`: a site out of a backup."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from tutor import archive


class Command(BaseCommand):
    help = "Put rows and files of a backup into this site, which has to be migrated and empty. Stop the site first."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("path", help="the archive that `manage.py backup` wrote")
        parser.add_argument("--force", action="store_true", help="replace everything that is here")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            done = archive.restore(Path(options["path"]), force=options["force"])
        except archive.ArchiveError as error:
            raise CommandError(str(error)) from error
        if options["json"]:
            self.stdout.write(json.dumps(done))
            return
        self.stdout.write(
            f"Restored {sum(done['rows'].values())} rows and {done['files']} files of {done['created']}."
        )
        if done["secret_key"]:
            self.stdout.write("The secret key is restored as well.")
        self.stdout.write("Start the site again, so that no process serves what was there before.")
