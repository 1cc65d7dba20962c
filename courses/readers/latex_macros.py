"""A LaTeX file's own simple macros, expanded."""

from __future__ import annotations

import re
from typing import NamedTuple

from courses.readers.parts import UnreadableFile

MAX_GROWTH = 4  # times the source, beyond 200,000 characters


class Macro(NamedTuple):
    arguments: int
    body: str
    default: str | None = None


def expand(source: str) -> str:
    r"""The source with \newcommand, \def and \DeclareMathOperator macros replaced by what they stand for.

    Macros with delimited arguments are left as they are. Raises UnreadableFile where macros grow without bound.
    """
    macros: dict[str, Macro] = {}
    source = _take_definitions(source, macros)
    if not macros:
        return source
    limit = MAX_GROWTH * len(source) + 200_000
    pattern = re.compile(
        r"\\(" + "|".join(sorted(map(re.escape, macros), key=len, reverse=True)) + r")(?![A-Za-z])"
    )
    for _ in range(6):
        source, replaced = _expand_once(source, macros, pattern, limit)
        if not replaced:
            break
    return source


def _expand_once(
    source: str, macros: dict[str, Macro], pattern: re.Pattern[str], limit: int
) -> tuple[str, bool]:
    pieces: list[str] = []
    at, size, replaced = 0, 0, False
    while match := pattern.search(source, at):
        pieces.append(source[at : match.start()])
        macro, at = macros[match[1]], match.end()
        arguments: list[str] = []
        if macro.default is not None:
            optional = re.match(r"\s*\[([^\]]*)\]", source[at : at + 2000])
            arguments.append(optional[1] if optional else macro.default)
            at += optional.end() if optional else 0
        while len(arguments) < macro.arguments:
            argument, at = _argument(source, at)
            arguments.append(argument)
        body = macro.body
        if macro.arguments:
            if body.count("#") * max(map(len, arguments)) > limit:
                raise _endless()
            body = _filled(body, arguments)
        if body[-1:].isalpha() and "\\" in body and source[at : at + 1].isalpha():
            body += " "
        pieces.append(body)
        replaced = True
        size += len(pieces[-1]) + len(pieces[-2])
        if size > limit:
            raise _endless()
    pieces.append(source[at:])
    return "".join(pieces), replaced


def _filled(body: str, arguments: list[str]) -> str:
    return re.sub(
        r"#(\d)", lambda m: arguments[int(m[1]) - 1] if 0 < int(m[1]) <= len(arguments) else "", body
    )


def _endless() -> UnreadableFile:
    return UnreadableFile(
        "The macros in this LaTeX file grow without end. Upload the PDF made from it instead."
    )


def _take_definitions(source: str, macros: dict[str, Macro]) -> str:
    start = re.compile(
        r"\\(?:(?P<new>newcommand|renewcommand|providecommand)\*?\s*\{?\s*\\(?P<name>[A-Za-z]+)\s*\}?"
        r"(?:\s*\[(?P<count>\d)\])?(?:\s*\[(?P<default>[^\]]*)\])?"
        r"|def\s*\\(?P<def>[A-Za-z]+)(?P<marks>(?:#\d)*)"
        r"|DeclareMathOperator(?P<star>\*?)\s*\{?\s*\\(?P<operator>[A-Za-z]+)\s*\}?)\s*(?=\{)"
    )
    pieces: list[str] = []
    at = 0
    while match := start.search(source, at):
        pieces.append(source[at : match.start()])
        body, at = _argument(source, match.end())
        if match["operator"]:
            macros[match["operator"]] = Macro(0, rf"\operatorname{match['star']}{{{body}}}")
        elif match["def"]:
            macros[match["def"]] = Macro(match["marks"].count("#"), body)
        else:
            macros[match["name"]] = Macro(int(match["count"] or 0), body, match["default"])
    pieces.append(source[at:])
    for name in [name for name, macro in macros.items() if re.search(rf"\\{name}(?![A-Za-z])", macro.body)]:
        del macros[name]  # defined by itself: it changes a command rather than naming something
    return "".join(pieces)


def _argument(source: str, at: int) -> tuple[str, int]:
    """The group or single token at this place, and the place after it."""
    while at < len(source) and source[at].isspace():
        at += 1
    if at >= len(source):
        return "", at
    if source[at] == "\\":
        match = re.compile(r"\\([A-Za-z]+|.)", re.DOTALL).match(source, at)
        return (match[0], match.end()) if match else ("", at + 1)
    if source[at] != "{":
        return source[at], at + 1
    depth, place = 0, at
    while place < len(source):
        character = source[place]
        if character == "\\":
            place += 2
            continue
        depth += (character == "{") - (character == "}")
        place += 1
        if depth == 0:
            return source[at + 1 : place - 1], place
    return source[at + 1 :], len(source)
