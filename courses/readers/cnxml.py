"""CNXML, the markup of OpenStax modules."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from courses.readers.flow import BREAK, Flow, code_span, code_text, lowered, one_line, raised
from courses.readers.markup import Element, all_text, child, children, entity, name, parse_xml
from courses.readers.mathml import to_latex
from courses.readers.parts import Part, UnreadableFile, in_parts
from courses.readers.tables import Grid, markdown_table, span

TITLED = {
    "section",
    "note",
    "example",
    "exercise",
    "rule",
    "statement",
    "proof",
    "injected",
    "glossary",
    "definition",
}
SILENT = {"metadata", "title", "label", "caption", "iframe", "object", "colspec", "spanspec", "commentary"}


def read(path: Path, assets: Path) -> Iterator[Part]:
    """The module's blocks; anchors carry the path of titles and the id of the nearest element that has one."""
    root = parse_xml(path.read_bytes(), "The CNXML module")
    content = child(root, "content")
    if name(root) != "document" or content is None:
        raise UnreadableFile(
            "This XML file is not a CNXML module (it has no document with a content element)."
        )
    walk = _Walk(root)
    title = one_line(all_text(node)) if (node := child(root, "title")) is not None else _metadata_title(root)
    walk.flow.heading(1, title)
    walk.inside(content, 1)
    if (glossary := child(root, "glossary")) is not None:
        walk.block(glossary, 1)
    yield from in_parts(walk.flow.end(), {"title": title})


def _metadata_title(root: Element) -> str:
    metadata = child(root, "metadata")
    node = child(metadata, "title") if metadata is not None else None
    return one_line(all_text(node)) if node is not None else ""


class _Walk:
    def __init__(self, root: Element) -> None:
        self.flow = Flow()
        self._targets = {
            node.get("id"): node for node in root.iter() if isinstance(node.tag, str) and node.get("id")
        }

    def inside(self, element: Element, level: int) -> None:
        """The element's own text and children, each in its place."""
        self.flow.say(element.text)
        for node in element:
            self.block(node, level)
            self.flow.say(node.tail)
        self.flow.paragraph(element.get("id", ""))

    def block(self, node: Element, level: int) -> None:
        tag, element_id, flow = name(node), node.get("id", ""), self.flow
        if tag in SILENT or not tag:
            return
        if tag in TITLED:
            self._titled(node, level)
        elif tag == "para":
            flow.paragraph()
            if (title := self._title(node)) != "":
                flow.say(title + BREAK)
            self.inside(node, level)
        elif (tag == "code" and self._is_block(node)) or tag == "preformat":
            language = node.get("lang", "") or node.get("class", "").split(" ")[0]
            flow.add(
                "code", code_text(self._raw(node)), element_id, **({"language": language} if language else {})
            )
        elif tag == "list" and node.get("display") != "inline":
            self._list(node, level)
        elif tag == "table":
            self._table(node)
        elif tag in ("figure", "media"):
            self._figure(node)
        elif tag == "equation" or (tag == "math" and node.get("display") == "block"):
            formulas = [node] if tag == "math" else [n for n in node.iter() if name(n) == "math"]
            text = "\n".join(f"$${to_latex(formula)}$$" for formula in formulas) or one_line(all_text(node))
            flow.add("formula", text, element_id)
        elif tag in ("problem", "solution"):
            self._exercise_part(node, level)
        elif tag in ("quote", "meaning"):
            if tag == "quote":
                flow.paragraph()
            self.inside(node, level)
        else:
            self._inline(node, level)

    def _is_block(self, node: Element) -> bool:
        if node.get("display"):
            return bool(node.get("display") == "block")
        parent = node.getparent()
        inline = {
            "para",
            "item",
            "entry",
            "title",
            "caption",
            "emphasis",
            "term",
            "link",
            "footnote",
            "meaning",
        }
        return parent is None or name(parent) not in inline or "\n" in (node.text or "").strip("\n ")

    def _raw(self, node: Element) -> str:
        """Code with its line breaks."""
        pieces = [node.text or ""]
        for part in node:
            tag = name(part)
            pieces.append(
                "\n" if tag == "newline" else entity(part) if tag == "&" else self._raw(part) if tag else ""
            )
            pieces.append(part.tail or "")
        return "".join(pieces)

    def _inline(self, node: Element, level: int) -> None:
        tag, flow = name(node), self.flow
        if tag == "&":
            flow.say(entity(node))
        elif tag == "code":
            flow.say(code_span(self._raw(node)))
        elif tag == "math":
            flow.say(f"${to_latex(node)}$")
        elif tag == "newline":
            flow.say(BREAK)
        elif tag == "space":
            flow.say(" ")
        elif tag in ("sup", "sub"):
            flow.say((raised if tag == "sup" else lowered)(all_text(node)))
        elif tag == "footnote":
            flow.say(f" ({one_line(all_text(node))})")
        elif tag == "link":
            flow.say(self._link(node))
        else:
            flow.say(node.text)
            for part in node:
                self.block(part, level)
                flow.say(part.tail)

    def _link(self, node: Element) -> str:
        text = self.text(node)
        target = self._targets.get(node.get("target-id"))
        if text or target is None:
            return text
        kind, title = name(target).capitalize(), self._title(target)
        return f"{kind} “{title}”" if title else f"the {kind.lower()}"

    def text(self, node: Element) -> str:
        """The inline text of an element, apart from what is being said."""
        walk = _Walk.__new__(_Walk)
        walk.flow, walk._targets = Flow(), self._targets
        walk.flow.say(node.text)
        for part in node:
            walk._inline(part, 9)
            walk.flow.say(part.tail)
        return walk.flow.spoken()

    def _title(self, node: Element) -> str:
        title = child(node, "title")
        return self.text(title) if title is not None else ""

    def _titled(self, node: Element, level: int) -> None:
        flow, title, kept = self.flow, self._title(node), len(self.flow.blocks)
        outer, data = flow.headings.id, flow.data
        kind = name(node)
        if kind == "exercise":
            flow.data = {**data, "exercise": node.get("id", "")}
        elif kind in ("note", "example"):
            flow.data = {**data, kind: node.get("class", "")}
        flow.paragraph()
        if kind == "definition" and (term := child(node, "term")) is not None:
            flow.say(self.text(term) + ": ")
            node.remove(term)
        if title:
            flow.heading(level + 1, title, node.get("id", ""))
        self.inside(node, level + 1 if title else level)
        if title:
            flow.headings.leave(level + 1, outer)
            if kind != "section" and len(flow.blocks) == kept + 1:
                flow.blocks.pop()  # what the note held is on a web page elsewhere
        flow.data = data

    def _exercise_part(self, node: Element, level: int) -> None:
        data = self.flow.data
        self.flow.paragraph()
        self.flow.data = {**data, "role": name(node)}
        self.inside(node, level)
        self.flow.data = data

    def _list(self, node: Element, level: int) -> None:
        flow, numbered = self.flow, node.get("list-type") == "enumerated"
        if (title := self._title(node)) != "":
            flow.paragraph()
            flow.say(title)
            flow.paragraph()
        flow.open_list(node.get("id", ""))
        for number, item in enumerate(children(node, "item"), start=1):
            flow.item(f"{number}. " if numbered else "- ")
            self.inside(item, level)
        flow.close_list()

    def _table(self, node: Element) -> None:
        grid = Grid()
        for row in (n for n in node.iter() if name(n) == "row"):
            names = {
                c.get("colname"): i for i, c in enumerate(n for n in node.iter() if name(n) == "colspec")
            }
            cells = []
            for entry in children(row, "entry"):
                width = names.get(entry.get("nameend"), 0) - names.get(entry.get("namest"), 0) + 1
                rows = span(str(int(more) + 1)) if (more := entry.get("morerows", "")).isdecimal() else 1
                cells.append((self._cell(entry), span(str(width)) if width > 1 else 1, rows))
            grid.row(cells)
        caption = " ".join(filter(None, [self._title(node), self._caption(node)]))
        text = "\n\n".join(filter(None, [caption, markdown_table(grid.rows)]))
        self.flow.add("table", text, node.get("id", ""), **({"caption": caption} if caption else {}))

    def _cell(self, entry: Element) -> str:
        walk = _Walk.__new__(_Walk)
        walk.flow, walk._targets = Flow(), self._targets
        walk.inside(entry, 9)
        return " ".join(
            f"`{block.text}`" if block.kind == "code" and "\n" not in block.text else block.text
            for block in walk.flow.end()
        )

    def _caption(self, node: Element) -> str:
        caption = child(node, "caption")
        return self.text(caption) if caption is not None else ""

    def _figure(self, node: Element) -> None:
        alts, sources = [], []
        for media in (n for n in node.iter() if name(n) in ("media", "image")):
            alt = one_line(media.get("alt") or "")
            if " " in alt and alt not in alts:  # one word is a file name, not a description
                alts.append(alt)
            if media.get("src"):
                sources.append(PurePosixPath(media.get("src", "")).name)
        title, caption = self._title(node), self._caption(node)
        data = {"alt": " ".join(alts)} if alts else {}
        if sources:
            data["source"] = sources[0]
        self.flow.add("figure", "\n".join(filter(None, [title, caption, *alts])), node.get("id", ""), **data)
