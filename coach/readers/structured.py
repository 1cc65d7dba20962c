"""JSON: a list of objects, one object a line, or an object that holds such a list, as speech recognisers write it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from coach.readers.plain import no_speakers
from coach.readers.said import Said, UnreadableTranscript, clock, in_cues, milliseconds, tidy
from courses.readers.parts import Part
from courses.readers.text import decode

LISTS = (
    "utterances", "segments", "turns", "transcript", "results", "items", "entries", "monologues", "cues", "lines", "data",
    "messages", "dialogue", "conversation", "transcripts", "paragraphs",
)  # fmt: skip
TEXT = ("text", "utterance", "content", "transcript", "sentence", "value", "message", "line", "said")
SPEAKER = (
    "speaker",
    "speaker_name",
    "speakername",
    "speaker_label",
    "speakerlabel",
    "speaker_id",
    "role",
    "name",
    "who",
    "voice",
)
START = (
    "start",
    "start_time",
    "starttime",
    "start_ms",
    "startms",
    "begin",
    "from",
    "start_seconds",
    "offset",
    "timestamp",
    "time",
    "ts",
)
END = ("end", "end_time", "endtime", "end_ms", "endms", "stop", "to", "end_seconds", "end_ts")
WORDS = ("words", "tokens", "word_segments")
DEEP = 4


def read(path: Path, assets: Path) -> Iterator[Part]:
    """A line for every object that has words; `words` with times are kept."""
    try:
        held = _loaded(decode(path.read_bytes()).lstrip("\ufeff"))
    except (ValueError, RecursionError) as error:
        raise UnreadableTranscript(
            "This is no valid JSON. Export it again, or bring the transcript as text, CSV or captions."
        ) from error
    rows = _rows(held)
    if not rows:
        raise UnreadableTranscript(
            "No utterances were found in this JSON. A list is needed whose objects have “speaker” and “text”, for example "
            '[{"speaker": "Teacher", "text": "Why?", "start": 1.5}].'
        )
    said = _said(rows)
    if not any(row.speaker for row in said):
        raise UnreadableTranscript(no_speakers())
    yield from in_cues([row for row in said if row.speaker])


def _loaded(text: str) -> Any:
    """One JSON value, or one object a line."""
    try:
        return json.loads(text)
    except ValueError:
        lines = [line for line in text.splitlines() if line.strip()]
        if len(lines) < 2:
            raise
        return [json.loads(line) for line in lines]


def _rows(held: Any, depth: int = 0) -> list[dict[str, Any]]:
    """The list of objects with words that lies nearest to the top."""
    if isinstance(held, list):
        rows = [row for row in held if isinstance(row, dict)]
        if any(_pick(row, TEXT) is not None or isinstance(_pick(row, WORDS), list) for row in rows):
            return rows
        if depth < DEEP:
            return next((found for row in rows if (found := _rows(row, depth + 1))), [])
    if isinstance(held, dict) and depth < DEEP:
        lowered = {str(key).lower(): value for key, value in held.items()}
        names = [*LISTS, *(key for key in lowered if key not in LISTS)]
        for name in names:
            if isinstance(lowered.get(name), list | dict) and (found := _rows(lowered[name], depth + 1)):
                return found
    return []


def _pick(row: dict[str, Any], keys: tuple[str, ...]) -> Any:
    lowered = {str(key).lower().replace(" ", "_"): value for key, value in row.items()}
    for key in keys:
        value = lowered.get(key)
        if value is not None and value != "":
            return value
    return None


def _named(rows: list[dict[str, Any]], keys: tuple[str, ...]) -> str:
    used = {str(key).lower().replace("_", " ").replace("ms", " ms") for row in rows[:20] for key in row}
    wanted = {key.replace("_", " ").replace("ms", " ms") for key in keys}
    return " ".join(used & wanted)


def _seconds(value: Any) -> float | None:
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int | float):
        return float(value) if 0 <= value < 1e12 else None
    return clock(value) if isinstance(value, str) else None


def _said(rows: list[dict[str, Any]]) -> list[Said]:
    drafts: list[tuple[str, str, float | None, float | None, list[tuple[str, float, float]]]] = []
    for row in rows:
        words = _words(_pick(row, WORDS))
        text = _pick(row, TEXT)
        text = tidy(text) if isinstance(text, str) else " ".join(word for word, _, _ in words)
        speaker = _pick(row, SPEAKER)
        if isinstance(speaker, dict):
            speaker = _pick(speaker, ("name", "label", "id"))
        start, end = _seconds(_pick(row, START)), _seconds(_pick(row, END))
        if words:
            start = words[0][1] if start is None else start
            end = words[-1][2] if end is None else end
        if text:
            drafts.append(("" if speaker is None else tidy(str(speaker)), text, start, end, words))
    count = sum(len(text.split()) for _, text, _, _, _ in drafts)
    name = _named(rows, START) + " " + _named(rows, END)
    if any(isinstance(_pick(row, START), str) and ":" in str(_pick(row, START)) for row in rows[:20]):
        name = "seconds"
    flat_starts = [d[2] for d in drafts] + [w[1] for d in drafts for w in d[4]]
    flat_ends = [d[3] for d in drafts] + [w[2] for d in drafts for w in d[4]]
    starts, ends = milliseconds(flat_starts, flat_ends, count, name)
    said: list[Said] = []
    at = len(drafts)
    for place, (speaker, text, _, _, words) in enumerate(drafts):
        timed = tuple((word, starts[at + n] or 0, ends[at + n] or 0) for n, (word, _, _) in enumerate(words))
        at += len(words)
        said.append(Said(speaker, text, starts[place], ends[place], timed))
    return said


def _words(held: Any) -> list[tuple[str, float, float]]:
    """(word, start, end) of words that all have their times; else none."""
    if not isinstance(held, list):
        return []
    words: list[tuple[str, float, float]] = []
    for item in held:
        if not isinstance(item, dict):
            return []
        word = _pick(item, ("punctuated_word", "word", "text", "value", "content"))
        start, end = _seconds(_pick(item, START)), _seconds(_pick(item, END))
        if not isinstance(word, str) or start is None or end is None or end < start:
            return []
        if tidy(word):
            words.append((tidy(word), start, end))
    return words
