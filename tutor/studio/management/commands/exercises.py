"""`manage.py exercises verify FILE.jsonl`: which coding exercises may be kept; `exercises check`: does the sandbox hold."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from courses.management.commands.verify import rows
from tutor.llm.models import Endpoint
from tutor.studio import sandbox
from tutor.studio.exercises.repairing import may_repair, repaired
from tutor.studio.exercises.running import Language
from tutor.studio.exercises.verifying import Exercise, verify


class Command(BaseCommand):
    """Verify coding exercises in the sandbox."""

    help = (
        'Verify coding exercises. Each line of FILE is {"id", "solution", "tests"}, and may have "language" (python or '
        'verilog) and "prompt". With --json one object a line is printed: {"id", "passed", "mutants", "killed", "attempts", '
        '"error"}; passed means that it may be kept. `exercises check` tries the sandbox and says what to do where it fails.'
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        kinds = parser.add_subparsers(dest="what", required=True)
        one = kinds.add_parser("verify", help="which exercises of a file may be kept")
        one.add_argument("file", metavar="FILE", type=Path)
        one.add_argument("--json", action="store_true", help="print one JSON object a line")
        one.add_argument(
            "--repair",
            action="store_true",
            help="ask the default endpoint for a better version, up to five in all",
        )
        one.add_argument(
            "--kept", metavar="FILE", type=Path, help="write the exercises that may be kept, as JSON lines"
        )
        kinds.add_parser("check", help="try the sandbox")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            sandbox.ready()
            if options["what"] == "check":
                self.stdout.write("The sandbox holds.")
                return
            self._verify(options)
        except sandbox.SandboxMissing as error:
            raise CommandError(str(error)) from error

    def _verify(self, options: dict[str, Any]) -> None:
        endpoint = Endpoint.objects.default() if options["repair"] else None
        if endpoint is not None and not may_repair(endpoint):
            raise CommandError(
                f"{endpoint} is not trusted to write programs. Set LLM_BASE_URL to an endpoint with a capable model, or leave "
                "out --repair."
            )
        kept: list[str] = []
        given = rows(options["file"], {"solution": str, "tests": str})
        for row in given:
            exercise = _exercise(row)
            if endpoint is not None:
                exercise, result = repaired(exercise, endpoint)
            else:
                result = verify(exercise)
            if options["json"]:
                self.stdout.write(json.dumps({**result.as_row(), "id": row["id"]}, ensure_ascii=False))
            else:
                word = "kept" if result.passed else "refused"
                self.stdout.write(
                    f"{row['id']}: {word}, {result.killed} of {result.mutants} mutants killed. {result.error}".strip()
                )
            self.stdout.flush()
            if result.passed:
                changed = {"solution": exercise.solution, "tests": exercise.tests}
                kept.append(json.dumps({**row, **changed}, ensure_ascii=False))
        if options["kept"]:
            options["kept"].write_text("".join(f"{line}\n" for line in kept), encoding="utf-8")


def _exercise(row: dict[str, Any]) -> Exercise:
    try:
        language = Language(row.get("language") or Language.PYTHON)
    except ValueError as error:
        raise CommandError(
            f"Exercise {row['id']} is in {row['language']}; python and verilog are known."
        ) from error
    return Exercise(str(row["id"]), row["solution"], row["tests"], language, str(row.get("prompt") or ""))
