"""`manage.py models`: the default models, which are here, and fetching those that are not."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from tutor.llm import catalog


class Command(BaseCommand):
    """List the default models, or fetch and verify them."""

    help = "List the default models, or fetch and verify them (all, or those named)."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("action", nargs="?", choices=["list", "fetch"], default="list")
        parser.add_argument(
            "names", nargs="*", metavar="NAME", help="models of the catalogue; all when none is named"
        )
        parser.add_argument("--json", action="store_true", help="print one JSON object a model")

    def handle(self, *args: Any, **options: Any) -> None:
        known = catalog.models()
        unknown = [name for name in options["names"] if name not in known]
        if unknown:
            raise CommandError(f"Not in the catalogue: {', '.join(unknown)}. It has: {', '.join(known)}")
        failed = False
        for name in options["names"] or known:
            error = ""
            if options["action"] == "fetch":
                try:
                    error = self._fetch(name)
                except catalog.FetchFailed as failure:
                    error = str(failure)
                failed = failed or bool(error)
            self._print(known[name], error, as_json=options["json"])
        if failed:
            raise CommandError("Not every model could be fetched; the lines above say why.")

    def _fetch(self, name: str) -> str:
        catalog.fetch(name, report=self.stderr.write)
        damaged = catalog.verify(name)
        if damaged:
            return f"damaged: {', '.join(damaged)}; delete {catalog.path(name)} and fetch again"
        return ""

    def _print(self, model: catalog.Model, error: str, *, as_json: bool) -> None:
        here = catalog.installed(model.name)
        if as_json:
            row = {
                "model": model.name,
                "licence": model.licence,
                "use": model.use,
                "installed": here,
                "path": str(catalog.path(model.name)) if here else None,
                "sources": [str(source) for source in model.sources],
                "error": error or None,
            }
            self.stdout.write(json.dumps(row))
            return
        state = error or (str(catalog.path(model.name)) if here else f"not installed ({model.megabytes} MB)")
        self.stdout.write(f"{model.name:24} {model.licence:12} {state}\n{'':24} {model.use}")
