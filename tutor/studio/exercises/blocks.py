"""The programs and formulas of the material, and where they stand."""

from __future__ import annotations

from courses.models import Extract, Passage


def blocks_of(passage: Passage, kind: str) -> list[tuple[int, int]]:
    """Where blocks of a kind stand in a passage, as offsets in its text. The material's extract should have been fetched."""
    extract: Extract | None = getattr(passage.material, "extract", None)
    if extract is None:
        return []
    found = []
    for block in extract.blocks:
        if block["kind"] == kind and block["start"] < passage.end and block["end"] > passage.start:
            start, end = max(block["start"], passage.start), min(block["end"], passage.end)
            found.append((start - passage.start, end - passage.start))
    return found
