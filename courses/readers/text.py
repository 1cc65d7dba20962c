"""Plain text, and the decoding of every text format."""

from __future__ import annotations

import codecs
import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path

from courses.readers.headings import Headings
from courses.readers.parts import Block, Part, UnreadableFile, in_parts

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def decode(data: bytes) -> str:
    """Text in whatever encoding it is in: a byte order mark, UTF-8, UTF-16 without a mark, then the most likely of
    the old encodings. Line ends become newlines. Raises UnreadableFile for what is not text."""
    return _decode(data).replace("\r\n", "\n").replace("\r", "\n")


def _decode(data: bytes) -> str:
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return data.decode(encoding, errors="replace")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start > 0.99 * len(data) and error.reason == "unexpected end of data":
            return data[: error.start].decode("utf-8")
        return _guess(data)
    if "\0" not in text:
        return text
    return _without_mark(data)


def _without_mark(data: bytes) -> str:
    sample = data[:4096]
    even, odd = sample[::2].count(0), sample[1::2].count(0)
    if max(even, odd) > 0.3 * len(sample) / 2 and min(even, odd) < 0.05 * len(sample):
        return data.decode("utf-16-be" if even > odd else "utf-16-le", errors="replace")
    raise UnreadableFile(
        "This file is not text. Upload it in one of the formats that can be read, such as PDF."
    )


def _guess(data: bytes) -> str:
    if b"\0" in data[:4096]:
        return _without_mark(data)
    from charset_normalizer import from_bytes

    best = from_bytes(data[:200_000], threshold=0.3).best()
    text = None
    if best is not None and best.encoding not in ("ascii", "utf_8"):
        text = data.decode(best.encoding, errors="replace")
    western = data.decode("cp1252", errors="replace")
    if text is None or _looks_western(western):
        text = western
    controls = sum(
        unicodedata.category(character) == "Cc" and character not in "\n\r\t\f" for character in text[:4096]
    )
    if controls > 0.02 * len(text[:4096]):
        raise UnreadableFile(
            "This file is not text. Upload it in one of the formats that can be read, such as PDF."
        )
    return text


def _looks_western(text: str) -> bool:
    """True where the bytes above 127 read as a few accented letters and quotes inside Latin words."""
    high = [character for character in text if ord(character) > 127]
    common = sum(
        character in "äöüÄÖÜßéèêëáàâãåæçíìîïñóòôõøúùûýÉÈÀÁÅÆÇÑÓØ€–—‘’“”…•°§£©®«»½²³µ·" for character in high
    )
    return "\ufffd" not in text and len(high) < 0.2 * len(text) and common >= 0.9 * len(high)


def read(path: Path, assets: Path) -> Iterator[Part]:
    """Paragraphs, with headings that are underlined, numbered as 1.2 Title, or written in capitals."""
    text = decode(path.read_bytes()).expandtabs(4)
    headings = Headings()
    blocks: list[Block] = []
    for paragraph in re.split(r"\n[ \t\f]*\n+|\f", text):
        lines = [line.rstrip() for line in paragraph.split("\n") if line.strip()]
        while lines:
            level, taken = _heading(lines)
            if level:
                title = lines[0].strip()
                element = headings.enter(level, title)
                blocks.append(Block("heading", title, {"path": headings.path, "id": element}, level))
                lines = lines[taken:]
                continue
            stop = next((i for i in range(1, len(lines) - 1) if _underlined(lines[i : i + 2])), len(lines))
            blocks.append(_paragraph(lines[:stop], headings))
            lines = lines[stop:]
    if not blocks:
        raise UnreadableFile("This file holds no text.")
    title = next((block.text for block in blocks if block.kind == "heading" and block.level == 1), "")
    yield from in_parts(blocks, {"title": title} if title else {})


def _underlined(lines: list[str]) -> int:
    if len(lines) < 2 or not re.search(r"\w", lines[0]) or len(lines[0].strip()) > 120:
        return 0
    rule = lines[1].strip()
    if len(rule) >= 3 and len(set(rule)) == 1 and rule[0] in "=-~^*#":
        return 1 if rule[0] in "=#*" else 2
    return 0


def _heading(lines: list[str]) -> tuple[int, int]:
    """(level, lines taken) where a heading begins; level 0 where none does."""
    if level := _underlined(lines):
        return level, 2
    if len(lines) > 1:
        return 0, 0
    line = lines[0].strip()
    if (
        (match := re.match(r"(\d+(?:\.\d+)*)\.?\s+[A-Z]", line))
        and len(line) < 80
        and line[-1] not in ".,;:?!"
    ):
        return match[1].count(".") + 1, 1
    if (
        line.isupper()
        and 3 < len(line) < 80
        and len(re.findall(r"[A-Z]", line)) > 0.6 * len(line.replace(" ", ""))
    ):
        return 2, 1
    return 0, 0


def _paragraph(lines: list[str], headings: Headings) -> Block:
    anchor = {"path": headings.path, "id": headings.id}
    if all(line.startswith("    ") for line in lines):
        return Block("code", "\n".join(line[4:] for line in lines), anchor)
    if re.match(r"\s*([-*•]|\d+[.)])\s", lines[0]):
        return Block("list", "\n".join(re.sub(r"^(\s*)[*•]\s+", r"\1- ", line) for line in lines), anchor)
    wrapped = len(lines) == 1 or (max(map(len, lines)) <= 100 and all(len(line) > 30 for line in lines[:-1]))
    text = "".join(_joined(line.strip()) for line in lines).strip() if wrapped else "\n".join(lines)
    return Block("text", text, anchor)


def _joined(line: str) -> str:
    """A line of a wrapped paragraph; a word that was hyphenated at its end is put together again."""
    return line[:-1] if re.search(r"[a-z]\u00ad$", line) else line + " "
