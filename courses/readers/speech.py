"""Timed words as sentences."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from courses.readers.parts import Block

LONG_MS = 30_000  # speech without punctuation is cut here at the latest
PAUSE_MS = 1_200  # a pause that ends a sentence even where no full stop stands
_ABBREVIATIONS = {
    "dr.",
    "mr.",
    "mrs.",
    "ms.",
    "prof.",
    "e.g.",
    "i.e.",
    "vs.",
    "fig.",
    "eq.",
    "no.",
    "st.",
    "cf.",
}


class Word(NamedTuple):
    """A word as it was said; times in milliseconds from the start of the recording."""

    text: str
    start_ms: int
    end_ms: int
    voice: str = ""


def ends_sentence(word: str) -> bool:
    """True for a word with the sentence's last mark on it."""
    return bool(re.search(r"[.?!…]['\"”’)\]]*$", word)) and word.lower() not in _ABBREVIATIONS


def sentences(words: Iterable[Word]) -> list[Block]:
    """Cue blocks of a sentence each; data["words"] has [text, start_ms, end_ms] of every word."""
    blocks: list[Block] = []
    held: list[Word] = []
    for word in words:
        if held:
            last = held[-1]
            pause = word.start_ms - last.end_ms
            long = word.end_ms - held[0].start_ms > LONG_MS
            if ends_sentence(last.text) or word.voice != last.voice or pause > PAUSE_MS or long:
                blocks.append(_cue(held))
                held = []
        held.append(word)
    if held:
        blocks.append(_cue(held))
    return blocks


def _cue(words: list[Word]) -> Block:
    data: dict[str, object] = {"words": [[word.text, word.start_ms, word.end_ms] for word in words]}
    if words[0].voice:
        data["voice"] = words[0].voice
    anchor = {"start_ms": words[0].start_ms, "end_ms": max(word.end_ms for word in words)}
    return Block("cue", " ".join(word.text for word in words), anchor, 0, data)
