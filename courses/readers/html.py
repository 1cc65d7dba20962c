"""Web pages: the article, without the page's furniture."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lxml import html as lxml_html

from courses.readers.flow import BREAK, Flow, code_span, code_text, lowered, one_line, raised
from courses.readers.markup import Element, name
from courses.readers.mathml import to_latex
from courses.readers.parts import Part, UnreadableFile, in_parts
from courses.readers.tables import Grid, markdown_table, span
from courses.readers.text import decode

DROPPED = {
    "script", "style", "nav", "noscript", "template", "svg", "canvas", "iframe", "object", "embed", "form", "button",
    "select", "textarea", "input", "dialog", "menu", "head", "audio", "video", "link", "meta",
}  # fmt: skip
BLOCKS = {
    "address", "article", "aside", "blockquote", "body", "center", "dd", "details", "div", "dl", "dt", "fieldset",
    "figcaption", "figure", "footer", "header", "hr", "html", "main", "p", "section", "summary",
}  # fmt: skip
_FURNITURE = re.compile(
    r"(^|[-_ ])(nav|navbar|navigation|breadcrumbs?|sidebar|site-header|site-footer|cookie|cookies|consent|share|social|"
    r"advert|ads?|promo|newsletter|related|comments?|skip-link|pagination|pager|toolbar|banner|popup|modal|toc-toggle|"
    r"headerlink|mw-editsection|noprint)($|[-_ ])",
    re.IGNORECASE,
)
_ROLES = {
    "navigation",
    "banner",
    "contentinfo",
    "search",
    "complementary",
    "dialog",
    "alert",
    "menu",
    "toolbar",
}
MAX_DEPTH = 400


def read(path: Path, assets: Path) -> Iterator[Part]:
    """The page's article: headings with their ids, paragraphs, lists, code, tables, formulas, pictures' captions."""
    root = _parse(decode(path.read_bytes()))
    title = _title(root)
    flow = Flow()
    _Walk(flow).node(_article(root), 0)
    blocks = flow.end()
    if not blocks:
        raise UnreadableFile(
            "This web page holds no text of its own (pages built by scripts are saved empty). "
            "Print it to PDF in the browser and upload the PDF."
        )
    yield from in_parts(blocks, {"title": title} if title else {})


def walk(flow: Flow, source: str) -> None:
    """Add the blocks of a piece of HTML to the flow."""
    if re.sub(r"<!--.*?-->", "", source, flags=re.DOTALL).strip():
        _Walk(flow).node(_parse(source), 0)


def _parse(source: str) -> Element:
    source = re.sub(r"^\s*<\?xml[^>]*\?>", "", source.replace("\0", ""))
    parser = lxml_html.HTMLParser(no_network=True, remove_comments=True, remove_pis=True, huge_tree=False)
    try:
        root = lxml_html.document_fromstring(source or "<p></p>", parser=parser)
    except (lxml_html.etree.ParserError, lxml_html.etree.XMLSyntaxError) as error:
        raise UnreadableFile(
            "This file is not a web page that can be read. Save the page again, or as PDF."
        ) from error
    return root


def _title(root: Element) -> str:
    found = root.find(".//head/title")
    heading = root.find(".//h1")
    return one_line(
        (found.text or "") if found is not None else heading.text_content() if heading is not None else ""
    )


def _length(element: Element) -> int:
    return sum(len(p.text_content()) for p in element.iter("p", "li", "td", "pre", "h1", "h2", "h3"))


def _article(root: Element) -> Element:
    """The element that holds the article, where the page says which: main or article with most of the text."""
    whole = _length(root)
    for candidates in (root.xpath("//main | //*[@role='main']"), root.xpath("//article")):
        if len(candidates) == 1 and _length(candidates[0]) >= 0.4 * whole:
            return candidates[0]
    body = root.find("body")
    return body if body is not None else root


def _is_furniture(element: Element, tag: str) -> bool:
    if tag in DROPPED or element.get("hidden") is not None or element.get("aria-hidden") == "true":
        return True
    if (element.get("role") or "").lower() in _ROLES:
        return True
    if tag in ("footer", "header", "aside") and not any(
        a.tag in ("article", "main") for a in element.iterancestors()
    ):
        return tag != "header" or element.find(".//h1") is None
    if re.search(r"display\s*:\s*none", element.get("style") or ""):
        return True
    if tag in ("div", "section", "ul", "a", "span", "aside", "p", "table"):
        return any(_FURNITURE.search(element.get(attribute) or "") for attribute in ("class", "id"))
    return False


class _Walk:
    def __init__(self, flow: Flow) -> None:
        self.flow = flow
        self._pre = False

    def node(self, element: Element, depth: int) -> None:
        tag, flow = name(element).lower(), self.flow
        if not tag or depth > MAX_DEPTH:
            return
        element_id = element.get("id") or ""
        if tag == "math" or "katex" in (element.get("class") or "").split() or tag == "mjx-container":
            self._math(element)
        elif _is_furniture(element, tag):
            self._script_math(element, tag)
        elif re.fullmatch(r"h[1-6]", tag):
            self._heading(element, int(tag[1]))
        elif tag == "pre":
            self._code(element)
        elif tag in ("ul", "ol"):
            self._list(element, depth, tag == "ol")
        elif tag == "table":
            self._table(element, depth)
        elif tag == "figure" and element.find(".//pre") is None and element.find(".//table") is None:
            self._figure(element)
        elif tag == "img":
            self._image(element)
        elif tag in BLOCKS:
            flow.paragraph()
            self._inside(element, depth)
            if tag == "dt":
                flow.say(": ")
            else:
                flow.paragraph(element_id)
        else:
            self._inline(element, tag, depth)

    def _inside(self, element: Element, depth: int) -> None:
        self.flow.say(element.text)
        for part in element:
            self.node(part, depth + 1)
            self.flow.say(part.tail)

    def _inline(self, element: Element, tag: str, depth: int) -> None:
        if tag == "br":
            self.flow.say(BREAK)
        elif tag in ("code", "kbd", "samp", "tt") and element.find(".//pre") is None:
            self.flow.say(code_span(element.text_content()))
        elif tag in ("sup", "sub") and element.find("a") is not None:
            return  # a footnote's number
        elif tag in ("sup", "sub"):
            self.flow.say((raised if tag == "sup" else lowered)(element.text_content()))
        else:
            self._inside(element, depth)

    def _heading(self, element: Element, level: int) -> None:
        for link in element.xpath(".//a[contains(@class, 'headerlink') or contains(@class, 'anchor')]"):
            if not re.search(r"\w", link.text_content()):
                link.text = ""
        inner = Flow()
        _Walk(inner)._inside(element, 0)
        inside = element.xpath(".//*[@id or @name]")
        nearest = element.get("id") or (inside[0].get("id") or inside[0].get("name") if inside else "")
        parent = element.getparent()
        if not nearest and parent is not None and parent.tag in ("section", "div", "header"):
            nearest = (parent.get("id") if parent.index(element) == 0 else "") or ""
        self.flow.heading(level, inner.spoken(), nearest or "")

    def _code(self, element: Element) -> None:
        classes = " ".join(
            e.get("class") or "" for e in [element, *element.iter("code"), *element.iterancestors("div")]
        )
        match = re.search(r"(?:language|lang|highlight|brush)[-: ]+(?:source-)?([\w+#]+)", classes)
        for br in element.iter("br"):
            br.tail = "\n" + (br.tail or "")
        data: dict[str, Any] = {"language": match[1]} if match else {}
        self.flow.add("code", code_text(element.text_content()), element.get("id") or "", **data)

    def _list(self, element: Element, depth: int, numbered: bool) -> None:
        items = [item for item in element if name(item).lower() == "li"]
        parent = element.getparent()
        inside = parent is not None and parent.tag in ("li", "main", "article", "section")
        if not numbered and not inside and len(items) > 2 and _link_share(element) > 0.9:
            return  # a menu
        self.flow.open_list(element.get("id") or "")
        start = element.get("start") or "1"
        number = int(start) if start.isdecimal() and len(start) < 7 else 1
        for item in element:
            tag = name(item).lower()
            if tag == "li":
                self.flow.item(f"{number}. " if numbered else "- ")
                number += 1
                self._inside(item, depth + 1)
            elif tag:
                self.node(item, depth + 1)
        self.flow.close_list()

    def _table(self, element: Element, depth: int) -> None:
        rows = [row for row in element.iter("tr") if next(row.iterancestors("table"), None) is element]
        if any(row.find(".//table") is not None for row in rows) or all(len(row) < 2 for row in rows):
            self.flow.paragraph()  # a table for layout
            for row in rows:
                for cell in row:
                    self._inside(cell, depth + 3)
                    self.flow.paragraph()
            return
        grid = Grid()
        for row in rows:
            cells = [cell for cell in row if name(cell).lower() in ("td", "th")]
            grid.row([(self._cell(c), span(c.get("colspan")), span(c.get("rowspan"))) for c in cells])
        found = element.find("caption")
        caption = one_line(found.text_content()) if found is not None else ""
        text = "\n\n".join(filter(None, [caption, markdown_table(grid.rows)]))
        self.flow.add("table", text, element.get("id") or "", **({"caption": caption} if caption else {}))

    def _cell(self, cell: Element) -> str:
        inner = Flow()
        _Walk(inner)._inside(cell, 0)
        return " ".join(block.text for block in inner.end())

    def _figure(self, element: Element) -> None:
        found = element.find(".//figcaption")
        caption = one_line(found.text_content()) if found is not None else ""
        alts = [one_line(image.get("alt") or "") for image in element.iter("img")]
        sources = [(image.get("src") or "").rpartition("/")[2] for image in element.iter("img")]
        text = "\n".join(dict.fromkeys(filter(None, [caption, *alts])))
        self.flow.add("figure", text, element.get("id") or "", source=next(filter(None, sources), ""))

    def _image(self, element: Element) -> None:
        alt = one_line(element.get("alt") or "")
        source = element.get("src") or ""
        if "math" in (element.get("class") or "") or "latex" in (element.get("class") or ""):
            self.flow.say(f"${alt}$")
        elif " " in alt:
            name = "" if source.startswith("data:") else source.rpartition("/")[2]
            self.flow.add("figure", alt, element.get("id") or "", source=name)

    def _math(self, element: Element) -> None:
        math = element if name(element) == "math" else element.find(".//math")
        if math is None:
            return
        text = to_latex(math)
        if not text:
            return
        display = math.get("display") == "block" or (element.get("display") == "true")
        parent = element.getparent()
        display = display or (parent is not None and "katex-display" in (parent.get("class") or ""))
        if display:
            self.flow.add("formula", f"$${text}$$", element.get("id") or "")
        else:
            self.flow.say(f"${text}$")

    def _script_math(self, element: Element, tag: str) -> None:
        kind = element.get("type") or ""
        if tag == "script" and kind.startswith("math/tex"):
            text = (element.text or "").strip()
            if "display" in kind:
                self.flow.add("formula", f"$${text}$$")
            else:
                self.flow.say(f"${text}$")


def _link_share(element: Element) -> float:
    whole = len(element.text_content().strip())
    return sum(len(link.text_content().strip()) for link in element.iter("a")) / whole if whole else 1.0
