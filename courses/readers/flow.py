"""Collects blocks while a reader walks a document that has headings, paragraphs and lists."""

from __future__ import annotations

import re
import textwrap
from typing import Any

from courses.readers.headings import Headings
from courses.readers.parts import Block

BREAK = "\u2028"
_RAISED = str.maketrans("0123456789+-=()ni", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ⁿⁱ")
_LOWERED = str.maketrans("0123456789+-=()", "₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎")


def one_line(text: str) -> str:
    """Text with runs of white space as one space; BREAK as a new line."""
    text = re.sub(r"[ \t\r\n\f\v\u00a0]+", " ", text)
    return re.sub(rf" ?{BREAK} ?", "\n", text).strip()


def raised(text: str) -> str:
    """A superscript in plain text: x², or x^(long)."""
    return _script(text, _RAISED, "^")


def lowered(text: str) -> str:
    """A subscript in plain text: H₂O, or x_(long)."""
    return _script(text, _LOWERED, "_")


def _script(text: str, table: dict[int, int], mark: str) -> str:
    text = text.strip()
    if not text:
        return ""
    if all(ord(character) in table for character in text):
        return text.translate(table)
    return f"{mark}{text}" if len(text) == 1 else f"{mark}({text})"


def code_text(text: str) -> str:
    """Source code without the indentation of the markup around it."""
    return textwrap.dedent(text.expandtabs(4).strip("\n").rstrip())


def code_span(text: str) -> str:
    """Inline code in backticks, as Markdown has it."""
    text = one_line(text)
    if not text:
        return ""
    return f"`` {text} ``" if "`" in text else f"`{text}`"


class Flow:
    """Blocks in reading order. Inline text is said piece by piece and ends with the next block."""

    def __init__(self) -> None:
        self.blocks: list[Block] = []
        self.headings = Headings()
        self.data: dict[str, Any] = {}
        self._inline: list[str] = []
        self._lines: list[str] = []
        self._marker = ""
        self._depth = 0
        self._element = ""

    def anchor(self, element_id: str = "") -> dict[str, Any]:
        """The anchor of text that stands here."""
        return {"path": self.headings.path, "id": element_id or self.headings.id}

    def say(self, text: str | None) -> None:
        """Inline text."""
        if text:
            self._inline.append(text)

    def spoken(self) -> str:
        """The inline text since the last block, taken out."""
        text, self._inline = one_line("".join(self._inline)), []
        return text

    def spoken_so_far(self) -> bool:
        """True where text has been said since the last block."""
        return any(piece.strip() for piece in self._inline)

    def paragraph(self, element_id: str = "") -> None:
        """End the paragraph (or the line of a list) that was being said."""
        text = self.spoken()
        if not text:
            return
        if self._depth:
            indent = "  " * (self._depth - 1)
            self._lines.append(indent + (self._marker or "  ") + text.replace("\n", "\n  " + indent))
            self._marker = ""
            self._element = self._element or element_id
        else:
            self._add("text", text, element_id, {})

    def open_list(self, element_id: str = "") -> None:
        self.paragraph()
        if not self._depth:
            self._element = element_id
        self._depth += 1

    def item(self, marker: str) -> None:
        """Begin a list item; marker is "- " or "3. "."""
        self.paragraph()
        self._marker = marker

    def close_list(self) -> None:
        self.paragraph()
        self._depth -= 1
        self._marker = ""
        if not self._depth:
            self._end_list()

    def add(self, kind: str, text: str, element_id: str = "", **data: Any) -> None:
        """A block that is not a paragraph: code, table, formula, figure."""
        self.paragraph()
        self._end_list()
        if text.strip():
            self._add(kind, text, element_id, data)

    def heading(self, level: int, title: str, element_id: str = "") -> None:
        """A heading; what follows stands under it."""
        self.paragraph()
        self._end_list()
        if title:
            element_id = self.headings.enter(level, title, element_id)
            self.blocks.append(Block("heading", title, self.anchor(element_id), level, dict(self.data)))

    def end(self) -> list[Block]:
        self.paragraph()
        self._end_list()
        return self.blocks

    def _end_list(self) -> None:
        if self._lines:
            self._add("list", "\n".join(self._lines), self._element, {})
            self._lines, self._element = [], ""

    def _add(self, kind: str, text: str, element_id: str, data: dict[str, Any]) -> None:
        self.blocks.append(Block(kind, text, self.anchor(element_id), 0, {**self.data, **data}))
