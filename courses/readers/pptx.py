"""PowerPoint: each slide's title, text in reading order, tables, equations, pictures and notes.

Block data: box is [x, y, width, height] as shares of the slide, for what can draw it; notes is true for the
speaker's notes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from courses.readers import archives
from courses.readers.figures import Figures
from courses.readers.flow import one_line
from courses.readers.markup import Element, child, children, name
from courses.readers.omml import to_latex
from courses.readers.parts import Block, Part, UnreadableFile
from courses.readers.tables import markdown_table

_TITLES = {"title", "ctrTitle"}
_FURNITURE = {"dt", "ftr", "sldNum", "hdr"}
_BULLETED = {"body", "obj", "subTitle", ""}
MAX_DEPTH = 12


def read(path: Path, assets: Path) -> Iterator[Part]:
    """A part a slide; hidden slides are read too and say so in their blocks' data."""
    archives.check(path)
    from pptx import Presentation
    from pptx.exc import PackageNotFoundError

    try:
        deck = Presentation(str(path))
        slides = list(deck.slides)
    except (PackageNotFoundError, KeyError, ValueError, AttributeError) as error:
        raise UnreadableFile(
            "The presentation is damaged. Open it in PowerPoint, save it again as .pptx and upload the new copy."
        ) from error
    if not slides:
        raise UnreadableFile("The presentation has no slides.")
    size = float(deck.slide_width or 9_144_000), float(deck.slide_height or 6_858_000)
    figures, empty = Figures(assets), True
    title = (deck.core_properties.title or "").strip()
    title = (
        ""
        if title.lower() in ("powerpoint presentation", "presentation", "powerpoint-präsentation")
        else title
    )
    for number, slide in enumerate(slides, start=1):
        blocks = _Slide(slide, number, size, figures).blocks()
        empty = empty and not blocks
        meta: dict[str, Any] = {}
        if number == 1:
            first = next((block.text for block in blocks if block.kind == "heading"), "")
            meta = {"slides": len(slides), "aspect": round(size[0] / size[1], 4)} | (
                {"title": title or first} if title or first else {}
            )
        yield Part(blocks, number / len(slides), meta)
    if empty:
        raise UnreadableFile(
            "The slides hold no text. If they are pictures, export the presentation as PDF and upload that."
        )


class _Slide:
    def __init__(self, slide: Any, number: int, size: tuple[float, float], figures: Figures) -> None:
        self.slide, self.number, self.size, self.figures = slide, number, size, figures
        self.hidden = slide._element.get("show") == "0"

    def blocks(self) -> list[Block]:
        """Title first, then shapes by rows from top to bottom and from left to right, then notes."""
        shapes = [
            s
            for s in _shapes(self.slide._element.spTree, (0, 0, 1, 1), 0)
            if _placeholder(s[0])[0] not in _FURNITURE
        ]
        shapes = [(element, box or self._inherited(element)) for element, box in shapes]
        titles = [s for s in shapes if _placeholder(s[0])[0] in _TITLES]
        blocks: list[Block] = []
        for element, box in titles:
            text = one_line(" ".join(_lines(element)))
            if text:
                blocks.append(self._block("heading", text, box, level=1))
        for element, box in self._ordered([s for s in shapes if s not in titles]):
            blocks += self._shape(element, box)
        pictured = {block.text for block in blocks if block.kind == "figure"}
        blocks = [block for block in blocks if block.kind != "text" or block.text not in pictured]
        if notes := self._notes():
            blocks.append(self._block("text", notes, None, notes=True))
        return blocks

    def _block(
        self, kind: str, text: str, box: tuple[float, ...] | None, level: int = 0, **data: Any
    ) -> Block:
        if box is not None:
            x, y, width, height = box
            data["box"] = [
                round(v, 4)
                for v in (x / self.size[0], y / self.size[1], width / self.size[0], height / self.size[1])
            ]
        if self.hidden:
            data["hidden"] = True
        return Block(kind, text, {"slide": self.number}, level, data)

    def _inherited(self, element: Element) -> tuple[float, float, float, float] | None:
        """The place of a placeholder that takes it from its layout."""
        kind, index = _placeholder(element)
        if kind is None:
            return None
        for shape in self.slide.slide_layout.placeholders:
            layout_kind, layout_index = _placeholder(shape._element)
            if layout_index == index or (layout_kind == kind and kind in _TITLES):
                found = _own_box(shape._element)
                if found:
                    return found
                for master in self.slide.slide_layout.slide_master.placeholders:
                    if _placeholder(master._element)[0] in (
                        layout_kind,
                        "title" if kind in _TITLES else "body",
                    ):
                        return _own_box(master._element)
        return None

    def _ordered(self, shapes: Sequence[tuple[Element, Any]]) -> list[tuple[Element, Any]]:
        """Rows of shapes whose tops are near; columns where two tall shapes stand side by side come left to right."""
        placed = [s for s in shapes if s[1] is not None]
        rest = [s for s in shapes if s[1] is None]
        near = 0.04 * self.size[1]
        placed.sort(key=lambda s: (s[1][1], s[1][0]))
        rows: list[list[tuple[Element, Any]]] = []
        for shape in placed:
            if rows and shape[1][1] - rows[-1][0][1][1] < near:
                rows[-1].append(shape)
            else:
                rows.append([shape])
        return [shape for row in self._columns(rows) for shape in sorted(row, key=lambda s: s[1][0])] + rest

    def _columns(self, rows: list[list[tuple[Element, Any]]]) -> list[list[tuple[Element, Any]]]:
        """Two columns of several shapes each, with a clear gap in the middle, are read one after the other."""
        shapes = [shape for row in rows for shape in row]
        middle = self.size[0] / 2
        left = [s for s in shapes if s[1][0] + s[1][2] <= middle * 1.04]
        right = [s for s in shapes if s[1][0] >= middle * 0.96]
        if len(left) + len(right) == len(shapes) and min(len(left), len(right)) >= 2:
            return [[s] for s in left] + [[s] for s in right]
        return rows

    def _shape(self, element: Element, box: tuple[float, ...] | None) -> Iterator[Block]:
        tag = name(element)
        if tag == "pic":
            yield from self._picture(element, box)
        elif tag == "graphicFrame":
            yield from self._frame(element, box)
        else:
            yield from self._text(element, box)

    def _text(self, element: Element, box: tuple[float, ...] | None) -> Iterator[Block]:
        body = next((node for node in element if name(node) == "txBody"), None)
        if body is None:
            return
        texts = [(level, text, bullet) for level, text, bullet in _paragraphs(body) if text]
        kind = _placeholder(element)[0]
        bulleted = (kind in _BULLETED and len(texts) > 1) or any(bullet for _, _, bullet in texts)
        held: list[str] = []
        for level, text, bullet in texts:
            if text.startswith("$") and text.endswith("$") and text.count("$") == 2 and len(text) > 8:
                yield from self._prose(held, bulleted, box)
                held = []
                yield self._block("formula", f"${text}$", box)
            else:
                held.append(("  " * level + ("" if bullet is False else "- ") if bulleted else "") + text)
        yield from self._prose(held, bulleted, box)

    def _prose(self, lines: list[str], bulleted: bool, box: tuple[float, ...] | None) -> Iterator[Block]:
        if lines:
            yield self._block("list" if bulleted else "text", "\n".join(lines), box)

    def _frame(self, element: Element, box: tuple[float, ...] | None) -> Iterator[Block]:
        table = next((node for node in element.iter() if name(node) == "tbl"), None)
        if table is not None:
            rows = [
                [one_line(" ".join(_lines(cell))) for cell in children(row, "tc")]
                for row in children(table, "tr")
            ]
            if text := markdown_table(rows):
                yield self._block("table", text, box)
            return
        texts = self._chart(element) or self._diagram(element)
        if texts:
            yield self._block("figure", texts, box, **self._alt(element))

    def _related(self, identifier: str | None) -> Any:
        try:
            return self.slide.part.related_part(identifier)
        except (KeyError, AttributeError, ValueError):
            return None

    def _chart(self, element: Element) -> str:
        chart = next((node for node in element.iter() if name(node) == "chart"), None)
        part = self._related(_relation(chart)) if chart is not None else None
        if part is None:
            return ""
        root = part._element if hasattr(part, "_element") else None
        if root is None:
            return ""
        titles = [
            "".join(t.text or "" for t in node.iter() if name(t) == "t")
            for node in root.iter()
            if name(node) == "title"
        ]
        values = []
        for series in (node for node in root.iter() if name(node) == "ser"):
            label = next(
                (v.text or "" for tx in children(series, "tx") for v in tx.iter() if name(v) == "v"), ""
            )
            points = {
                tag: [v.text or "" for part in children(series, tag) for v in part.iter() if name(v) == "v"]
                for tag in ("cat", "val", "xVal", "yVal")
            }
            xs, ys = points["cat"] or points["xVal"], points["val"] or points["yVal"]
            pairs = ", ".join(f"{x}: {y}" for x, y in zip(xs, ys, strict=False)) if xs else ", ".join(ys)
            values.append(f"{label}: {pairs}" if label else pairs)
        return "\n".join(filter(None, [*titles, *values[:20]]))

    def _diagram(self, element: Element) -> str:
        relation = next((node for node in element.iter() if name(node) == "relIds"), None)
        if relation is None:
            return ""
        part = self._related(next((v for k, v in relation.attrib.items() if str(k).endswith("}dm")), None))
        if part is None or not hasattr(part, "blob"):
            return ""
        from courses.readers.markup import parse_xml

        root = parse_xml(part.blob, "A diagram in the presentation")
        texts = [
            "".join(t.text or "" for t in node.iter() if name(t) == "t")
            for node in root.iter()
            if name(node) == "p"
        ]
        return "\n".join(text for text in texts if text.strip())

    def _picture(self, element: Element, box: tuple[float, ...] | None) -> Iterator[Block]:
        blip = next((node for node in element.iter() if name(node) == "blip"), None)
        part = self._related(_relation(blip)) if blip is not None else None
        asset = (
            self.figures.save(part.blob, f"slide-{self.number}")
            if part is not None and hasattr(part, "blob")
            else None
        )
        data = self._alt(element)
        if asset:
            data |= {"asset": asset.name, "width": asset.width, "height": asset.height}
        if asset or data:
            yield self._block("figure", str(data.get("alt") or "[Figure]"), box, **data)

    def _alt(self, element: Element) -> dict[str, Any]:
        properties = next((node for node in element.iter() if name(node) == "cNvPr"), None)
        alt = one_line(properties.get("descr") or "") if properties is not None else ""
        made = "automatically generated" in alt or "automatisch generiert" in alt
        return {"alt": alt} if " " in alt and not made else {}

    def _notes(self) -> str:
        if not self.slide.has_notes_slide:
            return ""
        frame = self.slide.notes_slide.notes_text_frame
        if frame is None:
            return ""
        return "\n".join(text for _, text, _ in _paragraphs(frame._txBody) if text)


def _relation(node: Element) -> str | None:
    return next((v for k, v in node.attrib.items() if str(k).endswith(("}embed", "}id"))), None)


def _placeholder(element: Element) -> tuple[str | None, str]:
    """(type, index) of a placeholder; type is None for other shapes."""
    for holder in element:
        if name(holder).startswith("nv"):
            found = next((node for node in holder.iter() if name(node) == "ph"), None)
            if found is not None:
                return found.get("type") or "", found.get("idx") or "0"
    return None, ""


def _own_box(element: Element) -> tuple[float, float, float, float] | None:
    for holder in element:
        if name(holder) in ("spPr", "grpSpPr", "xfrm"):
            xfrm = holder if name(holder) == "xfrm" else child(holder, "xfrm")
            off, ext = (child(xfrm, "off"), child(xfrm, "ext")) if xfrm is not None else (None, None)
            if off is not None and ext is not None:
                return (
                    float(off.get("x", 0)),
                    float(off.get("y", 0)),
                    float(ext.get("cx", 0)),
                    float(ext.get("cy", 0)),
                )
    return None


def _shapes(
    tree: Element, transform: tuple[float, float, float, float], depth: int
) -> Iterator[tuple[Element, Any]]:
    """Shapes with their boxes in EMU, groups opened. transform: (dx, dy, scale x, scale y)."""
    dx, dy, sx, sy = transform
    for element in tree:
        tag = name(element)
        if tag == "AlternateContent":
            choice = child(element, "Choice")
            choice = choice if choice is not None else child(element, "Fallback")
            if choice is not None:
                yield from _shapes(choice, transform, depth)
        elif tag == "grpSp" and depth < MAX_DEPTH:
            yield from _shapes(element, _group(element, transform), depth + 1)
        elif tag in ("sp", "pic", "graphicFrame", "cxnSp"):
            box = _own_box(element)
            yield element, (dx + box[0] * sx, dy + box[1] * sy, box[2] * sx, box[3] * sy) if box else None


def _group(
    element: Element, transform: tuple[float, float, float, float]
) -> tuple[float, float, float, float]:
    dx, dy, sx, sy = transform
    properties = child(element, "grpSpPr")
    xfrm = child(properties, "xfrm") if properties is not None else None
    if xfrm is None:
        return transform
    off, ext, inner_off, inner_ext = (child(xfrm, tag) for tag in ("off", "ext", "chOff", "chExt"))
    if off is None or ext is None or inner_off is None or inner_ext is None:
        return transform
    kx = float(ext.get("cx", 1)) / (float(inner_ext.get("cx", 1)) or 1)
    ky = float(ext.get("cy", 1)) / (float(inner_ext.get("cy", 1)) or 1)
    x = float(off.get("x", 0)) - float(inner_off.get("x", 0)) * kx
    y = float(off.get("y", 0)) - float(inner_off.get("y", 0)) * ky
    return dx + x * sx, dy + y * sy, sx * kx, sy * ky


def _lines(element: Element) -> list[str]:
    return [text for node in element.iter() if name(node) == "txBody" for _, text, _ in _paragraphs(node)]


def _paragraphs(body: Element) -> Iterator[tuple[int, str, bool | None]]:
    """(level, text, bullet: true, false or unsaid) of each paragraph."""
    for paragraph in children(body, "p"):
        properties = child(paragraph, "pPr")
        level, bullet = 0, None
        if properties is not None:
            level = min(int(properties.get("lvl") or 0), 8)
            if any(name(node) in ("buChar", "buAutoNum", "buBlip") for node in properties):
                bullet = True
            elif any(name(node) == "buNone" for node in properties):
                bullet = False
        yield level, one_line(_inline(paragraph)), bullet


def _inline(element: Element) -> str:
    pieces: list[str] = []
    for node in element:
        tag = name(node)
        if tag in ("r", "fld"):
            pieces.append("".join(part.text or "" for part in node if name(part) == "t"))
        elif tag == "br":
            pieces.append("\u2028")
        elif tag == "oMath":
            pieces.append(f"${to_latex(node)}$")
        elif tag == "AlternateContent":
            choice = child(node, "Choice")
            pieces.append(_inline(choice) if choice is not None else "")
        elif tag in ("m", "oMathPara", "Choice"):
            pieces.append(_inline(node))
    return "".join(pieces)
