"""A material's text and the blocks it is made of, put together part by part."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from courses.readers.parts import Block

SEPARATOR = "\n\n"
IN_SPEECH = "\n"  # between cues: sentences run across them


def append(text: str, stored: list[dict[str, Any]], blocks: Iterable[Block]) -> str:
    """Append blocks to `stored`, as {"kind", "start", "end", "anchor", "level", "data"}; returns the longer text."""
    pieces = [text]
    length = len(text)
    for block in blocks:
        if not block.text.strip():
            continue
        after_cue = bool(stored) and stored[-1]["kind"] == block.kind == "cue"
        separator = IN_SPEECH if after_cue else SEPARATOR if stored else ""
        start = length + len(separator)
        pieces += [separator, block.text]
        length = start + len(block.text)
        stored.append(
            {
                "kind": block.kind,
                "start": start,
                "end": length,
                "anchor": block.anchor,
                "level": block.level,
                "data": block.data,
            }
        )
    return "".join(pieces)
