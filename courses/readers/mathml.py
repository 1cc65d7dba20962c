"""MathML as LaTeX."""

from __future__ import annotations

import re

from courses.readers.markup import Element, all_text, entity, name
from courses.readers.symbols import ACCENTS, FUNCTIONS, latex

_FENCES = {"(": "(", ")": ")", "[": "[", "]": "]", "{": r"\{", "}": r"\}", "|": "|", "": ""}


def to_latex(math: Element) -> str:
    """The formula as LaTeX: the annotation that carries it where there is one, else the presentation markup."""
    for node in math.iter():
        if name(node) == "annotation" and "tex" in (node.get("encoding") or "").lower():
            return " ".join((node.text or "").split())
    return " ".join(_row(list(math)).split())


def _row(nodes: list[Element]) -> str:
    out = ""
    for node in nodes:
        piece = _node(node)
        if piece[:1].isalnum() and out and _ends_with_command(out):
            out += " "
        out += piece
    return out


def _ends_with_command(text: str) -> bool:
    head = text.rstrip("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
    return head != text and head.endswith("\\")


def _group(node: Element | None) -> str:
    text = _node(node).strip() if node is not None else ""
    return text if len(text) == 1 else "{" + text + "}"


def _braced(node: Element | None) -> str:
    return "{" + (_node(node).strip() if node is not None else "") + "}"


def _node(node: Element) -> str:
    tag = name(node)
    parts = [part for part in node if name(part)] if tag != "&" else []
    first, second, third = [*parts, None, None, None][:3]
    if tag in ("mi", "mn", "mo", "ms"):
        text = all_text(node).strip()
        if tag == "mi" and text in FUNCTIONS:
            return f"\\{text} "
        if tag == "mi" and len(text) > 1 and text.isascii() and text.isalpha():
            return rf"\mathrm{{{text}}}"
        return (
            f" {latex(text)} "
            if tag == "mo" and text in ("=", "<", ">", "≤", "≥", "≠", "→", "⇒")
            else latex(text)
        )
    if tag == "mtext":
        text = all_text(node).replace("\u00a0", " ")
        if re.fullmatch(r"\s*-?[\d.,]+\s*", text):
            return text.strip()
        return rf"\text{{{_text(text)}}}" if text.strip() else " "
    if tag == "mspace":
        return " "
    if tag == "mfrac":
        return rf"\frac{_braced(first)}{_braced(second)}"
    if tag == "msqrt":
        return rf"\sqrt{{{_row(parts)}}}"
    if tag == "mroot":
        return rf"\sqrt[{_node(second) if second is not None else ''}]{_braced(first)}"
    if tag in ("msup", "msub"):
        return _base(first) + ("^" if tag == "msup" else "_") + _group(second)
    if tag == "msubsup":
        return f"{_base(first)}_{_group(second)}^{_group(third)}"
    if tag in ("munder", "mover", "munderover"):
        return _under_over(tag, first, second, third)
    if tag == "mfenced":
        opening, closing = node.get("open", "("), node.get("close", ")")
        inside = (node.get("separators", ",").strip()[:1] or "").join(_node(part) for part in parts)
        return str(_FENCES.get(opening, opening) + inside + _FENCES.get(closing, closing))
    if tag == "mtable":
        rows = [" & ".join(_row(list(cell)).strip() for cell in row if name(cell)) for row in parts]
        return r"\begin{matrix}" + r" \\ ".join(rows) + r"\end{matrix}"
    if tag == "semantics":
        return _node(first) if first is not None else ""
    if tag == "&":
        return latex(entity(node))
    if tag in ("annotation", "annotation-xml", ""):
        return ""
    return latex((node.text or "").strip()) + _row(list(node))


def _text(text: str) -> str:
    return "".join("\\" + c if c in "%#&$_{}" else c for c in text)


def _base(node: Element | None) -> str:
    text = _node(node).strip() if node is not None else ""
    return text if len(text) == 1 or (text.startswith("\\") and text[1:].isalpha()) else "{" + text + "}"


def _under_over(tag: str, base: Element | None, first: Element | None, second: Element | None) -> str:
    mark = all_text(first).strip() if first is not None else ""
    if tag in ("mover", "munder") and mark in ACCENTS:
        return ACCENTS[mark] + _braced(base)
    text = _node(base).strip() if base is not None else ""
    if tag == "munderover":
        return f"{text}_{_group(first)}^{_group(second)}"
    return f"{text}_{_group(first)}" if tag == "munder" else f"{text}^{_group(first)}"
