"""What every reader of transcripts yields: who said what, and when, under the names of the source."""

from __future__ import annotations

import re
import statistics
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from courses.readers.parts import Block, Part, UnreadableFile, in_parts

INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff\ufff9-\ufffb]")
DAY = 6 * 3600 * 1000  # a lesson that starts later than this is told by the clock on the wall
SLACK = 2_000  # milliseconds: who falls into another's words starts before they end
SLOW = 0.05  # words a second: seconds that make for slower talk were milliseconds
LONGEST_IN_SECONDS = 6 * 3600


class UnreadableTranscript(UnreadableFile):
    """This is no transcript that can be read; the message tells the person what to do."""


@dataclass(frozen=True, slots=True)
class Said:
    """One line of a source. Times are milliseconds; words: (text, start, end) where the source times each."""

    speaker: str
    text: str
    start: int | None = None
    end: int | None = None
    words: tuple[tuple[str, int, int], ...] = ()


@dataclass(frozen=True)
class Reading:
    """A source that was read, before anybody's name is replaced. notes: what the person should know."""

    said: list[Said]
    notes: list[str] = field(default_factory=list)
    guessed: bool = False  # the speakers are a guess


def tidy(text: str) -> str:
    """The text on one line, composed (NFC), without characters that cannot be seen."""
    return " ".join(INVISIBLE.sub("", unicodedata.normalize("NFC", text)).split())


def in_cues(said: Sequence[Said], notes: Iterable[str] = (), **meta: Any) -> Iterator[Part]:
    """The lines as parts, for the way from the reading child to `coach.readers.read`."""
    blocks = [
        Block(
            "cue",
            row.text,
            {"start_ms": row.start, "end_ms": row.end},
            0,
            {"voice": row.speaker, "words": [list(word) for word in row.words]},
        )
        for row in said
    ]
    yield from in_parts(blocks, {"notes": list(notes), **meta})


def clock(value: str) -> float | None:
    """Seconds of "1:02", "00:01:02,5", "62", "62.5 s", "1m 2s", "62000 ms", "10:15:03 AM"; None for other words."""
    value = value.strip().strip("[]()<>").strip().lower()
    if match := re.fullmatch(r"(?:(\d+):)?(\d{1,2}):(\d{1,2}(?:[.,]\d+)?)\s*(am|pm)?", value):
        hours, minutes, seconds, half = match.groups()
        if half:
            hours = str(int(hours or 0) % 12 + (12 if half == "pm" else 0))
        return int(hours or 0) * 3600 + int(minutes) * 60 + float(seconds.replace(",", "."))
    match = re.fullmatch(r"(?:(\d+)\s*h)?\s*(?:(\d+)\s*m(?:in)?)?\s*(?:(\d+(?:[.,]\d+)?)\s*s(?:ec)?)?", value)
    if match and any(match.groups()):
        hours, minutes, seconds = (part or "0" for part in match.groups())
        return int(hours) * 3600 + int(minutes) * 60 + float(seconds.replace(",", "."))
    if match := re.fullmatch(r"(\d{1,12}(?:[.,]\d+)?)\s*(ms)?", value):
        return float(match[1].replace(",", ".")) / (1000 if match[2] else 1)
    return None


def milliseconds(
    starts: Sequence[float | None], ends: Sequence[float | None], words: int, name: str = ""
) -> tuple[list[int | None], list[int | None]]:
    """Plain numbers of one column as milliseconds: the unit is what the column's name says, else what makes for talk
    at a human pace. Times by the clock on the wall become times from the start."""
    known = [time for time in (*starts, *ends) if time is not None]
    if not known:
        return [None] * len(starts), [None] * len(ends)
    low, high = min(known), max(known)
    name = name.lower()
    if re.search(r"(^|[^a-z])(ms|msec|millis|milliseconds?)([^a-z]|$)", name):
        factor = 1.0
    elif re.search(r"(^|[^a-z])(s|sec|secs|seconds?)([^a-z]|$)", name):
        factor = 1000.0
    else:
        factor = 1.0 if high > 24 * 3600 or words < SLOW * (high - low) else 1000.0
    first = low * factor if low * factor >= DAY else 0.0

    def scaled(times: Sequence[float | None]) -> list[int | None]:
        return [None if time is None else max(0, round(time * factor - first)) for time in times]

    return scaled(starts), scaled(ends)


def backwards(said: Sequence[Said]) -> int | None:
    """The first line (from 1) that starts well before the one above it, or ends before it starts; None if none does."""
    latest = 0
    for line, row in enumerate(said, 1):
        if row.start is None:
            continue
        if row.start < latest - SLACK or (row.end is not None and row.end < row.start):
            return line
        latest = max(latest, row.start)
    return None


def in_words(time: int | None) -> str:
    """Milliseconds as m:ss or h:mm:ss; nothing for None."""
    if time is None:
        return ""
    seconds = time // 1000
    hours, minutes = seconds // 3600, seconds // 60 % 60
    return f"{hours}:{minutes:02}:{seconds % 60:02}" if hours else f"{minutes}:{seconds % 60:02}"


def median_words(said: Sequence[Said]) -> float:
    """Words of the middle line."""
    return statistics.median(len(row.text.split()) for row in said) if said else 0.0
