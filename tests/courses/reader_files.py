"""Makes files of every kind that readers read, and of the kinds that they must refuse, at test time."""

from __future__ import annotations

import io
import json
import math
import shutil
import struct
import subprocess
import wave
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

OMML = "http://schemas.openxmlformats.org/officeDocument/2006/math"
FILLER = (
    "Reading order matters because retrieval cannot repair sentences that were torn apart. A paragraph that fills "
    "several lines of a narrow column shows whether lines were put together properly, column by column."
)
SPOKEN = "The median is the middle value of a sorted list. It does not move when one reading is wrong."


def pdf(
    path: Path, pages: Sequence[Sequence[tuple[str, float]]], *, title: str = "", password: str = ""
) -> Path:
    """Pages of (line, size), from the top; a running header and a page number stand on each where there are four
    or more."""
    from reportlab.lib.pdfencrypt import StandardEncryption
    from reportlab.pdfgen.canvas import Canvas

    encryption = StandardEncryption(password, canPrint=0) if password else None
    canvas = Canvas(str(path), pagesize=(595, 842), encrypt=encryption)
    if title:
        canvas.setTitle(title)
    for number, lines in enumerate(pages, start=1):
        if len(pages) > 3:
            canvas.setFont("Helvetica", 8)
            canvas.drawString(72, 810, "Signals and Noise, winter term")
            canvas.drawString(290, 30, str(number))
        y = 770.0
        for line, size in lines:
            canvas.setFont("Helvetica", size)
            y -= size * 1.3
            canvas.drawString(72, y, line)
            y -= size * 0.9 if size > 12 or not line else 0
        canvas.showPage()
    canvas.save()
    return path


def two_column_pdf(path: Path) -> Path:
    """A title over two columns of running text, drawn line by line across both columns."""
    from reportlab.pdfgen.canvas import Canvas

    canvas = Canvas(str(path), pagesize=(595, 842))
    canvas.setFont("Helvetica-Bold", 18)
    canvas.drawString(72, 780, "A title that stands over both of the columns")
    canvas.setFont("Helvetica", 10)
    left = wrapped("LEFT begins here. " + FILLER + " The implemen-", 44)
    right = wrapped("tation goes on in the RIGHT column. " + FILLER, 44)
    for row in range(max(len(left), len(right))):
        if row < len(left):
            canvas.drawString(60, 740 - 13 * row, left[row])
        if row < len(right):
            canvas.drawString(320, 740 - 13 * row, right[row])
    canvas.save()
    return path


def wrapped(text: str, width: int) -> list[str]:
    """Text in lines of at most `width` characters."""
    import textwrap

    return textwrap.wrap(text, width, break_on_hyphens=False)


def figure_pdf(path: Path) -> Path:
    """A page with a table, a formula with an exponent, and a picture with its caption."""
    from reportlab.lib.utils import ImageReader
    from reportlab.pdfgen.canvas import Canvas

    canvas = Canvas(str(path), pagesize=(595, 842))
    canvas.setFont("Helvetica", 11)
    for row, line in enumerate(wrapped(FILLER, 80)):
        canvas.drawString(72, 780 - 14 * row, line)
    for row, cells in enumerate(
        [("Method", "Error", "Seconds"), ("Mean", "0.91", "3"), ("Median", "0.35", "4")]
    ):
        for column, cell in enumerate(cells):
            canvas.drawString(72 + 120 * column, 690 - 16 * row, cell)
    text = canvas.beginText(250, 600)
    text.textOut("E = mc")
    text.setRise(5)
    text.setFont("Helvetica", 7)
    text.textOut("2")
    canvas.drawText(text)
    canvas.drawImage(ImageReader(io.BytesIO(picture())), 150, 380, 240, 160)
    canvas.setFont("Helvetica", 11)
    canvas.drawString(150, 360, "Figure 1: Noise, as the camera saw it.")
    canvas.save()
    return path


def drawn_pdf(path: Path) -> Path:
    """A page with a plot that is drawn with lines, labelled, over its caption."""
    from reportlab.pdfgen.canvas import Canvas

    canvas = Canvas(str(path), pagesize=(595, 842))
    canvas.setFont("Helvetica", 11)
    for row, line in enumerate(wrapped(FILLER, 80)):
        canvas.drawString(72, 780 - 14 * row, line)
    canvas.line(150, 500, 400, 500)
    canvas.line(150, 500, 150, 650)
    for step in range(24):
        canvas.line(150 + 10 * step, 500 + 5 * step, 160 + 10 * step, 505 + 5 * step)
    canvas.setFont("Helvetica", 8)
    canvas.drawString(260, 486, "time in s")
    canvas.setFont("Helvetica", 11)
    canvas.drawString(150, 460, "Figure 2: A signal that grows.")
    canvas.drawString(72, 430, "The text goes on under the figure.")
    canvas.save()
    return path


def scanned_pdf(path: Path, lines: Sequence[str]) -> Path:
    """One page that is a picture of text."""
    from PIL import Image, ImageDraw, ImageFont

    page = Image.new("L", (1240, 1754), 255)
    draw = ImageDraw.Draw(page)
    font = ImageFont.load_default(34)
    for row, line in enumerate(lines):
        draw.text((150, 200 + 60 * row), line, fill=0, font=font)
    page.save(path, "PDF", resolution=150)
    return path


def nested_filter_pdf(path: Path, megabytes: int = 700) -> Path:
    """A page whose content stream unpacks, through two filters, to `megabytes` MB of drawing instructions."""
    piece = zlib.compressobj(9)
    once = b"".join(piece.compress(b"0 0 m " * 174_763) for _ in range(megabytes)) + piece.flush()
    data = zlib.compress(once, 9)
    return _raw_pdf(path, b"<< /Length %d /Filter [/FlateDecode /FlateDecode] >>" % len(data), data)


def pixel_bomb_pdf(path: Path) -> Path:
    """A page with a picture of 60,000 by 60,000 pixels in a few kilobytes."""
    data = zlib.compress(b"\0" * 1_000_000, 9)
    image = (
        (
            b"<< /Type /XObject /Subtype /Image /Width 60000 /Height 60000 /ColorSpace /DeviceGray /BitsPerComponent 8 "
            b"/Length %d /Filter /FlateDecode >>\nstream\n" % len(data)
        )
        + data
        + b"\nendstream"
    )
    content = b"BT /F1 12 Tf 72 700 Td (The text beside the picture is read all the same.) Tj ET q 400 0 0 400 72 200 cm /Im Do Q"
    return _raw_pdf(path, b"<< /Length %d >>" % len(content), content, image)


def _raw_pdf(path: Path, dictionary: bytes, content: bytes, image: bytes = b"") -> Path:
    resources = b"<< /Font << /F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >>"
    resources += b" /XObject << /Im 5 0 R >> >>" if image else b" >>"
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources "
        + resources
        + b" >>",
        dictionary + b"\nstream\n" + content + b"\nendstream",
    ] + ([image] if image else [])
    out = b"%PDF-1.4\n"
    offsets = []
    for number, body in enumerate(objects, start=1):
        offsets.append(len(out))
        out += b"%d 0 obj\n" % number + body + b"\nendobj\n"
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    out += b"trailer << /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF" % (len(objects) + 1, start)
    path.write_bytes(out)
    return path


def picture(size: tuple[int, int] = (240, 160)) -> bytes:
    """A PNG of noise."""
    from PIL import Image

    out = io.BytesIO()
    Image.effect_noise(size, 60).save(out, "PNG")
    return out.getvalue()


def formula(inner: str) -> Any:
    """An m:oMath element."""
    from lxml import etree

    return etree.fromstring(f'<m:oMath xmlns:m="{OMML}">{inner}</m:oMath>')


FRACTION = (
    "<m:f><m:num><m:r><m:t>a</m:t></m:r></m:num><m:den><m:r><m:t>b</m:t></m:r></m:den></m:f><m:r><m:t>=</m:t></m:r>"
    "<m:sSup><m:e><m:r><m:t>σ</m:t></m:r></m:e><m:sup><m:r><m:t>2</m:t></m:r></m:sup></m:sSup>"
)


def pptx(path: Path) -> Path:
    """Two slides: title, bullets, an equation, two columns, a table, a picture and notes."""
    from pptx import Presentation
    from pptx.util import Inches

    deck = Presentation()
    slide = deck.slides.add_slide(deck.slide_layouts[1])
    slide.shapes.title.text = "The median"
    body = slide.placeholders[1].text_frame
    body.text = "Sort the readings."
    nested = body.add_paragraph()
    nested.text = "Take the middle one."
    nested.level = 1
    body.add_paragraph()._p.append(formula(FRACTION))
    slide.notes_slide.notes_text_frame.text = "Ask who has used a median before."
    slide = deck.slides.add_slide(deck.slide_layouts[5])
    slide.shapes.title.text = "A comparison"
    for text, left, top in (
        ("third", 5.2, 1.5),
        ("first", 0.5, 1.6),
        ("fourth", 5.2, 2.6),
        ("second", 0.5, 2.7),
    ):
        slide.shapes.add_textbox(Inches(left), Inches(top), Inches(3), Inches(0.6)).text_frame.text = text
    table = slide.shapes.add_table(2, 2, Inches(0.5), Inches(4), Inches(4), Inches(1)).table
    for row, cells in enumerate([("Estimator", "Breakdown"), ("Mean", "0 | none")]):
        for column, cell in enumerate(cells):
            table.cell(row, column).text = cell
    shape = slide.shapes.add_picture(io.BytesIO(picture()), Inches(5.2), Inches(4), Inches(2), Inches(1.4))
    shape._element.nvPicPr.cNvPr.set("descr", "Noise of a camera")
    deck.save(str(path))
    return path


def docx(path: Path) -> Path:
    """Headings, a paragraph with a superscript, nested bullets, a merged table, an equation, a picture, code."""
    from docx import Document

    document = Document()
    document.add_heading("Robust statistics", 0)
    document.add_heading("Medians", 1)
    paragraph = document.add_paragraph("The area is r")
    paragraph.add_run("2").font.superscript = True
    paragraph.add_run(" times pi.")
    for text, style in (
        ("outer", "List Bullet"),
        ("inner", "List Bullet 2"),
        ("one", "List Number"),
        ("two", "List Number"),
    ):
        document.add_paragraph(text, style=style)
    document.add_heading("Details", 2)
    table = document.add_table(rows=2, cols=3)
    for column, text in enumerate(("a", "b", "c")):
        table.cell(0, column).text = text
    table.cell(1, 0).merge(table.cell(1, 1)).text = "wide"
    table.cell(1, 2).text = "last"
    document.add_paragraph()._p.append(formula(FRACTION))
    document.add_picture(io.BytesIO(picture()))
    document.add_paragraph("Figure 1: What the sensor sees", style="Caption")
    for line in ("def middle(xs):", "    return sorted(xs)[len(xs) // 2]"):
        document.add_paragraph().add_run(line).font.name = "Courier New"
    document.save(str(path))
    return path


def rewritten(source: Path, target: Path, changes: dict[str, bytes]) -> Path:
    """A copy of a zip file with some of its parts replaced or added."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as new:
        for entry in old.infolist():
            if entry.filename not in changes:
                new.writestr(entry, old.read(entry))
        for name, data in changes.items():
            new.writestr(name, data)
    return target


def zip_bomb(source: Path, target: Path, megabytes: int = 300) -> Path:
    """A copy of a DOCX or PPTX whose main part unpacks to spaces without end."""
    name = "word/document.xml" if source.suffix == ".docx" else "ppt/presentation.xml"
    return rewritten(source, target, {name: b"<x>" + b" " * (megabytes << 20) + b"</x>"})


def entity_bomb(name: str = "document", namespace: str = "") -> bytes:
    """XML whose entities multiply to gigabytes."""
    tens = [f"&l{n};" * 10 for n in range(11)]
    entities = "".join(f'<!ENTITY l{n} "{ten}">' for n, ten in enumerate(tens, start=1))
    return (
        f'<?xml version="1.0"?><!DOCTYPE {name} [<!ENTITY l0 "lol">{entities}]>'
        f'<{name} xmlns="{namespace}"><content>&l11;</content></{name}>'
    ).encode()


def ole(path: Path, stream: str) -> Path:
    """The beginning of an old or encrypted Office file with one stream of this name."""
    path.write_bytes(
        bytes.fromhex("d0cf11e0a1b11ae1") + b"\0" * 1000 + stream.encode("utf-16-le") + b"\0" * 500
    )
    return path


def notebook(path: Path) -> Path:
    """Markdown, code with a printed result, a picture, and an error."""
    import base64

    png = base64.b64encode(picture()).decode()
    cells = [
        {
            "cell_type": "markdown",
            "source": ["# Medians\n", "\n", "The median of $n$ numbers."],
            "metadata": {},
        },
        {
            "cell_type": "code",
            "source": "sorted([3, 1, 2])[1]",
            "outputs": [{"output_type": "execute_result", "data": {"text/plain": ["2"]}}],
        },
        {"cell_type": "markdown", "source": "## Pictures", "metadata": {}},
        {
            "cell_type": "code",
            "source": "plot()",
            "outputs": [
                {
                    "output_type": "display_data",
                    "data": {"image/png": png, "text/plain": "<Figure size 640x480>"},
                },
                {
                    "output_type": "error",
                    "ename": "NameError",
                    "evalue": "plot",
                    "traceback": ["\x1b[31mlong\x1b[0m"],
                },
            ],
        },
    ]
    path.write_text(json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells}))
    return path


def tone(path: Path, seconds: float = 2.0, level: float = 0.0) -> Path:
    """A WAV of a tone, or of silence."""
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(16_000)
        samples = (round(level * 20_000 * math.sin(i * 0.17)) for i in range(round(seconds * 16_000)))
        out.writeframes(b"".join(struct.pack("<h", sample) for sample in samples))
    return path


def speech(path: Path, text: str = SPOKEN) -> Path | None:
    """A WAV of synthesised speech; None where no synthesiser is installed."""
    program = shutil.which("espeak-ng") or shutil.which("espeak")
    if program is None:
        return None
    subprocess.run(
        [program, "-v", "en-us", "-s", "140", "-w", str(path), text], check=True, capture_output=True
    )
    return path


def silent_film(path: Path) -> Path:
    """A video without a sound track."""
    import av
    import numpy as np

    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        for shade in range(10):
            frame = av.VideoFrame.from_ndarray(
                np.full((64, 64, 3), 20 * shade, dtype=np.uint8), format="rgb24"
            )
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path
