"""Reads labelled (or unlabelled) utterances from a CSV file, finding its columns by their names."""

from __future__ import annotations

import csv
import io
from argparse import ArgumentParser
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from coach.classifiers import KINDS, Pair
from coach.classifiers.kinds import LESSON, Kind

MAX_BYTES = 200_000_000
MAX_CHARACTERS = 20_000  # of one utterance; the rest says nothing that the start did not


class UnusableData(Exception):
    """The file cannot be used; the message says what to do."""


def add_file(parser: ArgumentParser) -> None:
    """What a command that reads such a file is told: the kind, the file, and the columns of its text under other names."""
    parser.add_argument("kind", choices=list(KINDS))
    parser.add_argument("--data", metavar="FILE", type=Path, required=True, help="CSV with a heading, UTF-8")
    parser.add_argument("--text", metavar="NAME", help="the column with the utterance that is judged")
    parser.add_argument("--before", metavar="NAME", help="the column with what the other side said before")


@dataclass(frozen=True)
class Rows:
    """What a file says. Arrays have one entry a row; rows without text are not among them.

    `numbers` are 0-based places of data rows in the file; `labels` are places in the kind's labels, -1 where there is none;
    `scores` are nan where there is none.
    """

    pairs: list[Pair]
    numbers: list[int]
    labels: NDArray[np.int64]
    scores: NDArray[np.float64]
    lessons: list[str]
    sha256: str

    def __len__(self) -> int:
        return len(self.pairs)


def read(path: Path, kind: Kind, columns: Mapping[str, str] | None = None, labelled: bool = True) -> Rows:
    """Read a file of one utterance a row.

    columns: names for "text", "before", "label", "lesson" that go before the known ones. labelled=False needs a text column
    only. Raises UnusableData.
    """
    data = _bytes(path)
    header, records = _table(path, data)
    wanted = dict(columns or {})
    text = _column(header, wanted.get("text"), kind.text, "text", path)
    before = _column(header, wanted.get("before"), kind.before, "before", path)
    label = _column(header, wanted.get("label"), kind.label, "label", path) if labelled else None
    lesson = _column(header, wanted.get("lesson"), LESSON, "lesson", path) if labelled else None
    score = _column(header, None, kind.score, "score", path) if labelled and "label" not in wanted else None
    if text is None:
        raise _missing("the judged utterances", "text", kind.text, header, path)
    if labelled and label is None:
        raise _missing("labels", "label", kind.label, header, path)
    if labelled and lesson is None:
        raise _missing("lessons", "lesson", LESSON, header, path)
    pairs, numbers, labels, scores, lessons = [], [], [], [], []
    unknown: dict[str, int] = {}
    for number, record in enumerate(records):
        said = _cell(record, text)
        if not said:
            continue
        level, finer = -1, float("nan")
        if labelled:
            if not _cell(record, lesson):
                continue
            cell = _cell(record, label)
            found = kind.read_label(cell)
            if found is not None:
                level = kind.labels.index(found)
            elif cell and cell.lower() not in {"nan", "na", "none", "null"}:
                unknown[cell] = unknown.get(cell, 0) + 1
            finer = _number(_cell(record, score))
            if level < 0 and np.isnan(finer):
                continue
        pairs.append(Pair(before=_cell(record, before)[:MAX_CHARACTERS], text=said[:MAX_CHARACTERS]))
        numbers.append(number)
        labels.append(level)
        scores.append(finer)
        lessons.append(_cell(record, lesson))
    if not pairs:
        raise UnusableData(
            f"{path.name} has no row that can be used: every row lacks text, a label or a lesson."
        )
    if labelled and sum(unknown.values()) > len(pairs) / 10:
        shown = ", ".join(repr(cell) for cell in list(unknown)[:6])
        raise UnusableData(
            f"The column {label!r} of {path.name} has labels that {kind.name} does not know: {shown}. "
            f"It knows {', '.join(kind.labels)}, or their numbers from 0. Name another column with --label."
        )
    return Rows(
        pairs,
        numbers,
        np.array(labels, np.int64),
        np.array(scores, np.float64),
        lessons,
        sha256(data).hexdigest(),
    )


def _bytes(path: Path) -> bytes:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise UnusableData(f"{path.name} is larger than {MAX_BYTES // 1_000_000} MB.")
        return path.read_bytes()
    except OSError as error:
        raise UnusableData(f"{path} cannot be read: {error.strerror or error}.") from error


def _table(path: Path, data: bytes) -> tuple[list[str], list[dict[str, str]]]:
    if not data.strip():
        raise UnusableData(f"{path.name} is empty.")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UnusableData(
            f"{path.name} is not UTF-8 text (byte {error.start}). Save it as CSV UTF-8 and try again."
        ) from error
    if "\0" in text:
        raise UnusableData(f"{path.name} is not a CSV file. Save it as CSV UTF-8 and try again.")
    first = text.splitlines()[0]
    delimiter = max(",;\t", key=first.count)
    csv.field_size_limit(10_000_000)
    try:
        reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
        header = [name for name in reader.fieldnames or [] if name]
        records = [dict(record) for record in reader]
    except csv.Error as error:
        raise UnusableData(f"{path.name} cannot be read as CSV: {error}.") from error
    if not records:
        raise UnusableData(f"{path.name} has a heading and no rows.")
    return header, records


def _plain(name: str) -> str:
    return "_".join(name.lower().replace("-", " ").replace("_", " ").split())


def _column(
    header: Sequence[str], given: str | None, known: Sequence[str], what: str, path: Path
) -> str | None:
    """The column's name in the file: the given one, which must be there, or the first known one that is there."""
    if given is not None:
        if given not in header:
            raise UnusableData(
                f"{path.name} has no column {given!r} for --{what}. It has: {', '.join(header)}."
            )
        return given
    names = {_plain(name): name for name in reversed(header)}
    return next((names[name] for name in known if name in names), None)


def _missing(what: str, option: str, known: Sequence[str], header: Sequence[str], path: Path) -> UnusableData:
    return UnusableData(
        f"{path.name} has no column for {what} that is known by name ({', '.join(known[:5])}, …). "
        f"It has: {', '.join(header) or 'no named column'}. Say which one it is with --{option} NAME."
    )


def _cell(record: Mapping[str, str | None], name: str | None) -> str:
    value = record.get(name) if name else None
    return value.strip() if isinstance(value, str) else ""


def _number(cell: str) -> float:
    try:
        value = float(cell)
    except ValueError:
        return float("nan")
    return value if np.isfinite(value) else float("nan")
