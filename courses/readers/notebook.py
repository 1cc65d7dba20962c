"""Jupyter notebooks."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from courses.readers.figures import Figures
from courses.readers.flow import Flow
from courses.readers.markdown import walk
from courses.readers.parts import Block, Part, UnreadableFile, in_parts
from courses.readers.text import decode

MAX_OUTPUT = 20_000  # characters of one output; a longer one is a log, and is cut
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def read(path: Path, assets: Path) -> Iterator[Part]:
    """Cells in order (anchors count from 1): Markdown with its headings, code, printed results, pictures."""
    try:
        book = json.loads(decode(path.read_bytes()))
    except (json.JSONDecodeError, RecursionError) as error:
        raise UnreadableFile(
            "This notebook is damaged (it is not JSON). Save it again in Jupyter."
        ) from error
    cells = _cells(book)
    language = str(
        _at(book, "metadata", "kernelspec", "language")
        or _at(book, "metadata", "language_info", "name")
        or "python"
    )
    figures, flow, blocks = Figures(assets), Flow(), list[Block]()
    for number, cell in enumerate(cells, start=1):
        source, kind = _text(cell.get("source", cell.get("input", ""))), cell.get("cell_type")
        flow.blocks = []
        if kind == "markdown":
            walk(flow, source)
        elif kind == "heading":
            flow.heading(int(cell.get("level") or 1), source.strip())
        elif kind == "code":
            flow.add("code", source.rstrip(), language=str(cell.get("language") or language))
            for output in cell.get("outputs") or []:
                if isinstance(output, dict):
                    _output(flow, output, figures, number)
        elif kind == "raw":
            flow.say(source)
        blocks += [replace(block, anchor={"cell": number, **block.anchor}) for block in flow.end()]
    if not blocks:
        raise UnreadableFile("This notebook is empty.")
    title = next((block.text for block in blocks if block.kind == "heading" and block.level == 1), "")
    yield from in_parts(blocks, {"cells": len(cells), **({"title": title} if title else {})})


def _cells(book: Any) -> list[dict[str, Any]]:
    cells = book.get("cells") if isinstance(book, dict) else None
    if cells is None and isinstance(book, dict) and isinstance(book.get("worksheets"), list):
        cells = [
            c for sheet in book["worksheets"] if isinstance(sheet, dict) for c in sheet.get("cells") or []
        ]
    if not isinstance(cells, list):
        raise UnreadableFile(
            "This file is not a Jupyter notebook (it has no cells). Save it again in Jupyter."
        )
    return [cell for cell in cells if isinstance(cell, dict)]


def _at(value: Any, *keys: str) -> Any:
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _text(value: Any) -> str:
    return "".join(map(str, value)) if isinstance(value, list) else str(value or "")


def _output(flow: Flow, output: dict[str, Any], figures: Figures, number: int) -> None:
    found = output.get("data")
    data: dict[str, Any] = found if isinstance(found, dict) else output
    if output.get("output_type") == "error":
        flow.add("code", f"{output.get('ename', 'Error')}: {output.get('evalue', '')}", output=True)
        return
    for mime in ("image/png", "image/jpeg", "png", "jpeg"):
        if picture := data.get(mime):
            try:
                asset = figures.save(base64.b64decode(_text(picture)), f"cell-{number}")
            except (binascii.Error, ValueError):
                asset = None
            if asset:
                caption = _text(data.get("text/plain")).strip()
                caption = "" if re.fullmatch(r"<.*>", caption, re.DOTALL) else caption[:200]
                flow.add(
                    "figure",
                    caption or f"Output of cell {number}",
                    asset=asset.name,
                    width=asset.width,
                    height=asset.height,
                    output=True,
                )
                return
    if latex := data.get("text/latex"):
        flow.add("formula", f"$${_text(latex).strip().strip('$').strip()}$$", output=True)
    elif markdown := data.get("text/markdown"):
        walk(flow, _text(markdown))
    else:
        text = _ESCAPES.sub("", _text(output.get("text") or data.get("text/plain"))).rstrip()
        if len(text) > MAX_OUTPUT:
            text = text[:MAX_OUTPUT] + "\n…"
        if text and not re.fullmatch(r"<[\w.]+ at 0x[0-9a-f]+>", text):
            flow.add("code", text, output=True)
