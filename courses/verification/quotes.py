"""Verbatim quotes: where a passage holds a text word for word, or nearly."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

EXACT, FUZZY = "exact", "fuzzy"
FABRICATED, MISATTRIBUTED, STITCHED = "fabricated", "misattributed", "stitched"
LEAST = 0.9  # similarity of a contiguous stretch from which a fuzzy match counts

SAME = str.maketrans({
    "“": '"', "”": '"', "„": '"', "‘": "'", "’": "'", "‚": "'", "–": "-", "—": "-", "−": "-", "\u00a0": " ", "…": ".",
})  # fmt: skip
PIECE = re.compile(r"[^\W_]+|[^\w\s]|_")


@dataclass(frozen=True, slots=True)
class Found:
    """A stretch of a text; `whole` when all of what was sought is in it, `ratio` how alike it is (0..1)."""

    start: int
    end: int
    whole: bool
    ratio: float


@dataclass(frozen=True, slots=True)
class QuoteCheck:
    """What became of a quote: "" when it stands in the passage named, else an error class, and where it was found."""

    error: str
    passage: int = -1
    start: int = 0
    end: int = 0


def normal(text: str) -> str:
    """Same length in characters, so that offsets hold: quotes, dashes, case and spaces made equal."""
    return re.sub(r"\s", " ", text.translate(SAME)).lower()


def pieces(text: str) -> list[tuple[str, int, int]]:
    """Words and signs of a text, normalised, with offsets. Emphasis and code marks do not count."""
    return [
        (match.group(), match.start(), match.end())
        for match in PIECE.finditer(normal(text))
        if match.group() not in "*`_"
    ]


def find_quote(sought: str, text: str, *, within: tuple[int, int] | None = None) -> Found | None:
    """Where `text` holds `sought`: the same words in one run, or a contiguous stretch at least 0.9 alike.

    Punctuation at the ends, case, quote marks and spacing are ignored. None when it is not there.
    """
    wanted = [piece for piece, _, _ in pieces(sought)]
    while wanted and not wanted[-1].isalnum():
        wanted.pop()
    while wanted and not wanted[0].isalnum():
        wanted.pop(0)
    if not wanted:
        return None
    start, end = within or (0, len(text))
    held = pieces(text[start:end])
    names = [piece for piece, _, _ in held]
    size = len(wanted)
    for i in range(len(names) - size + 1):
        if names[i : i + size] == wanted:
            return Found(start + held[i][1], start + held[i + size - 1][2], True, 1.0)
    if size < 5:
        return None
    return _fuzzy(wanted, names, held, start)


def _fuzzy(
    wanted: list[str], names: list[str], held: list[tuple[str, int, int]], offset: int
) -> Found | None:
    best: Found | None = None
    size = len(wanted)
    bag = set(wanted)
    for length in {size, size - 1, size + 1, size + 2}:
        for i in range(max(0, len(names) - length + 1)):
            stretch = names[i : i + length]
            if sum(piece in bag for piece in stretch) < LEAST * size - 1:
                continue
            ratio = SequenceMatcher(None, wanted, stretch, autojunk=False).ratio()
            if ratio >= LEAST and (best is None or ratio > best.ratio):
                best = Found(offset + held[i][1], offset + held[i + length - 1][2], False, ratio)
    return best


def check_quote(quote: str, passages: Sequence[str], cited: int) -> QuoteCheck:
    """Check a quote that a model attributes to passage number `cited` (from 0).

    fabricated: no passage holds it; misattributed: another one does; stitched: its halves stand apart.
    """
    order = (
        [cited, *(i for i in range(len(passages)) if i != cited)]
        if 0 <= cited < len(passages)
        else range(len(passages))
    )
    for i in order:
        found = find_quote(quote, passages[i])
        if found is not None:
            return QuoteCheck("" if i == cited else MISATTRIBUTED, i, found.start, found.end)
    for piece in re.split(r"\s*(?:\.\.\.|…|\[\.\.\.\])\s*", quote):
        if piece != quote and any(find_quote(piece, text) for text in passages):
            return QuoteCheck(STITCHED)
    tokens = quote.split()
    for cut in range(3, len(tokens) - 2):
        left, right = " ".join(tokens[:cut]), " ".join(tokens[cut:])
        if any(find_quote(left, text) for text in passages) and any(
            find_quote(right, text) for text in passages
        ):
            return QuoteCheck(STITCHED)
    return QuoteCheck(FABRICATED)
