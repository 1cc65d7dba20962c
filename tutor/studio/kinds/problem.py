"""Worked problems: a relation that the material states in words, with numbers put in, solved and checked with SymPy."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from hashlib import sha256

from tutor.practice.items import Survey
from tutor.practice.statements import Statement
from tutor.studio.kinds import Draft, quoted, sentence_of

NAMED = {"/": "the ratio of", "*": "the product of", "-": "the difference between", "+": "the sum of"}
SAID = {"/": "divided by", "*": "times|multiplied by", "-": "minus|less", "+": "plus"}
QUANTITY = r"(?:the |its |their )?(?P<{}>(?!square root|based)[a-z][a-z -]{{2,50}}?)"
RELATIONS = {
    sign: re.compile(
        rf"^(?:is|equals) (?:{NAMED[sign]} {QUANTITY.format('a')} and|{QUANTITY.format('b')} (?:{said})) "
        rf"(?P<root>the square root of )?{QUANTITY.format('two')}$"
    )
    for sign, said in SAID.items()
}


def drafts(material: Survey, rows: Sequence[Statement]) -> Iterator[Draft]:
    """ "The number of readings is 16 and their standard deviation 2: what is the standard error?"."""
    for row in rows:
        predicate = row.predicate.rstrip(".")
        for sign, pattern in RELATIONS.items():
            found = pattern.match(predicate)
            if not found:
                continue
            named = found["a"] or found["b"]
            solved = solve(sign, bool(found["root"]), sha256(row.text.encode()).digest())
            if solved is None:
                continue
            one, two, working, value = solved
            question = f"If the {named} is {one} and the {found['two']} is {two}, what is {row.subject}?"
            answer = f"{sentence_of(row)} So it is {working} = {value}."
            yield Draft("problem", question, answer, (quoted(row),), "a stated relation, solved with SymPy")
            break


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
