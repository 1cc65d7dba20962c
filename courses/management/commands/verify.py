"""`manage.py verify --claims FILE.jsonl`: the verifier that answering uses, on claims of your own."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from courses.verification import verify
from tutor.llm.embeddings import EmbeddingError


class Command(BaseCommand):
    """Check claims against passages."""

    help = (
        'Check claims against passages. Each line of FILE is {"id", "claim", "passages": [text, …]}; one JSON object '
        'a claim is printed: {"id", "verdict", "score", "quotes"}, with quotes [{"passage", "start", "end", "text"}].'
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--claims", metavar="FILE", type=Path, required=True)

    def handle(self, *args: Any, **options: Any) -> None:
        for row in rows(options["claims"], {"claim": str, "passages": list}):
            if not all(isinstance(passage, str) for passage in row["passages"]):
                raise CommandError(f"The passages of claim {row['id']} must be texts.")
            try:
                found = verify(row["claim"], row["passages"])
            except EmbeddingError as error:
                raise CommandError(str(error)) from error
            result = {
                "id": row["id"],
                "verdict": found.verdict,
                "score": round(found.score, 4),
                "quotes": [asdict(quote) for quote in found.quotes],
            }
            self.stdout.write(json.dumps(result, ensure_ascii=False))


def rows(path: Path, fields: dict[str, type]) -> list[dict[str, Any]]:
    """The objects of a JSON-lines file, each with an "id" and the given fields. Raises CommandError, naming the line."""
    try:
        # Split on \n alone: a text may hold U+2028 and its like, which str.splitlines would take for a line's end.
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"{path} cannot be read: {error}") from error
    found: list[dict[str, Any]] = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(whole(json.dumps(json.loads(line), ensure_ascii=False)))
        except ValueError as error:
            raise CommandError(f"Line {number} of {path} is not JSON: {error}") from error
        wrong = [
            name
            for name, kind in fields.items()
            if not isinstance(row, dict) or not isinstance(row.get(name), kind)
        ]
        if wrong or "id" not in row:
            raise CommandError(f"Line {number} of {path} needs id, {', '.join(fields)}.")
        found.append(row)
    return found


def whole(text: str) -> str:
    """The text with ? for what UTF-8 cannot hold: halves of surrogate pairs, bytes of another encoding."""
    return text.encode("utf-8", "replace").decode()
