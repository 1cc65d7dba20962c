"""Readers of transcripts and recordings. Each runs in the child process of courses.parsing, which sets its limits; a new kind
is a module and a line here."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

from coach.readers.said import Reading, Said, UnreadableTranscript, backwards, in_words, tidy
from courses.readers.parts import UnreadableFile

if TYPE_CHECKING:
    from coach.talk import Transcript

__all__ = ["READERS", "Reading", "Said", "UnreadableTranscript", "head", "kind_of", "read", "read_transcript"]

READERS: dict[str, str] = {
    "vtt": "coach.readers.captions.read",
    "srt": "coach.readers.captions.read",
    "csv": "coach.readers.delimited.read",
    "xlsx": "coach.readers.workbook.read",
    "docx": "coach.readers.documents.read",
    "json": "coach.readers.structured.read",
    "text": "coach.readers.plain.read",
    "media": "courses.readers.media.read",
}
TABLES = ("csv", "xlsx")  # a person confirms their columns
READABLE = "VTT, SRT, CSV, XLSX, DOCX, JSON, plain text, audio and video"
MOST_LINES = 6_000  # a whole school day is about four thousand
FEWEST_LINES = 4
MOST_BYTES = 60_000_000  # of anything but a recording


def kind_of(path: Path, filename: str) -> str:
    """The kind of reader (a key of READERS) for a file that was brought under this name.

    Raises UnreadableTranscript, in words, for what is empty, of an unknown kind, or not what its name says.
    """
    from courses.readers import kinds

    ending = PurePath(filename).suffix.lower().lstrip(".")
    try:
        if _is_workbook(path):
            return "xlsx"
        kind = kinds.kind_of(path, filename)
    except UnreadableFile as error:
        raise UnreadableTranscript(
            str(error).replace(kinds.READABLE, READABLE).replace("Save As .pdf", "Save As .xlsx")
        ) from error
    if kind != "media" and path.stat().st_size > MOST_BYTES:
        raise UnreadableTranscript(
            f"The file is larger than {MOST_BYTES // 1_000_000} MB, far more than a lesson’s words. Bring the transcript of one "
            "lesson."
        )
    if ending in ("xlsx", "xls") or kind not in ("text", "markdown", "html", "latex", "notebook", *READERS):
        raise UnreadableTranscript(
            f"This is no kind of file that transcripts come in ({ending or kind}). What can be read: {READABLE}."
        )
    return _kind_of_text(path, ending) if kind in ("text", "markdown", "latex", "html", "notebook") else kind


def _is_workbook(path: Path) -> bool:
    import zipfile

    try:
        with zipfile.ZipFile(path) as archive:
            return "xl/workbook.xml" in archive.namelist()[:20_000]
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return False


def _kind_of_text(path: Path, ending: str) -> str:
    from coach.readers.delimited import looks_delimited
    from courses.readers.text import decode

    with path.open("rb") as file:
        text = decode(file.read(65_536)).lstrip("\ufeff").lstrip()
    if ending in ("html", "htm", "tex", "ipynb") or re.match(r"<(!doctype|html)", text, re.IGNORECASE):
        raise UnreadableTranscript(
            f"This is no kind of file that transcripts come in. What can be read: {READABLE}."
        )
    if ending in ("csv", "tsv", "tab"):
        return "csv"
    if ending in ("json", "jsonl") or re.match(r'\{\s*"|\[\s*\{', text):
        return "json"
    return "csv" if looks_delimited(text) else "text"


def _parse(
    path: Path, kind: str, options: dict[str, Any], progress: Callable[[float], None] | None = None
) -> tuple[list[Said], dict[str, Any]]:
    from courses.parsing import Limits, limits_for, parse

    words_only = Limits(memory=2_000, seconds=180, silence=120, cpu=240, output=40)
    limits = limits_for(kind) if kind == "media" else words_only
    if options.get("preview"):
        limits = replace(limits, seconds=30)  # a page waits for it
    said: list[Said] = []
    meta: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="lyceum-") as assets:
        try:
            for part in parse(path, kind, Path(assets), limits=limits, reader=READERS[kind], options=options):
                meta |= part.meta
                for block in part.blocks:
                    times = block.anchor.get("start_ms"), block.anchor.get("end_ms")
                    words = tuple((str(w), int(a), int(b)) for w, a, b in block.data.get("words") or ())
                    said.append(Said(tidy(block.data.get("voice") or ""), tidy(block.text), *times, words))
                if progress is not None:
                    progress(part.done)
        except UnreadableTranscript:
            raise
        except UnreadableFile as error:
            raise UnreadableTranscript(str(error)) from error
    return said, meta


def head(path: Path, kind: str, columns: dict[str, str] | None = None) -> dict[str, Any]:
    """The first rows of a table with a proposal for its columns: {"names", "rows", "count", "columns", "times"}."""
    _, meta = _parse(path, kind, {"preview": True, "columns": columns})
    return meta


def read(
    path: Path,
    columns: dict[str, str] | None = None,
    *,
    kind: str = "",
    progress: Callable[[float], None] | None = None,
) -> Reading:
    """What a file says, under the names it uses; a recording is transcribed, and its speakers guessed.

    columns: of a table, {"speaker", "text", "start", "end"} -> the column's name; proposed where it is None. progress is
    told the share that was read, 0..1. Raises UnreadableTranscript, in words for the person.
    """
    kind = kind or kind_of(path, path.name)
    options = {"columns": columns} if kind in TABLES else {}
    said, meta = _parse(path, kind, options, progress)
    said = [row for row in said if row.text]
    notes = [str(note) for note in meta.get("notes") or ()]
    if kind == "media":
        from coach.readers.recordings import GUESS, guessed

        said = guessed(said)
        notes.append(GUESS)
    _check(said, guess=kind == "media")
    return Reading(said, notes, kind == "media")


def _check(said: Sequence[Said], *, guess: bool) -> None:
    if len(said) > MOST_LINES:
        raise UnreadableTranscript(
            f"The transcript has {len(said):,} lines, and one lesson has at most {MOST_LINES:,}. If it holds several lessons, "
            "bring them one by one; if every word is a line, join the words of each turn."
        )
    speakers = {row.speaker.lower() for row in said}
    if not guess:
        if not speakers or speakers == {""}:
            from coach.readers.plain import no_speakers

            raise UnreadableTranscript(no_speakers())
        if "" in speakers:
            raise UnreadableTranscript(
                "The transcript begins with lines that nobody is named for. Write a speaker before the first line."
            )
    if len(said) < FEWEST_LINES and not guess:
        raise UnreadableTranscript(
            f"The transcript has {len(said)} line{'s' * (len(said) != 1)}. That is too little to say anything about a "
            f"lesson: bring one with at least {FEWEST_LINES} lines, a line for each turn."
        )
    if len(speakers) == 1 and not guess:
        raise UnreadableTranscript(
            "Only one speaker was found. A report is about the talk between a teacher and students: mark in the transcript who "
            "says what, at least “Teacher:” and “Student:”, and bring it again."
        )
    line = backwards(said)
    if line is not None:
        row, before = said[line - 1], said[max(line - 2, 0)]
        raise UnreadableTranscript(
            f"The times run backwards at line {line}: it starts at {in_words(row.start)}"
            + (
                f" and ends at {in_words(row.end)}."
                if row.end is not None and row.start is not None and row.end < row.start
                else f", the line above at {in_words(before.start) or 'a later time'}."
            )
            + " Put the lines in order, or take the times out, and bring it again."
        )


def read_transcript(
    path: Path, roster: Sequence[str] = (), columns: dict[str, str] | None = None
) -> Transcript:
    """The transcript in a file: read, voices proposed, every name replaced. Raises UnreadableTranscript.

    roster: names of the people in the class, as people write them; those of the speakers are known from the transcript.
    """
    from coach.deidentification import deidentified

    return deidentified(read(path, columns).said, roster).transcript
