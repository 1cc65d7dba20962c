"""Yes/no questions: what the material decides of them, by the words that the verifier finds for or against."""

from __future__ import annotations

import re
from collections.abc import Sequence

from courses.verification import SUPPORTED, judge, read
from courses.verification.words import words
from tutor.chat.premises import LOOKED_AT, against, cut

ASKED = re.compile(
    r"^\W*(?:(?:so|and|but|ok(?:ay)?|well)\W+)*(?P<verb>is|are|was|were|can|could|do|does|did|has|have|must|may|should|will|would)"
    r"(?P<not>n['’]t)?\s+(?!you\b|there\b|it\s+possible\b)(?P<rest>[^?]+?)\s*\?*\s*$",
    re.IGNORECASE,
)
DEMANDS = re.compile(r"\b(?:must|should|ha(?:s|ve) to|needs?|required?|necessary)\b", re.IGNORECASE)


def claim_of(question: str) -> str:
    """The statement that yes would make of a question; "" for any other question, and for one with "or"."""
    found = ASKED.match(question)
    if found is None or re.search(r"\bor\b", found["rest"]):
        return ""
    verb, rest = found["verb"].lower(), re.sub(r"\bha(?:ve|s) to\b", "must", found["rest"])
    if verb in ("do", "does", "did"):
        return f"{rest}."
    subject, predicate = cut(rest)
    return f"{subject} {verb} {predicate}." if predicate else ""


def decided(question: str, statements: Sequence[str]) -> tuple[bool, int] | None:
    """Whether the statements say yes, and the number of the one that decides it; None where none does for certain.

    Yes where the verifier finds the claim supported, no where a statement says the opposite of it.
    """
    claim = claim_of(question)
    if not statements or sum(word.content for word in words(claim)) < 2:
        return None
    readings = read([claim], statements, windows=LOOKED_AT)[0]
    verdict = judge(claim, readings[:1], statements)
    supported = verdict.verdict == SUPPORTED and not (
        DEMANDS.search(claim) and not DEMANDS.search(readings[0].window.text)
    )
    opposed = against(claim, readings)
    if supported == (opposed is not None):
        return None
    return (True, readings[0].window.passage) if opposed is None else (False, opposed.passage)
