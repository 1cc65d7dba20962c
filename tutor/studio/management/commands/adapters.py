"""`manage.py adapters list|serve|retire`: which adapters there are, and which answers for a course."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from tutor.studio.evaluating import beat_its_baselines
from tutor.studio.models import Adapter
from tutor.studio.serving import NotServed, retire, serve, serving


class Command(BaseCommand):
    """List, serve and retire adapters."""

    help = "Trained adapters: list them, put one in front of its course, retire one."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The three actions."""
        actions = parser.add_subparsers(dest="action", required=True)
        listed = actions.add_parser("list", help="all adapters")
        listed.add_argument("--json", action="store_true")
        served = actions.add_parser("serve", help="let an adapter answer its course")
        served.add_argument("adapter")
        served.add_argument(
            "--share", type=float, default=1.0, help="of the conversations, up to 1 (default: all)"
        )
        served.add_argument("--anyway", action="store_true", help="although it did not beat its baselines")
        served.add_argument("--json", action="store_true")
        retired = actions.add_parser("retire", help="take an adapter back for good")
        retired.add_argument("adapter")
        retired.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        """Do what was asked for."""
        if options["action"] == "list":
            rows = [
                _row(adapter) for adapter in Adapter.objects.select_related("course", "run").order_by("pk")
            ]
            if options["json"]:
                for row in rows:
                    self.stdout.write(json.dumps(row))
            for row in [] if options["json"] else rows:
                self.stdout.write(
                    f"{row['adapter']}  {row['state']}  {row['course']}  {row['note']}".rstrip()
                )
            if not rows and not options["json"]:
                self.stdout.write("There are no adapters yet. `manage.py train DATASET` makes one.")
            return
        adapter = Adapter.objects.filter(name=options["adapter"]).select_related("course").first()
        if adapter is None:
            raise CommandError(
                f"There is no adapter “{options['adapter']}”. `manage.py adapters list` names them."
            )
        if options["action"] == "retire":
            retire(adapter)
        else:
            try:
                serve(adapter, share=options["share"], anyway=options["anyway"])
            except NotServed as error:
                raise CommandError(str(error)) from None
        row = _row(adapter)
        self.stdout.write(json.dumps(row) if options["json"] else f"{row['adapter']}: {row['state']}")


def _row(adapter: Adapter) -> dict[str, Any]:
    trial = serving(adapter.course)
    here = trial is not None and trial.endpoint.model == adapter.name
    state = "retired" if adapter.retired_at else "serving" if here else "ready"
    better, why = beat_its_baselines(adapter)
    return {
        "adapter": adapter.name,
        "course": adapter.course.slug,
        "base": adapter.base,
        "run": adapter.run_id,
        "state": state,
        "share": trial.share if trial is not None and here else 0.0,
        "beat_its_baselines": better,
        "note": why,
    }
