"""Wrong versions of a Verilog design, each by one small change of its text."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tutor.studio.exercises.verilog_run import Token, tokens

MOST = 20
SIGNS = {
    "&": "|", "|": "&", "^": "&", "+": "-", "-": "+", "*": "+", "==": "!=", "!=": "==", "===": "!==", "!==": "===", "&&": "||",
    "||": "&&", "<": ">=", ">": "<=", ">=": "<", "<<": ">>", ">>": "<<", "~^": "^", "^~": "^", "~&": "&", "~|": "|", "~": "",
    "!": "",
}  # fmt: skip
WORDS = {"posedge": "negedge", "negedge": "posedge"}
SIZED = re.compile(
    r"(?P<size>\d[\d_]*)?\s*'\s*(?P<signed>[sS]?)(?P<base>[bodhBODH])\s*(?P<digits>[0-9a-fA-F_]+)$"
)
BASES = {"b": 2, "o": 8, "d": 10, "h": 16}


def mutants(source: str, most: int = MOST) -> list[tuple[str, str]]:
    """(what was changed, the changed source), at most so many, spread over the whole. Some may not compile."""
    found = tokens(source)
    made: dict[str, str] = {}
    for position, token in enumerate(found):
        if not _in_ports(found, position):
            for new in _changes(found, position):
                text = source[: token.start] + new + source[token.start + len(token.text) :]
                line = source.count("\n", 0, token.start) + 1
                made.setdefault(text, f"line {line}: {token.text} → {new.strip() or 'nothing'}")
    changed = [(what, text) for text, what in made.items() if text != source]
    if len(changed) <= most:
        return changed
    return [changed[round(number * (len(changed) - 1) / (most - 1))] for number in range(most)]


def hollow(source: str) -> str:
    """The design with its modules' bodies taken out: the ports are there and nothing drives them."""
    found, parts, last = tokens(source), [], 0
    head = False  # between `module` and the `;` that ends its ports
    body: int | None = None
    for token in found:
        if token.text in ("module", "macromodule"):
            head = True
        elif head and token.text == ";":
            head, body = False, token.start + 1
        elif token.text == "endmodule" and body is not None:
            parts.append(source[last:body] + "\n" + "".join(_declarations(source[body : token.start])))
            last, body = token.start, None
    return "".join(parts) + source[last:]


def _declarations(body: str) -> Iterator[str]:
    """The ports that an old-style module declares in its body."""
    for match in re.finditer(r"^\s*(?:input|output|inout|parameter)\b[^;]*;", body, re.MULTILINE):
        yield match.group() + "\n"


def _changes(found: list[Token], position: int) -> Iterator[str]:
    token = found[position]
    before = found[position - 1] if position else None
    if token.kind == "sign" and token.text in SIGNS:
        unary = before is None or (before.kind == "sign" and before.text not in (")", "]", "}"))
        if (token.text in "+-*<>" and unary) or (
            token.text == "*" and before is not None and before.text in ("@", "(")
        ):
            return  # a sign, or the star of @* and @(*)
        yield SIGNS[token.text]
    elif token.text in WORDS:
        yield WORDS[token.text]
    elif token.kind == "number":
        yield from _numbers(token.text)
    elif token.text == "if":
        yield "if (0) ; else if"
    elif token.text == "?":
        yield "? 0 :"


def _numbers(text: str) -> Iterator[str]:
    sized = SIZED.match(text)
    if not sized:
        if text.isdigit():
            yield str(int(text) + 1)
        return
    base = BASES[sized["base"].lower()]
    try:
        value = int(sized["digits"].replace("_", ""), base)
    except ValueError:
        return
    yield f"{sized['size'] or 32}'{sized['signed']}d{value ^ 1}"


def _in_ports(found: list[Token], position: int) -> bool:
    """Whether the token stands in a range [7:0] or a delay, where a change is one of shape, not of behaviour."""
    depth = 0
    for token in reversed(found[:position]):
        if token.text == "]":
            depth += 1
        elif token.text == "[":
            if depth == 0:
                inside = found[position - 8 if position > 8 else 0 : position + 8]
                return any(near.text == ":" for near in inside)
            depth -= 1
        elif token.text in (";", "begin", "module"):
            return False
        elif token.text == "#":
            return found[position - 1].text == "#"
    return False
