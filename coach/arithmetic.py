"""Arithmetic as it is said: finds statements such as “seven times eight is fifty-four” and whether they are right."""

from __future__ import annotations

import re
from fractions import Fraction

from coach.words import NUMBERS, PARTS, plain

_UNIT = "|".join(word for word, value in NUMBERS.items() if value < 20)
_TEN = "|".join(word for word, value in NUMBERS.items() if 20 <= value < 100)
_TENS = rf"(?:{_TEN})(?:[- ](?:{_UNIT}))?"
_SPOKEN = rf"(?:{_TENS}|{_UNIT})(?:[- ]hundred(?: and)?(?:[- ](?:{_TENS}|{_UNIT}))?)?"
_PART = rf"(?:a |an |one |{_UNIT}|\d+)[- ]?(?:{'|'.join(PARTS)})"
_DIGITS = r"\d+(?:,\d{3})*(?:\.\d+)?(?:/\d+)?|\.\d+"
_NUMBER = rf"(?:negative |minus |-)?(?:{_PART}|{_DIGITS}|{_SPOKEN})(?![\w/]|[.]\d| and (?:a|one|two|three|\d+)[- /])"
_OPERATORS = {
    "plus": r"plus|\+|added to|add",
    "minus": r"minus|(?<= )-(?= )|(?<=\d)-(?=\d)|take away|subtract",
    "times": r"times|×|\*|x|multiplied by|timesed by",
    "by": r"divided by|÷|/",
}
_OPERATOR = "|".join(rf"(?P<{name}>{words})" for name, words in _OPERATORS.items())
_IS = (
    r"(?:equals?(?: to)?|is equal to|is|makes|gives (?:you|me|us)|would be|will be|that's|=|was"
    r"|,? (?:so )?(?:it's|you get|i got|i get))"
)
_SUM = re.compile(rf"(?<![\w.])(?P<a>{_NUMBER}) ?(?:{_OPERATOR}) ?(?P<b>{_NUMBER})")
_CLAIM = re.compile(
    rf"{_SUM.pattern},? {_IS} (?:like |about )?(?P<c>{_NUMBER})(?! (?:{'|'.join(_OPERATORS.values())}))"
)
_HALF = re.compile(
    rf"(?<![\w.])(?P<of>half of|double) (?P<a>{_NUMBER}) (?:is|equals|would be|=) (?P<c>{_NUMBER})"
)
_ONLY = re.compile(
    r"^(?:um,?|uh,?|it's|is it|it is|i (?:got|think it's|think)|that's|equals|so|the answer is|\s)*"
    rf"(?P<c>{_NUMBER})[.?!]*$"
)
_SKIP = re.compile(r"\b(?:not|isn't|remainder|about|almost|around|nearly)\b")


def number(text: str) -> Fraction | None:
    """The value of a number in digits or words; None where it is none."""
    text = plain(text).strip()
    sign = -1 if re.match(r"negative |minus |-(?=[\d.a-z])", text) else 1
    text = re.sub(r"^(?:negative |minus |-)", "", text)
    part = re.fullmatch(rf"(.+?)[- ]?({'|'.join(PARTS)})", text)
    if part:
        above = Fraction(1) if part[1].strip() in ("a", "an", "one") else number(part[1])
        return None if above is None else sign * above / PARTS[part[2]]
    if re.fullmatch(r"[\d,]*\.?\d+(?:/\d+)?", text):
        try:
            return sign * Fraction(text.replace(",", ""))
        except (ValueError, ZeroDivisionError):
            return None
    total = 0
    for word in re.split(r"[- ]", text):
        if word == "hundred":
            total = max(total, 1) * 100
        elif word in NUMBERS:
            total += NUMBERS[word]
        elif word != "and":
            return None
    return Fraction(sign * total)


def false_statement(said: str, asked: str = "") -> tuple[int, int] | None:
    """Where a statement stands that is arithmetically false: in itself, or as the bare answer to the sum in the
    question before it. None where there is none, or where it cannot be told."""
    text = plain(said)
    for match in _CLAIM.finditer(text):
        if (
            not _SKIP.search(match.group())
            and not _chained(text, match.start())
            and _wrong(match, match["c"])
        ):
            return match.span()
    for match in _HALF.finditer(text):
        whole, claimed = number(match["a"]), number(match["c"])
        factor = Fraction(1, 2) if match["of"] == "half of" else Fraction(2)
        if whole is not None and claimed is not None and whole * factor != claimed:
            return match.span()
    bare = _ONLY.match(text.strip())
    sums = list(_SUM.finditer(plain(asked))) if bare else []
    if bare and len(sums) == 1 and asked.rstrip().endswith("?") and _wrong(sums[0], bare["c"]):
        return bare.span("c")
    return None


def _chained(text: str, start: int) -> bool:
    """Whether the sum goes on from another one before it (3 plus 4 plus 5 is 12)."""
    before = text[max(0, start - 16) : start].rstrip()
    return bool(re.search(rf"(?:{'|'.join(_OPERATORS.values())}|\.|\d)$", before))


def _wrong(sum_: re.Match[str], claimed: str) -> bool:
    a, b, c = number(sum_["a"]), number(sum_["b"]), number(claimed)
    if a is None or b is None or c is None:
        return False
    if sum_["plus"]:
        return a + b != c
    if sum_["minus"]:
        return a - b != c and b - a != c
    if sum_["times"]:
        return a * b != c
    whole = b != 0 and (a / b == c or (a // b == c and a % b != 0))  # a remainder may be left unsaid
    return b != 0 and not whole and not (a != 0 and b / a == c)
