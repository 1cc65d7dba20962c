"""`manage.py search COURSE QUERY`: what a student's question would find."""

from __future__ import annotations

import json
import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from courses.management.commands.ingest import find_course
from courses.models import Course, Passage
from courses.search import Hit, search


class Command(BaseCommand):
    """Search a course as its agent does: what students may read, nothing else."""

    help = (
        "Search a course as its agent does for students. Offsets are those of the material's extracted text."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("course", metavar="COURSE", help="the course's short name, as in its address")
        parser.add_argument("query", metavar="QUERY", nargs="?", default="")
        parser.add_argument(
            "--queries", metavar="FILE", type=Path, help='JSON lines {"id", "query"}, each answered'
        )
        parser.add_argument("-k", type=int, default=8, metavar="N", help="passages to show (8)")
        parser.add_argument("--json", action="store_true", help="print JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        course = find_course(options["course"])
        if bool(options["query"]) == bool(options["queries"]):
            raise CommandError("Give either a QUERY or --queries FILE.")
        if options["k"] < 1:
            raise CommandError("-k must be at least 1.")
        if options["queries"]:
            for number, row in enumerate(_rows(options["queries"]), start=1):
                answer = _answer(course, str(row["query"]), options["k"])
                self.stdout.write(json.dumps({"id": row.get("id", number), **answer}, ensure_ascii=False))
            return
        answer = _answer(course, options["query"], options["k"])
        if options["json"]:
            self.stdout.write(json.dumps(answer, ensure_ascii=False))
            return
        for hit in answer["hits"]:
            self.stdout.write(f"{hit['rank']}. {hit['label']}  [{hit['file']}]  {hit['score']:.4f}")
            self.stdout.write(f"   {' '.join(hit['text'].split())[:240]}")
            self.stdout.write(f"   {hit['url']}")
        if not answer["hits"]:
            self.stdout.write("Nothing was found.")


def _rows(path: Path) -> list[dict[str, Any]]:
    try:
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    except (OSError, ValueError) as error:
        raise CommandError(f"{path} cannot be read as JSON lines: {error}") from error
    if not all(isinstance(row, dict) and "query" in row for row in rows):
        raise CommandError(f'Every line of {path} must be an object with a "query".')
    return rows


def _answer(course: Course, query: str, k: int) -> dict[str, Any]:
    started = time.perf_counter()
    hits = search(course, query, passages=Passage.objects.for_agent(course), k=k)
    seconds = time.perf_counter() - started
    return {"hits": [_row(rank, hit) for rank, hit in enumerate(hits, start=1)], "seconds": round(seconds, 4)}


def _row(rank: int, hit: Hit) -> dict[str, Any]:
    passage = hit.passage
    return {
        "rank": rank,
        "score": round(hit.score, 6),
        "passage": passage.pk,
        "material": str(passage.material.uuid),
        "file": passage.material.filename,
        "label": passage.label,
        "anchor": passage.anchor,
        "start": passage.start,
        "end": passage.end,
        "text": passage.text,
        "url": hit.url,
    }
