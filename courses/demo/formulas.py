"""The little LaTeX of the demo's slides, as readable text (the PDF's text layer) and as Office maths (PowerPoint)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import escape

SYMBOLS = {
    "alpha": "α", "mu": "μ", "pi": "π", "rho": "ρ", "sigma": "σ", "leq": "≤", "geq": "≥", "cdot": "·", "times": "×",
    "sum": "∑", "quad": "  ", "qquad": "   ", ",": " ", ";": " ", " ": " ", "pm": "±",
}  # fmt: skip
SUPERSCRIPTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
TOKEN = re.compile(r"\\[a-zA-Z]+|\\.|\S|\s+")


@dataclass(frozen=True)
class Node:
    """kind: row, sym, upright, frac, sqrt, bar or script (parts: base, below, above; an absent one is None)."""

    kind: str
    text: str = ""
    parts: tuple[Node | None, ...] = ()


def parse(tex: str) -> Node:
    """The tree of a formula."""
    tokens = TOKEN.findall(tex)
    row, rest = parse_row(tokens, 0)
    if rest != len(tokens):
        raise ValueError(f"a closing brace too many in {tex!r}")
    return row


def parse_row(tokens: list[str], at: int) -> tuple[Node, int]:
    """Nodes up to a closing brace or the end."""
    nodes: list[Node] = []
    while at < len(tokens) and tokens[at] != "}":
        if tokens[at].isspace() or tokens[at] in (r"\left", r"\right"):
            at += 1
        elif tokens[at] in "_^" and nodes:
            at = attach_script(nodes, tokens, at)
        else:
            node, at = parse_atom(tokens, at)
            nodes.append(node)
    return Node("row", parts=tuple(nodes)), at


def attach_script(nodes: list[Node], tokens: list[str], at: int) -> int:
    """Give the last node the index or exponent that starts at `at`."""
    argument, after = parse_atom(tokens, at + 1)
    base = nodes.pop()
    inner, below, above = base.parts if base.kind == "script" else (base, None, None)
    below, above = (argument, above) if tokens[at] == "_" else (below, argument)
    nodes.append(Node("script", parts=(inner, below, above)))
    return after


def parse_atom(tokens: list[str], at: int) -> tuple[Node, int]:
    """One symbol, group or command with its arguments."""
    token = tokens[at]
    if token == "{":
        row, at = parse_row(tokens, at + 1)
        return row, at + 1
    if token in (r"\frac", r"\dfrac"):
        top, at = parse_atom(tokens, at + 1)
        bottom, at = parse_atom(tokens, at)
        return Node("frac", parts=(top, bottom)), at
    if token in (r"\sqrt", r"\bar"):
        inner, at = parse_atom(tokens, at + 1)
        return Node(token[1:], parts=(inner,)), at
    if token == r"\mathrm":
        end = tokens.index("}", at)
        words = "".join(" " if part == "\\ " else part for part in tokens[at + 2 : end])
        return Node("upright", words), end + 1
    if token.startswith("\\"):
        return Node("sym", SYMBOLS[token[1:]]), at + 1
    return Node("sym", {"-": "−"}.get(token, token)), at + 1


def readable(tex: str) -> str:
    """The formula on one line: x̄ = (1/n) ∑_(i=1)^n x_i."""
    text = re.sub(r" +", " ", _readable(parse(tex))).strip()
    return re.sub(r" (?=[,)])|(?<=\()[ ]|(?<=\()− ", lambda match: match[0].strip(), text)


def _readable(node: Node | None) -> str:
    if node is None:
        return ""
    if node.kind in ("sym", "upright"):
        spaced = node.text in "=≤>+−·" and node.kind == "sym"
        return f" {node.text} " if spaced else node.text
    if node.kind == "row":
        return "".join(_spaced(part) for part in node.parts)
    inner = [_readable(part).strip() for part in node.parts]
    if node.kind == "frac":
        return f"{_grouped(inner[0])}/{_grouped(inner[1])}"
    if node.kind == "sqrt":
        return f"√{_grouped(inner[0])}"
    if node.kind == "bar":
        return f"{inner[0]}\u0304"
    base, below, above = inner[0], *(part.replace(" ", "") for part in inner[1:])
    below = f"_{_grouped(below)}" if below else ""
    above = above.translate(SUPERSCRIPTS) if above.isdigit() else f"^{_grouped(above)}" if above else ""
    return f"{base}{below}{above}"


def _spaced(node: Node | None) -> str:
    """A part of a row; fractions, sums and whatever carries an index stand apart from their neighbours."""
    text = _readable(node)
    apart = node is not None and (node.kind in ("frac", "script") or text.startswith("∑"))
    return f" {text} " if apart else text


def _grouped(text: str) -> str:
    return text if len(text) < 2 or re.fullmatch(r"[\w.]+|\(.*\)|\w\u0304", text) else f"({text})"


MATH = "http://schemas.openxmlformats.org/officeDocument/2006/math"


def office_math(tex: str) -> str:
    """The formula as the inner XML of an `m:oMath` element."""
    return _office(parse(tex))


def _office(node: Node | None) -> str:
    if node is None:
        return ""
    if node.kind in ("sym", "upright"):
        style = '<m:rPr><m:sty m:val="p"/></m:rPr>' if node.kind == "upright" else ""
        font = '<a:rPr lang="en-GB"><a:latin typeface="Cambria Math"/></a:rPr>'
        return f'<m:r>{style}{font}<m:t xml:space="preserve">{escape(node.text)}</m:t></m:r>'
    if node.kind == "row":
        return _office_row([part for part in node.parts if part])
    inner = [_office(part) for part in node.parts]
    if node.kind == "frac":
        return f"<m:f><m:num>{inner[0]}</m:num><m:den>{inner[1]}</m:den></m:f>"
    if node.kind == "sqrt":
        return f'<m:rad><m:radPr><m:degHide m:val="1"/></m:radPr><m:deg/><m:e>{inner[0]}</m:e></m:rad>'
    if node.kind == "bar":
        return f'<m:acc><m:accPr><m:chr m:val="\u0304"/></m:accPr><m:e>{inner[0]}</m:e></m:acc>'
    base, below, above = inner
    if below and above:
        return f"<m:sSubSup><m:e>{base}</m:e><m:sub>{below}</m:sub><m:sup>{above}</m:sup></m:sSubSup>"
    if below:
        return f"<m:sSub><m:e>{base}</m:e><m:sub>{below}</m:sub></m:sSub>"
    return f"<m:sSup><m:e>{base}</m:e><m:sup>{above}</m:sup></m:sSup>"


def _office_row(nodes: list[Node]) -> str:
    """A row; a sum takes all that follows it as its operand."""
    out = ""
    for index, node in enumerate(nodes):
        base = node.parts[0] if node.kind == "script" else node
        if base is not None and base.text == "∑":
            _, below, above = node.parts if node.kind == "script" else (node, None, None)
            hide = f'<m:subHide m:val="{int(below is None)}"/><m:supHide m:val="{int(above is None)}"/>'
            return (
                f'{out}<m:nary><m:naryPr><m:chr m:val="∑"/><m:limLoc m:val="undOvr"/>{hide}</m:naryPr>'
                f"<m:sub>{_office(below)}</m:sub><m:sup>{_office(above)}</m:sup>"
                f"<m:e>{_office_row(nodes[index + 1 :])}</m:e></m:nary>"
            )
        out += _office(node)
    return out
