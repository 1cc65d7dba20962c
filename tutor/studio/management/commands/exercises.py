"""`manage.py exercises verify FILE.jsonl`: which coding exercises may be kept; `exercises check`: does the sandbox hold."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from tutor.llm.models import Endpoint
from tutor.studio import sandbox
from tutor.studio.exercises.repairing import may_repair, repaired
from tutor.studio.exercises.running import Language
from tutor.studio.exercises.verifying import Exercise, Result, verify


class Command(BaseCommand):
    """Verify coding exercises in the sandbox."""

    help = (
        'Verify coding exercises. Each line of FILE is {"id", "solution", "tests"}, and may have "language" (python or '
        'verilog) and "prompt". With --json one object a line is printed: {"id", "passed", "mutants", "killed", "attempts", '
        '"error"}; passed means that it may be kept, and a line that cannot be used says so in its error. '
        "`exercises check` tries the sandbox and says what to do where it fails."
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
        for number, line in _lines(options["file"]):
            row: dict[str, Any] = {}
            try:
                row = _object(line)
                exercise = _exercise(row)
            except ValueError as error:  # this line is refused, and the rest goes on
                result = Result(f"line {number}", False, attempts=0, error=f"Line {number}: {error}")
            else:
                exercise, result = (
                    repaired(exercise, endpoint) if endpoint is not None else (exercise, verify(exercise))
                )
                if result.passed:
                    changed = {"solution": exercise.solution, "tests": exercise.tests}
                    kept.append(json.dumps({**row, **changed}, ensure_ascii=False))
            self._say({**result.as_row(), "id": row.get("id", result.id)}, options["json"])
        if options["kept"]:
            options["kept"].write_text("".join(f"{line}\n" for line in kept), encoding="utf-8")

    def _say(self, row: dict[str, Any], as_json: bool) -> None:
        if as_json:
            self.stdout.write(json.dumps(row).encode("utf-8", "replace").decode())
        else:
            word = "kept" if row["passed"] else "refused"
            said = f"{row['id']}: {word}, {row['killed']} of {row['mutants']} mutants killed. {row['error']}"
            self.stdout.write(said.encode("utf-8", "replace").decode().strip())
        self.stdout.flush()


def _lines(file: Path) -> Iterator[tuple[int, str]]:
    """The lines of a file that are not empty, numbered from 1. Raises CommandError."""
    try:
        text = file.read_text(encoding="utf-8-sig", errors="replace")
    except OSError as error:
        raise CommandError(f"{file} cannot be read: {error.strerror or error}.") from error
    for number, line in enumerate(text.split("\n"), start=1):  # U+2028 inside a text ends no line
        if line.strip():
            yield number, line


def _object(line: str) -> dict[str, Any]:
    """The object that a line holds. Raises ValueError."""
    try:
        row = json.loads(line)
    except RecursionError:
        raise ValueError("it is nested too deeply.") from None
    except ValueError as error:
        raise ValueError(f"it is not JSON ({error}). Give one object a line.") from None
    if not isinstance(row, dict):
        raise ValueError("it is not an object with id, solution and tests.")
    return row


def _exercise(row: dict[str, Any]) -> Exercise:
    """The exercise of a line. Raises ValueError."""
    if missing := [name for name in ("id", "solution", "tests") if name not in row]:
        raise ValueError(f"{' and '.join(missing)} missing; id, solution and tests are needed.")
    for name in ("solution", "tests"):
        if not isinstance(row[name], str):
            raise ValueError(f"{name} is not a text.")
    try:
        language = Language(row.get("language") or Language.PYTHON)
    except ValueError:
        raise ValueError(f"it is in {str(row['language'])[:40]}; python and verilog are known.") from None
    return Exercise(str(row["id"]), row["solution"], row["tests"], language, str(row.get("prompt") or ""))
