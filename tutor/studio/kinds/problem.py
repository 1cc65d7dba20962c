"""Worked problems: a relation or a formula of the material, with numbers put in, solved and checked with SymPy."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from hashlib import sha256
from itertools import groupby

from courses.models import Passage
from tutor.practice.items import Survey
from tutor.practice.statements import Statement
from tutor.studio.exercises.blocks import blocks_of
from tutor.studio.kinds import Draft, Quoted, quoted, sentence_of
from tutor.studio.kinds.formulas import Formula, read, solved

NAMED = {"/": "the ratio of", "*": "the product of", "-": "the difference between", "+": "the sum of"}
SAID = {"/": "divided by", "*": "times|multiplied by", "-": "minus|less", "+": "plus"}
QUANTITY = r"(?:the |its |their )?(?P<{}>(?!square root|based|an? )[a-z][a-z -]{{2,50}}?)"
RELATIONS = {
    sign: re.compile(
        rf"^(?:is|equals) (?:{NAMED[sign]} {QUANTITY.format('a')} and|{QUANTITY.format('b')} (?:{said})) "
        rf"(?P<root>the square root of )?{QUANTITY.format('two')}$"
    )
    for sign, said in SAID.items()
}
LEADS = 200  # characters before a formula in which the sentence stands that leads to it
A_FORMULA = 2  # problems of one formula


def drafts(material: Survey, rows: Sequence[Statement]) -> Iterator[Draft]:
    """ "If the standard deviation is 12 and the number of readings is 16, what is the standard error?"."""
    for row in rows:
        yield from _of_words(row)
    for _, same in groupby(rows, key=lambda row: row.passage.pk):
        yield from of_formulas(next(same).passage)


def _of_words(row: Statement) -> Iterator[Draft]:
    """A relation that a sentence states."""
    predicate = row.predicate.rstrip(".")
    for sign, pattern in RELATIONS.items():
        found = pattern.match(predicate)
        if not found or row.subject.startswith(("a ", "an ")):
            continue
        named = found["a"] or found["b"]
        answer = solve(sign, bool(found["root"]), sha256(row.text.encode()).digest())
        if answer is None:
            continue
        one, two, working, value = answer
        question = f"If the {named} is {one} and the {found['two']} is {two}, what is {row.subject}?"
        said = f"{sentence_of(row)} So it is {working} = {value}."
        yield Draft(
            "problem", question, said, (quoted(row),), "a stated relation, solved with SymPy", row.term
        )
        return


def of_formulas(passage: Passage) -> Iterator[Draft]:
    """Problems from the formulas of a passage that give one quantity by others: two sets of numbers each."""
    for start, end in blocks_of(passage, "formula"):
        formula = read(passage.text[start:end])
        if formula is None:
            continue
        lead = lead_to(passage.text[max(0, start - LEADS) : start])
        seed = sha256(passage.text[start:end].encode()).digest()
        for turn in range(A_FORMULA):
            found = solved(formula, seed[turn * 8 :])
            if found is None:
                break
            given, working, value = found
            question = _asked(formula, lead, given)
            equals = "=" if value.exact else r"\approx"
            answer = f"Putting the values into ${formula.latex}$ gives ${working} {equals} {value.text}$."
            source = (Quoted(passage, start, end),)
            yield Draft(
                "problem",
                question,
                answer,
                source,
                "a formula of the material, solved with SymPy",
                formula.name,
                computed=True,
            )


def _asked(formula: Formula, lead: str, given: str) -> str:
    start = f"{lead} ${formula.latex}$." if lead.endswith(":") else f"Take the formula ${formula.latex}$."
    return f"{start} What is ${formula.name}$ if {given}?"


def lead_to(before: str) -> str:
    """The sentence that leads to a formula ("… lags behind its input by half a window:"), or "" where none stands by itself."""
    found = re.search(r"(?:^|[.!?]\s+|\n)(?:[-*] )?([A-Z][^.!?\n$]{20,140}:)\s*$", before)
    if not found or re.match(
        r"(?:This|These|It|They|To|Otherwise|Then|In|So|For the|Conversion)\b", found[1]
    ):
        return ""
    return " ".join(found[1].split())


def solve(sign: str, root: bool, seed: bytes) -> tuple[str, str, str, str] | None:
    """Numbers that make the result short, the working and the value; None where SymPy does not confirm it by going back."""
    import sympy

    two = (2 + seed[0] % 9) ** 2 if root else 2 + seed[0] % 19
    one = (3 + seed[1] % 12) * (sympy.sqrt(two) if root else two)
    a, b = sympy.Symbol("a", positive=True), sympy.Symbol("b", positive=True)
    second = sympy.sqrt(b) if root else b
    relation = {"/": a / second, "*": a * second, "-": a - second, "+": a + second}[sign]
    value = relation.subs({a: one, b: two})
    back = sympy.solve(sympy.Eq(relation, value).subs(b, two), a)
    if not value.is_rational or back != [one]:
        return None
    shown = {"/": "/", "*": "·", "-": "−", "+": "+"}[sign]
    return str(one), str(two), f"{one} {shown} {f'√{two}' if root else two}", str(value)
