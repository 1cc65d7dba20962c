"""Word documents: paragraphs as “Speaker: text”, or a table with a column for the speaker."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from coach.readers.plain import turns
from coach.readers.said import UnreadableTranscript, in_cues
from coach.readers.table import propose, said_in, table_of
from courses.readers import archives
from courses.readers.parts import Part


def read(path: Path, assets: Path) -> Iterator[Part]:
    """A line for every turn. Where most of the text stands in tables, they are read as one table."""
    archives.check(path)
    from docx import Document
    from docx.opc.exceptions import PackageNotFoundError

    try:
        document = Document(str(path))
    except (PackageNotFoundError, KeyError, ValueError, AttributeError) as error:
        raise UnreadableTranscript(
            "The document is damaged. Open it in Word, save it again as .docx and bring the new copy."
        ) from error
    lines: list[str] = []
    rows: list[list[str]] = []
    for block in document.iter_inner_content():
        if hasattr(block, "rows"):
            rows += [[cell.text for cell in row.cells] for row in block.rows]
        else:
            lines += block.text.split("\n")
    written = sum(map(len, lines))
    tabled = sum(len(cell) for row in rows for cell in row)
    if tabled > written and max(map(len, rows), default=0) >= 2:
        table = table_of(rows)
        said, notes = said_in(table, propose(table))
    elif written:
        said, notes = turns([*lines, *(": ".join(row) for row in rows if len(row) == 2)])
    else:
        raise UnreadableTranscript("The document holds no text.")
    yield from in_cues(said, notes)
