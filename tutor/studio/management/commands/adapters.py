"""`manage.py adapters list|serve|withdraw|retire`: which adapters there are, and which answers for a course."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from courses.models import Course, Role
from tutor.accounts.models import User
from tutor.studio.evaluating import beat_its_baselines
from tutor.studio.models import Adapter
from tutor.studio.serving import NotServed, retire, serve, serving, withdraw


class Command(BaseCommand):
    """List, serve, withdraw and retire adapters."""

    help = "Trained adapters: list them, put one in front of its course, take it back, retire it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The four actions."""
        actions = parser.add_subparsers(dest="action", required=True)
        listed = actions.add_parser("list", help="all adapters")
        listed.add_argument("--json", action="store_true", help="one JSON object a line")
        for name, what in (
            ("serve", "let an adapter answer its course"),
            ("withdraw", "let the course's own model answer again"),
            ("retire", "take an adapter back for good"),
        ):
            action = actions.add_parser(name, help=what)
            action.add_argument("adapter")
            action.add_argument("--by", metavar="EMAIL", help="who wants it, for the audit log")
            action.add_argument("--json", action="store_true")
            if name == "serve":
                action.add_argument(
                    "--share", type=float, default=1.0, help="of the conversations, up to 1 (default: all)"
                )
                action.add_argument(
                    "--anyway",
                    action="store_true",
                    help="although it did not beat its baselines; needs --by",
                )

    def handle(self, *args: Any, **options: Any) -> None:
        """Do what was asked for."""
        if options["action"] == "list":
            self._list(options["json"])
            return
        adapter = Adapter.objects.filter(name=options["adapter"]).select_related("course").first()
        if adapter is None:
            raise CommandError(
                f"There is no adapter “{options['adapter']}”. `manage.py adapters list` names them."
            )
        person = _person(options["by"], adapter.course)
        match options["action"]:
            case "retire":
                retire(adapter, person)
            case "withdraw":
                trial = serving(adapter.course)
                if trial is None or trial.endpoint.model != adapter.name:
                    raise CommandError(f"“{adapter.name}” does not answer for “{adapter.course.slug}” now.")
                withdraw(adapter.course, person)
            case "serve":
                if options["anyway"] and person is None:
                    raise CommandError("Say who answers for it: --anyway needs --by EMAIL.")
                try:
                    serve(adapter, share=options["share"], user=person, anyway=options["anyway"])
                except NotServed as error:
                    raise CommandError(str(error)) from None
        row = _row(adapter)
        self.stdout.write(json.dumps(row) if options["json"] else f"{row['adapter']}: {row['state']}")

    def _list(self, as_json: bool) -> None:
        rows = [_row(adapter) for adapter in Adapter.objects.select_related("course").order_by("pk")]
        for row in rows:
            line = f"{row['adapter']}  {row['state']}  {row['course']}  {row['note']}".rstrip()
            self.stdout.write(json.dumps(row) if as_json else line)
        if not rows and not as_json:
            self.stdout.write("There are no adapters yet. `manage.py train DATASET` makes one.")


def _person(email: str | None, course: Course) -> User | None:
    if email is None:
        return None
    person = User.objects.filter(email__iexact=email, is_active=True).first()
    if person is None or course.role_of(person) != Role.INSTRUCTOR:
        raise CommandError(
            f"{email} does not teach “{course.slug}”. Name one of its instructors, or an admin."
        )
    return person


def _row(adapter: Adapter) -> dict[str, Any]:
    trial = serving(adapter.course)
    here = trial is not None and trial.endpoint.model == adapter.name
    better, why = beat_its_baselines(adapter)
    return {
        "adapter": adapter.name,
        "course": adapter.course.slug,
        "base": adapter.base,
        "run": adapter.run_id,
        "state": "retired" if adapter.retired_at else "serving" if here else "ready",
        "share": trial.share if trial is not None and here else 0.0,
        "beat_its_baselines": better,
        "note": why,
    }
