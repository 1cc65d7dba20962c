"""Markdown, as in notes and in the cells of notebooks."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from markdown_it import MarkdownIt
from markdown_it.token import Token
from mdit_py_plugins.dollarmath import dollarmath_plugin
from mdit_py_plugins.footnote import footnote_plugin
from mdit_py_plugins.front_matter import front_matter_plugin

from courses.readers.flow import BREAK, Flow, code_span
from courses.readers.parts import Part, UnreadableFile, in_parts
from courses.readers.tables import markdown_table
from courses.readers.text import decode


@cache
def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"maxNesting": 60}).enable(["table", "strikethrough"])
    parser.use(front_matter_plugin).use(footnote_plugin)
    return parser.use(dollarmath_plugin, allow_space=False, allow_digits=False, double_inline=True)


def read(path: Path, assets: Path) -> Iterator[Part]:
    """Blocks under heading paths, with GitHub-like heading ids; pictures keep their description only."""
    flow = Flow()
    meta = walk(flow, decode(path.read_bytes()))
    blocks = flow.end()
    if not blocks:
        raise UnreadableFile("This Markdown file holds no text.")
    first = next((block.text for block in blocks if block.kind == "heading" and block.level == 1), "")
    title = meta.get("title") or first
    yield from in_parts(blocks, {**meta, "title": title} if title else meta)


def walk(flow: Flow, source: str) -> dict[str, Any]:
    """Add the blocks of Markdown source to the flow; returns the front matter's plain keys."""
    meta: dict[str, Any] = {}
    tokens = _parser().parse(_tex_brackets(source))
    index = 0
    while index < len(tokens):
        token = tokens[index]
        if token.type == "front_matter":
            meta = _front_matter(token.content)
        elif token.type == "heading_open":
            title, element_id = _heading_text(tokens[index + 1])
            flow.heading(int(token.tag[1]), title, element_id)
            index += 2
        elif token.type == "inline":
            _inline(flow, token.children or [])
            flow.paragraph()
        elif token.type in ("bullet_list_open", "ordered_list_open"):
            flow.open_list()
        elif token.type in ("bullet_list_close", "ordered_list_close"):
            flow.close_list()
        elif token.type == "list_item_open":
            flow.item(f"{token.info}. " if token.info else "- ")
        elif token.type in ("fence", "code_block"):
            language = token.info.strip().split(" ")[0].strip("{}.") if token.info else ""
            kind = "formula" if language == "math" else "code"
            text = f"$${token.content.strip()}$$" if kind == "formula" else token.content.rstrip("\n")
            flow.add(kind, text, **({"language": language} if language and kind == "code" else {}))
        elif token.type.startswith("math_block"):
            flow.add("formula", f"$${token.content.strip()}$$")
        elif token.type == "html_block":
            _html(flow, token.content)
        elif token.type == "table_open":
            index = _table(flow, tokens, index)
        index += 1
    return meta


def _tex_brackets(source: str) -> str:
    r"""\(…\) and \[…\] as dollars, outside code."""
    if "\\(" not in source and "\\[" not in source:
        return source
    pieces = re.split(
        r"(^ {0,3}(?:```|~~~).*?^ {0,3}(?:```|~~~)[ \t]*$|`[^`\n]*`)", source, flags=re.MULTILINE | re.DOTALL
    )
    for i in range(0, len(pieces), 2):
        pieces[i] = re.sub(
            r"(?<!\\)\\\[(.+?)\\\]", lambda m: f"\n$$\n{m[1].strip()}\n$$\n", pieces[i], flags=re.DOTALL
        )
        pieces[i] = re.sub(r"(?<!\\)\\\((.+?)\\\)", lambda m: f"${m[1].strip()}$", pieces[i])
    return "".join(pieces)


def _front_matter(content: str) -> dict[str, Any]:
    """Plain `key: value` lines; YAML's other forms are left alone."""
    meta: dict[str, Any] = {}
    for line in content.split("\n"):
        if (match := re.match(r"(title|author|date|subtitle|description|lang):\s*(.+?)\s*$", line)) and match[
            2
        ] != "|":
            meta[match[1]] = match[2].strip("\"'")
    return meta


def _heading_text(token: Token) -> tuple[str, str]:
    flow = Flow()
    _inline(flow, token.children or [])
    title = flow.spoken()
    if match := re.search(r"\s*\{#([\w:.-]+)[^}]*\}\s*$", title):
        return title[: match.start()], match[1]
    return title, ""


def _inline(flow: Flow, tokens: Sequence[Token]) -> None:
    alone = [
        token for token in tokens if token.type not in ("softbreak", "hardbreak") and token.content.strip()
    ]
    for token in tokens:
        if token.type == "text":
            flow.say(token.content)
        elif token.type == "code_inline":
            flow.say(code_span(token.content))
        elif token.type == "math_inline":
            flow.say(f"${token.content.strip()}$")
        elif token.type in ("math_inline_double", "math_block"):
            flow.say(f"$${token.content.strip()}$$")
        elif token.type == "softbreak":
            flow.say(" ")
        elif token.type == "hardbreak":
            flow.say(BREAK)
        elif token.type == "image":
            source = str(token.attrs.get("src", ""))
            name = "" if source.startswith("data:") else unquote(source.rpartition("/")[2])
            if len(alone) == 1:
                flow.add("figure", token.content.strip() or name, source=name)
            else:
                flow.say(token.content)
        elif token.type == "html_inline":
            if re.match(r"<br\s*/?>", token.content, re.IGNORECASE):
                flow.say(BREAK)
        elif token.type == "footnote_ref":
            flow.say("")


def _table(flow: Flow, tokens: Sequence[Token], index: int) -> int:
    rows: list[list[str]] = []
    while tokens[index].type != "table_close":
        token = tokens[index]
        if token.type == "tr_open":
            rows.append([])
        elif token.type == "inline":
            cell = Flow()
            _inline(cell, token.children or [])
            rows[-1].append(cell.spoken())
        index += 1
    flow.add("table", markdown_table(rows))
    return index


def _html(flow: Flow, source: str) -> None:
    from courses.readers.html import walk as walk_html

    walk_html(flow, source)
