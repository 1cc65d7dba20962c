"""Heading paths and GitHub-like heading ids."""

from __future__ import annotations

import re
import unicodedata


def slug(title: str) -> str:
    """The id that GitHub gives a Markdown heading: lower case, spaces as hyphens, punctuation dropped."""
    text = unicodedata.normalize("NFC", title.strip().lower())
    return re.sub(r"\s", "-", re.sub(r"[^\w\s-]", "", text))


class Headings:
    """The path of headings above the text that is being read."""

    def __init__(self) -> None:
        self._stack: list[tuple[int, str]] = []
        self._ids: dict[str, int] = {}
        self.id = ""

    @property
    def path(self) -> list[str]:
        return [title for _, title in self._stack]

    def enter(self, level: int, title: str, element_id: str = "") -> str:
        """Step under a heading; returns its id, made from the title where the file gives none."""
        while self._stack and self._stack[-1][0] >= level:
            self._stack.pop()
        self._stack.append((level, title))
        self.id = element_id or self._unique(slug(title))
        return self.id

    def leave(self, level: int, element_id: str = "") -> None:
        """Step back above every heading of this level or below, to text that stands in element_id."""
        while self._stack and self._stack[-1][0] >= level:
            self._stack.pop()
        self.id = element_id

    def _unique(self, base: str) -> str:
        seen = self._ids.get(base, -1) + 1
        self._ids[base] = seen
        return f"{base}-{seen}" if seen else base
