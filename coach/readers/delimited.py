"""CSV and its relatives, whatever stands between the cells."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from coach.readers.said import UnreadableTranscript, in_cues
from coach.readers.table import Columns, Table, head, propose, said_in, table_of
from courses.readers.parts import Part
from courses.readers.text import decode

SEPARATORS = ",\t;|"
CELL = 1_000_000  # characters


def read(
    path: Path, assets: Path, *, columns: Columns | None = None, preview: bool = False
) -> Iterator[Part]:
    """A line for every row that says something; `preview` gives the table's head instead."""
    table = _table(path, columns)
    if preview:
        yield Part([], 1.0, head(table, columns))
        return
    said, notes = said_in(table, propose(table) if columns is None else columns)
    yield from in_cues(said, notes)


def looks_delimited(text: str) -> bool:
    """Whether a text without a telling name is a table: the same separator, as often, on nearly every line."""
    lines = [line for line in text.split("\n")[:30] if line.strip()]
    return len(lines) > 2 and "\t" in lines[0] and all("\t" in line for line in lines)


def _table(path: Path, columns: Columns | None) -> Table:
    text = decode(path.read_bytes()).lstrip("\ufeff")
    if text[:4].lower() == "sep=" and "\n" in text:
        text = text.partition("\n")[2]
    csv.field_size_limit(CELL)
    try:
        rows = list(
            csv.reader(text.splitlines(keepends=True), delimiter=_separator(text), skipinitialspace=True)
        )
    except csv.Error as error:
        raise UnreadableTranscript(
            "The table cannot be taken apart: a quotation mark is open, or a cell is far too long. Save it again as CSV (UTF-8)."
        ) from error
    return table_of(rows, columns)


def _separator(text: str) -> str:
    """The separator that stands in the first line, or else most evenly in the first lines."""
    lines = [line for line in text.split("\n")[:20] if line.strip()]
    counts = Counter({mark: lines[0].count(mark) for mark in SEPARATORS if lines})
    best, count = counts.most_common(1)[0] if counts else (",", 0)
    return best if count else ","
