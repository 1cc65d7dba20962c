"""Office's equations (OMML) as LaTeX."""

from __future__ import annotations

from courses.readers.markup import Element, child, children, name
from courses.readers.symbols import ACCENTS, FUNCTIONS, latex

_NARY = {
    "∑": r"\sum",
    "∏": r"\prod",
    "∫": r"\int",
    "∬": r"\iint",
    "∭": r"\iiint",
    "∮": r"\oint",
    "⋃": r"\bigcup",
    "⋂": r"\bigcap",
}
_FENCES = {
    "{": r"\{",
    "}": r"\}",
    "⟨": r"\langle ",
    "⟩": r"\rangle ",
    "‖": r"\|",
    "⌊": r"\lfloor ",
    "⌋": r"\rfloor ",
    "⌈": r"\lceil ",
    "⌉": r"\rceil ",
}


def to_latex(math: Element) -> str:
    """An m:oMath element as LaTeX; what is not known is given as the text in it."""
    return " ".join(_row(math).split())


def _row(element: Element | None) -> str:
    out = ""
    for node in element if element is not None else ():
        piece = _node(node)
        if piece[:1].isalnum() and _ends_with_command(out):
            out += " "
        out += piece
    return out


def _ends_with_command(text: str) -> bool:
    head = text.rstrip("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
    return head != text and head.endswith("\\")


def _part(node: Element, tag: str) -> str:
    return "{" + _row(child(node, tag)).strip() + "}"


def _property(node: Element, tag: str, default: str = "") -> str:
    properties = next((part for part in node if name(part).endswith("Pr")), None)
    found = child(properties, tag) if properties is not None else None
    if found is None:
        return default
    return next((value for key, value in found.attrib.items() if str(key).endswith("val")), "")


def _node(node: Element) -> str:
    tag = name(node)
    if tag == "r":
        return _run(node)
    if tag == "f":
        if _property(node, "type") == "lin":
            return f"{_row(child(node, 'num'))}/{_row(child(node, 'den'))}"
        return rf"\frac{_part(node, 'num')}{_part(node, 'den')}"
    if tag in ("sSup", "sSub", "sSubSup", "sPre"):
        below = f"_{_part(node, 'sub')}" if tag != "sSup" else ""
        above = f"^{_part(node, 'sup')}" if tag != "sSub" else ""
        base = _row(child(node, "e"))
        return f"{{}}{below}{above}{base}" if tag == "sPre" else f"{_grouped(base)}{below}{above}"
    if tag == "rad":
        degree = _row(child(node, "deg")).strip()
        return rf"\sqrt{f'[{degree}]' if degree else ''}{_part(node, 'e')}"
    if tag == "nary":
        sign = _property(node, "chr", "∫") or "∫"
        below, above = _row(child(node, "sub")).strip(), _row(child(node, "sup")).strip()
        limits = (f"_{{{below}}}" if below else "") + (f"^{{{above}}}" if above else "")
        return f"{_NARY.get(sign, latex(sign))}{limits} {_row(child(node, 'e'))}"
    if tag == "d":
        opening, closing = _property(node, "begChr", "("), _property(node, "endChr", ")")
        separator = _property(node, "sepChr", "|") or ""
        inside = separator.join(_row(part) for part in children(node, "e"))
        return f"{_FENCES.get(opening, opening)}{inside}{_FENCES.get(closing, closing)}"
    if tag == "func":
        function = _row(child(node, "fName")).strip()
        mark = "\\" if function in FUNCTIONS else ""
        return f"{mark}{function} {_row(child(node, 'e'))}"
    if tag in ("acc", "bar", "groupChr"):
        mark = _property(node, "chr", {"acc": "\u0302", "bar": "‾", "groupChr": "⏟"}[tag])
        return ACCENTS.get(mark, r"\hat") + _part(node, "e")
    if tag in ("limLow", "limUpp"):
        return f"{_row(child(node, 'e')).strip()}{'_' if tag == 'limLow' else '^'}{_part(node, 'lim')}"
    if tag == "m":
        rows = [" & ".join(_row(cell).strip() for cell in children(row, "e")) for row in children(node, "mr")]
        return r"\begin{matrix}" + r" \\ ".join(rows) + r"\end{matrix}"
    if tag == "eqArr":
        rows = [_row(part).strip() for part in children(node, "e")]
        return r"\begin{aligned}" + r" \\ ".join(rows) + r"\end{aligned}"
    if tag.endswith("Pr"):
        return ""
    return _row(node)


def _run(node: Element) -> str:
    text = "".join(part.text or "" for part in node if name(part) == "t")
    properties = child(node, "rPr")
    if properties is not None and child(properties, "nor") is not None:
        return rf"\text{{{text}}}"
    if text.strip() in FUNCTIONS:
        return f"\\{text.strip()} "
    return latex(text)


def _grouped(base: str) -> str:
    base = base.strip()
    whole = len(base) == 1 or (base.startswith("\\") and base[1:].isalpha()) or base[:1] + base[-1:] == "()"
    return base if whole else f"{{{base}}}"
