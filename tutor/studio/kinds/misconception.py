"""Misconceptions: a wrong claim that a classmate might make, and what the material says instead; and now and then a right one,
so that "no" is not always the answer."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from hashlib import sha256

from courses.verification import SUPPORTED, verify_all
from tutor.practice.items import Survey
from tutor.practice.statements import Statement, content, stems
from tutor.studio.kinds import Draft, quoted, sentence_of
from tutor.studio.kinds.alike import others
from tutor.studio.kinds.asking import askable

LIKELY = 0.5  # score of the verifier from which a claim may be right
EVIDENCE = 3  # passages a claim is checked against, beside its own
RIGHT = 4  # one in so many is right
# Both ways round: what a learner mixes up.
MIXED_UP = (
    ("mutable", "immutable"), ("first", "last"), ("before", "after"), ("increases", "decreases"), ("larger", "smaller"),
    ("longer", "shorter"), ("higher", "lower"), ("greater", "less"), ("always", "never"), ("ascending", "descending"),
    ("global", "local"), ("beginning", "end"), ("high-level", "low-level"), ("adds", "removes"), ("maximum", "minimum"),
    ("largest", "smallest"), ("inside", "outside"), ("implicitly", "explicitly"), ("implicit", "explicit"), ("reads", "writes"),
    ("optional", "required"), ("true", "false"), ("`True`", "`False`"), ("uppercase", "lowercase"), ("superclass", "subclass"),
    ("superclasses", "subclasses"), ("faster", "slower"), ("opens", "closes"),
    ("rising", "falling"), ("divides", "multiplies"), ("half", "twice"), ("mean", "median"),
    ("can", "cannot"), ("dependent", "independent"), ("finite", "infinite"), ("positive", "negative"),
)  # fmt: skip
LAST_RESORT = {"can", "cannot", "positive", "negative"}  # what is only changed where nothing else is there
DENIED = re.compile(
    r"can (?!(?:be used|help|also|use|automate|provide)\b)"
)  # where "cannot" is a mistake one might make


def _instead() -> dict[str, str]:
    table: dict[str, str] = {}
    for one, other in MIXED_UP:
        table.setdefault(one, other)
        table.setdefault(other, one)
    return table


INSTEAD = _instead()
MIXED = re.compile(
    rf"(?<![\w-])(?:{'|'.join(sorted(map(re.escape, INSTEAD), key=len, reverse=True))})(?![\w-])"
)


def drafts(material: Survey, rows: Sequence[Statement]) -> Iterator[Draft]:
    """ "A classmate says: “Tuples are mutable.” Is that right?" – "No. Tuples are immutable."."""
    for row in rows:
        claim = next(wrong_claims(row, material), "")
        if not claim:
            continue
        right = sentence_of(row)
        turn = sha256(right.encode()).digest()[0] % RIGHT == 0
        question = f"A classmate says: “{right if turn else claim}” Is that right?"
        how = (
            "a statement, to be confirmed"
            if turn
            else "a statement turned round, which the material does not support"
        )
        answer = f"{'Yes' if turn else 'No'}. {right}"
        yield Draft("misconception", question, answer, (quoted(row),), how, row.term)


def wrong_claims(row: Statement, material: Survey) -> Iterator[str]:
    """What one might say instead of the statement: its opposite, or what is true of a concept that is like its own. Nothing that
    the verifier might support."""
    if not askable(row, material):
        return
    for claim in _candidates(row, material):
        if is_wrong(claim, row, material):
            yield claim


def _candidates(row: Statement, material: Survey) -> Iterator[str]:
    sentence = sentence_of(row)
    start = len(sentence) - len(row.predicate) - 1
    found = sorted(
        MIXED.finditer(sentence, max(0, start)),
        key=lambda match: (match.group() in LAST_RESORT, match.start()),
    )
    for match in found[:2]:
        word = match.group()
        if re.search(rf"\b{re.escape(INSTEAD[word].strip('`'))}\b", sentence):
            continue  # it speaks of both
        if word == "can" and not (row.predicate.startswith("can ") and DENIED.match(row.predicate)):
            continue
        yield f"{sentence[: match.start()]}{INSTEAD[word]}{sentence[match.end() :]}"
    for other in others(row, material):
        yield _sentence(f"{row.subject} {other.predicate}")
        break
    for other in material.statements:
        if _contrasts(other, row, material):
            yield _sentence(f"{row.subject} {other.predicate}")
            break


def _contrasts(other: Statement, row: Statement, material: Survey) -> bool:
    """Whether another statement says something different of the same kind: "has a breakdown point of zero"."""
    if (
        other.verb != row.verb
        or other.term == row.term
        or other.plural != row.plural
        or other.leader
        or "`" in f"{other.text}{row.text}"
        or row.verb in ("is", "are")  # what things are is told apart by `others`
        or not askable(other, material)
    ):
        return False
    mine, its = content(row.predicate), content(other.predicate)
    shared = mine & its
    return (
        len(shared) >= 2
        and 2 * len(shared) >= len(mine)
        and bool(its - mine)
        and not stems(row.term) & stems(other.predicate)
    )


def is_wrong(claim: str, row: Statement, material: Survey) -> bool:
    """Whether nothing in the course that is near the claim supports it."""
    keys = content(claim)
    near = sorted(material.about.values(), key=lambda held: -len(keys & held[1]))[:EVIDENCE]
    evidence = [row.passage.text, *(passage.text for passage, _ in near if passage.pk != row.passage.pk)]
    found = verify_all([claim], evidence)[0]
    return found.verdict != SUPPORTED and (found.score < LIKELY or found.contradicted)


def _sentence(claim: str) -> str:
    return f"{claim[:1].upper()}{claim[1:].rstrip('.')}."
