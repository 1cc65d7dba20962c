"""PDF: text with the page and the boxes of its lines, figures, and text recognition for scanned pages.

Boxes are [x0, y0, x1, y1] in points of the page's user space, y up, as PDF viewers convert them.
"""

from __future__ import annotations

import re
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from statistics import median
from typing import Any

import pypdfium2
import pypdfium2.raw as pdfium

from courses.readers import layout, pdf_figures
from courses.readers.columns import page_lines
from courses.readers.figures import Asset, Figures
from courses.readers.layout import Region
from courses.readers.parts import Block, Part, UnreadableFile
from courses.readers.pdf_text import Box, PageText, Segment, View

EDGE = 0.14  # the share of a page, at its top and bottom, in which running headers and footers stand
NEIGHBOURS = 2  # pages before and after that are compared to find running headers and footers
SAMPLE = 24  # pages whose character sizes tell which is that of running text
OCR_SIDE = 1600  # pixels of the longer side of a page that is recognised
_WORD = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")
_PAGE_NUMBER = re.compile(
    r"[-–—|\s]*(?:page\s*)?(?:\d{1,4}|[ivxl]{1,6})(?:\s*(?:/|of|von|de)\s*\d{1,4})?[-–—|\s]*", re.IGNORECASE
)
_UNKNOWN = re.compile(r"[\ufffd\ue000-\uf8ff\x00-\x1f]")
LEAST_TEXT = 12  # a page with fewer characters and a picture on it is taken for a scan


@dataclass
class _Page:
    number: int
    view: View
    segments: list[Segment]
    pictures: list[tuple[Box, Asset | None]] = field(default_factory=list)
    ocr: bool = False

    @cached_property
    def edges(self) -> list[tuple[str, float]]:
        """(text without its numbers, top) of what stands near the upper and the lower edge."""
        return [
            (_shape(segment.text), segment.y0)
            for segment in self.segments
            if segment.y1 < EDGE * self.view.height or segment.y0 > (1 - EDGE) * self.view.height
        ]


def read(path: Path, assets: Path) -> Iterator[Part]:
    """A part a page. Running headers, footers and page numbers are dropped; headings are told by the bookmarks, by
    size and by weight."""
    try:
        document = pypdfium2.PdfDocument(path)
    except pypdfium2.PdfiumError as error:
        raise UnreadableFile(_refusal(str(error))) from error
    try:
        yield from _Reader(document, Figures(assets)).parts()
    finally:
        document.close()


def _refusal(message: str) -> str:
    if "password" in message.lower():
        return (
            "The PDF is protected by a password. Remove the password (print it to a new PDF) and upload that."
        )
    if "security" in message.lower():
        return "The PDF is encrypted in a way that cannot be opened. Print it to a new PDF and upload that."
    return (
        "The PDF is damaged or was not copied completely. Open it in a PDF viewer, save or print it to a new PDF and "
        "upload that."
    )


class _Reader:
    def __init__(self, document: pypdfium2.PdfDocument, figures: Figures) -> None:
        self.document, self.figures = document, figures
        self.pages = len(document)
        self.words: set[str] = set()
        self.seen: Counter[tuple[int, int, int]] = Counter()
        self.bookmarks = self._bookmarks()
        self.body, self.levels = 10.0, list[float]()
        self.below_title = 0  # 1 where a title stands above what the bookmarks list

    def parts(self) -> Iterator[Part]:
        """A part a page, one page late: its last sentence may go on on the next."""
        if not self.pages:
            raise UnreadableFile("The PDF has no pages. Export it again and upload the new copy.")
        self._measure()
        held: tuple[_Page, list[Region]] | None = None
        empty = True
        for page, found in self._pages():
            if held:
                _carry_over(held[1], found, self.body, self.words.__contains__)
                part = self._part(*held)
                empty = empty and not part.blocks
                yield part
            held = page, found
        if held and (last := self._part(*held)) and (last.blocks or not empty):
            yield last
        else:
            raise UnreadableFile(
                "No text was found on any page, and none could be recognised in its pictures. If it is a scan, scan it "
                "again upright and with more contrast."
            )

    def _pages(self) -> Iterator[tuple[_Page, list[Region]]]:
        """Each page with its regions, compared with the pages around it."""
        window: deque[_Page] = deque(maxlen=2 * NEIGHBOURS + 1)
        for index in range(self.pages + NEIGHBOURS):
            if index < self.pages:
                window.append(self._page(index))
            number = index - NEIGHBOURS + 1
            for page in [page for page in window if page.number == number]:
                near = [other for other in window if abs(other.number - number) <= NEIGHBOURS]
                yield page, self._regions(page, near)

    def _part(self, page: _Page, found: Sequence[Region]) -> Part:
        blocks = self._blocks(page, found)
        if page.number > 1:
            return Part(blocks, page.number / self.pages)
        title = self._title() or _likely_title(blocks)
        meta: dict[str, Any] = {"pages": self.pages}
        return Part(blocks, 1 / self.pages, meta | ({"title": title} if title else {}))

    def _title(self) -> str:
        title = str(self.document.get_metadata_value("Title") or "").strip()
        poor = re.search(
            r"untitled|^microsoft|\.(docx?|pptx?|tex|dvi|indd|pdf)$|^(document|slide|presentation)\s*\d*$",
            title,
            re.IGNORECASE,
        )
        return "" if poor or len(title) < 3 else title

    def _bookmarks(self) -> dict[int, list[tuple[str, int]]]:
        """Page index -> (title without white space, level) of the bookmarks that lead there."""
        found: dict[int, list[tuple[str, int]]] = {}
        try:
            for count, item in enumerate(self.document.get_toc(max_depth=6)):
                if count > 20_000:
                    break
                target = item.get_dest()
                page = target.get_index() if target is not None else None
                if page is not None and (title := _squeezed(item.get_title())):
                    found.setdefault(page, []).append((title, item.level + 1))
        except (pypdfium2.PdfiumError, ValueError):
            return {}
        return found

    def _measure(self) -> None:
        """Find the size of running text and the sizes of headings on a sample of pages."""
        sizes: Counter[float] = Counter()
        step = max(1, self.pages // SAMPLE)
        for index in range(0, self.pages, step):
            for segment in self._segments(index)[1]:
                sizes[round(segment.size * 2) / 2] += len(segment.text)
        if not sizes:
            return
        self.body = sizes.most_common(1)[0][0]
        larger = sorted((size for size in sizes if size > 1.15 * self.body), reverse=True)
        merged: list[float] = []
        for size in larger:
            if not merged or size < 0.93 * merged[-1]:
                merged.append(size)
        self.levels = merged
        first = max(self._segments(0)[1], key=lambda segment: segment.size, default=None)
        if first and first.size > 1.3 * self.body and self.bookmarks:
            listed = {title for titles in self.bookmarks.values() for title, _ in titles}
            self.below_title = int(not any(title in _squeezed(first.text) for title in listed))

    def _segments(self, index: int) -> tuple[View, list[Segment]]:
        page = self._load(index)
        if page is None:
            return View(0, 0, 1, 1, 0), []
        try:
            view = _view(page)
            text = PageText(page.raw, view)
            try:
                return view, list(text.segments())
            finally:
                text.close()
        finally:
            page.close()

    def _load(self, index: int) -> pypdfium2.PdfPage | None:
        try:
            return self.document.get_page(index)
        except pypdfium2.PdfiumError:
            return None  # one damaged page does not cost the others

    def _page(self, index: int) -> _Page:
        page = self._load(index)
        if page is None:
            return _Page(index + 1, View(0, 0, 1, 1, 0), [])
        try:
            view = _view(page)
            text = PageText(page.raw, view)
            try:
                segments = list(text.segments())
            finally:
                text.close()
            segments = [
                s for s in segments if s.x1 > 0 and s.y1 > 0 and s.x0 < view.width and s.y0 < view.height
            ]
            boxes = list(pdf_figures.pictures(page, view))
            characters = sum(len(segment.text) for segment in segments)
            ocr = False
            if _is_scan(segments, characters, [box for box, _ in boxes], view):
                recognised = self._recognise(page, view)
                if sum(len(segment.text) for segment in recognised) > characters / 2:
                    segments, ocr = recognised, True
            area = view.width * view.height
            pictures = [
                (box, self._keep(image, index))
                for box, image in boxes
                if (box[2] - box[0]) * (box[3] - box[1]) < 0.9 * area or (not ocr and characters < LEAST_TEXT)
            ]
            self.words.update(_WORD.findall("\n".join(segment.text for segment in segments)))
            return _Page(index + 1, view, segments, pictures, ocr)
        finally:
            page.close()

    def _recognise(self, page: pypdfium2.PdfPage, view: View) -> list[Segment]:
        from courses.readers.ocr import recognise

        scale = min(OCR_SIDE / max(view.width, view.height, 1), 6.0)
        try:
            image = page.render(scale=scale, may_draw_forms=False).to_pil()
        except (pypdfium2.PdfiumError, ValueError, MemoryError):
            return []
        return recognise(image, scale)

    def _keep(self, image: pypdfium2.PdfImage, index: int) -> Asset | None:
        width, height = image.get_px_size()
        length = pdfium.FPDFImageObj_GetImageDataRaw(image, None, 0)
        self.seen[width, height, length] += 1
        if self.seen[width, height, length] > 1:
            return None
        try:
            picture = image.get_bitmap(render=True).to_pil()
            if picture.size[0] < width / 2:
                picture = image.get_bitmap(render=False).to_pil()
        except (pypdfium2.PdfiumError, ValueError, MemoryError):
            return None
        return self.figures.save_image(picture, f"page-{index + 1}")

    def _regions(self, page: _Page, window: Sequence[_Page]) -> list[Region]:
        body = median(s.size for s in page.segments) if page.ocr else self.body
        segments = [segment for segment in page.segments if not _is_running(segment, page, window, body)]
        found = layout.regions(page_lines(segments), body, self.words.__contains__)
        found = pdf_figures.place(found, page.pictures, body)
        return self._with_drawings(found, page)

    def _with_drawings(self, found: list[Region], page: _Page) -> list[Region]:
        """Captions of figures that are drawn with lines get the drawing as a picture; its labels are part of it."""
        captions = [region for region in found if pdf_figures.captions_a_drawing(region)]
        source = self._load(page.number - 1) if captions and not page.ocr else None
        if source is None:
            return found
        try:
            lines = pdf_figures.drawn(source, page.view)
            for caption in captions:
                box = pdf_figures.drawing(caption, found, lines, page.view)
                image = pdf_figures.rendered(source, page.view, box) if box else None
                asset = self.figures.save_image(image, f"page-{page.number}") if image else None
                if box and asset:
                    found = pdf_figures.illustrate(found, caption, box, asset)
        finally:
            source.close()
        return found

    def _blocks(self, page: _Page, found: Sequence[Region]) -> list[Block]:
        blocks = []
        for region in found:
            level = self._heading(region, page)
            data = {**region.data, **({"ocr": True} if page.ocr else {})}
            kind = "heading" if level else "text" if region.kind == "caption" else region.kind
            boxes = [[round(v, 1) for v in page.view.user(*box)] for box in region.boxes]
            blocks.append(Block(kind, region.text, {"page": page.number, "boxes": boxes}, level, data))
        return blocks

    def _heading(self, region: Region, page: _Page) -> int:
        """The level of a heading; 0 for anything else."""
        text = region.text
        if (
            region.kind != "text"
            or region.lines > 3
            or len(text) > 160
            or not re.search(r"[^\W\d_]{2}", text)
        ):
            return 0
        squeezed = _squeezed(text)
        for title, level in self.bookmarks.get(page.number - 1, []):
            if (
                squeezed == title
                or _squeezed(re.sub(r"^[\dIVX.]+\s+|^(Chapter|Appendix) \w+:?\s+", "", text)) == title
            ):
                return min(level + self.below_title, 6)
        if page.ocr:
            size = region.size / median(segment.size for segment in page.segments)
            return 0 if size < 1.4 or region.lines > 2 or len(text) > 90 else 1 if size > 1.7 else 2
        if text.rstrip()[-1:] in ",;" or (re.search(r"[a-z]\.$", text) and region.size < 1.3 * self.body):
            return 0
        numbered = re.match(r"(\d+(?:\.\d+)*)\.?\s+\S", text)
        if region.size > 1.15 * self.body:
            rank = next(
                (i for i, size in enumerate(self.levels) if region.size >= 0.96 * size), len(self.levels)
            )
            return min(rank + 1, 6)
        if region.bold and region.lines <= 2 and len(text) < 100 and region.size >= 0.94 * self.body:
            return min(numbered[1].count(".") + 2 if numbered else len(self.levels) + 1, 6)
        return 0


def _carry_over(
    last: Sequence[Region], found: list[Region], body: float, known: Callable[[str], bool]
) -> None:
    """Move the end of a sentence from the top of a page to the page on which it begins."""
    above = next((r for r in reversed(last) if r.kind == "text" and abs(r.size - body) < 0.08 * body), None)
    below = next((r for r in found if r.kind == "text" and abs(r.size - body) < 0.08 * body), None)
    if above is None or below is None or len(above.text) < 40 or re.search(r"[.!?:;]['”)\]]*$", above.text):
        return
    margin = max(box[2] for region in last for box in region.boxes)
    if not below.text[:1].islower() or above.boxes[-1][2] < 0.85 * margin:
        return
    end = re.search(r"[.!?]['”)\]]*(?=\s+[^\W\da-z])", below.text)
    above.text = layout.dehyphenated([above.text, below.text[: end.end()] if end else below.text], known)
    below.text = below.text[end.end() :].strip() if end else ""
    if not below.text:
        found.remove(below)


def _squeezed(text: str) -> str:
    return re.sub(r"[\W_]+", "", text).casefold()


def _likely_title(blocks: Sequence[Block]) -> str:
    headings = [block for block in blocks if block.kind == "heading"]
    return min(headings, key=lambda block: block.level).text if headings else ""


def _view(page: pypdfium2.PdfPage) -> View:
    left, bottom, right, top = page.get_cropbox()
    media = page.get_mediabox()
    left, bottom, right, top = (
        max(left, media[0]),
        max(bottom, media[1]),
        min(right, media[2]),
        min(top, media[3]),
    )
    if right - left < 1 or top - bottom < 1:
        left, bottom, right, top = media
    return View(left, bottom, right, top, page.get_rotation() % 360)


def _is_scan(segments: Sequence[Segment], characters: int, pictures: Sequence[Box], view: View) -> bool:
    """True where the page's text is in pictures, or where its fonts do not say which characters they show."""
    area = max(view.width * view.height, 1)
    share = sum((box[2] - box[0]) * (box[3] - box[1]) for box in pictures) / area
    if characters < LEAST_TEXT:
        return share > 0.25
    unknown = sum(len(_UNKNOWN.findall(segment.text)) for segment in segments)
    return unknown > 0.3 * characters


def _is_running(line: Segment, page: _Page, window: Sequence[_Page], body: float) -> bool:
    """True for a page number, and for a line at the page's edge that neighbouring pages show at the same height."""
    height = page.view.height
    if (EDGE * height <= line.y1 and line.y0 <= (1 - EDGE) * height) or line.size > 1.3 * body:
        return False
    if _PAGE_NUMBER.fullmatch(line.text.strip()):
        outermost = min(s.y1 for s in page.segments), max(s.y0 for s in page.segments)
        return line.y0 < outermost[0] or line.y1 > outermost[1]
    if len(window) < 2:
        return False
    shape = _shape(line.text)
    same = sum(
        any(edge == shape and abs(y0 - line.y0) < 6 for edge, y0 in other.edges)
        for other in window
        if other is not page
    )
    return same >= min(2, len(window) - 1) and (line.size < 1.05 * body or same >= 3)


def _shape(text: str) -> str:
    return re.sub(r"\d+", "#", re.sub(r"\s+", " ", text.strip()))
