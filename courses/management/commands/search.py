"""`manage.py search COURSE QUERY`: what a student's question would find."""

from __future__ import annotations

import json
import time
from argparse import ArgumentParser
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from courses.management.commands.ingest import find_course
from courses.management.commands.verify import rows, whole
from courses.models import Passage
from courses.search import Hit, search


class Command(BaseCommand):
    """Search a course as its agent does: what students may read, nothing else."""

    help = (
        "Search a course as its agent does for students. Offsets are those of the material's extracted text."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "course", metavar="COURSE", help="the course's short name, as in its address, or its title"
        )
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
        asked = [{"id": "1", "query": whole(options["query"])}]
        if options["queries"]:
            asked = rows(options["queries"], {"query": str})
        for row in asked:
            started = time.perf_counter()
            hits = search(course, row["query"], passages=Passage.objects.for_agent(course), k=options["k"])
            seconds = round(time.perf_counter() - started, 4)
            if options["json"] or options["queries"]:
                found = [_row(rank, hit) for rank, hit in enumerate(hits, start=1)]
                answer = {"id": row["id"], "hits": found, "seconds": seconds}
                self.stdout.write(json.dumps(answer, ensure_ascii=False))
            else:
                self._print(hits)

    def _print(self, hits: Sequence[Hit]) -> None:
        for rank, hit in enumerate(hits, start=1):
            passage = hit.passage
            self.stdout.write(f"{rank}. {passage.label}  [{passage.material.filename}]  {hit.score:.4f}")
            self.stdout.write(f"   {' '.join(passage.text.split())[:240]}")
            self.stdout.write(f"   {hit.url}")
        if not hits:
            self.stdout.write("Nothing was found.")


def _row(rank: int, hit: Hit) -> dict[str, Any]:
    passage = hit.passage
    return {
        "rank": rank,
        "score": round(hit.score, 6),
        "passage": passage.pk,
        "material": str(passage.material.uuid),
        "file": passage.material.filename,
        "anchor": passage.anchor,
        "start": passage.start,
        "end": passage.end,
        "text": passage.text,
        "url": hit.url,
    }
