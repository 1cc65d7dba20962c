"""Slides as a PDF: text in a real font, formulas as outlines with a readable, invisible text layer over them."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import TextPath
from reportlab.lib.utils import ImageReader
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas

from courses.demo.figures import png
from courses.demo.formulas import readable
from courses.demo.slides import Item, Slide, fragments

WIDTH, HEIGHT, MARGIN = 720.0, 405.0, 44.0  # points; 16:9
TEXT, TITLE, SMALL = 15.5, 25.0, 9.0  # font sizes
LEADING = 22.0
INK, ACCENT, FAINT = (0.12, 0.15, 0.2), (0.14, 0.34, 0.65), (0.45, 0.5, 0.55)
LATO = Path("/usr/share/fonts/truetype/lato")  # Debian's fonts-lato


@dataclass(frozen=True)
class Drawn:
    """A piece of a line: text, or the outline of a formula. width in points."""

    text: str
    width: float
    outline: TextPath | None = None


def fonts() -> None:
    """Register Lato for the text and DejaVu Sans, which knows the mathematical signs, for the text layer of formulas."""
    if not (LATO / "Lato-Regular.ttf").exists():
        raise SystemExit("The demo's slides are set in Lato. Install it first: apt-get install fonts-lato")
    pdfmetrics.registerFont(TTFont("Text", LATO / "Lato-Regular.ttf"))
    pdfmetrics.registerFont(TTFont("Title", LATO / "Lato-Bold.ttf"))
    pdfmetrics.registerFont(TTFont("Maths", Path(matplotlib.get_data_path()) / "fonts/ttf/DejaVuSans.ttf"))
    matplotlib.rcParams["mathtext.fontset"] = "stix"


def formula(tex: str, size: float) -> Drawn:
    """The outline of a formula in points, its baseline at y = 0."""
    outline = TextPath((0, 0), f"${tex}$", size=size, prop=FontProperties(family="STIXGeneral"), usetex=False)
    box = outline.get_extents()
    return Drawn(readable(tex), float(box.x1) + size * 0.06, outline)


def pieces(text: str, size: float, font: str = "Text") -> list[list[Drawn]]:
    """Words of a line; a word may join text and formulas."""
    words: list[list[Drawn]] = [[]]
    for is_formula, piece in fragments(text):
        if is_formula:
            words[-1].append(formula(piece, size * 1.06))
            continue
        for index, word in enumerate(piece.split(" ")):
            if index:
                words.append([])
            if word:
                words[-1].append(Drawn(word, pdfmetrics.stringWidth(word, font, size)))
    return [word for word in words if word]


def draw_piece(canvas: Canvas, piece: Drawn, x: float, y: float, size: float, font: str) -> None:
    """Draw text, or a formula with its invisible text stretched over it."""
    if piece.outline is None:
        canvas.setFont(font, size)
        canvas.drawString(x, y, piece.text)
        return
    path = canvas.beginPath()
    for vertices, code in piece.outline.iter_segments(simplify=False):
        v = [float(value) for value in vertices]
        if code == 1:
            path.moveTo(x + v[0], y + v[1])
        elif code == 2:
            path.lineTo(x + v[0], y + v[1])
            last = v[0], v[1]
        elif code == 3:  # a quadratic curve, written as a cubic one
            a, b = last
            path.curveTo(
                x + a + 2 / 3 * (v[0] - a), y + b + 2 / 3 * (v[1] - b),
                x + v[2] + 2 / 3 * (v[0] - v[2]), y + v[3] + 2 / 3 * (v[1] - v[3]), x + v[2], y + v[3],
            )  # fmt: skip
        elif code == 4:
            path.curveTo(x + v[0], y + v[1], x + v[2], y + v[3], x + v[4], y + v[5])
        elif code == 79:
            path.close()
        last = (v[-2], v[-1])
    canvas.drawPath(path, stroke=0, fill=1)
    layer = canvas.beginText(x, y)
    layer.setFont("Maths", size)
    layer.setTextRenderMode(3)  # invisible: for search, reading aloud and quoting
    natural = pdfmetrics.stringWidth(piece.text, "Maths", size)
    layer.setHorizScale(100 * piece.width / natural if natural else 100)
    layer.textOut(piece.text)
    layer.setHorizScale(100)
    layer.setTextRenderMode(0)
    canvas.drawText(layer)


def draw_words(
    canvas: Canvas, text: str, x: float, y: float, width: float, size: float, font: str = "Text"
) -> float:
    """Draw wrapped text with its first baseline at y; returns the y under it."""
    space = pdfmetrics.stringWidth(" ", font, size)
    at = x
    for word in pieces(text, size, font):
        length = sum(piece.width for piece in word)
        if at > x and at + length > x + width:
            at, y = x, y - LEADING * size / TEXT
        for piece in word:
            draw_piece(canvas, piece, at, y, size, font)
            at += piece.width
        if at + space < x + width:
            canvas.setFont(font, size)
            canvas.drawString(at, y, " ")
        at += space
    return y - LEADING * size / TEXT


def draw_item(canvas: Canvas, item: Item, y: float) -> float:
    """Draw one item with its top at y; returns the y under it."""
    inner = WIDTH - 2 * MARGIN
    canvas.setFillColorRGB(*INK)
    if item.kind == "bullet":
        canvas.setFillColorRGB(*ACCENT)
        canvas.circle(MARGIN + 4, y - 10.5, 2.2, stroke=0, fill=1)
        canvas.setFillColorRGB(*INK)
        return draw_words(canvas, item.text, MARGIN + 16, y - 15, inner - 16, TEXT) + 15 - 7
    if item.kind == "formula":
        drawn = formula(item.text.replace(r"\frac", r"\dfrac"), 22)
        assert drawn.outline is not None
        box = drawn.outline.get_extents()
        baseline = y - 8 - float(box.y1)
        draw_piece(canvas, drawn, (WIDTH - drawn.width) / 2, baseline, 22, "Text")
        return baseline + float(box.y0) - 12
    if item.kind == "figure":
        height = 205.0
        width = height * 2.35
        picture = ImageReader(io.BytesIO(png(item.name, width / 72, height / 72)))
        canvas.drawImage(picture, (WIDTH - width) / 2, y - height, width, height)
        canvas.setFillColorRGB(*FAINT)
        return draw_words(canvas, item.text, MARGIN + 16, y - height - 11, inner - 32, SMALL + 1) + 4
    return draw_words(canvas, item.text, MARGIN, y - 15, inner, TEXT) + 8


def write(slides: Sequence[Slide], path: Path, title: str, author: str) -> None:
    """Write the slides as a PDF, one page each."""
    fonts()
    canvas = Canvas(str(path), pagesize=(WIDTH, HEIGHT), invariant=1, lang="en")
    canvas.setTitle(title)
    canvas.setAuthor(author)
    for number, slide in enumerate(slides, 1):
        canvas.setFillColorRGB(*ACCENT)
        canvas.rect(0, HEIGHT - 6, WIDTH, 6, stroke=0, fill=1)
        canvas.setFillColorRGB(*INK)
        y = draw_words(canvas, slide.title, MARGIN, HEIGHT - 48, WIDTH - 2 * MARGIN, TITLE, "Title") + 12
        for item in slide.items:
            y = draw_item(canvas, item, y)
        if y < 26:
            raise ValueError(
                f"slide {number} ({slide.title!r}) does not fit its page: {26 - y:.0f} points too long"
            )
        canvas.setFillColorRGB(*FAINT)
        canvas.setFont("Text", SMALL)
        canvas.drawString(MARGIN, 18, title)
        canvas.drawRightString(WIDTH - MARGIN, 18, f"{number} / {len(slides)}")
        canvas.bookmarkPage(f"slide{number}")
        canvas.addOutlineEntry(slide.title, f"slide{number}")
        canvas.showPage()
    canvas.save()
