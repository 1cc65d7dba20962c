"""`manage.py instrument [FILE]`: bring an instrument as TOML, or list those that are here."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from coach.instruments import BadInstrument, active, keep, load


class Command(BaseCommand):
    """Bring an instrument."""

    help = (
        "Bring an institution's own instrument from a TOML file; a changed one becomes the next version. Without a file, list "
        "the instruments in use. With --json: {instrument, version, new} or [{instrument, version, title, dimensions}]."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", metavar="FILE", nargs="?", type=Path, help="the TOML file")
        parser.add_argument("--json", action="store_true", help="print JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["file"] is None:
            self.listed(as_json=options["json"])
            return
        try:
            row, new = keep(load(options["file"]))
        except OSError:
            raise CommandError(f"There is no file {options['file']}.") from None
        except BadInstrument as error:
            raise CommandError(f"{options['file'].name}: {error}") from None
        if options["json"]:
            self.stdout.write(json.dumps({"instrument": row.name, "version": row.version, "new": new}))
        else:
            self.stdout.write(f"{row} {'is in use from now on' if new else 'was known already'}.")

    def listed(self, *, as_json: bool) -> None:
        """The instruments that new reports use."""
        rows: list[dict[str, Any]] = [
            {
                "instrument": row.name,
                "version": row.version,
                "title": row.title,
                "dimensions": [one.name for one in row.dimensions.all()],
            }
            for row in active()
        ]
        if as_json:
            self.stdout.write(json.dumps(rows, ensure_ascii=False))
            return
        for row in rows:
            self.stdout.write(f"{row['instrument']} v{row['version']}: {', '.join(row['dimensions'])}")
