"""PDF, PowerPoint and Word."""

from __future__ import annotations

from pathlib import Path

import pytest

from courses.readers import Block, UnreadableFile, docx, pdf, pptx
from courses.readers.omml import to_latex
from courses.readers.pdf_text import View
from tests.courses import reader_files as files
from tests.courses.test_readers import one


def read_pdf(path: Path) -> list[Block]:
    return [block for part in pdf.read(path, path.parent / "assets") for block in part.blocks]


def test_pdf_pages_headings_and_running_headers(tmp_path: Path) -> None:
    lines = [(line, 11.0) for line in files.wrapped(files.FILLER, 80)]
    pages = [[(f"Lecture part {name}", 18.0), *lines] for name in ("one", "two", "three", "four", "five")]
    parts = list(pdf.read(files.pdf(tmp_path / "a.pdf", pages, title="Noise"), tmp_path))
    assert parts[0].meta == {"pages": 5, "title": "Noise"}
    assert [part.done for part in parts] == [0.2, 0.4, 0.6, 0.8, 1.0]
    for number, (part, name) in enumerate(
        zip(parts, ("one", "two", "three", "four", "five"), strict=True), start=1
    ):
        assert [(b.kind, b.level, b.text) for b in part.blocks] == [
            ("heading", 1, f"Lecture part {name}"),
            ("text", 0, files.FILLER),
        ]
        assert all(b.anchor["page"] == number for b in part.blocks)


def test_pdf_boxes_lie_where_the_lines_are(tmp_path: Path) -> None:
    path = files.pdf(tmp_path / "a.pdf", [[("First line of the page.", 12.0)]])
    (block,) = read_pdf(path)
    ((x0, y0, x1, y1),) = block.anchor["boxes"]
    assert 70 < x0 < 76
    assert 180 < x1 < 220
    assert 750 < y0 < y1 < 768  # points, upwards from the lower edge


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_pdf_boxes_survive_rotation(rotation: int) -> None:
    view = View(10, 20, 610, 820, rotation)
    box = (100.0, 200.0, 300.0, 220.0)
    shown = view.shown(*box)
    assert view.user(*shown) == pytest.approx(box)
    assert 0 <= shown[0] < shown[2] <= view.width
    assert 0 <= shown[1] < shown[3] <= view.height


def test_pdf_columns_are_read_one_after_the_other_and_words_put_together(tmp_path: Path) -> None:
    blocks = read_pdf(files.two_column_pdf(tmp_path / "a.pdf"))
    assert blocks[0].kind == "heading"
    (text,) = [block for block in blocks if block.kind == "text"]
    expected = (
        f"LEFT begins here. {files.FILLER} The implementation goes on in the RIGHT column. {files.FILLER}"
    )
    assert text.text == expected
    assert len({box[0] > 300 for box in text.anchor["boxes"]}) == 2


def test_pdf_tables_exponents_and_captioned_figures(tmp_path: Path) -> None:
    blocks = read_pdf(files.figure_pdf(tmp_path / "a.pdf"))
    table = one(blocks, "table").text.split("\n")
    assert table == [
        "| Method | Error | Seconds |",
        "| --- | --- | --- |",
        "| Mean | 0.91 | 3 |",
        "| Median | 0.35 | 4 |",
    ]
    assert one(blocks, "formula").text == "E = mc^2"
    figure = one(blocks, "figure")
    assert figure.text == "Figure 1: Noise, as the camera saw it."
    assert (tmp_path / "assets" / str(figure.data["asset"])).exists()
    assert figure.anchor["boxes"][0] == [150, 380, 390, 540]


def test_pdf_drawings_become_pictures_with_their_labels(tmp_path: Path) -> None:
    from PIL import Image

    blocks = read_pdf(files.drawn_pdf(tmp_path / "a.pdf"))
    assert [b.text for b in blocks] == [
        files.FILLER,
        "Figure 2: A signal that grows.",
        "The text goes on under the figure.",
    ]
    figure = one(blocks, "figure")
    x0, y0, x1, y1 = figure.anchor["boxes"][0]
    assert (x0, x1) == pytest.approx((148, 402), abs=3)
    assert (y0, y1) == pytest.approx((482, 652), abs=4)
    with Image.open(tmp_path / "assets" / str(figure.data["asset"])) as image:
        assert image.size == pytest.approx((2 * (x1 - x0), 2 * (y1 - y0)), abs=4)


def test_pdf_scans_are_recognised(tmp_path: Path) -> None:
    path = files.scanned_pdf(tmp_path / "a.pdf", ["The median is robust.", "It ignores outliers."])
    (block,) = read_pdf(path)
    assert block.text == "The median is robust. It ignores outliers."
    assert block.data == {"ocr": True}
    assert len(block.anchor["boxes"]) == 2


def test_pdf_with_a_password_says_so(tmp_path: Path) -> None:
    path = files.pdf(tmp_path / "a.pdf", [[("Secret", 12.0)]], password="sesame")
    with pytest.raises(UnreadableFile, match="password"):
        read_pdf(path)


def test_pdf_without_text_says_so(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile, match="No text"):
        read_pdf(files.pdf(tmp_path / "a.pdf", [[]]))


def test_pdf_that_breaks_off_says_so(tmp_path: Path) -> None:
    path = files.pdf(tmp_path / "a.pdf", [[("Hello", 12.0)]])
    path.write_bytes(path.read_bytes()[:60])
    with pytest.raises(UnreadableFile, match="damaged"):
        read_pdf(path)


def test_pptx_slides_in_reading_order_with_notes_and_pictures(tmp_path: Path) -> None:
    parts = list(pptx.read(files.pptx(tmp_path / "a.pptx"), tmp_path / "assets"))
    assert [part.done for part in parts] == [0.5, 1.0]
    assert parts[0].meta == {"slides": 2, "aspect": 1.3333, "title": "The median"}
    assert [(b.kind, b.text) for b in parts[0].blocks] == [
        ("heading", "The median"),
        ("list", "- Sort the readings.\n  - Take the middle one."),
        ("formula", r"$$\frac{a}{b}=\sigma^{2}$$"),
        ("text", "Ask who has used a median before."),
    ]
    assert parts[0].blocks[-1].data == {"notes": True}
    assert all(b.anchor == {"slide": 2} for b in parts[1].blocks)
    assert [b.text for b in parts[1].blocks if b.kind == "text"] == ["first", "second", "third", "fourth"]
    assert (
        one(parts[1].blocks, "table").text
        == "| Estimator | Breakdown |\n| --- | --- |\n| Mean | 0 \\| none |"
    )
    figure = one(parts[1].blocks, "figure")
    assert figure.text == "Noise of a camera"
    assert (tmp_path / "assets" / str(figure.data["asset"])).exists()
    assert all(0 <= share <= 1 for b in parts[1].blocks for share in b.data["box"])


def test_docx_headings_lists_tables_equations_and_code(tmp_path: Path) -> None:
    (part,) = docx.read(files.docx(tmp_path / "a.docx"), tmp_path / "assets")
    assert [(b.kind, b.level, b.text) for b in part.blocks] == [
        ("heading", 1, "Robust statistics"),
        ("heading", 2, "Medians"),
        ("text", 0, "The area is r² times pi."),
        ("list", 0, "- outer\n  - inner\n1. one\n2. two"),
        ("heading", 3, "Details"),
        ("table", 0, "| a | b | c |\n| --- | --- | --- |\n| wide |  | last |"),
        ("formula", 0, r"$$\frac{a}{b}=\sigma^{2}$$"),
        ("figure", 0, "Figure 1: What the sensor sees"),
        ("code", 0, "def middle(xs):\n    return sorted(xs)[len(xs) // 2]"),
    ]
    assert part.blocks[5].anchor == {"path": ["Robust statistics", "Medians", "Details"], "id": "details"}
    assert (tmp_path / "assets" / str(part.blocks[7].data["asset"])).exists()


def test_omml_becomes_latex() -> None:
    def of(inner: str) -> str:
        return to_latex(files.formula(inner))

    def run(text: str) -> str:
        return f"<m:r><m:t>{text}</m:t></m:r>"

    limits = f"<m:sub>{run('i=1')}</m:sub><m:sup>{run('n')}</m:sup><m:e>{run('x')}</m:e>"
    sums = f'<m:nary><m:naryPr><m:chr m:val="∑"/></m:naryPr>{limits}</m:nary>'
    assert of(sums) == r"\sum_{i=1}^{n} x"
    assert of(f"<m:rad><m:deg/><m:e>{run('α+1')}</m:e></m:rad>") == r"\sqrt{\alpha+1}"
    assert of(f"<m:d><m:e>{run('x')}</m:e></m:d>") == "(x)"
    assert of(f"<m:func><m:fName>{run('sin')}</m:fName><m:e>{run('x')}</m:e></m:func>") == r"\sin x"
    assert of(f"<m:sSub><m:e>{run('x')}</m:e><m:sub>{run('i')}</m:sub></m:sSub>") == "x_{i}"
    assert of(f'<m:acc><m:accPr><m:chr m:val="̂"/></m:accPr><m:e>{run("θ")}</m:e></m:acc>') == r"\hat{\theta}"
    assert (
        of(f"<m:m><m:mr><m:e>{run('1')}</m:e><m:e>{run('0')}</m:e></m:mr></m:m>")
        == r"\begin{matrix}1 & 0\end{matrix}"
    )
