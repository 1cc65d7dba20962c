"""Where sentences begin and end, in text that may hold formulas, code, tables and lists."""

from __future__ import annotations

import itertools
import re

from courses.wording import bag

# What a full stop never ends a sentence after.
ABBREVIATIONS = bag(
    """
    e.g i.e cf viz vs dr prof mr mrs ms mx st mt fig figs eq eqs eqn sec sect ch chap vol pp ed eds ref refs thm
    lem prop cor def ex gen col capt lt sgt rev hon approx resp dept univ assn jan feb mar apr jun jul aug sep
    sept oct nov dec ca incl excl ver alg app tab
    """
)
BEFORE_NUMBER = bag("no nos p art nr op ln l")  # abbreviations only in front of a number
MAYBE_LAST = bag("etc al inc ltd co corp jr sr a.m p.m ph.d b.c a.d m.sc b.sc u.s u.k e.u")
STARTERS = bag(
    """
    a an the this that these those it its he she they we you i there here in on at by for from to of with as if
    when while although because since after before then thus hence so but and or however moreover therefore what
    why how who which where our your their his her each every all some many most no not let note see consider
    suppose once both another such one two first second third next finally now
    """
)
_PROTECTED = re.compile(
    r"```.*?(?:```|\Z)|~~~.*?(?:~~~|\Z)|\$\$.*?\$\$|\\\[.*?\\\]|\\\(.*?\\\)|\\begin\{(\w+\*?)\}.*?\\end\{\1\}"
    r"|(?<![\\$\w])\$(?=\S)(?:[^$\n\\]|\\.)+?(?<=\S)\$(?!\d)|(?<!`)(`+)(?!`)[^\n]*?(?<!`)\2(?!`)"
    r"|\b(?:https?://|www\.)[^\s<>\"]*[^\s<>\".,;:!?)\]]",
    re.DOTALL,
)
_ITEM = re.compile(r"[ \t]*(?:[-*•‣▪◦–·]|\(?(?:\d{1,3}|[a-zA-Z]|[ivxIVX]{1,4})[.)])[ \t]+(?=\S)")
_HEADING = re.compile(r"#{1,6} +\S")
_END = re.compile(r"(?:[.!?]+|…|[。！？])[\"'”’»)\]*_]*(?=\s|$)|[。！？](?=\S)")
_NEXT = re.compile(r"[\s\"'“‘«(\[*_]*")
_LEFT_WORD = re.compile(r"[\w.'’-]*$")
LONGEST_PARENTHESIS = 400
_LINE_STOP = re.compile(r"[.,;:!?](?=\n)")
RUN_ON = 160  # characters


def sentences(text: str) -> list[tuple[int, int]]:
    """Offsets (start, end) of the sentences of `text`, in order, without the white space around them.

    They do not overlap and leave out nothing but white space. Code blocks, display formulas and tables are one
    sentence each; so is a list item or a heading line that ends without a stop.
    """
    guarded = bytearray(len(text))
    for match in _PROTECTED.finditer(text):
        guarded[match.start() : match.end()] = b"\1" * (match.end() - match.start())
    found: list[tuple[int, int]] = []
    for start, end in _blocks(text, guarded):
        found += _split_block(text, start, end, guarded)
    return found


def _trim(text: str, start: int, end: int) -> tuple[int, int] | None:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return (start, end) if start < end else None


def _blocks(text: str, guarded: bytearray) -> list[tuple[int, int]]:
    """Paragraphs, list items and whole tables."""
    cuts = [0]
    position = 0
    cut_next = was_row = False
    for line in text.splitlines(keepends=True):
        stripped = line.strip()
        inside = position > 0 and guarded[position] and guarded[position - 1]
        if not stripped:
            cut_next = cut_next or not inside
        elif not inside:
            is_row = stripped[0] == "|" and stripped.count("|") > 1
            is_heading = _HEADING.match(line) is not None
            if cut_next or is_heading or is_row != was_row or (_ITEM.match(line) and not is_row):
                cuts.append(position)
            was_row, cut_next = is_row, is_heading
        position += len(line)
    cuts.append(len(text))
    trimmed = (_trim(text, *cut) for cut in itertools.pairwise(cuts))
    return [span for span in trimmed if span]


def _split_block(text: str, start: int, end: int, guarded: bytearray) -> list[tuple[int, int]]:
    if text[start] == "|" and text[end - 1] == "|":
        return [(start, end)]
    item = _ITEM.match(text, start, end)
    position = item.end() if item else start  # the stop of "1." ends nothing
    first = start
    found = []
    for match in _END.finditer(text, position, end):
        if guarded[match.start()] or match.end() >= end:
            continue
        if not _ends_here(text, first, match, end) or _in_parentheses(text, first, match, end):
            continue
        span = _trim(text, first, match.end())
        if span:
            found.append(span)
        first = match.end()
    rest = _trim(text, first, end)
    spans = [*found, rest] if rest else found
    return [piece for span in spans for piece in _cut_run_on(text, *span, guarded)]


def _cut_run_on(text: str, start: int, end: int, guarded: bytearray) -> list[tuple[int, int]]:
    """Speech recognition goes on for minutes with commas: what is too long is cut where a line of it ends with a stop."""
    if end - start <= RUN_ON:
        return [(start, end)]
    cuts = [match.end() for match in _LINE_STOP.finditer(text, start, end) if not guarded[match.start()]]
    pieces = (_trim(text, *cut) for cut in itertools.pairwise([start, *cuts, end]))
    return [piece for piece in pieces if piece]


def _ends_here(text: str, first: int, match: re.Match[str], end: int) -> bool:
    mark = match.group()
    if mark[0] in "。！？":
        return True
    following = _NEXT.match(text, match.end(), end)
    after = following.end() if following else match.end()
    if after >= end:
        return False
    opener = text[after]
    if opener.islower():
        return False
    word = re.match(r"[\w'’-]*", text[after : after + 30])
    next_word = word.group().lower() if word else ""
    if mark[0] in "!?…" or mark.startswith(".."):
        return not (mark.startswith((".", "…")) and next_word == "i")
    left = _LEFT_WORD.search(text, first, match.start())
    token = (left.group() if left else "").lower().strip("'’-")
    if not token:
        return True
    last = token.rsplit(".", 1)[-1]
    if token in ABBREVIATIONS:
        return False
    if token in BEFORE_NUMBER and opener.isdigit():
        return False
    if token in MAYBE_LAST:
        return next_word in STARTERS or (token == "etc" and opener.isupper())
    if len(last) == 1 and last.isalpha() and (left is None or left.group()[-1:].isupper() or "." in token):
        # an initial ("J. Smith"), or a letter that ends a sentence ("in plan B. The next")
        return next_word in STARTERS
    return True


def _in_parentheses(text: str, first: int, match: re.Match[str], end: int) -> bool:
    """Whether the stop stands inside brackets that are closed soon after it."""
    before = text[max(first, match.end() - LONGEST_PARENTHESIS) : match.end()]
    depth = before.count("(") - before.count(")")
    if depth <= 0:
        return False
    closing = text.find(")", match.end(), min(end, match.end() + LONGEST_PARENTHESIS))
    return closing >= 0
