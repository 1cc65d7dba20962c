"""WebVTT and SubRip captions."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from courses.readers.parts import Part, UnreadableFile, in_parts
from courses.readers.speech import Word, sentences
from courses.readers.text import decode

_TIME = r"(?:(\d+):)?(\d{1,2}):(\d{1,2})(?:[.,](\d{1,3}))?"
_CUE = re.compile(rf"^\s*{_TIME}\s*-->\s*{_TIME}.*$")


def read(path: Path, assets: Path) -> Iterator[Part]:
    """Sentences with their milliseconds, put together from cues; the speaker stands in data["voice"].

    Cues out of order are sorted by their start, a cue that ends before it starts is given the start of the next as
    its end, and lines that a rolling caption repeats are said once.
    """
    blocks = sentences(_words(once(_in_order(cues_of(path)))))
    if not blocks:
        raise UnreadableFile("The captions in this file hold no words.")
    yield from in_parts(blocks, {"duration_ms": max(block.anchor["end_ms"] for block in blocks)})


class Cue:
    """What stands under one line of times (milliseconds), as lines without markup; voice: the speaker, or ""."""

    def __init__(self, start: int, end: int, voice: str, lines: list[str]) -> None:
        self.start, self.end, self.voice, self.lines = start, end, voice, lines


def cues_of(path: Path) -> list[Cue]:
    """The cues of a caption file in the order of the file. Raises UnreadableFile where there is none."""
    cues = _cues(decode(path.read_bytes()))
    if not cues:
        raise UnreadableFile(
            "No captions were found in this file. Each needs a line such as 00:00:01.000 --> 00:00:04.000 above it."
        )
    return cues


def _milliseconds(hours: str | None, minutes: str, seconds: str, fraction: str | None) -> int:
    whole = (int(hours or 0) * 60 + int(minutes)) * 60 + int(seconds)
    return whole * 1000 + int((fraction or "0").ljust(3, "0"))


def _cues(text: str) -> list[Cue]:
    cues: list[Cue] = []
    lines = text.lstrip("\ufeff").split("\n")
    skipping = False
    for number, line in enumerate(lines):
        if match := _CUE.match(line):
            groups = match.groups()
            cues.append(Cue(_milliseconds(*groups[:4]), _milliseconds(*groups[4:]), "", []))
            skipping = False
        elif not line.strip() or (re.match(r"(NOTE|STYLE|REGION)\b", line) and not lines[number - 1].strip()):
            skipping = True
        elif cues and not skipping:
            cues[-1].lines.append(line)
        elif cues and not (number + 1 < len(lines) and _CUE.match(lines[number + 1])):
            skipping = skipping and bool(re.match(r"(NOTE|STYLE|REGION)\b", line))
    for cue in cues:
        _strip_markup(cue)
    return [cue for cue in cues if cue.lines]


def _strip_markup(cue: Cue) -> None:
    body = "\n".join(cue.lines)
    if match := re.search(r"<v(?:\.[^ >]*)?\s+([^>]+)>", body):
        cue.voice = html.unescape(match[1].strip())
    body = re.sub(r"</?[a-zA-Z][^>]*>|<[\d:.,]+>|\{\\[^}]*\}", "", body)
    cue.lines = [" ".join(line.split()) for line in html.unescape(body).split("\n") if line.strip()]
    if not cue.voice and cue.lines:
        match = re.match(r"(?:>>\s*)?((?:[A-Z][\w.'’-]*\s?){1,3}|[A-Z][A-Z ]+\d*):\s+(?=\S)", cue.lines[0])
        if match:
            cue.voice = match[1].strip()
            cue.lines[0] = cue.lines[0][match.end() :]


def _in_order(cues: list[Cue]) -> list[Cue]:
    cues = sorted(cues, key=lambda cue: cue.start)
    for cue, following in zip(cues, [*cues[1:], None], strict=True):
        if cue.end < cue.start:
            cue.end = following.start if following else cue.start + 2000
    return cues


def once(cues: Sequence[Cue]) -> list[Cue]:
    """Captions that roll up show a line in two or more cues; keep the first."""
    kept: list[Cue] = []
    last: list[str] = []
    for cue in cues:
        lines = cue.lines
        if kept and cue.start - kept[-1].end < 500 and cue.voice in ("", kept[-1].voice):
            lines = [line for line in cue.lines if line not in last]
        last = cue.lines
        if lines:
            kept.append(Cue(cue.start, cue.end, cue.voice, lines))
        elif kept:
            kept[-1].end = max(kept[-1].end, cue.end)
    return kept


def _words(cues: Sequence[Cue]) -> Iterator[Word]:
    """Words with times spread over their cue by length: the cue is all that a caption file tells."""
    voice = ""
    for cue in cues:
        voice = cue.voice or voice
        texts = " ".join(cue.lines).split()
        total, passed, span = sum(len(text) + 1 for text in texts), 0, max(cue.end - cue.start, 0)
        for text in texts:
            start = cue.start + span * passed // total
            passed += len(text) + 1
            yield Word(text, start, cue.start + span * passed // total, voice)
