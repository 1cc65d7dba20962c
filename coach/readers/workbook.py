"""Excel workbooks: the sheet that holds most, its values and never its formulas."""

from __future__ import annotations

import datetime
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from coach.readers.said import UnreadableTranscript, in_cues
from coach.readers.table import Columns, Table, head, propose, said_in, table_of
from courses.readers import archives
from courses.readers.parts import Part

MOST_ROWS = 25_000
MOST_COLUMNS = 200


def read(
    path: Path, assets: Path, *, columns: Columns | None = None, preview: bool = False
) -> Iterator[Part]:
    """A line for every row that says something; `preview` gives the table's head instead."""
    archives.check(path)
    table = _table(path, columns)
    if preview:
        yield Part([], 1.0, head(table, columns))
        return
    said, notes = said_in(table, propose(table) if columns is None else columns)
    yield from in_cues(said, notes)


def _table(path: Path, columns: Columns | None) -> Table:
    import openpyxl

    warnings.simplefilter("ignore")  # openpyxl warns of styles that it does not know
    try:
        values = openpyxl.load_workbook(path, read_only=True, data_only=True)
        formulas = openpyxl.load_workbook(path, read_only=True, data_only=False)
    except (KeyError, ValueError, TypeError, AttributeError, OSError, SyntaxError) as error:
        raise UnreadableTranscript(
            "The workbook is damaged. Open it in your spreadsheet program, save it again as .xlsx and bring the new copy."
        ) from error
    best: tuple[list[list[str]], str] = ([], "")
    for sheet in values.worksheets:
        rows = [[_word(cell.value) for cell in row] for row in _rows(sheet)]
        if sum(any(row) for row in rows) > sum(any(row) for row in best[0]):
            best = (rows, sheet.title)
    if not best[0]:
        if any(
            cell.data_type == "f" for sheet in formulas.worksheets for row in _rows(sheet) for cell in row
        ):
            raise UnreadableTranscript(_ONLY_FORMULAS)
        raise UnreadableTranscript(
            "The workbook is empty. Check that the right one was saved, and bring it again."
        )
    made = {
        (number, place)
        for number, row in enumerate(_rows(formulas[best[1]]))
        for place, cell in enumerate(row)
        if cell.data_type == "f"
    }
    return table_of(best[0], columns, made)


_ONLY_FORMULAS = (
    "This workbook holds formulas without stored values. Open it in your spreadsheet program, copy the cells, paste them as "
    "values, save, and bring that file."
)


def _rows(sheet: Any) -> Iterator[Any]:
    sheet.reset_dimensions()  # what a sheet says of its own size need not be true
    for number, row in enumerate(sheet.iter_rows(max_col=MOST_COLUMNS)):
        if number > MOST_ROWS:
            raise UnreadableTranscript(
                f"The sheet has more than {MOST_ROWS:,} rows. Keep those of one lesson, and save that as a file of its own."
            )
        yield row


def _word(value: Any) -> str:
    """A cell's value as a person would type it."""
    if value is None:
        return ""
    if isinstance(value, datetime.timedelta):
        return f"{value.total_seconds():.3f} s"
    if isinstance(value, datetime.datetime):
        value = value.time()
    if isinstance(value, datetime.time):
        return value.strftime("%H:%M:%S.%f")[:-3]
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)
