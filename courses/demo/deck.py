"""Slides as a PowerPoint file, with editable Office maths, a drawn diagram and speaker notes."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from datetime import datetime
from html import escape
from pathlib import Path
from typing import Any

from lxml import etree
from pptx import Presentation
from pptx.dml.color import RGBColor
from pptx.enum.shapes import MSO_CONNECTOR, MSO_SHAPE
from pptx.util import Inches, Pt

from courses.demo.figures import png
from courses.demo.formulas import MATH, office_math, readable
from courses.demo.slides import Item, Slide, fragments

INK, ACCENT = RGBColor(0x1F, 0x27, 0x33), RGBColor(0x24, 0x57, 0xA6)
NAMESPACES = (
    'xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006" '
    'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main" '
    'xmlns:a14="http://schemas.microsoft.com/office/drawing/2010/main" '
    f'xmlns:m="{MATH}"'
)
WIDTH, HEIGHT = 13.333, 7.5  # inches
LEFT, INNER = 0.8, 11.7
FIXED = datetime(2026, 1, 5, 9, 0)  # so that two builds of the same sources are the same file


def add_formula(paragraph: Any, tex: str, *, display: bool) -> None:
    """Append Office maths to a paragraph; programs that do not know it show the readable line."""
    body = f"<m:oMath>{office_math(tex)}</m:oMath>"
    body = f"<m:oMathPara>{body}</m:oMathPara>" if display else body
    paragraph._p.append(
        etree.fromstring(
            f'<mc:AlternateContent {NAMESPACES}><mc:Choice Requires="a14"><a14:m>{body}</a14:m></mc:Choice>'
            f'<mc:Fallback><a:r><a:rPr lang="en-GB"/><a:t>{escape(readable(tex))}</a:t></a:r></mc:Fallback></mc:AlternateContent>'
        )
    )


def add_line(frame: Any, item: Item, first: bool) -> None:
    """A bullet, a plain line or a display formula as one paragraph."""
    paragraph = frame.paragraphs[0] if first else frame.add_paragraph()
    paragraph.space_after = Pt(9)
    if item.kind == "formula":
        paragraph.alignment = 2  # centre
        paragraph.font.size = Pt(26)
        add_formula(paragraph, item.text, display=True)
        return
    paragraph.font.size = Pt(21)
    paragraph.font.color.rgb = INK
    if item.kind == "bullet":
        properties = paragraph._p.get_or_add_pPr()
        properties.set("marL", "285750")
        properties.set("indent", "-285750")
        bullet = etree.SubElement(properties, "{http://schemas.openxmlformats.org/drawingml/2006/main}buChar")
        bullet.set("char", "•")
    for is_formula, piece in fragments(item.text):
        if is_formula:
            add_formula(paragraph, piece, display=False)
        else:
            paragraph.add_run().text = piece


def add_table(slide: Any, item: Item, top: float) -> None:
    """A real PowerPoint table with a header row."""
    rows, columns = len(item.rows), len(item.rows[0])
    shape = slide.shapes.add_table(
        rows, columns, Inches(LEFT), Inches(top), Inches(INNER), Inches(0.62 * rows)
    )
    for row, cells in enumerate(item.rows):
        for column, text in enumerate(cells):
            cell = shape.table.cell(row, column)
            cell.text = text
            cell.text_frame.paragraphs[0].font.size = Pt(17)


def add_diagram(slide: Any, caption: str) -> None:
    """The exponential smoother, drawn with shapes and arrows: input, two gains, a sum and a delay."""

    def box(text: str, x: float, y: float, width: float = 1.6) -> Any:
        shape = slide.shapes.add_shape(
            MSO_SHAPE.ROUNDED_RECTANGLE, Inches(x), Inches(y), Inches(width), Inches(0.9)
        )
        shape.fill.solid()
        shape.fill.fore_color.rgb = RGBColor(0xE8, 0xEF, 0xF9)
        shape.line.color.rgb = ACCENT
        shape.text_frame.text = text
        shape.text_frame.paragraphs[0].alignment = 2
        shape.text_frame.paragraphs[0].font.size = Pt(18)
        shape.text_frame.paragraphs[0].font.color.rgb = INK
        return shape

    def arrow(start: Any, start_site: int, end: Any, end_site: int) -> None:
        line = slide.shapes.add_connector(MSO_CONNECTOR.STRAIGHT, 0, 0, 0, 0)
        line.begin_connect(start, start_site)
        line.end_connect(end, end_site)
        line.line.color.rgb = ACCENT
        line.line.width = Pt(2)
        properties = line.line._get_or_add_ln()
        etree.SubElement(
            properties, "{http://schemas.openxmlformats.org/drawingml/2006/main}tailEnd", {"type": "triangle"}
        )

    source = box("input x", 1.0, 2.4)
    gain = box("times α", 4.0, 2.4)
    total = box("+", 7.2, 2.4, 0.9)
    output = box("output y", 10.4, 2.4)
    delay = box("delay by 1 sample", 10.0, 4.5, 2.4)
    back = box("times 1 − α", 6.7, 4.5, 1.9)
    top, left, bottom, right = 0, 1, 2, 3  # connection sites of a rectangle
    arrow(source, right, gain, left)
    arrow(gain, right, total, left)
    arrow(total, right, output, left)
    arrow(output, bottom, delay, top)
    arrow(delay, left, back, right)
    arrow(back, top, total, bottom)
    add_caption(slide, caption, 6.0)


def add_caption(slide: Any, caption: str, top: float) -> None:
    """The words under a picture; top in inches."""
    frame = slide.shapes.add_textbox(Inches(LEFT), Inches(top), Inches(INNER), Inches(0.8)).text_frame
    frame.word_wrap = True
    frame.text = caption
    frame.paragraphs[0].font.size = Pt(15)
    frame.paragraphs[0].font.italic = True


def add_slide(deck: Any, source: Slide) -> None:
    """One slide with its title, its items from top to bottom, and the speaker's notes."""
    slide = deck.slides.add_slide(deck.slide_layouts[5])  # title only
    title = slide.shapes.title
    title.left, title.top, title.width, title.height = Inches(LEFT), Inches(0.4), Inches(INNER), Inches(0.9)
    title.text_frame.text = source.title
    title.text_frame.paragraphs[0].font.size = Pt(34)
    title.text_frame.paragraphs[0].font.bold = True
    title.text_frame.paragraphs[0].font.color.rgb = ACCENT
    title.text_frame.paragraphs[0].alignment = 1  # left
    top = 1.55
    for item in source.items:
        if item.kind == "figure":
            picture = slide.shapes.add_picture(
                io.BytesIO(png(item.name, 9, 3.9)), Inches(2.1), Inches(top), Inches(9)
            )
            picture._element.nvPicPr.cNvPr.set("descr", item.text)
            picture.name = item.name
            top += 4.0
            add_caption(slide, item.text, top)
            top += 0.6
        elif item.kind == "diagram":
            add_diagram(slide, item.text)
        elif item.kind == "table":
            add_table(slide, item, top)
    lines = [item for item in source.items if item.kind in ("bullet", "text", "formula")]
    if lines:
        frame = slide.shapes.add_textbox(
            Inches(LEFT), Inches(top), Inches(INNER), Inches(HEIGHT - top - 0.4)
        ).text_frame
        frame.word_wrap = True
        for index, item in enumerate(lines):
            add_line(frame, item, index == 0)
    if source.notes:
        slide.notes_slide.notes_text_frame.text = source.notes


def write(slides: Sequence[Slide], path: Path, title: str, author: str) -> None:
    """Write the slides as a PPTX, byte for byte the same for the same sources."""
    deck = Presentation()
    deck.slide_width, deck.slide_height = Inches(WIDTH), Inches(HEIGHT)
    properties = deck.core_properties
    properties.title, properties.author, properties.language = title, author, "en-GB"
    properties.created = properties.modified = FIXED
    properties.last_modified_by = author
    for source in slides:
        add_slide(deck, source)
    out = io.BytesIO()
    deck.save(out)
    with zipfile.ZipFile(out) as draft, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as final:
        for entry in draft.infolist():
            final.writestr(
                zipfile.ZipInfo(entry.filename, FIXED.timetuple()[:6]),
                draft.read(entry),
                zipfile.ZIP_DEFLATED,
            )
