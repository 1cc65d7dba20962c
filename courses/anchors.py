"""Where a span of a material's text stands in its file: the page and boxes, slide, element, cell or milliseconds."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import Any

StoredBlock = dict[
    str, Any
]  # {"kind", "start", "end", "anchor", "level", "data"}; offsets in the material's text


def anchor_of(text: str, blocks: Sequence[StoredBlock], start: int, end: int) -> dict[str, Any]:
    """The anchor of text[start:end]: of its first block, with the boxes or the time of just this span; where it runs on
    to further pages, `also` has each of them with its boxes.

    `blocks` are those of the material's extract, in order. Times inside a cue come from its words where it has them,
    and are interpolated by characters where not. {} when there is no block.
    """
    first = max(0, bisect_right(blocks, start, key=lambda block: block["start"]) - 1)
    if first < len(blocks) and blocks[first]["end"] <= start:
        first += 1  # the span begins in the gap before the next block
    last = max(bisect_left(blocks, end, key=lambda block: block["start"]), first + 1)
    touched = blocks[first:last]
    if not touched:
        return {}
    anchor = dict(touched[0]["anchor"])
    if "start_ms" in anchor:
        anchor["start_ms"] = moment(text, touched[0], start)
        anchor["end_ms"] = moment(text, touched[-1], end, is_end=True)
    elif "boxes" in anchor:
        pages: dict[int, list[list[float]]] = {}
        for block in touched:
            if "page" in block["anchor"]:
                pages.setdefault(block["anchor"]["page"], []).extend(block["anchor"].get("boxes", []))
        anchor["boxes"] = pages.pop(anchor["page"])
        if pages:
            anchor["also"] = [{"page": page, "boxes": boxes} for page, boxes in pages.items()]
    return anchor


def moment(text: str, cue: StoredBlock, offset: int, *, is_end: bool = False) -> int:
    """Milliseconds at which the character at `offset` of the text is said (with is_end: the one before it ends)."""
    start_ms: int = cue["anchor"]["start_ms"]
    end_ms: int = cue["anchor"]["end_ms"]
    said = text[cue["start"] : cue["end"]]
    inside = min(max(offset - cue["start"], 0), len(said))
    position = 0
    for word, word_start, word_end in cue["data"].get("words", ()):
        place = said.find(word.strip(), position)
        if place < 0:
            continue
        position = place + len(word.strip())
        if is_end and position >= inside:
            ends: int = word_end
            return ends
        if not is_end and position > inside:
            starts: int = word_start
            return starts
    if cue["data"].get("words") and is_end:
        return end_ms
    share: float = inside / max(len(said), 1)
    return start_ms + round((end_ms - start_ms) * share)
