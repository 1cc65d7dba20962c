"""`python -m bench.recall COURSE`: recall of passages for tests/data/queries.jsonl in a course of the OpenStax modules.

The course is filled before with `manage.py ingest COURSE MODULES --create`. Each query names its module and the id of
the paragraph that answers it; a hit is a passage of that material with at least half of the paragraph. Takes no part in
`make bench`: the modules are no part of the repository.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

QUERIES = Path(__file__).parents[1] / "tests" / "data" / "queries.jsonl"
CUTS = (1, 3, 5, 8)


def main(slug: str) -> None:
    """Print recall at several ranks and the mean reciprocal rank, and the queries whose answer was not among the first."""
    from courses.models import Course, Passage
    from courses.search import search
    from tutor.llm.embeddings import embed

    course = Course.objects.get(slug=slug)
    materials = {row.filename.split("/")[0]: row for row in course.materials.select_related("extract")}
    queries = [json.loads(line) for line in QUERIES.read_text().splitlines()]
    ranks: list[int | None] = []
    for row, vector in zip(queries, embed([row["query"] for row in queries]), strict=True):
        material = materials[row["module"]]
        start, end = next(
            (block["start"], block["end"])
            for block in material.extract.blocks
            if block["anchor"].get("id") == row["element"] and block["kind"] in ("text", "list")
        )
        found = search(
            course, row["query"], passages=Passage.objects.for_agent(course), k=max(CUTS), vector=vector
        )
        rank = next(
            (
                place
                for place, hit in enumerate(found, start=1)
                if hit.passage.material_id == material.pk
                and 2 * (min(hit.passage.end, end) - max(hit.passage.start, start)) >= end - start
            ),
            None,
        )
        ranks.append(rank)
        if rank is None:
            print(f"not among the first {max(CUTS)}: {row['query']} ({row['module']})")
    for cut in CUTS:
        print(f"recall@{cut}: {sum(rank is not None and rank <= cut for rank in ranks) / len(ranks):.3f}")
    print(
        f"mean reciprocal rank: {sum(1 / rank for rank in ranks if rank) / len(ranks):.3f} ({len(ranks)} queries)"
    )


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tutor.settings")
    import django

    django.setup()
    main(sys.argv[1])
