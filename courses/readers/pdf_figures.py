"""Figures on a PDF page: pictures, and drawings made of lines, each with its caption."""

from __future__ import annotations

import ctypes
import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import pypdfium2
import pypdfium2.raw as pdfium

from courses.readers.figures import MAX_PIXELS, Asset
from courses.readers.layout import Region
from courses.readers.pdf_text import Box, View

if TYPE_CHECKING:
    from PIL.Image import Image

MIN_FIGURE = 36  # points of a figure's shorter side
MAX_OBJECTS = 20_000
APART = 40  # points between the parts of one drawing, and between it and its caption
SCALE = 2.0  # pixels a point of a drawing
LONGEST = 2_000  # pixels of a drawing's longer side


def pictures(page: pypdfium2.PdfPage, view: View) -> Iterator[tuple[Box, pypdfium2.PdfImage]]:
    """Pictures on the page that are large enough to be figures, with their shown boxes."""
    if not any(
        pdfium.FPDFPageObj_GetType(pdfium.FPDFPage_GetObject(page.raw, i))
        in (pdfium.FPDF_PAGEOBJ_IMAGE, pdfium.FPDF_PAGEOBJ_FORM)
        for i in range(min(pdfium.FPDFPage_CountObjects(page.raw), 20_000))
    ):
        return
    for image in page.get_objects(filter=[pdfium.FPDF_PAGEOBJ_IMAGE], max_depth=4):
        if not isinstance(image, pypdfium2.PdfImage):
            continue
        try:
            box = view.shown(*image.get_bounds())
            width, height = image.get_px_size()
        except pypdfium2.PdfiumError:
            continue
        box = max(box[0], 0), max(box[1], 0), min(box[2], view.width), min(box[3], view.height)
        if min(box[2] - box[0], box[3] - box[1]) >= MIN_FIGURE and width * height <= MAX_PIXELS:
            yield box, image


def place(found: list[Region], kept: Sequence[tuple[Box, Asset | None]], body: float) -> list[Region]:
    """Each picture as a region with the caption that stands under (or else over) it, placed at its caption."""
    for box, asset in kept:
        if asset is None:
            continue
        near = [r for r in found if _may_be_caption(r, box, body) and not r.data.get("asset")]
        caption = min(near, key=lambda r: _distance(r, box)) if near else None
        if caption is not None:
            found = illustrate(found, caption, box, asset)
            continue
        index = next(
            (
                i
                for i, r in enumerate(found)
                if r.boxes[0][1] >= box[3] - 4 and r.boxes[0][0] < box[2] and r.boxes[0][2] > box[0]
            ),
            len(found),
        )
        found.insert(index, Region("figure", "[Figure]", [box], data=_data(asset)))
    return found


def _may_be_caption(region: Region, box: Box, body: float) -> bool:
    """True for what calls itself a caption near the picture, and for small print right under it."""
    distance = _distance(region, box)
    return (region.kind == "caption" and distance < 80) or (
        region.kind == "text"
        and distance < 24
        and region.size < 0.92 * body
        and region.boxes[0][1] >= box[3] - 6
    )


def _distance(region: Region, box: Box) -> float:
    x0, x1 = min(b[0] for b in region.boxes), max(b[2] for b in region.boxes)
    if x1 < box[0] or x0 > box[2]:
        return 1e9
    under, over = region.boxes[0][1] - box[3], box[1] - region.boxes[-1][3]
    return under if under >= -6 else over + 5 if over >= -6 else 1e9


def illustrate(found: Sequence[Region], caption: Region, box: Box, asset: Asset) -> list[Region]:
    """The caption as the figure's region; text inside the figure is part of the picture."""
    caption.kind, caption.data = "figure", _data(asset)
    caption.boxes = [box, *caption.boxes]
    return [region for region in found if region is caption or not _is_inside(region, box)]


def _data(asset: Asset) -> dict[str, object]:
    return {"asset": asset.name, "width": asset.width, "height": asset.height}


def _is_inside(region: Region, box: Box) -> bool:
    return region.kind != "figure" and all(
        box[0] - 3 <= x0 and x1 <= box[2] + 3 and box[1] - 3 <= y0 and y1 <= box[3] + 3
        for x0, y0, x1, y1 in region.boxes
    )


def captions_a_drawing(region: Region) -> bool:
    """True for the caption of a figure for which no picture was found."""
    return region.kind == "caption" and bool(re.match(r"fig|abb", region.text, re.IGNORECASE))


def drawn(page: pypdfium2.PdfPage, view: View) -> list[Box]:
    """The shown boxes of what is drawn on the page with lines and areas, without page-wide rules and backgrounds."""
    left, bottom, right, top = (ctypes.c_float() for _ in range(4))
    boxes = []
    for index in range(min(pdfium.FPDFPage_CountObjects(page.raw), MAX_OBJECTS)):
        item = pdfium.FPDFPage_GetObject(page.raw, index)
        kinds = (pdfium.FPDF_PAGEOBJ_PATH, pdfium.FPDF_PAGEOBJ_SHADING, pdfium.FPDF_PAGEOBJ_FORM)
        if pdfium.FPDFPageObj_GetType(item) not in kinds:
            continue
        if not pdfium.FPDFPageObj_GetBounds(item, left, bottom, right, top):
            continue
        box = view.shown(left.value, bottom.value, right.value, top.value)
        width, height = box[2] - box[0], box[3] - box[1]
        wide, high = width > 0.75 * view.width, height > 0.75 * view.height
        if not (wide and (high or height < 3)) and not (high and width < 3):
            boxes.append(box)
    return boxes


def drawing(caption: Region, found: Sequence[Region], lines: Sequence[Box], view: View) -> Box | None:
    """The box of the drawing that stands over the caption, its labels included; None where none does."""
    x0, x1 = min(box[0] for box in caption.boxes), max(box[2] for box in caption.boxes)
    top, parts = caption.boxes[0][1], list[Box]()
    for box in sorted(lines, key=lambda box: -box[3]):
        if box[3] > caption.boxes[0][1] + 4 or box[2] < x0 - 60 or box[0] > x1 + 60:
            continue
        if top - box[3] > APART:
            break
        parts.append(box)
        top = min(top, box[1])
    if len(parts) < 3:
        return None
    area = (
        min(b[0] for b in parts),
        min(b[1] for b in parts),
        max(b[2] for b in parts),
        max(b[3] for b in parts),
    )
    if min(area[2] - area[0], area[3] - area[1]) < MIN_FIGURE:
        return None
    if any(r.kind == "table" and _is_inside(r, area) for r in found):
        return None  # the rules of a table
    if sum(len(r.text) for r in found if _is_inside(r, area)) > 600:
        return None  # a frame around text
    labels = [b for r in found if r is not caption and len(r.text) < 60 for b in r.boxes if _touches(b, area)]
    boxes = [area, *labels]
    return (
        max(0.0, min(b[0] for b in boxes) - 2),
        max(0.0, min(b[1] for b in boxes) - 2),
        min(view.width, max(b[2] for b in boxes) + 2),
        min(view.height, max(b[3] for b in boxes) + 2, caption.boxes[0][1]),
    )


def _touches(box: Box, area: Box) -> bool:
    return box[0] < area[2] + 14 and box[2] > area[0] - 14 and box[1] < area[3] + 14 and box[3] > area[1] - 14


def rendered(page: pypdfium2.PdfPage, view: View, box: Box) -> Image | None:
    """A part of the page as a picture."""
    crop = box[0], view.height - box[3], view.width - box[2], box[1]
    scale = min(SCALE, LONGEST / max(box[2] - box[0], box[3] - box[1], 1))
    try:
        image: Image = page.render(scale=scale, crop=crop, may_draw_forms=False).to_pil()
    except (pypdfium2.PdfiumError, ValueError, MemoryError):
        return None
    return image
