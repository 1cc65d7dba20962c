"""Sentences of a text that is still being written, and the markers a model puts behind them."""

from __future__ import annotations

import re

from courses.sentences import sentences

MARKER = re.compile(r"[ \t]*\[(\d{1,3}(?:\s*,\s*\d{1,3})*)\]")
OPEN = re.compile(r"[ \t]*(?:\[[\d,\s]*)?$")  # may become a marker
LONGEST_MARKER = 24
LONGEST_WAIT = 1_200  # characters without a stop that are not waited for any longer


class Marked:
    """Takes [n] markers out of streamed text and remembers behind which character they stood."""

    def __init__(self) -> None:
        self.held = ""
        self.text = ""  # given out so far
        self.markers: list[tuple[int, int]] = []  # offset in the text given out, number

    def feed(self, chunk: str) -> str:
        """The text that can be shown now."""
        self.held += chunk
        before = len(self.text)
        place = 0
        for found in MARKER.finditer(self.held):
            self.text += self.held[place : found.start()]
            place = found.start()
            if self._in_code():
                continue
            self.markers += [(len(self.text), int(number)) for number in re.findall(r"\d+", found.group(1))]
            place = found.end()
        rest = self.held[place:]
        waiting = OPEN.search(rest)
        cut = waiting.start() if waiting and len(rest) - waiting.start() < LONGEST_MARKER else len(rest)
        self.text += rest[:cut]
        self.held = rest[cut:]
        return self.text[before:]

    def rest(self) -> str:
        """What was held back, at the end."""
        shown, self.held = self.held, ""
        self.text += shown
        return shown

    def _in_code(self) -> bool:
        """Whether the text so far ends within code, where brackets are an index."""
        line = self.text.rsplit("\n", 1)[-1]
        return self.text.count("```") % 2 == 1 or line.replace("```", "").count("`") % 2 == 1


class Splitter:
    """Finds finished sentences in a growing text; offsets are in the whole text."""

    def __init__(self) -> None:
        self.text = ""
        self.done = 0

    def feed(self, more: str) -> list[tuple[int, int]]:
        """The sentences that `more` has finished."""
        self.text += more
        pending = self.text[self.done :]
        if "\n" not in more and not re.search(r"[.!?:;。…]", more) and len(pending) < LONGEST_WAIT:
            return []
        found = sentences(pending)
        closed = found if pending.endswith("\n\n") and pending.count("```") % 2 == 0 else found[:-1]
        if not closed:
            return []
        base = self.done
        self.done = base + closed[-1][1]
        return [(base + start, base + end) for start, end in closed]

    def rest(self) -> list[tuple[int, int]]:
        """What is left at the end."""
        base = self.done
        self.done = len(self.text)
        return [(base + start, base + end) for start, end in sentences(self.text[base:])]
