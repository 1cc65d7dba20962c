"""The text of a PDF page as segments: runs of characters on one line without a wide gap, with their boxes.

Works on whole lines through pdfium's rectangles of text objects, and looks at single characters only where a line has
gaps or raised characters: a page takes about a millisecond.
"""

from __future__ import annotations

import ctypes
import itertools
import re
import unicodedata
from collections.abc import Iterator
from typing import NamedTuple

import pypdfium2.raw as pdfium

Box = tuple[float, float, float, float]

GAP = 0.95  # a gap wider than this times the character size separates columns or cells
_SPACE = re.compile(r"(?<=\S) +(?=\S)")
_INKED = re.compile(r"[^\s.,:;()]")
_LINES = re.compile(r"\r\n|\n|\r|(?<=[\x02\ufffe])|$")  # U+0002 is a hyphen at a line's end
_CONTROLS = dict.fromkeys(range(32), "")
_HYPHENS = str.maketrans(
    _CONTROLS | {"\x02": "\u00ad", "\ufffe": "\u00ad", "\u00a0": " ", "\t": " ", "\ufeff": ""}
)
# TeX's font of large signs, where a file does not say which characters they are
_LARGE = {
    "P": "∑", "X": "∑", "Q": "∏", "Y": "∏", "R": "∫", "Z": "∫", "S": "∪", "[": "∪", "T": "∩", "\\": "∩", "p": "√",
    "q": "√", "r": "√", "s": "√", "b": "ˆ", "c": "ˆ", "d": "ˆ", "e": "˜", "f": "˜", "g": "˜",
    **dict.fromkeys("\x00\x10\x12\x20\xa1", "("), **dict.fromkeys("\x01\x11\x13\x21\xa2", ")"),
    **dict.fromkeys("\x02\x14\x22h\xa3", "["), **dict.fromkeys("\x03\x15\x23i\xa4", "]"),
    **dict.fromkeys("\x08\x1an\xa9", "{"), **dict.fromkeys("\x09\x1bo\xaa", "}"),
}  # fmt: skip
_COMBINING = dict(zip("´`ˆ˜¨ˇ¯˙", "\u0301\u0300\u0302\u0303\u0308\u030c\u0304\u0307", strict=True))
_LIGATURES = str.maketrans({"ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "ﬃ": "ffi", "ﬄ": "ffl", "ﬅ": "st", "ﬆ": "st"})


class Segment(NamedTuple):
    """A run of text; x to the right, y down from the top left corner of the page as it is shown, in points.

    A hyphen at the end of a line stands as a soft hyphen (U+00AD).
    """

    text: str
    x0: float
    y0: float
    x1: float
    y1: float
    size: float
    bold: bool = False
    mono: bool = False
    math: bool = False


class View(NamedTuple):
    """How a page is shown: its visible box in user space, and its rotation in degrees."""

    left: float
    bottom: float
    right: float
    top: float
    rotation: int

    @property
    def width(self) -> float:
        return self.top - self.bottom if self.rotation in (90, 270) else self.right - self.left

    @property
    def height(self) -> float:
        return self.right - self.left if self.rotation in (90, 270) else self.top - self.bottom

    def shown(self, x0: float, y0: float, x1: float, y1: float) -> Box:
        """A box in user space as it is shown, y down."""
        if self.rotation == 90:
            return y0 - self.bottom, x0 - self.left, y1 - self.bottom, x1 - self.left
        if self.rotation == 180:
            return self.right - x1, y0 - self.bottom, self.right - x0, y1 - self.bottom
        if self.rotation == 270:
            return self.top - y1, self.right - x1, self.top - y0, self.right - x0
        return x0 - self.left, self.top - y1, x1 - self.left, self.top - y0

    def user(self, x0: float, y0: float, x1: float, y1: float) -> Box:
        """A shown box in user space: points, y up, as PDF viewers convert it."""
        if self.rotation == 90:
            return y0 + self.left, x0 + self.bottom, y1 + self.left, x1 + self.bottom
        if self.rotation == 180:
            return self.right - x1, y0 + self.bottom, self.right - x0, y1 + self.bottom
        if self.rotation == 270:
            return self.right - y1, self.top - x1, self.right - y0, self.top - x0
        return x0 + self.left, self.top - y1, x1 + self.left, self.top - y0


class PageText:
    """The characters of one page. Close it before the page."""

    def __init__(self, page: ctypes.c_void_p, view: View) -> None:
        self._page = pdfium.FPDFText_LoadPage(page)
        self._view = view
        self.text = self._read() if self._page else ""
        self._fonts: dict[tuple[bytes, int], tuple[bool, bool, bool, bool]] = {}
        self._name, self._flags = ctypes.create_string_buffer(128), ctypes.c_int()

    def close(self) -> None:
        if self._page:
            pdfium.FPDFText_ClosePage(self._page)

    def _read(self) -> str:
        count = pdfium.FPDFText_CountChars(self._page)
        if count <= 0:
            return ""
        buffer = (ctypes.c_ushort * (count + 1))()
        written = pdfium.FPDFText_GetText(self._page, 0, count, buffer)
        if written == count + 1:
            text = bytes(buffer)[: count * 2].decode("utf-16-le", "replace")
            if len(text) == count:
                return text
        codes = (pdfium.FPDFText_GetUnicode(self._page, index) for index in range(count))
        return "".join(
            chr(code) if 0 < code < 0x110000 and not 0xD800 <= code < 0xE000 else "\ufffd" for code in codes
        )

    def segments(self) -> Iterator[Segment]:
        """Every segment, in the order of the file."""
        start = 0
        for match in _LINES.finditer(self.text):
            if self.text[start : match.start()].strip():
                yield from self._line(start, match.start())
            start = match.end()

    def _line(self, start: int, end: int) -> Iterator[Segment]:
        rects = self._rects(start, end)
        if not rects:
            return
        first = next(i for i in range(start, end) if not self.text[i].isspace())
        size, upright = self._size(first)
        if not upright:
            return  # set sideways: a margin note of the publisher, an axis label
        bottom = max(rect[3] for rect in rects)
        height = max(rect[3] - rect[1] for rect in rects)
        gaps = any(b[0] - a[2] > GAP * size or b[2] < a[0] for a, b in itertools.pairwise(rects))
        if not gaps and sum(rect[2] - rect[0] for rect in rects) < 0.6 * self._view.width:
            gaps = self._has_wide_space(start, end, size)
        scripts = len(rects) > 1 and any(
            0.25 * size < rect[3] - rect[1] < 0.8 * height
            and (
                bottom - rect[3] > 0.33 * size
                or (rect[1] > bottom - 0.6 * size and rect[3] > bottom - 0.1 * size)
            )
            for rect in rects
        )
        if (
            gaps or scripts or (len(rects) > 1 and height > 1.25 * size)
        ):  # large signs are higher than letters
            yield from self._by_character(start, end)
            return
        text = _accented(self.text[start:end].translate(_HYPHENS).translate(_LIGATURES).strip())
        bold, mono, math = self._fonts_of(start, end)
        x0, y0 = min(rect[0] for rect in rects), min(rect[1] for rect in rects)
        yield Segment(text, x0, y0, max(rect[2] for rect in rects), bottom, size, bold, mono, math)

    def _has_wide_space(self, start: int, end: int, size: float) -> bool:
        """True where a space inside one run of characters is as wide as between columns."""
        a, b, bottom, top = (ctypes.c_double() for _ in range(4))
        for match in _SPACE.finditer(self.text, start + 1, end - 1):
            pdfium.FPDFText_GetCharBox(self._page, match.start() - 1, a, b, bottom, top)
            left = self._view.shown(a.value, bottom.value, b.value, top.value)[2]
            pdfium.FPDFText_GetCharBox(self._page, match.end(), a, b, bottom, top)
            if self._view.shown(a.value, bottom.value, b.value, top.value)[0] - left > GAP * size:
                return True
        return False

    def _rects(self, start: int, end: int) -> list[Box]:
        left, top, right, bottom = (ctypes.c_double() for _ in range(4))
        return [
            self._view.shown(left.value, bottom.value, right.value, top.value)
            for index in range(pdfium.FPDFText_CountRects(self._page, start, end - start))
            if pdfium.FPDFText_GetRect(self._page, index, left, top, right, bottom)
        ]

    def _size(self, index: int) -> tuple[float, bool]:
        """The size of a character in points as shown, and whether it stands upright."""
        matrix = pdfium.FS_MATRIX()
        size = pdfium.FPDFText_GetFontSize(self._page, index)
        if not pdfium.FPDFText_GetMatrix(self._page, index, matrix):
            return size or 10.0, True
        scale = (matrix.c**2 + matrix.d**2) ** 0.5 or 1.0
        along_x = abs(matrix.a) >= abs(matrix.b)
        upright = along_x if self._view.rotation in (0, 180) else not along_x
        return (size * scale) or 10.0, upright

    def _fonts_of(self, start: int, end: int) -> tuple[bool, bool, bool]:
        """(all bold, all mono, some math), judged by three characters of a line."""
        plain = [match.start() for match in _INKED.finditer(self.text, start, end)] or [start]
        fonts = [self._font(plain[i]) for i in {0, len(plain) // 2, len(plain) - 1}]
        return all(f[0] for f in fonts), all(f[1] for f in fonts), any(f[2] for f in fonts)

    def _font(self, index: int) -> tuple[bool, bool, bool, bool]:
        """(bold, mono, math, TeX's large signs) of a character's font."""
        name, flags = self._name, self._flags
        length = pdfium.FPDFText_GetFontInfo(self._page, index, name, 128, flags)
        key = (name.raw[: max(0, min(length, 128) - 1)], flags.value)
        if key not in self._fonts:
            font = key[0].decode("utf-8", "replace").rpartition("+")[2].lower()
            bold = bool(re.search(r"bold|black|heavy|semib|demi|cmbx|cmb\d|sfbx|-b$", font))
            bold = bold or pdfium.FPDFText_GetFontWeight(self._page, index) >= 600
            mono = bool(
                re.search(r"mono|nimbusmon|courier|consol|menlo|typewriter|cmtt|sftt|inconsol|code", font)
            )
            math = bool(re.match(r"(cmmi|cmsy|cmex|msam|msbm|lmmath|eufm|rsfs|stix.*math|.*math)", font))
            large = bool(re.match(r"(cm|lm|tx|px|eu)ex|lmmathext", font))
            self._fonts[key] = (bold, mono or bool(flags.value & 1), math or large, large)
        return self._fonts[key]

    def _by_character(self, start: int, end: int) -> Iterator[Segment]:
        """A line with wide gaps or with raised and lowered characters."""
        left, right, bottom, top = (ctypes.c_double() for _ in range(4))
        runs: list[list[tuple[str, Box, float, int]]] = [[]]
        scale = self._size(start)[0] / (pdfium.FPDFText_GetFontSize(self._page, start) or 10.0)
        get_box, get_size, shown = pdfium.FPDFText_GetCharBox, pdfium.FPDFText_GetFontSize, self._view.shown
        spaces = ""
        for index in range(start, end):
            character = self.text[index]
            if character in _LARGE and self._font(index)[3]:
                character = _LARGE[character]
            elif character.isspace() and character != "\x02":
                spaces = " "
                continue
            if not get_box(self._page, index, left, right, bottom, top):
                continue
            box = shown(left.value, bottom.value, right.value, top.value)
            size = scale * get_size(self._page, index) or 10.0
            if runs[-1]:
                last = runs[-1][-1]
                gap = box[0] - last[1][2]
                if gap > GAP * max(size, last[2]) or box[2] < last[1][0] - size:
                    runs.append([])
                    spaces = ""
            runs[-1].append((spaces + character, box, size, index))
            spaces = ""
        for run in runs:
            if run:
                yield self._segment(run)

    def _segment(self, run: list[tuple[str, Box, float, int]]) -> Segment:
        size = max(size for _, _, size, _ in run)
        base = sorted(box[3] for _, box, own, _ in run if own > 0.85 * size)
        baseline = base[len(base) // 2]
        pieces: list[str] = []
        mode, held = "", ""
        for text, box, own, _ in run:
            new = ""
            if own < 0.85 * size and text.strip() not in ".,;:'’\"":
                middle = (box[1] + box[3]) / 2
                new = (
                    "^" if baseline - middle > 0.42 * size else "_" if middle > baseline - 0.22 * size else ""
                )
            if new != mode or (new and text[0] == " "):
                pieces.append(script(mode, held, "".join(pieces)))
                mode, held = new, ""
            held += text
        pieces.append(script(mode, held, "".join(pieces)))
        text = _accented("".join(pieces).translate(_HYPHENS).translate(_LIGATURES).strip())
        fonts = [
            self._font(index)
            for text, _, own, index in run[:24]
            if own > 0.85 * size and text.strip() not in ".,:;()"
        ]
        bold, mono = bool(fonts) and all(f[0] for f in fonts), bool(fonts) and all(f[1] for f in fonts)
        math = any(f[2] for f in fonts)
        boxes = [box for _, box, _, _ in run]
        x0, y0 = min(box[0] for box in boxes), min(box[1] for box in boxes)
        return Segment(
            text, x0, y0, max(box[2] for box in boxes), max(b[3] for b in boxes), size, bold, mono, math
        )


def _accented(text: str) -> str:
    """Accents that stand beside their letter, as TeX sets them, put on it: βˆ, ´e."""
    text = re.sub(r"((?<![^\W\d_])[^\W\d_]|[α-ωΑ-Ω])([ˆ˜¯˙])", lambda m: m[1] + _COMBINING[m[2]], text)
    text = re.sub(r"([´`ˆ˜¨ˇ])([^\W\d_])", lambda m: m[2] + _COMBINING[m[1]], text)
    return unicodedata.normalize("NFC", text)


def script(mode: str, text: str, before: str) -> str:
    """Raised or lowered text: x^2, a_{ij}. After a word it is a footnote's mark, which is left out."""
    if not mode or not text.strip():
        return text
    inner = text.strip()
    word = re.search(r"[^\W\d_]{3,}[.,;:”’)]*$|[.,;:”]$", before)
    if mode == "^" and word and re.fullmatch(r"[\d,*†‡§¶\s]+", inner):
        return ""
    if mode == "^" and re.search(r"\d$", before) and inner in ("st", "nd", "rd", "th"):
        return inner
    space = " " if text[0] == " " else ""
    return f"{space}{mode}{inner}" if len(inner) == 1 else f"{space}{mode}{{{inner}}}"
