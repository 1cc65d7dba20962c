"""Propositions: the atomic, self-contained claims of a text, each with the sentence it was taken from.

By rules: clauses are split where both halves stand on their own, and a pronoun is replaced where only one thing can be
meant; a sentence of which the rules are not sure stays whole (Hosseini et al. 2024 for what a proposition should be).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from courses.clauses import take_apart
from courses.grammar import finite_verb, is_simple, tokens, verbs
from courses.referents import resolve, subject_of
from courses.sentences import sentences
from courses.wording import bag

SUPPOSING = bag("let assume consider note")  # what follows these is stated all the same
LONGEST = 600  # characters; a longer sentence is a list or a table, and stays whole
_BULLET = re.compile(r"^(?:[-*•‣▪◦–·]|\(?(?:\d{1,3}|[a-z])[.)])\s+")
_MASKED = re.compile(
    r"\$\$.+?\$\$|(?<![\\$\w])\$(?=\S)[^$\n]+?(?<=\S)\$(?!\d)|(`+)[^`].*?\1|“[^”]{1,120}”|\"[^\"\n]{1,120}\"|"
    r"\([^()]{1,160}\)|https?://\S+|\*\*(?=\S)[^*]+\*\*|\b[A-Za-z_]\w*\(\)",
    re.DOTALL,
)
# A clause that says nothing without the one before it: a pronoun nobody could resolve, or a verb left out ("tuples are not").
_LEANS = re.compile(
    r"^(?:it|they|he|she|this|these|those)\b"
    r"|\b(?:is|are|was|were|do|does|did|can|could|will|would|should|has|have|had|must|may)(?:n['’]t| not)?[\s.!;]*$",
    re.IGNORECASE,
)
# A line of a program or of what it printed, rather than a sentence.
_CODE = re.compile(
    r"^(?:def|class|import|from|for|while|if|elif|else|try|except|with|return)\b[^.]*:(?:\s|$)(?=.*[=()\[\]#]|$)"
    r"|^import \w+$|^(?:class|def) \w+ ?[(:]|^[\w.\[\]\"']+ ?(?:[-+*/]|//|\*\*)?= ?\S|^[\w.]+\([^)]*\)\.?$"
    r"|^(?:print|input)\(|^>>>|^# ?\w"
)


@dataclass(frozen=True)
class Sentence:
    """A sentence, its offsets in the text that was segmented, and its claims."""

    text: str
    start: int
    end: int
    propositions: list[str]


def segment(
    text: str, heading_path: Sequence[str] = (), listings: Sequence[tuple[int, int]] = ()
) -> list[Sentence]:
    """The sentences of a text with their propositions; a question, an instruction, a heading or a
    listing claims nothing.

    listings: offsets of code, tables and formulas, where they are known; what looks like code is passed over anyway.
    """
    found = []
    before = ""  # the last clause, with its referents resolved: what a pronoun may point at
    for start, end in _outside(text, listings):
        sentence = text[start:end]
        if _is_heading(sentence, heading_path) or not _claims(sentence):
            found.append(Sentence(sentence, start, end, []))
            if not sentence.endswith("?"):
                before = ""
            continue
        claims, before = _propositions(sentence, before)
        found.append(Sentence(sentence, start, end, claims))
    return found


def _outside(text: str, listings: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Sentences of the stretches between the listings."""
    position = 0
    for begin, finish in [*listings, (len(text), len(text))]:
        yield from ((position + a, position + b) for a, b in sentences(text[position:begin]))
        position = finish


def _is_heading(sentence: str, heading_path: Sequence[str]) -> bool:
    plain = sentence.strip("#* ")
    return sentence.startswith("#") or plain in heading_path


def _claims(sentence: str) -> bool:
    if sentence.endswith("?") or sentence.startswith(("```", "~~~", "|", "$$")):
        return False
    if _CODE.search(sentence) or instructs(_BULLET.sub("", sentence)):
        return False
    return len(re.findall(r"[^\W\d_]{2,}", re.sub(r"`[^`]*`", "", sentence))) >= 2 or (
        "`" in sentence and " " in sentence
    )


def instructs(sentence: str) -> bool:
    """Whether a sentence tells somebody to do something ("Write a program that …"), rather than how things are."""
    words = tokens(sentence)
    if not words or words[0].low not in verbs()[0] or words[0].low in SUPPOSING:
        return False
    if len(words) > 1 and words[1].text in ":,—–":
        return False
    verb = finite_verb(words)
    return verb is None or not is_simple(words[:verb])


def _propositions(sentence: str, before: str) -> tuple[list[str], str]:
    plain = " ".join(_BULLET.sub("", sentence).split())
    if len(plain) > LONGEST:
        return [plain], ""
    masks: list[str] = []

    def mask(match: re.Match[str]) -> str:
        masks.append(match.group())
        return chr(0xE000 + len(masks) - 1)

    def hide(text: str) -> str:
        for inner in (r"`[^`]+`", _MASKED):  # brackets and quotations may hold code
            text = re.sub(inner, mask, text)
        return text

    def unmask(text: str) -> str:
        for _ in range(3):
            text = re.sub("[\ue000-\uf8ff]", lambda match: masks[ord(match.group()) - 0xE000], text)
        return text

    hidden = hide(plain)
    # A name is taken up without what was said of it in brackets.
    previous = hide(re.sub(r"\s+\([^()]+\)", "", before))
    claims: list[str] = []
    for clause in take_apart(hidden):
        resolved = resolve(clause, claims[-1] if claims else previous)
        claims.append(resolved)
        if subject_of(resolved):
            previous = resolved
    if len(claims) > 1 and any(_LEANS.search(claim) for claim in claims[1:]):
        claims = [resolve(hidden.rstrip(" .!;"), hide(re.sub(r"\s+\([^()]+\)", "", before)))]
    if claims == [hidden.rstrip(" .!;")]:
        return [plain[:1].upper() + plain[1:]], unmask(previous)
    return list(dict.fromkeys(_finish(unmask(claim)) for claim in claims)), unmask(previous)


def _finish(claim: str) -> str:
    """A capital at its beginning and a stop at its end."""
    claim = claim.strip().rstrip(",:;")
    if claim and claim[-1] not in ".!?…":
        claim += "."
    return claim[:1].upper() + claim[1:]
