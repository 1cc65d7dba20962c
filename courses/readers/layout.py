"""From the lines of a page to what they are: paragraphs, lists, tables, formulas, code and captions."""

from __future__ import annotations

import itertools
import re
from bisect import bisect
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from statistics import median

from courses.readers.columns import Line, covers, joined
from courses.readers.pdf_text import Box, Segment
from courses.readers.tables import markdown_table

BULLET = re.compile(r"^(?:[•◦▪▸►‣∙●○■□–—\-*·]|\d{1,2}[.)]|\(?[a-z][.)]|\((?:\d{1,2}|[ivx]+)\))\s+(?=\S)")
_MARKER = re.compile(r"(?:[•◦▪▸►‣∙●○■□–—\-*·]|\d{1,2}[.)]|\(?[a-z][.)]|\((?:\d{1,2}|[ivx]+)\))")
_MARK = re.compile(r"^\^(?:\{[\d*†‡]+\}|[\d*†‡])\s*(?=\S)")  # that begins a footnote
_LEADER = re.compile(r"\s*(?:\. ?){4,}\s*[\divxl]*$")  # the dots of a table of contents
_CAPTION = re.compile(
    r"(Figure|Fig\.|Table|Listing|Algorithm|Abbildung|Tabelle|Figura|Tableau)\s*\d", re.IGNORECASE
)


@dataclass
class Region:
    """A paragraph, heading, list, table, formula, code or caption as it stands on a page; boxes one a line."""

    kind: str
    text: str
    boxes: list[Box]
    size: float = 0
    bold: bool = False
    lines: int = 1
    level: int = 0
    data: dict[str, object] = field(default_factory=dict)


def regions(columns: Sequence[Sequence[Line]], body: float, known: Callable[[str], bool]) -> list[Region]:
    """Regions in reading order. body: the size of running text; known: whether a word occurs in the file, which
    decides whether a word divided at a line's end keeps its hyphen."""
    out: list[Region] = []
    for lines in columns:
        if lines:
            out += _column(lines, body, known)
    return _continue_over_columns(out)


def _column(lines: Sequence[Line], body: float, known: Callable[[str], bool]) -> list[Region]:
    out: list[Region] = []
    _mark_formulas(lines)
    pitch = _pitch(lines)
    left, right = min(line.x0 for line in lines), max(line.x1 for line in lines)
    index, held = 0, list[Line]()
    while index < len(lines):
        rows = _table(lines, index)
        if rows:
            if held:
                out.append(_region(held, body, known))
                held = []
            run = lines[index : index + len(rows)]
            out.append(
                Region(
                    "table", markdown_table(rows), [line.box for line in run], run[0].size, False, len(rows)
                )
            )
            index += len(rows)
            continue
        line = lines[index]
        if held and _breaks(held, line, pitch, left, right):
            out.append(_region(held, body, known))
            held = []
        held.append(line)
        index += 1
    if held:
        out.append(_region(held, body, known))
    return _caption_tables(_join_lists(out))


def _mark_formulas(lines: Sequence[Line]) -> None:
    """Numerators, limits and the like, on lines of their own right over or under a formula, belong to it."""
    for pairs in (itertools.pairwise(lines), itertools.pairwise(reversed(lines))):
        for known, line in pairs:
            apart = max(line.y0 - known.y1, known.y0 - line.y1)
            if known.formula and not line.formula and len(line.text) <= 8 and apart < 0.3 * known.size:
                line.formula = any(cell.math for cell in line.cells) or line.size < 0.8 * known.size


def _pitch(lines: Sequence[Line]) -> float:
    steps = [b.y1 - a.y1 for a, b in itertools.pairwise(lines) if 0.8 < (b.y1 - a.y1) / (a.size or 1) < 2.6]
    return median(steps) if steps else 0


def _breaks(held: Sequence[Line], line: Line, pitch: float, left: float, right: float) -> bool:
    """True where a new region begins with this line."""
    last = held[-1]
    size = max(last.size, 1)
    step = line.y1 - last.y1
    if step < -0.5 * size or (
        abs(line.size - last.size) > 0.12 * size and not (line.formula or last.formula)
    ):
        return True
    if (not (line.formula and last.formula) and step > max(1.3 * pitch, 1.2 * size)) or step > 4 * size:
        return True
    if _LEADER.search(line.text) or _LEADER.search(last.text):
        return True
    if line.formula and last.formula:
        return line.y0 - last.y1 > 0.9 * max(size, line.size)
    if line.mono != last.mono or (line.bold != last.bold and (len(held) == 1 or line.bold)):
        return True
    if line.formula != last.formula:
        return True
    if line.mono:
        return False
    if BULLET.match(line.text) or (_CAPTION.match(line.text) and step > 1.15 * pitch):
        return True
    if BULLET.match(held[0].text):
        return line.x0 < held[0].x0 + 0.3 * size and last.x1 < right - 0.25 * (right - left)
    indented = line.x0 - held[0].x0 if len(held) == 1 else line.x0 - min(other.x0 for other in held)
    if 0.8 * size < indented < 5 * size and len(held) > 1:
        return True
    ended = re.search(r"[.!?:]['”)\]]*$", last.text) is not None
    return last.x1 < right - (0.15 if ended else 0.35) * (right - left) and not line.text[:1].islower()


def _region(lines: Sequence[Line], body: float, known: Callable[[str], bool]) -> Region:
    boxes = [line.box for line in lines]
    size, bold = max(line.size for line in lines), all(line.bold for line in lines)
    if all(line.mono for line in lines) and (len(lines) > 1 or re.search(r"[=()\[\]{}]", lines[0].text)):
        return Region("code", _code(lines), boxes, size, False, len(lines))
    if all(line.formula for line in lines):
        return Region("formula", _formula(lines), boxes, size, False, len(lines))
    if _LEADER.search(lines[0].text):
        return Region("list", "- " + _LEADER.sub("", lines[0].text), boxes, size, False, 1)
    text = _MARK.sub("", dehyphenated([line.text for line in lines], known))
    kind = "caption" if _CAPTION.match(text) else "list" if BULLET.match(text) else "text"
    if kind == "list" and re.match(r"\d", text) and (bold or size > 1.15 * body) and len(lines) < 3:
        kind = "text"  # a numbered heading
    return Region(kind, text, boxes, size, bold, len(lines))


def _formula(lines: Sequence[Line]) -> str:
    """A displayed formula: lines that overlap, as limits and fractions do, from left to right on one."""
    rows: list[list[Segment]] = []
    bottom = 0.0
    for line in sorted(lines, key=lambda line: line.y0):
        if rows and line.y0 < bottom - 0.15 * (line.y1 - line.y0) and not covers(rows[-1], line.cells[0]):
            rows[-1] += line.cells
            bottom = max(bottom, line.y1)
        elif rows and line.size < 0.8 * max(s.size for s in rows[-1]) and line.y0 < bottom + 0.3 * line.size:
            rows[-1] += line.cells  # a limit under its sign
        else:
            rows.append(list(line.cells))
            bottom = line.y1
    return "\n".join(joined(sorted(row, key=lambda s: s.x0)) for row in rows)


def _code(lines: Sequence[Line]) -> str:
    left = min(line.x0 for line in lines)
    widths = [
        (cell.x1 - cell.x0) / (len(cell.text) - 0.4)
        for line in lines
        for cell in line.cells
        if len(cell.text) > 3
    ]
    width = median(widths) if widths else lines[0].size * 0.6
    return "\n".join(
        " " * round((line.x0 - left) / max(width, 1)) + line.text.replace("\u00ad", "-") for line in lines
    )


def dehyphenated(lines: Iterable[str], known: Callable[[str], bool]) -> str:
    """Lines of a paragraph as one text. A word divided at a line's end is put together, keeping its hyphen where the
    file writes it with one, or where what follows is no lower-case letter."""
    text = ""
    for line in lines:
        if not text:
            text = line
            continue
        tail = re.search(r"([^\W\d_]+)[\u00ad\-‐]$", text[-40:]) if text[-1] in "\u00ad-‐" else None
        head = re.match(r"[^\W\d_]+", line)
        if tail and head:
            whole = tail[1] + head[0]
            capitals = tail[1].isupper() and head[0].isupper()
            keeps = not (head[0][0].islower() or capitals) or (
                known(f"{tail[1]}-{head[0]}") and not known(whole)
            )
            text = text[:-1] + ("-" if keeps else "") + line
        else:
            text += " " + line
    return text.replace("\u00ad", "-").strip()


def _table(lines: Sequence[Line], start: int) -> list[list[str]]:
    """Rows of a table that begins at this line, where that is certain; else nothing.

    Certain are three rows or more (two of three columns) whose cells stand in the same columns, nearly all filled.
    """
    run: list[list[Segment]] = []
    for line in lines[start:]:
        cells = _cells(line)
        if len(cells) < 2 or line.mono or (run and line.y0 - run[-1][0].y1 > 2.2 * line.size):
            break
        run.append(cells)
    while len(run) >= 2:
        columns = _spans([cell for cells in run for cell in cells])
        placed = [_place(cells, columns) for cells in run]
        rows = [row for row in placed if row is not None]
        if len(rows) == len(run) and (len(run) >= 3 or len(columns) >= 3) and _is_tabular(rows):
            return rows
        run.pop()
        if len(run) > 40:
            del run[40:]
    return []


def _is_tabular(rows: Sequence[Sequence[str]]) -> bool:
    width = len(rows[0])
    filled = sum(bool(cell) for row in rows for cell in row)
    if width < 2 or filled < 0.7 * width * len(rows):
        return False
    if any(sum(bool(row[i]) for row in rows) < 0.5 * len(rows) for i in range(width)):
        return False
    if all(not row[-1] or re.fullmatch(r"\([\w.]+\)|\d{1,4}", row[-1]) for row in rows) and width == 2:
        return False  # numbered formulas, or a table of contents
    if all(_MARKER.fullmatch(row[0]) for row in rows if row[0]):
        return False  # a list
    return sum(len(cell) for row in rows for cell in row) / max(filled, 1) < 60


def _cells(line: Line) -> list[Segment]:
    cells: list[Segment] = []
    for segment in line.cells:
        if cells and (segment.x0 - cells[-1].x1 < 1.1 * segment.size or _MARKER.fullmatch(cells[-1].text)):
            last = cells[-1]
            cells[-1] = last._replace(
                text=last.text + " " + segment.text, x1=segment.x1, y1=max(last.y1, segment.y1)
            )
        else:
            cells.append(segment)
    return cells


def _spans(cells: Sequence[Segment]) -> list[tuple[float, float]]:
    spans: list[tuple[float, float]] = []
    for cell in sorted(cells, key=lambda c: c.x0):
        if spans and cell.x0 < spans[-1][1]:
            spans[-1] = (spans[-1][0], max(spans[-1][1], cell.x1))
        else:
            spans.append((cell.x0, cell.x1))
    return spans


def _place(cells: Sequence[Segment], columns: Sequence[tuple[float, float]]) -> list[str] | None:
    row = [""] * len(columns)
    starts = [start for start, _ in columns]
    for cell in cells:
        column = bisect(starts, cell.x0) - 1
        if row[column]:
            return None
        row[column] = cell.text
    return row


def _caption_tables(out: Sequence[Region]) -> list[Region]:
    """A caption that begins with “Table” becomes part of the table right over or right under it."""
    kept = list(out)
    for first, second in itertools.pairwise(out):
        caption, table = (first, second) if first.kind == "caption" else (second, first)
        near = second.boxes[0][1] - first.boxes[-1][3] < 2.5 * caption.size
        pair = (caption.kind, table.kind) == ("caption", "table") and "caption" not in table.data
        if near and pair and re.match(r"tab", caption.text, re.IGNORECASE) and caption in kept:
            table.data["caption"] = caption.text
            table.text = f"{caption.text}\n\n{table.text}"
            table.boxes = [*first.boxes, *second.boxes]
            kept.remove(caption)
    return kept


def _join_lists(out: Sequence[Region]) -> list[Region]:
    """List items that follow one another as one list, nested by their indentation."""
    merged: list[Region] = []
    for region in out:
        if region.kind != "list":
            merged.append(region)
            continue
        item = re.sub(r"^[•◦▪▸►‣∙●○■□–—*·]\s+", "- ", region.text)
        last = merged[-1] if merged else None
        if (
            last is not None
            and last.kind == "list"
            and region.boxes[0][1] - last.boxes[-1][3] < 2.5 * region.size
        ):
            depth = round((region.boxes[0][0] - last.boxes[0][0]) / (1.5 * (region.size or 10)))
            last.text += "\n" + "  " * max(0, min(depth, 3)) + item
            last.boxes += region.boxes
            last.lines += region.lines
        else:
            region.text = item
            merged.append(region)
    return merged


def _continue_over_columns(out: Sequence[Region]) -> list[Region]:
    """A paragraph that goes on in the next column as one."""
    merged: list[Region] = []
    for region in out:
        last = merged[-1] if merged else None
        if (
            last is not None
            and last.kind == region.kind == "text"
            and region.boxes[0][1] < last.boxes[-1][1]
            and abs(region.size - last.size) < 0.1 * last.size
            and not re.search(r"[.!?:;]['”)\]]*$", last.text)
            and region.text[:1].islower()
        ):
            last.text = dehyphenated([last.text, region.text], lambda _: False)
            last.boxes += region.boxes
            last.lines += region.lines
        else:
            merged.append(region)
    return merged
