"""Tables as Markdown."""

from __future__ import annotations

import re
from collections.abc import Sequence

MAX_SPAN = 64  # a cell that claims to span more columns or rows is wrong or hostile


def cell_text(text: str) -> str:
    """One table cell on one line."""
    return re.sub(r"\s+", " ", text).strip().replace("|", "\\|")


def markdown_table(rows: Sequence[Sequence[str]]) -> str:
    """Rows of cell texts as a Markdown table; the first row is the header. Empty rows are dropped."""
    clean = [[cell_text(cell) for cell in row] for row in rows]
    clean = [row for row in clean if any(row)]
    if not clean:
        return ""
    width = max(len(row) for row in clean)
    lines = ["| " + " | ".join(row + [""] * (width - len(row))) + " |" for row in clean]
    lines.insert(1, "|" + " --- |" * width)
    return "\n".join(lines)


def span(value: str | None) -> int:
    """A colspan or rowspan attribute as a sane number."""
    return min(max(int(value), 1), MAX_SPAN) if value and value.strip().isdecimal() else 1


class Grid:
    """Rows that grow cell by cell, with cells that span rows and columns (the text stands in the first)."""

    def __init__(self) -> None:
        self.rows: list[list[str]] = []
        self._held: dict[int, int] = {}

    def row(self, cells: Sequence[tuple[str, int, int]]) -> None:
        """Add one row of (text, columns spanned, rows spanned)."""
        row: list[str] = []
        held, self._held = self._held, {k: n - 1 for k, n in self._held.items() if n > 1}
        for text, columns, rows in cells:
            while held.get(len(row)):
                row.append("")
            for offset in range(columns):
                if rows > 1:
                    self._held[len(row)] = rows - 1
                row.append(text if offset == 0 else "")
        self.rows.append(row)
