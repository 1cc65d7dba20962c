"""Tables: which column holds what, and their rows as what was said."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from coach.readers.plain import ROLE, may_speak, no_speakers
from coach.readers.said import Said, UnreadableTranscript, clock, in_words, milliseconds, tidy

Columns = dict[str, str]  # "speaker", "text", "start", "end" (or "student" and "teacher") -> a column's name

# what columns are called, the surest names first; compared in lower case with single spaces
NAMES: dict[str, tuple[str, ...]] = {
    "speaker": (
        "speaker", "speaker name", "speaker label", "speaker id", "speaker role", "speaker type", "talker", "who", "who speaks",
        "voice", "participant", "role", "person", "actor", "name", "user", "from whom", "teacher student", "sprecher",
    ),
    "text": (
        "text", "utterance", "utterances", "transcript", "what was said", "said", "says", "speech", "talk", "words", "sentence",
        "content", "message", "dialogue", "caption", "transcription", "line", "turn text", "utterance text", "cleaned text",
        "contribution", "body",
    ),
    "start": (
        "start", "start time", "start ms", "start s", "start sec", "start seconds", "start milliseconds", "begin", "begin time",
        "time start", "starttime", "start timestamp", "time in", "in", "onset", "from", "timestamp", "time stamp", "time",
        "timecode", "offset",
    ),
    "end": (
        "end", "end time", "end ms", "end s", "end sec", "end seconds", "end milliseconds", "stop", "time end", "endtime",
        "end timestamp", "time out", "out", "offset end", "until", "to", "finish",
    ),
    "student": ("student text", "student utterance", "student turn", "student says", "student"),
    "teacher": ("teacher text", "teacher utterance", "teacher turn", "teacher says", "teacher", "teacher response"),
}  # fmt: skip
LESSON = (
    "obs id",
    "obsid",
    "observation id",
    "lesson id",
    "lesson",
    "video id",
    "transcript id",
    "session id",
    "class id",
)
FORMULA = re.compile(
    r"^\s*(?:=\s*(?:[A-Z][A-Z.]*\s*\(|\$?[A-Z]{1,3}\$?\d+\s*([-+*/&:<>=^]|$)|'?[\w ]+'?!)|[=+\-@]\s*(?:cmd|dde|msexcel)\b|"
    r"@[A-Z]{2,}\s*\(|[+\-][A-Z]{2,}\s*\()",
    re.IGNORECASE,
)
SAMPLE = 200  # rows by which columns are proposed


@dataclass(frozen=True)
class Table:
    """Rows of cells under column names that are all different. first: the number of the first row in its source."""

    names: list[str]
    rows: list[list[str]]
    first: int = 2
    formulas: set[tuple[int, int]] = field(
        default_factory=set
    )  # cells (row, column) whose value a formula made


def table_of(
    rows: Sequence[Sequence[str]],
    columns: Columns | None = None,
    formulas: set[tuple[int, int]] | None = None,
) -> Table:
    """The rows with the first as the columns' names where it reads like names or holds those that were chosen, else with
    “Column 1” and so on."""
    full = [
        (number, [tidy(cell) for cell in row]) for number, row in enumerate(rows) if any(map(str.strip, row))
    ]
    if not full:
        raise UnreadableTranscript(
            "The table is empty. Check that the right sheet was saved, and bring it again."
        )
    width = max(len(row) for _, row in full)
    cells = [row + [""] * (width - len(row)) for _, row in full]
    chosen = set((columns or {}).values()) - {""}
    head = bool(chosen & set(cells[0])) or _is_head(cells)
    names = cells[0] if head else [""] * width
    names = [name[:80] or f"Column {place}" for place, name in enumerate(names, 1)]
    seen: dict[str, int] = {}
    for place, name in enumerate(names):
        seen[name] = seen.get(name, 0) + 1
        if seen[name] > 1:
            names[place] = f"{name} ({seen[name]})"
    place_of = {number: place for place, (number, _) in enumerate(full)}
    made = {(place_of[row] - head, column) for row, column in formulas or () if row in place_of}
    return Table(names, cells[head:], full[head][0] + 1 if len(full) > head else 2, made)


def _folded(name: str) -> str:
    return " ".join(re.sub(r"([a-z])([A-Z])", r"\1 \2", name).lower().replace("_", " ").split()).strip(" :?")


def _word(name: str) -> str:
    return " ".join(re.sub(r"[^a-z0-9]+", " ", _folded(name)).split())


def _is_head(cells: Sequence[Sequence[str]]) -> bool:
    names = [_word(cell) for cell in cells[0]]
    known = {name for group in NAMES.values() for name in group} | set(LESSON)
    if sum(name in known for name in names) >= 2 or ("text" in names):
        return True
    first = cells[0]
    if len(cells) < 2 or any(len(cell.split()) > 4 or clock(cell) is not None for cell in first if cell):
        return False
    if any(ROLE.fullmatch(cell) for cell in first):
        return False
    return any(name in known for name in names)


def propose(table: Table) -> Columns:
    """Which column seems to hold what: by its name, then by what stands in it. Keys that no column fits are missing."""
    words = {name: _word(name) for name in table.names}
    found: Columns = {}

    def named(key: str) -> str:
        for synonym in NAMES[key]:
            for name, word in words.items():
                if word == synonym and name not in found.values():
                    return name
        return ""

    for key in ("speaker", "text", "start", "end"):
        if name := named(key):
            found[key] = name
    pair = {key: named(key) for key in ("student", "teacher")}
    if (
        all(pair.values())
        and "text" not in found
        and all(_length(table, name) > 1.2 for name in pair.values())
    ):
        return {**pair, **{key: found[key] for key in ("start", "end") if key in found}}
    if "text" not in found:
        rest = [name for name in table.names if name not in found.values()]
        longest = max(rest, key=lambda name: _length(table, name), default="")
        if longest and _length(table, longest) >= 2:
            found["text"] = longest
    if "speaker" not in found or _length(table, found["speaker"]) > 6:
        rest = [name for name in table.names if name not in found.values() or name == found.get("speaker")]
        fit = [name for name in rest if _names_speakers(table, name)]
        found.pop("speaker", None)
        if fit:
            found["speaker"] = fit[0]
    for key in ("start", "end"):
        if key in found and not _times(table, found[key]):
            found.pop(key)
    if "start" not in found:
        rest = [name for name in table.names if name not in found.values()]
        fit = [
            name for name in rest if _times(table, name) and any(":" in cell for cell in _column(table, name))
        ]
        if fit:
            found["start"] = fit[0]
            if len(fit) > 1 and "end" not in found:
                found["end"] = fit[1]
    return found


def _column(table: Table, name: str) -> list[str]:
    place = table.names.index(name)
    return [row[place] for row in table.rows[:SAMPLE] if row[place]]


def _length(table: Table, name: str) -> float:
    """Words in a cell, on average."""
    cells = _column(table, name)
    return sum(len(cell.split()) for cell in cells) / len(cells) if cells else 0.0


def _names_speakers(table: Table, name: str) -> bool:
    cells = _column(table, name)
    different = set(cells)
    return (
        1 < len(different) <= max(2, len(cells) // 2, 12 if len(cells) > 12 else 2)
        and sum(may_speak(cell) and clock(cell) is None for cell in different) >= 0.8 * len(different)
        and _length(table, name) <= 4
    )


def _times(table: Table, name: str) -> bool:
    cells = _column(table, name)
    return bool(cells) and sum(clock(cell) is not None for cell in cells) >= 0.8 * len(cells)


def checked(table: Table, columns: Columns) -> Columns:
    """The columns without those left empty. Raises UnreadableTranscript where what is needed is not there."""
    columns = {key: name for key, name in columns.items() if name and key in NAMES}
    if missing := [name for name in columns.values() if name not in table.names]:
        raise UnreadableTranscript(
            f"The table has no column “{missing[0]}”. Its columns are: {', '.join(table.names[:20])}."
        )
    if {"student", "teacher"} <= columns.keys() and "text" not in columns:
        return columns
    if "text" not in columns:
        raise UnreadableTranscript("Choose the column that holds what was said.")
    if "speaker" not in columns:
        raise UnreadableTranscript(no_speakers())
    if columns["speaker"] == columns["text"]:
        raise UnreadableTranscript("The speaker and what was said cannot stand in the same column.")
    return columns


def said_in(table: Table, columns: Columns) -> tuple[list[Said], list[str]]:
    """What the rows say, with notes for the person. Raises UnreadableTranscript, in words, where they cannot tell."""
    columns = checked(table, columns)
    at = {key: table.names.index(name) for key, name in columns.items()}
    _one_lesson(table)
    notes = _without_formulas(table, at)
    starts, ends = _times_of(table, columns, at)
    said: list[Said] = []
    speaker = ""
    unnamed = 0
    for row, start, end in zip(table.rows, starts, ends, strict=True):
        if "text" not in at:
            for key, label in (("student", "Student"), ("teacher", "Teacher")):
                if row[at[key]]:
                    said.append(Said(label, row[at[key]], start, end))
            continue
        speaker = row[at["speaker"]] or speaker
        if not row[at["text"]]:
            continue
        if not speaker:
            unnamed += 1
            continue
        said.append(Said(speaker, row[at["text"]], start, end))
    if unnamed:
        notes.append(f"{unnamed} row{'s' * (unnamed > 1)} above the first speaker left out.")
    return said, notes


def _one_lesson(table: Table) -> None:
    """Refuse a data set of many lessons."""
    for place, name in enumerate(table.names):
        if _word(name) in LESSON:
            lessons = {row[place] for row in table.rows if row[place]}
            if len(lessons) > 1:
                raise UnreadableTranscript(
                    f"This table holds {len(lessons):,} lessons (column “{name}”). Bring one lesson at a time: keep its rows, "
                    "delete the others, and save that as a file of its own."
                )


def _without_formulas(table: Table, at: dict[str, int]) -> list[str]:
    used = set(at.values())
    for row, cells in enumerate(table.rows):
        for column in used:
            if (row, column) not in table.formulas and FORMULA.match(cells[column]):
                raise UnreadableTranscript(
                    f"Row {table.first + row} holds a formula where words are expected (column “{table.names[column]}”). "
                    "Formulas are not worked out here: in the spreadsheet, copy the column, paste it as values, save, and bring "
                    "that file."
                )
    made = [(row, column) for row, column in table.formulas if column in used]
    empty = sorted((row, column) for row, column in made if not table.rows[row][column])
    if empty:
        row, column = empty[0]
        raise UnreadableTranscript(
            f"Row {table.first + row} holds a formula without a stored value (column “{table.names[column]}”). Open the file in "
            "your spreadsheet program, copy the column, paste it as values, save, and bring that file."
        )
    if made:
        return [
            f"{len(made)} cell{'s' * (len(made) > 1)} held formulas; the values that the file has for them were read."
        ]
    return []


def _times_of(
    table: Table, columns: Columns, at: dict[str, int]
) -> tuple[list[int | None], list[int | None]]:
    def seconds(key: str) -> list[float | None]:
        return [clock(row[at[key]]) if key in at and row[at[key]] else None for row in table.rows]

    starts, ends = seconds("start"), seconds("end")
    for key, times in (("start", starts), ("end", ends)):
        if key in at and not any(time is not None for time in times):
            raise UnreadableTranscript(
                f"The column “{columns[key]}” holds no times. Write them as 0:01:02, in seconds or in milliseconds, or choose no "
                "column for the times."
            )
    text_at = [at[key] for key in ("text", "student", "teacher") if key in at]
    words = sum(len(row[place].split()) for row in table.rows for place in text_at)
    name = " ".join(_folded(columns[key]) for key in ("start", "end") if key in columns)
    written = [row[at[key]] for key in ("start", "end") if key in at for row in table.rows[:SAMPLE]]
    if any(re.search(r"[:a-z]", cell.lower()) for cell in written):
        name = "seconds"
    return milliseconds(starts, ends, words, name)


def head(table: Table, columns: Columns | None = None, shown: int = 12) -> dict[str, Any]:
    """What the page needs to ask for columns: their names, the first rows, a proposal, and how the times were read."""
    chosen = propose(table) if columns is None else columns
    times: list[str] = []
    try:
        at = {key: table.names.index(name) for key, name in chosen.items() if name in table.names}
        starts, _ = _times_of(table, chosen, at)
        times = [in_words(start) for start in starts[:shown]]
    except UnreadableTranscript:
        pass
    rows = [[cell[:300] for cell in row] for row in table.rows[:shown]]
    return {"names": table.names, "rows": rows, "count": len(table.rows), "columns": chosen, "times": times}
