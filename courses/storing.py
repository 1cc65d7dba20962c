"""Passages and propositions as rows: what is embedded of them, and writing them in bulk."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

from courses.anchors import StoredBlock
from courses.index import pack
from courses.models import Material, Passage, Proposition
from courses.passages import Draft
from courses.propositions import Sentence, segment
from tutor.llm.embeddings import embed

BATCH = 256


def claims_of(draft: Draft, blocks: Sequence[StoredBlock]) -> list[Sentence]:
    """The sentences of a passage with their propositions; offsets are in the passage."""
    first = bisect_right(blocks, draft.start, key=lambda block: int(block["end"]))
    listings = []
    for block in blocks[first:]:
        if block["start"] >= draft.end:
            break
        if block["kind"] in ("code", "table", "formula", "heading"):
            listings.append(
                (max(block["start"] - draft.start, 0), min(block["end"], draft.end) - draft.start)
            )
    return segment(draft.text, draft.heading_path, listings)


def to_embed(title: str, draft: Draft | Passage) -> str:
    """What of a passage is embedded: its words, under the headings they stand under."""
    path = " > ".join(draft.heading_path[-2:]) or title
    return f"{path}: {draft.text}" if path else draft.text


def store(rows: Sequence[Passage], propositions: Sequence[Sequence[Sentence]]) -> None:
    """Insert passages with their propositions, in bulk."""
    Passage.objects.bulk_create(rows, batch_size=500)
    store_propositions(rows, propositions)


def store_propositions(rows: Sequence[Passage], propositions: Sequence[Sequence[Sentence]]) -> None:
    """Insert the propositions of passages that are stored already."""
    Proposition.objects.bulk_create(
        (
            Proposition(passage=row, ordinal=ordinal, text=text, start=sentence.start, end=sentence.end)
            for row, found in zip(rows, propositions, strict=True)
            for ordinal, (sentence, text) in enumerate(
                (one, text) for one in found for text in one.propositions
            )
        ),
        batch_size=1000,
    )


def embed_propositions(material: Material, limit: int = 1_000_000) -> bool:
    """Give up to `limit` of a read material's propositions their vectors; True when none is left without.

    They sharpen the order of what is found. They come after the material is ready, because they take as long as all
    of its reading. May be called again at any time.
    """
    waiting = Proposition.objects.filter(passage__material=material, vector=None).order_by("pk")
    for _ in range(0, limit, BATCH):
        rows = list(waiting[:BATCH])
        if not rows:
            Material.objects.filter(pk=material.pk).update(refined=True)
            return True
        for row, vector in zip(rows, embed([row.text for row in rows]), strict=True):
            row.vector = pack(vector)
        Proposition.objects.bulk_update(rows, ["vector"])
    return False
