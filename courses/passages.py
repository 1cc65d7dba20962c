"""Cutting a material's text into passages: by structure first, then by length.

A slide is a unit, a page ends a passage, a new heading starts one unless what stands under the last one is small.
Inside, the cut is the cheapest one (Knuth and Plass's idea of breaking paragraphs): pieces near the target length,
breaks between paragraphs or at pauses rather than between sentences, formulas, code and tables whole.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from courses.anchors import StoredBlock, moment
from courses.sentences import sentences

TARGET, LONGEST, SMALL = 160, 215, 60  # estimated word pieces; the encoder reads 256
WHOLE = 700  # a formula, table or listing longer than this is cut between its lines
HOLD = 1_500  # a section that grows past this is cut while it is read
HOLD_SPEECH = 2 * LONGEST  # speech is read slowly, and what was heard should be found soon
PAUSE_MS = 1_200  # of silence, as good a place to cut as the end of a paragraph
LONGEST_WAIT = 2_000  # characters of speech without a stop that are held back
KINDS = {"cue": "speech", "code": "code", "table": "table", "formula": "formula", "figure": "figure"}
ATOMIC = frozenset({"formula", "code", "table", "figure"})

_PIECES = re.compile(r"[^\W_]+|[^\w\s]|_")


@dataclass(frozen=True)
class Draft:
    """A passage in the making; start and end are offsets in the material's text."""

    kind: str
    text: str
    start: int
    end: int
    heading_path: list[str]
    anchor: dict[str, Any]


@dataclass(frozen=True)
class Unit:
    """What is not cut: a sentence, a list item, a formula, table or listing."""

    start: int
    end: int
    tokens: float
    block: StoredBlock
    path: tuple[str, ...]
    reluctance: float  # to begin a passage here
    since: int = 0  # milliseconds, of speech
    until: int = 0


def estimate_tokens(text: str) -> float:
    """Word pieces of a text for the encoder, within about a tenth; needs no model."""
    total = 0.0
    for piece in _PIECES.findall(text):
        length = len(piece)
        if length < 8 and piece.isalpha():
            total += 1
        else:
            total += 1.25 if length < 12 and piece.isalpha() else 1 + length // 4 if length > 1 else 1
    return total


def split(text: str, blocks: Sequence[StoredBlock]) -> list[Draft]:
    """The passages of a whole text. They cover all of it but headings, in order, and do not overlap."""
    splitter = Splitter()
    return [*splitter.feed(text, blocks), *splitter.close(text)]


def resplit(text: str, blocks: Sequence[StoredBlock], start: int, end: int) -> list[Draft]:
    """The passages of a stretch of speech, text[start:end], which need not begin or end with a cue."""
    splitter = Splitter()
    splitter.heard, splitter.limit = start, end
    cues = [
        block for block in blocks if block["kind"] == "cue" and block["start"] < end and block["end"] > start
    ]
    return [*splitter.feed(text, cues), *splitter.close(text)]


class Splitter:
    """Cuts a text while it is still being read; holds back what the next part may belong to."""

    def __init__(self) -> None:
        self.headings: list[tuple[int, str]] = []
        self.slide: object = None
        self.path: tuple[str, ...] = ()
        self.units: list[Unit] = []  # of the section that is being gathered
        self.cues: list[StoredBlock] = []  # whose last sentence may go on
        self.heard = 0  # end of what became units, in the first of those cues
        self.limit: int | None = None  # where the speech to be cut ends, if that is inside a cue

    def feed(self, text: str, blocks: Sequence[StoredBlock]) -> Iterator[Draft]:
        """Passages that are complete. text: all that was read so far; blocks: the new ones."""
        for block in blocks:
            if block["kind"] == "cue":
                self.cues.append(block)
                continue
            yield from self._end_speech(text)
            self._enter(text, block)
            if block["kind"] == "heading":
                continue
            if self.units and self._ends_group(block):
                yield from self._flush(text)
            self.units += self._units(text, block)
            yield from self._flush_long(text)
        if self.cues:
            self._hear(text, hold_last=True)
            yield from self._flush_long(text)

    def close(self, text: str) -> Iterator[Draft]:
        """The rest."""
        yield from self._end_speech(text)
        yield from self._flush(text)

    def _enter(self, text: str, block: StoredBlock) -> None:
        """Keep the heading path; a slide begins with none."""
        anchor = block["anchor"]
        if anchor.get("slide") != self.slide:
            self.slide = anchor.get("slide")
            self.headings.clear()
        if block["kind"] == "heading":
            level = block["level"] or 1
            self.headings = [known for known in self.headings if known[0] < level]
            self.headings.append((level, text[block["start"] : block["end"]]))
        own = tuple(str(part) for part in anchor.get("path") or ())
        self.path = own or tuple(heading for _, heading in self.headings)

    def _ends_group(self, block: StoredBlock) -> bool:
        last = self.units[-1]
        before, after = last.block["anchor"], block["anchor"]
        if before.get("slide") != after.get("slide") or ("start_ms" in before) != ("start_ms" in after):
            return True
        if block["data"].get("described") or last.block["data"].get("described"):
            return True  # a picture that a model described is a passage of its own
        if sum(unit.tokens for unit in self.units) < SMALL:
            return False
        return before.get("page") != after.get("page") or last.path != self.path

    def _units(self, text: str, block: StoredBlock) -> Iterator[Unit]:
        kind, start, end = block["kind"], block["start"], block["end"]
        if kind in ATOMIC:
            spans = [(start, end)]
            if estimate_tokens(text[start:end]) > WHOLE:
                spans = _lines(text, start, end)
        else:
            found = [(start + a, start + b) for a, b in sentences(text[start:end])]
            spans = [piece for span in found for piece in _shorten(text, *span)]
        led_in = bool(self.units) and text[self.units[-1].end - 1] in ":,"
        first = 1.5 if led_in or kind == "formula" else 0.1 if kind in ("list", "code", "table") else 0.0
        for index, (a, b) in enumerate(spans):
            yield Unit(a, b, estimate_tokens(text[a:b]), block, self.path, 0.35 if index else first)

    def _end_speech(self, text: str) -> Iterator[Draft]:
        if self.cues or (self.units and "start_ms" in self.units[-1].block["anchor"]):
            self._hear(text, hold_last=False)
            yield from self._flush(text)
            self.cues, self.heard = [], 0

    def _hear(self, text: str, *, hold_last: bool) -> None:
        """Turn waiting cues into sentences, which run across cues."""
        if not self.cues:
            return
        start, end = max(self.cues[0]["start"], self.heard), self.cues[-1]["end"]
        end = end if self.limit is None else min(end, self.limit)
        said = re.sub(r"\s", " ", text[start:end])
        spans = [piece for a, b in sentences(said) for piece in _shorten(text, start + a, start + b)]
        if hold_last and spans and end - spans[-1][0] < LONGEST_WAIT:
            spans.pop()
        first = last = 0  # the cues in which a sentence begins and ends
        for a, b in spans:
            while self.cues[first]["end"] <= a:
                first += 1
            last = max(last, first)
            while self.cues[last]["end"] < b:
                last += 1
            since = moment(text, self.cues[first], a)
            until = moment(text, self.cues[last], b, is_end=True)
            paused = bool(self.units) and since - self.units[-1].until >= PAUSE_MS
            reluctance = 0.0 if paused else 0.35
            self.units.append(
                Unit(a, b, estimate_tokens(text[a:b]), self.cues[first], (), reluctance, since, until)
            )
            self.heard = b
        self.cues = [cue for cue in self.cues if cue["end"] > self.heard]

    def _flush_long(self, text: str) -> Iterator[Draft]:
        hold = HOLD_SPEECH if self.units and self.units[-1].until else HOLD
        if sum(unit.tokens for unit in self.units) > hold:
            *ready, self.units = _cut(self.units)
            yield from (_draft(text, piece) for piece in ready)

    def _flush(self, text: str) -> Iterator[Draft]:
        ready, self.units = _cut(self.units), []
        yield from (_draft(text, piece) for piece in ready)


def _shorten(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """A sentence too long for the encoder (speech without punctuation, mostly) in pieces, cut between words."""
    if estimate_tokens(text[start:end]) <= LONGEST:
        yield start, end
        return
    first = start
    last_end, tokens = 0, 0.0
    for word in re.finditer(r"\S+", text[start:end]):
        cost = estimate_tokens(word.group())
        if tokens and tokens + cost > TARGET:
            yield first, start + last_end
            first, tokens = start + word.start(), 0.0
        tokens += cost
        last_end = word.end()
    yield first, end


def _lines(text: str, start: int, end: int) -> list[tuple[int, int]]:
    """A very long table or listing as pieces of whole lines, cut at blank lines where that is near."""
    spans: list[tuple[int, int]] = []
    tokens = 0.0
    for line in re.finditer(r"[^\n]*\S[^\n]*", text[start:end]):
        a, b = start + line.start(), start + line.end()
        cost = estimate_tokens(line.group())
        blank = bool(spans) and "\n\n" in text[spans[-1][1] : a]
        if not spans or tokens + cost > LONGEST or (blank and tokens > TARGET / 2):
            spans.append((a, b))
            tokens = cost
        else:
            spans[-1] = (spans[-1][0], b)
            tokens += cost
    return spans


def _cut(units: list[Unit]) -> list[list[Unit]]:
    """The cheapest way to cut the units into runs, by dynamic programming."""
    best: list[tuple[float, int]] = [(0.0, 0)]  # cost of units[:i], and where its last run begins
    for end in range(1, len(units) + 1):
        tokens, options = 0.0, list[tuple[float, int]]()
        for start in range(end - 1, -1, -1):
            tokens += units[start].tokens
            if tokens > LONGEST and options:
                break
            cost = best[start][0] + _badness(tokens) + (units[start].reluctance if start else 0.0)
            options.append((cost, start))
        best.append(min(options))
    pieces = []
    end = len(units)
    while end:
        start = best[end][1]
        pieces.append(units[start:end])
        end = start
    return pieces[::-1]


def _badness(tokens: float) -> float:
    return ((tokens - TARGET) / TARGET) ** 2 + (1.0 if tokens < SMALL else 0.0)


def _draft(text: str, units: list[Unit]) -> Draft:
    start, end = units[0].start, units[-1].end
    weight: Counter[str] = Counter()
    for unit in units:
        weight[unit.block["kind"]] += round(unit.tokens)
    kind = weight.most_common(1)[0][0]
    main = max(units, key=lambda unit: unit.tokens)  # a small piece may have been joined to what follows it
    page = main.block["anchor"].get("page")
    blocks: list[StoredBlock] = []
    for unit in units:
        if unit.block["anchor"].get("page") == page and (not blocks or blocks[-1] is not unit.block):
            blocks.append(unit.block)
    same_path = (unit.block for unit in units if unit.path == main.path)
    anchor = dict(next(same_path if "path" in main.block["anchor"] else iter(blocks))["anchor"])
    if "start_ms" in anchor:
        anchor["start_ms"], anchor["end_ms"] = units[0].since, units[-1].until
    elif "boxes" in anchor:
        anchor["boxes"] = [box for block in blocks for box in block["anchor"].get("boxes", [])]
    return Draft(KINDS.get(kind, "text"), text[start:end], start, end, list(main.path), anchor)
