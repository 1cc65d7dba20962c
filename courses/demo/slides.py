"""The source format of the demo's slides: one Markdown file a lecture, `# ` starts a slide.

A slide holds bullets (`- `), display formulas (`$$…$$`), a picture (`![caption](figure:name)` or `(diagram:name)`), a
table (`| … |`), plain paragraphs and speaker notes (`> `). `$…$` inside a line is an inline formula.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Item:
    """One thing on a slide. kind: bullet, text, formula, figure, diagram or table."""

    kind: str
    text: str  # of a figure or diagram: its caption
    name: str = ""  # of a figure or diagram
    rows: list[list[str]] = field(default_factory=list)  # of a table


@dataclass
class Slide:
    title: str
    items: list[Item] = field(default_factory=list)
    notes: str = ""


PICTURE = re.compile(r"!\[(?P<caption>.+)\]\((?P<kind>figure|diagram):(?P<name>\w+)\)")
FRAGMENT = re.compile(r"\$([^$]+)\$")


def read_slides(path: Path) -> list[Slide]:
    """The slides of a source file."""
    slides: list[Slide] = []
    for line in path.read_text().splitlines():
        if line.startswith("# "):
            slides.append(Slide(line[2:]))
        elif line.strip():
            add_line(slides[-1], line)
    return slides


def add_line(slide: Slide, line: str) -> None:
    """Put one line of the source where it belongs on the slide."""
    if line.startswith("> "):
        slide.notes = f"{slide.notes} {line[2:]}".strip()
    elif line.startswith("- "):
        slide.items.append(Item("bullet", line[2:]))
    elif line.startswith("$$"):
        slide.items.append(Item("formula", line.strip("$")))
    elif line.startswith("|"):
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if slide.items and slide.items[-1].kind == "table":
            if not set(line) <= set("|-: "):
                slide.items[-1].rows.append(cells)
        else:
            slide.items.append(Item("table", "", rows=[cells]))
    elif picture := PICTURE.fullmatch(line):
        slide.items.append(Item(picture["kind"], picture["caption"], picture["name"]))
    else:
        slide.items.append(Item("text", line))


def fragments(text: str) -> list[tuple[bool, str]]:
    """A line cut into (is it a formula, its text)."""
    pieces = FRAGMENT.split(text)
    return [(index % 2 == 1, piece) for index, piece in enumerate(pieces) if piece]
