"""A transcript to take along, under the labels it has here."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable

from coach.readers.said import in_words
from coach.talk import Transcript


def as_text(transcript: Transcript) -> str:
    """A line for each utterance: [time] Speaker: words."""
    lines = []
    for row in transcript:
        time = f"[{in_words(row.start)}] " if row.start is not None else ""
        lines.append(f"{time}{row.speaker}: {row.text}\n")
    return "".join(lines)


def as_csv(transcript: Transcript) -> str:
    """Columns line, speaker, voice, text, start_ms, end_ms. No cell is one that a spreadsheet would work out."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["line", "speaker", "voice", "text", "start_ms", "end_ms"])
    for row in transcript:
        start = "" if row.start is None else row.start
        end = "" if row.end is None else row.end
        writer.writerow([row.line, _plain(row.speaker), row.voice.value, _plain(row.text), start, end])
    return out.getvalue()


def as_json(transcript: Transcript) -> str:
    """A list of objects, which can be brought again."""
    rows = [
        {
            "line": row.line,
            "speaker": row.speaker,
            "voice": row.voice.value,
            "text": row.text,
            "start_ms": row.start,
            "end_ms": row.end,
        }
        for row in transcript
    ]
    return json.dumps(rows, ensure_ascii=False, indent=1)


def _plain(cell: str) -> str:
    """The cell with an apostrophe before it where it would be taken for a formula."""
    return f"'{cell}" if cell[:1] in ("=", "+", "-", "@", "\t", "\r") else cell


FORMATS: dict[str, tuple[str, Callable[[Transcript], str]]] = {
    "txt": ("text/plain; charset=utf-8", as_text),
    "csv": ("text/csv; charset=utf-8", as_csv),
    "json": ("application/json", as_json),
}
