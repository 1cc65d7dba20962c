"""Word documents: headings, paragraphs, lists, tables, equations, footnotes and pictures."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from courses.readers import archives
from courses.readers.figures import Figures
from courses.readers.flow import BREAK, Flow, lowered, one_line, raised
from courses.readers.markup import Element, child, children, name, parse_xml
from courses.readers.omml import to_latex
from courses.readers.parts import Part, UnreadableFile, in_parts
from courses.readers.tables import Grid, markdown_table, span

_MONO = re.compile(r"courier|consol|mono|menlo", re.IGNORECASE)


def read(path: Path, assets: Path) -> Iterator[Part]:
    """Blocks under heading paths; element ids are the document's bookmarks, else made from the heading."""
    archives.check(path)
    from docx import Document
    from docx.opc.exceptions import PackageNotFoundError

    try:
        document = Document(str(path))
    except (PackageNotFoundError, KeyError, ValueError, AttributeError) as error:
        raise UnreadableFile(
            "The document is damaged. Open it in Word, save it again as .docx and upload the new copy."
        ) from error
    walk = _Walk(document, Figures(assets))
    walk.body(document.element.body)
    blocks = walk.flow.end()
    if not blocks:
        raise UnreadableFile("The document holds no text.")
    title = (document.core_properties.title or "").strip()
    title = title or next((b.text for b in blocks if b.kind == "heading"), "")
    yield from in_parts(blocks, {"title": title} if title else {})


class _Walk:
    def __init__(self, document: Any, figures: Figures) -> None:
        self.flow, self.figures, self.part = Flow(), figures, document.part
        self._styles = {style.style_id: _style(style) for style in document.styles}
        self._numbered = _number_formats(document)
        self._counts: dict[tuple[str, int], int] = {}
        self._notes = _footnotes(self.part)
        self._code: list[str] = []
        self._depth = 0
        self._below = 0  # 1 once a paragraph of the style Title stands above all headings

    def body(self, body: Element) -> None:
        for node in body:
            tag = name(node)
            if tag == "p":
                self._paragraph(node)
            elif tag == "tbl":
                self._end()
                self._table(node)
            elif tag in ("sdt", "sdtContent", "ins", "customXml", "smartTag"):
                content = child(node, "sdtContent")
                self.body(node if content is None else content)
        self._end()

    def _end(self) -> None:
        while self._depth:
            self.flow.close_list()
            self._depth -= 1
        if self._code:
            self.flow.add("code", "\n".join(self._code).strip("\n"))
            self._code = []

    def _paragraph(self, node: Element) -> None:
        properties = child(node, "pPr")
        style, level, mono = self._style_of(node, properties)
        text, formula, pictures = self._read(node)
        if mono and text and not formula:
            while self._depth:
                self.flow.close_list()
                self._depth -= 1
            self._code += self._raw(node).split("\n")
            return
        number = _numbering(properties) if not level else None
        if number is None and style.get("number"):
            number = style["number"]
        if self._code or number is None:
            self._end()
        if level:
            self._below = 1 if style.get("title") else self._below
            level = 1 if style.get("title") else min(level + self._below, 6)
            self.flow.heading(level, text, _bookmark(node))
        elif number is not None and text:
            self._item(text, number)
        elif formula:
            self.flow.add("formula", text, _bookmark(node))
        elif text:
            if style.get("caption") and self.flow.blocks and self.flow.blocks[-1].kind == "figure":
                last = self.flow.blocks.pop()
                self.flow.blocks.append(type(last)("figure", text, last.anchor, 0, last.data))
            else:
                self.flow.say(text.replace("\n", BREAK))
                self.flow.paragraph(_bookmark(node))
        for picture in pictures:
            self._end()
            self._picture(picture)

    def _style_of(self, node: Element, properties: Element | None) -> tuple[dict[str, Any], int, bool]:
        style_id = _value(properties, "pStyle")
        style = self._styles.get(style_id or "Normal", {})
        level = int(style.get("level", 0))
        outline = _value(properties, "outlineLvl")
        if not level and outline is not None and outline.isdecimal() and int(outline) < 6:
            level = int(outline) + 1
        return style, level, bool(style.get("mono")) or _all_mono(node)

    def _item(self, text: str, number: tuple[str, int]) -> None:
        identifier, level = number
        while self._depth > level + 1:
            self.flow.close_list()
            self._depth -= 1
        while self._depth < level + 1:
            self.flow.open_list()
            self._depth += 1
        marker = "- "
        if self._numbered.get((identifier, level), "bullet") != "bullet":
            for key in [k for k in self._counts if k[0] == identifier and k[1] > level]:
                del self._counts[key]
            count = self._counts[identifier, level] = self._counts.get((identifier, level), 0) + 1
            marker = f"{count}. "
        self.flow.item(marker)
        self.flow.say(text.replace("\n", BREAK))
        self.flow.paragraph()

    def _read(self, node: Element) -> tuple[str, bool, list[Element]]:
        """(text, whether it is a formula alone, pictures) of a paragraph."""
        pieces: list[str] = []
        pictures: list[Element] = []
        self._runs(node, pieces, pictures)
        text = one_line("".join(pieces))
        alone = [part for part in node if name(part) in ("oMathPara", "oMath")]
        rest = [part for part in node if name(part) in ("r", "hyperlink", "ins") and _has_text(part)]
        if alone and not rest and text.startswith("$"):
            maths = [part for part in node.iter() if name(part) == "oMath"]
            return "\n".join(f"$${to_latex(math)}$$" for math in maths), True, pictures
        return text, False, pictures

    def _runs(self, node: Element, pieces: list[str], pictures: list[Element]) -> None:
        for part in node:
            tag = name(part)
            if tag == "r":
                self._run(part, pieces, pictures)
            elif tag == "oMath":
                pieces.append(f"${to_latex(part)}$")
            elif tag in (
                "hyperlink",
                "ins",
                "smartTag",
                "sdt",
                "sdtContent",
                "oMathPara",
                "fldSimple",
                "customXml",
            ):
                self._runs(part, pieces, pictures)

    def _run(self, run: Element, pieces: list[str], pictures: list[Element]) -> None:
        raised_or_lowered = _value(child(run, "rPr"), "vertAlign")
        for part in run:
            tag = name(part)
            if tag == "t":
                text = part.text or ""
                change = {"superscript": raised, "subscript": lowered}.get(raised_or_lowered or "")
                pieces.append(change(text) if change else text)
            elif tag in ("tab", "noBreakHyphen", "softHyphen"):
                pieces.append({"tab": " ", "noBreakHyphen": "-"}.get(tag, ""))
            elif tag in ("br", "cr"):
                pieces.append(BREAK)
            elif tag == "footnoteReference":
                identifier = next((v for k, v in part.attrib.items() if str(k).endswith("}id")), "")
                if note := self._notes.get(str(identifier)):
                    pieces.append(f" ({note})")
            elif tag in ("drawing", "pict", "object"):
                pictures.append(part)
            elif tag == "AlternateContent":
                choice = child(part, "Choice")
                if choice is not None:
                    self._run(choice, pieces, pictures)
        for drawing in [p for p in run if name(p) in ("drawing", "pict")]:
            for box in (b for b in drawing.iter() if name(b) == "txbxContent"):
                for paragraph in children(box, "p"):
                    self._runs(paragraph, pieces, pictures)
                    pieces.append(BREAK)

    def _raw(self, node: Element) -> str:
        pieces = []
        for part in node.iter():
            tag = name(part)
            pieces.append(
                (part.text or "") if tag == "t" else "    " if tag == "tab" else "\n" if tag == "br" else ""
            )
        return "".join(pieces)

    def _table(self, table: Element) -> None:
        grid = Grid()
        for row in (
            r
            for r in table.iter()
            if name(r) == "tr" and next(a for a in r.iterancestors() if name(a) == "tbl") is table
        ):
            cells = []
            for cell in (
                c
                for c in row.iter()
                if name(c) == "tc" and next(a for a in c.iterancestors() if name(a) == "tr") is row
            ):
                properties = child(cell, "tcPr")
                merged = child(properties, "vMerge") if properties is not None else None
                restart = merged is not None and any(v == "restart" for v in merged.attrib.values())
                paragraphs = [p for p in cell.iter() if name(p) == "p"]
                text = " ".join(filter(None, (self._read(p)[0] for p in paragraphs)))
                cells.append(
                    (
                        "" if merged is not None and not restart else text,
                        span(_value(properties, "gridSpan")),
                        1,
                    )
                )
            grid.row(cells)
        if len(grid.rows) == 1 and len(grid.rows[0]) == 1:
            self.flow.say(grid.rows[0][0])  # a box around text
            self.flow.paragraph()
        else:
            self.flow.add("table", markdown_table(grid.rows))

    def _picture(self, drawing: Element) -> None:
        blip = next((n for n in drawing.iter() if name(n) in ("blip", "imagedata")), None)
        identifier = (
            next((v for k, v in blip.attrib.items() if str(k).endswith(("}embed", "}id"))), None)
            if blip is not None
            else None
        )
        related = self.part.related_parts.get(identifier) if identifier else None
        asset = (
            self.figures.save(related.blob, "figure")
            if related is not None and hasattr(related, "blob")
            else None
        )
        properties = next((n for n in drawing.iter() if name(n) == "docPr"), None)
        alt = one_line(properties.get("descr") or "") if properties is not None else ""
        data: dict[str, Any] = (
            {"asset": asset.name, "width": asset.width, "height": asset.height} if asset else {}
        )
        if " " in alt:
            data["alt"] = alt
        if data:
            self.flow.add("figure", str(data.get("alt") or "[Figure]"), **data)


def _value(element: Element | None, tag: str) -> str | None:
    found = child(element, tag) if element is not None else None
    if found is None:
        return None
    return next((str(value) for key, value in found.attrib.items() if str(key).endswith("}val")), None)


def _attribute(element: Element, key: str) -> str:
    return next((str(value) for name_, value in element.attrib.items() if str(name_).endswith("}" + key)), "")


def _has_text(node: Element) -> bool:
    return any(
        (part.text or "").strip() for part in node.iter() if name(part) == "t" and "math" not in str(part.tag)
    )


def _all_mono(paragraph: Element) -> bool:
    """True where every run of text is set in a typewriter font."""
    runs = [run for run in children(paragraph, "r") if _has_text(run)]
    fonts = [child(p, "rFonts") if (p := child(run, "rPr")) is not None else None for run in runs]
    return bool(runs) and all(
        f is not None and any(_MONO.search(str(v)) for v in f.attrib.values()) for f in fonts
    )


def _bookmark(paragraph: Element) -> str:
    for node in children(paragraph, "bookmarkStart"):
        found = next((str(v) for k, v in node.attrib.items() if str(k).endswith("}name")), "")
        if found and not found.startswith(("_GoBack", "_Hlk")):
            return found
    return ""


def _numbering(properties: Element | None) -> tuple[str, int] | None:
    number = child(properties, "numPr") if properties is not None else None
    identifier = _value(number, "numId")
    if identifier is None or identifier == "0":
        return None
    level = _value(number, "ilvl") or "0"
    return identifier, min(int(level), 8) if level.isdecimal() else 0


def _style(style: Any) -> dict[str, Any]:
    """What a paragraph style says, by its name or by that of a style it is based on."""
    found: dict[str, Any] = {}
    seen, current = 0, style
    while current is not None and seen < 10:
        title = (current.name or "").lower()
        if "level" not in found and (match := re.match(r"(?:heading|überschrift|titre|título) (\d)$", title)):
            found["level"] = min(int(match[1]), 6)
        if title == "title":
            found |= {"level": 1, "title": True}
        if title == "caption":
            found["caption"] = True
        element = current.element
        runs = child(element, "rPr")
        fonts = child(runs, "rFonts") if runs is not None else None
        named = re.search(r"\bcode\b|preformatted|source|listing", title)
        if named or (fonts is not None and any(_MONO.search(str(value)) for value in fonts.attrib.values())):
            found["mono"] = True
        number = _numbering(child(element, "pPr"))
        if "number" not in found and (number or re.match(r"list (bullet|number)", title)):
            digits = re.match(r"list (?:bullet|number) (\d)$", title)
            identifier, level = number or (title, 0)
            found["number"] = identifier, int(digits[1]) - 1 if digits else level
        current = getattr(current, "base_style", None)
        seen += 1
    return found


def _number_formats(document: Any) -> dict[tuple[str, int], str]:
    """(list, level) -> bullet, decimal, …"""
    try:
        root = document.part.numbering_part.element
    except (KeyError, NotImplementedError, AttributeError):
        return {}
    abstract = {
        _attribute(node, "abstractNumId"): {
            int(_attribute(level, "ilvl") or 0): _value(level, "numFmt") or "bullet"
            for level in children(node, "lvl")
        }
        for node in children(root, "abstractNum")
    }
    formats: dict[tuple[str, int], str] = {}
    for number in children(root, "num"):
        for level, form in abstract.get(_value(number, "abstractNumId") or "", {}).items():
            formats[_attribute(number, "numId"), level] = form
    return formats


def _footnotes(part: Any) -> dict[str, str]:
    """The text of each footnote by its id."""
    notes: dict[str, str] = {}
    for relation in part.rels.values():
        if relation.reltype.endswith("/footnotes") and not relation.is_external:
            for node in children(
                parse_xml(relation.target_part.blob, "The document's footnotes"), "footnote"
            ):
                identifier = next((str(v) for k, v in node.attrib.items() if str(k).endswith("}id")), "")
                text = one_line("".join(t.text or "" for t in node.iter() if name(t) == "t"))
                if text:
                    notes[identifier] = text
    return notes
