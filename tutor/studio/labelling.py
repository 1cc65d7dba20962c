"""Whether an answer is correct, partly correct or incorrect beside its reference: by a judge, else by a rule.

The labels are those of the software-testing study (answers and explanations apart). The rule has no language model in it: values
are compared as values (SymPy, quantities), the rest by the words that the reference adds to the question and by the verifier. How
far it agrees with people is measured on `data/labels.jsonl` and shown wherever its labels are.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from courses.verification import SUPPORTED, verify
from tutor.llm.client import complete
from tutor.llm.errors import EndpointError
from tutor.llm.models import Endpoint, HasEndpoint
from tutor.practice.grading import COVERED, TOUCHED, compare
from tutor.practice.models import Item
from tutor.practice.quantities import Quantity, quantities
from tutor.studio.banks import Asked
from tutor.studio.models import Label

RULE = "rule"
DATA = Path(__file__).parent / "data"
PROMPTS = Path(__file__).parent / "prompts"
AT_ONCE = 8  # requests to the judge
LONGEST = 1500  # characters of an answer that a judge is shown
CONFIRMED = 0.5  # of the verifier's score, from which what an answer says of a reference is true of it
BRIEF = 6  # words of an answer that gives a value and nothing else
POLAR = re.compile(r"^(yes|no)\b[\s,.;:—–-]*", re.IGNORECASE)
EXPRESSION = re.compile(r"[\d.a-z+*/^()\s-]+", re.IGNORECASE)
WORDS = re.compile(r"[a-z]{2,}", re.IGNORECASE)
KNOWN = {"sqrt", "pi", "sin", "cos", "log", "exp"}
LONGEST_EXPRESSION = 40  # characters


@dataclass(frozen=True)
class Labels:
    """Of an answer; `explanation` is "" where the question has none to hold it to."""

    answer: str
    explanation: str = ""
    reason: str = ""


# The rule ------------------------------------------------------------------------------------------------------------


def by_rule(asked: Asked, text: str) -> Labels:
    """The labels that the rule gives. Raises EmbeddingError."""
    explanation = rule(asked.question, asked.explanation, text) if asked.explanation else ""
    return Labels(str(rule(asked.question, asked.reference, text)), str(explanation))


def rule(question: str, reference: str, text: str) -> str:
    """One label. Values first, then yes or no, then the words."""
    text = " ".join(text.split())
    if not any(character.isalnum() for character in text):
        return Label.INCORRECT
    valued = by_value(question, reference, text)
    if valued:
        return valued
    wanted, said = _polarity(reference), _polarity(text)
    if wanted and said and wanted != said:
        return Label.INCORRECT
    rest, given = POLAR.sub("", reference), POLAR.sub("", text) if wanted else text
    if wanted and said and (not given or not rest):
        return Label.CORRECT
    return by_words(question, rest or reference, given or text)


def by_words(question: str, reference: str, text: str) -> str:
    """Of the reference's words beyond the question's, how many the answer has in some form; and whether it says the opposite."""
    item = Item(kind=Item.Kind.EXPLAIN, prompt=question, answer=reference, quote=reference)
    found = compare(item, text)
    forward = verify(reference, [text])
    if found.opposed and forward.verdict != SUPPORTED:
        return Label.INCORRECT
    if found.share >= COVERED or forward.verdict == SUPPORTED:
        return Label.CORRECT
    back = verify(text, [reference])
    if found.share >= TOUCHED and back.score >= CONFIRMED and not back.contradicted:
        return Label.PARTIAL
    return Label.INCORRECT


def by_value(question: str, reference: str, text: str) -> str:
    """The label where the reference is a value, or turns on a number; "" where it does not, or more has to be looked at."""
    value = _expression(reference.strip().rstrip("."))
    if value is not None:
        found = [_expression(piece) for piece in _candidates(text)]
        return (
            Label.CORRECT if any(one is not None and _equal(value, one) for one in found) else Label.INCORRECT
        )
    asked = quantities(question)
    wanted = [
        one for one in quantities(reference) if not _counts(one) and not any(one.equals(q) for q in asked)
    ]
    if not wanted:
        return ""
    result, said = wanted[-1], [one for one in quantities(text) if not _counts(one)]
    if not any(result.equals(one) for one in said):
        return Label.INCORRECT
    return Label.CORRECT if len(text.split()) <= BRIEF else ""


def _counts(quantity: Quantity) -> bool:
    """ "One" in a sentence is mostly no number."""
    return bool(quantity.spelled and quantity.value == 1)


def _polarity(text: str) -> str:
    found = POLAR.match(text)
    return found[1].lower() if found else ""


def _candidates(text: str) -> list[str]:
    """The pieces of an answer that may be its value: all of it, what stands after "is" or "=", and each figure."""
    plain = text.strip().rstrip(".")
    pieces = [plain, *re.split(r"\bis\b|\bequals\b|=|\bbecause\b|,", plain)]
    return [*pieces, *re.findall(r"\d[\d.]*(?:\s*/\s*\d+)?\s*%?", plain)]


@lru_cache(maxsize=512)
def _expression(text: str) -> Any:
    """A number or a term as SymPy has it; None for anything else. Nothing but figures, signs and single letters is parsed."""
    import sympy
    from sympy.parsing.sympy_parser import (
        convert_xor,
        implicit_multiplication,
        parse_expr,
        standard_transformations,
    )

    text = re.sub(r"(\d(?:[\d.]*))\s*%", r"(\1/100)", text.strip()).replace("·", "*").replace("−", "-")
    powers = text.count("**") + text.count("^")
    if (
        not text
        or len(text) > LONGEST_EXPRESSION
        or not EXPRESSION.fullmatch(text)
        or any(word.lower() not in KNOWN for word in WORDS.findall(text))
        or powers > 1
        or (powers and re.search(r"(?:\*\*|\^)\s*\(?\s*\d{3,}", text))
        or re.fullmatch(r"[a-z]", text, re.IGNORECASE)
    ):
        return None
    try:
        found = parse_expr(
            text, transformations=(*standard_transformations, implicit_multiplication, convert_xor)
        )
    except Exception:  # noqa: BLE001  # SymPy raises whatever Python does on text that is no term
        return None
    return found if isinstance(found, sympy.Expr) else None


def _equal(one: Any, other: Any) -> bool:
    import sympy

    return bool(sympy.simplify(one - other) == 0)


@lru_cache
def measured() -> dict[str, Any]:
    """How far the rule agrees with people, as `python -m bench labels` found it on the pairs it was not tuned on."""
    found: dict[str, Any] = json.loads((DATA / "rule.json").read_text(encoding="utf-8"))
    return found


@dataclass(frozen=True)
class Labelled:
    """An answer that a person labelled. The rule was tuned on the half "tune"."""

    question: str
    reference: str
    text: str
    label: str
    half: str


def labelled(half: str = "") -> list[Labelled]:
    """The pairs that were labelled by hand, all or of one half."""
    lines = (DATA / "labels.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [
        Labelled(row["question"], row["reference"], text, label, row["half"])
        for row in map(json.loads, lines)
        for label, text in row["answers"]
    ]
    return [row for row in rows if half in ("", row.half)]


# The judge -----------------------------------------------------------------------------------------------------------


def judge_for(course: HasEndpoint, measured: Endpoint) -> Endpoint | None:
    """The capable endpoint that judges for a course: its own, the default, or any other; None without one.

    One that serves another model than the measured one goes first: a model favours its own answers.
    """
    own = [course.endpoint] if course.endpoint is not None and course.endpoint.enabled else []
    others = Endpoint.objects.enabled().filter(capable=True).order_by("pk")
    found = [one for one in (*own, Endpoint.objects.default(), *others) if one.capable]
    return min(found, key=lambda one: is_same(one, measured), default=None)


def is_same(judge: Endpoint, measured: Endpoint) -> bool:
    """Whether two endpoints serve the same model."""
    return (judge.base_url, judge.model) == (measured.base_url, measured.model)


def name_of(judge: Endpoint | None) -> str:
    """What is remembered as having labelled."""
    return str(judge) if judge is not None else RULE


async def by_judge(endpoint: Endpoint, asked: Sequence[tuple[Asked, str]]) -> list[Labels]:
    """The judge's labels of answers, in order. Raises EndpointError."""
    room = asyncio.Semaphore(AT_ONCE)

    async def one(question: Asked, text: str) -> Labels:
        async with room:
            return await _judged(endpoint, question, text)

    return await asyncio.gather(*(one(*row) for row in asked))


async def _judged(endpoint: Endpoint, asked: Asked, text: str) -> Labels:
    if not text.strip():
        return Labels(Label.INCORRECT, Label.INCORRECT if asked.explanation else "", "There is no answer.")
    names = ["answer", "explanation"] if asked.explanation else ["answer"]
    properties: dict[str, Any] = {name: {"enum": Label.values} for name in names}
    schema = {
        "type": "object",
        "properties": {"reason": {"type": "string", "maxLength": 300}, **properties},
        "required": ["reason", *names],
        "additionalProperties": False,
    }
    wanted = f"Reference explanation: {asked.explanation}\n" if asked.explanation else ""
    shown = prompt("label_answer").format(
        question=asked.whole, reference=asked.reference, explanation=wanted, answer=text[:LONGEST]
    )
    try:
        said = await complete(
            endpoint, [{"role": "user", "content": shown}], schema=schema, max_tokens=250, temperature=0.0
        )
    except EndpointError as error:
        if error.kind != "schema":
            raise
        return Labels("", "", "The judge gave no label.")  # it answered, but not with one: nothing is made up
    return Labels(said.data["answer"], said.data.get("explanation", ""), said.data["reason"])


@lru_cache
def prompt(name: str) -> str:
    """A prompt file of the studio."""
    return (PROMPTS / f"{name}.txt").read_text(encoding="utf-8")
