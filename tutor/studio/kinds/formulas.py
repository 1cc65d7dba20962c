r"""Reading formulas of the form `name = expression` (`$$d=\frac{M-1}{2}$$`) so far that SymPy can work with them: letters with
indices, numbers, fractions, roots, powers, products without a sign. What has more in it is not read."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

GREEK = frozenset(
    re.findall(
        r"\w+",
        "alpha beta gamma delta epsilon varepsilon zeta eta theta kappa lambda mu nu xi rho sigma tau phi varphi chi psi omega "
        "Delta Gamma Theta Lambda Sigma Phi Psi Omega",
    )
)
TOKEN = re.compile(r"\s*(?:(\d+(?:\.\d+)?)|\\([A-Za-z]+)|([A-Za-z])|([-+*/^(){}=_·]))")
COUNTS = {"n", "N", "M", "k", "m", "L"}  # letters that mostly stand for a count or a length
LETTER = re.compile(r"(?:\\[A-Za-z]+|[A-Za-z])(?:_(?:\{[^}]*\}|\w))?")
TIMES = r" \cdot "
MOST_SYMBOLS = 3


class Unread(ValueError):
    """There is something in the formula that is not known here."""


@dataclass(frozen=True)
class Formula:
    """One quantity given by others. name: as LaTeX. expression: SymPy's."""

    name: str
    latex: str
    expression: Any
    symbols: tuple[str, ...]  # as LaTeX, in the order in which they stand


@dataclass(frozen=True)
class Value:
    """A result. exact: whether the text is all of it."""

    text: str
    exact: bool


def read(text: str) -> Formula | None:
    """The formula in a block of the material; None where it is not of that form, or gives nothing to work out."""
    latex = " ".join(text.strip().strip("$").split()).strip(" .,")
    left, equals, right = latex.partition("=")
    if not equals or "=" in right or len(latex) > 120:
        return None
    try:
        name, rest = _symbol(_tokens(left), 0)
        if rest != len(_tokens(left)):
            return None
        reader = _Reader(_tokens(right))
        expression = reader.whole()
    except (Unread, RecursionError, IndexError):
        return None
    symbols = tuple(dict.fromkeys(reader.symbols))
    if (
        not 1 <= len(symbols) <= MOST_SYMBOLS
        or name in symbols
        or len(expression.free_symbols) != len(symbols)
    ):
        return None
    if expression.is_Add and all(part.is_Symbol for part in expression.args):
        return None  # nothing to be solved
    if any(_base(symbol) == _base(name) for symbol in symbols):
        return None  # a recurrence: one value by another of the same
    return Formula(name, f"{left.strip()} = {right.strip()}", expression, symbols)


def solved(formula: Formula, seed: bytes) -> tuple[str, str, Value] | None:
    """Numbers put in: what is given, the expression with them, and the value; None where SymPy's two ways do not agree."""
    import sympy

    given: dict[Any, Any] = {}
    for place, symbol in enumerate(formula.symbols):
        given[sympy.Symbol(symbol, positive=True)] = _number(symbol, seed[place])
    exact = formula.expression.subs(given)
    numeric = formula.expression.evalf(30, subs=given)
    if (
        not exact.is_real
        or not exact.is_finite
        or abs(sympy.N(exact, 30) - numeric) > 1e-20 * (1 + abs(numeric))
    ):
        return None
    unknown = next(iter(given))  # and back: the first quantity follows from the value and the others
    others = {symbol: value for symbol, value in given.items() if symbol != unknown}
    back = sympy.solve(sympy.Eq(formula.expression.subs(others), exact), unknown)
    if not any(abs(sympy.N(found - given[unknown])) < 1e-9 for found in back):
        return None
    said = " and ".join(
        f"${symbol} = {_shown(value)}$" for symbol, value in zip(formula.symbols, given.values(), strict=True)
    )
    if len(given) == 3:
        said = said.replace(" and ", ", ", 1)
    return said, _working(formula, given), _value(exact)


def _working(formula: Formula, given: dict[Any, Any]) -> str:
    """The right side with the numbers in place of the letters."""
    right = formula.latex.partition("=")[2].strip()
    numbers = {str(symbol): _shown(value) for symbol, value in given.items()}

    def put(match: re.Match[str]) -> str:
        number = numbers.get(match.group().replace(" ", ""))
        if number is None:
            return match.group()
        before = re.search(r"[\w})]\s*$", right[: match.start()])
        after = re.match(r"\s*[\\(]", right[match.end() :])
        return f"{TIMES if before else ''}{number}{TIMES if after else ''}"

    return f"{formula.name} = {LETTER.sub(put, right)}".replace("  ", " ")


def _number(symbol: str, byte: int) -> Any:
    import sympy

    if _base(symbol) in COUNTS:
        return sympy.Integer(3 + 2 * (byte % 12))
    if _base(symbol) in ("\\alpha", "\\rho"):
        return sympy.Rational(1 + byte % 9, 10)
    return sympy.Integer(2 + byte % 11)


def _shown(value: Any) -> str:
    return str(value) if value.is_integer else f"{float(value):g}"


def _value(value: Any) -> Value:
    if value.is_rational and value.is_integer:
        return Value(str(value), True)
    text = f"{float(value):.4g}"
    return Value(text, bool(value.is_rational) and abs(float(text) - float(value)) < 1e-12)


def _base(symbol: str) -> str:
    return symbol.partition("_")[0]


def _tokens(text: str) -> list[str]:
    found, at = [], 0
    text = (
        text.replace(r"\,", " ")
        .replace(r"\left", "")
        .replace(r"\right", "")
        .replace(r"\cdot", "*")
        .replace("·", "*")
        .rstrip()
    )
    while at < len(text):
        match = TOKEN.match(text, at)
        if match is None:
            raise Unread(text[at : at + 10])
        found.append(match[1] or (f"\\{match[2]}" if match[2] else "") or match[3] or match[4])
        at = match.end()
    return found


def _symbol(tokens: list[str], at: int) -> tuple[str, int]:
    """A letter with its index: `x`, `\\sigma`, `x_{max}`; and where it ends."""
    token = tokens[at]
    if not (re.fullmatch(r"[A-Za-z]", token) or token[1:] in GREEK):
        raise Unread(token)
    at += 1
    if at < len(tokens) and tokens[at] == "_":
        if tokens[at + 1] == "{":
            end = tokens.index("}", at)
            inside = tokens[at + 2 : end]
            if any(not re.fullmatch(r"[A-Za-z0-9]+", part) for part in inside):
                raise Unread("_")
            return f"{token}_{{{''.join(inside)}}}", end + 1
        return f"{token}_{tokens[at + 1]}", at + 2
    return token, at


class _Reader:
    """Recursive descent over the tokens of an expression."""

    def __init__(self, tokens: list[str]) -> None:
        self.tokens, self.at, self.symbols = tokens, 0, list[str]()

    def whole(self) -> Any:
        value = self.sum()
        if self.at != len(self.tokens):
            raise Unread(self.tokens[self.at])
        return value

    def peek(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def take(self, token: str) -> None:
        if self.peek() != token:
            raise Unread(self.peek())
        self.at += 1

    def sum(self) -> Any:
        negative = self.peek() == "-"
        self.at += negative
        value = -self.product() if negative else self.product()
        while self.peek() in ("+", "-"):
            sign = 1 if self.peek() == "+" else -1
            self.at += 1
            value = value + sign * self.product()
        return value

    def product(self) -> Any:
        value = self.power()
        while (token := self.peek()) and token not in ("+", "-", ")", "}", "="):
            if token in ("*", "/"):
                self.at += 1
                value = value * self.power() if token == "*" else value / self.power()
            else:
                value = value * self.power()
        return value

    def power(self) -> Any:
        value = self.atom()
        if self.peek() == "^":
            self.at += 1
            value = value ** (self.group() if self.peek() == "{" else self.atom())
        return value

    def group(self) -> Any:
        self.take("{")
        value = self.sum()
        self.take("}")
        return value

    def atom(self) -> Any:
        import sympy

        token = self.peek()
        if token == "(":
            self.at += 1
            value = self.sum()
            self.take(")")
            return value
        if token == "{":
            return self.group()
        if token == "\\frac":
            self.at += 1
            above = self.group()
            return above / self.group()
        if token == "\\sqrt":
            self.at += 1
            return sympy.sqrt(self.group())
        if token == "\\pi":
            self.at += 1
            return sympy.pi
        if re.fullmatch(r"\d+(?:\.\d+)?", token):
            self.at += 1
            return sympy.Rational(token)
        name, self.at = _symbol(self.tokens, self.at)
        self.symbols.append(name)
        return sympy.Symbol(name, positive=True)
