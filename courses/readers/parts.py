"""What every reader yields: blocks of text with their anchors, in parts, as the file is read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

BLOCK_KINDS = ("heading", "text", "list", "formula", "code", "table", "figure", "cue")


class UnreadableFile(Exception):
    """The file cannot be read; the message tells the person what is wrong and what to do."""


@dataclass(frozen=True)
class Block:
    """A heading, paragraph, table … of a material.

    kind: one of BLOCK_KINDS. text: plain text, in which formulas stand as $…$ or $$…$$, inline code in backticks,
    tables as Markdown; code without fences. anchor: where it stands in the file (page and boxes, slide, heading
    path and element id, cell, or milliseconds). level: of a heading, 1 is the highest. data: what else is known, as
    the language of code or the asset of a figure.
    """

    kind: str
    text: str
    anchor: dict[str, Any]
    level: int = 0
    data: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Part:
    """What was read since the last part. done: share of the file read after it, 0..1."""

    blocks: list[Block]
    done: float
    meta: dict[str, Any] = field(default_factory=dict)


def in_parts(blocks: Sequence[Block], meta: dict[str, Any], size: int = 400) -> Iterator[Part]:
    """The blocks of a file that was read in one go, as parts of at most `size` blocks; meta comes with the first."""
    for start in range(0, max(len(blocks), 1), size):
        chunk = list(blocks[start : start + size])
        done = 1.0 if not blocks else min(1.0, (start + len(chunk)) / len(blocks))
        yield Part(chunk, done, meta if start == 0 else {})
