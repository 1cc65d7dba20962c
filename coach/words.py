"""Words of talk: plain forms for rules to look at, sentences, content words, numbers. Offsets are those of the text."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_LISTS = tomllib.loads((Path(__file__).parent / "data" / "words.toml").read_text())
STOP = frozenset(_LISTS["stop"].split())
EVERYDAY = frozenset(_LISTS["everyday"].split())
SUBJECT = frozenset(_LISTS["subject"].split())
NUMBERS: dict[str, int] = {
    **{word: value for value, word in enumerate(_LISTS["units"].split())},
    **{word: value for value, word in zip(range(20, 100, 10), _LISTS["tens"].split(), strict=True)},
    "hundred": 100,
    "thousand": 1000,
    "million": 1_000_000,
}
PARTS: dict[str, int] = {
    word: int(parts) for parts, row in _LISTS["fractions"].items() for word in row.split()
}  # "thirds" -> 3

_PLAIN = str.maketrans({"’": "'", "‘": "'", "ʼ": "'", "“": '"', "”": '"', "–": "-", "—": "-", "\u00a0": " "})
WORD = re.compile(r"\d+(?:[.,:/]\d+)*%?|[a-z]+(?:'[a-z]+)*(?:-[a-z]+)*", re.IGNORECASE)
_END = re.compile(r"[.!?…]+[\"'”’)\]]*\s+|\s*[-–—]{2,}\s+|\n+")
_ABBREVIATION = re.compile(r"\b(?:Mr|Mrs|Ms|Dr|vs|etc|e\.g|i\.e)\.\s+$", re.IGNORECASE)
_ENDINGS = (
    ("ies", 4, "y"),
    ("ing", 5, ""),
    ("ied", 4, "y"),
    ("ed", 5, ""),
    ("s", 3, ""),
)  # what is cut, from how many letters on, what comes instead


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a text, with where it stands there."""

    text: str
    start: int

    @property
    def end(self) -> int:
        return self.start + len(self.text)


def plain(text: str) -> str:
    """Lower case with typewriter's quotes and dashes; as long as the text, so that offsets hold."""
    lowered = text.lower()
    if len(lowered) != len(text):  # İ becomes two
        lowered = "".join(char.lower() if len(char.lower()) == 1 else char for char in text)
    return lowered.translate(_PLAIN)


def words(text: str) -> list[str]:
    """The words and numbers, lower case."""
    return WORD.findall(plain(text))


def count(text: str) -> int:
    """How many words were said."""
    return len(WORD.findall(text.translate(_PLAIN)))


def content_words(text: str) -> list[str]:
    """The words that carry the matter, stemmed; numbers in digits."""
    return [stem(word) for word in words(text) if word not in STOP or (word in NUMBERS and word != "one")]


def stem(word: str) -> str:
    """One form for a word's number and tense, good enough to see that two people speak of the same thing."""
    if word in NUMBERS:
        return str(NUMBERS[word])
    word = word.removesuffix("'s")
    for ending, least, instead in _ENDINGS:
        if word.endswith(ending) and len(word) > least and not word.endswith("ss"):
            word = word[: -len(ending)] + instead
            break
    if len(word) > 4 and word[-1] == word[-2] and word[-1] not in "sl":  # adding is add, dropped is drop
        word = word[:-1]
    return word[:-1] if len(word) > 4 and word.endswith("e") else word


def sentences(text: str) -> Iterator[Piece]:
    """The sentences of an utterance, as they stand there. Without punctuation that is the whole of it."""
    start = 0
    for end in _END.finditer(text):
        if _ABBREVIATION.search(text[: end.end()]):
            continue
        yield from _piece(text, start, end.end())
        start = end.end()
    yield from _piece(text, start, len(text))


def _piece(text: str, start: int, end: int) -> Iterator[Piece]:
    raw = text[start:end]
    stripped = raw.strip()
    if stripped:
        yield Piece(stripped, start + raw.index(stripped[0]))


def around(text: str, start: int, end: int, longest: int = 30) -> str:
    """The sentence in which text[start:end] stands; of a very long one, whole words around it. Always verbatim."""
    piece = next(
        (piece for piece in sentences(text) if piece.start <= start < piece.end), Piece(text.strip(), 0)
    )
    if count(piece.text) <= longest:
        return piece.text
    spans = [match.span() for match in re.finditer(r"\S+", piece.text)]
    first = next((index for index, span in enumerate(spans) if span[1] > start - piece.start), 0)
    first = max(0, min(first - longest // 3, len(spans) - longest))
    last = min(len(spans), first + longest)
    return piece.text[spans[first][0] : spans[last - 1][1]]
