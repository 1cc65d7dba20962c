"""Where a sentence of an answer rests: the quote, its place in the file, and the link that opens it there."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from courses.anchors import anchor_of
from courses.models import Extract, Passage, place


@dataclass
class Cited:
    """Markers given so far: one number a passage, in the order of the answer."""

    numbers: dict[int, int] = field(default_factory=dict)

    def number(self, passage: Passage) -> int:
        return self.numbers.setdefault(passage.pk, len(self.numbers) + 1)


def whereabouts(passage: Passage, start: int, end: int) -> dict[str, Any]:
    """A stretch of a passage as a person is shown it; offsets are the passage's."""
    anchor = _anchor(passage, start, end)
    return {
        "title": passage.material.title,
        "file": passage.material.filename,
        "anchor": anchor,
        "label": _label(passage, anchor),
        "url": passage.url(passage.start + start, passage.start + end),
        "text": passage.text[start:end].strip()[:400],
    }


def _label(passage: Passage, anchor: dict[str, Any]) -> str:
    return f"{passage.material.title}, {place(anchor, passage.heading_path)}".rstrip(", ")


def citation(
    number: int, passage: Passage, start: int, end: int, verdict: str, cited: Cited
) -> dict[str, Any]:
    """Tie sentence `number` to passage.text[start:end]."""
    while start < end and passage.text[start].isspace():
        start += 1
    while end > start and passage.text[end - 1].isspace():
        end -= 1
    anchor = _anchor(passage, start, end)
    material = passage.material
    return {
        "type": "citation",
        "sentence": number,
        "marker": cited.number(passage),
        "passage": passage.pk,
        "material": str(material.uuid),
        "title": material.title,
        "file": material.filename,
        "anchor": anchor,
        "label": _label(passage, anchor),
        "quote": passage.text[start:end],
        "url": passage.url(passage.start + start, passage.start + end),
        "verdict": verdict,
        "start": passage.start + start,
        "end": passage.start + end,
    }


def _anchor(passage: Passage, start: int, end: int) -> dict[str, Any]:
    """Where the stretch itself stands: a recording opens at its second, not at its passage's."""
    extract: Extract | None = getattr(passage.material, "extract", None)  # read once, then kept on the row
    found = (
        anchor_of(extract.text, extract.blocks, passage.start + start, passage.start + end) if extract else {}
    )
    return found or dict(passage.anchor)
