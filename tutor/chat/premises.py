"""What a question takes for granted, and whether the material says the opposite."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from courses.verification import Reading, judge, read
from courses.verification.evidence import MATCHED, Match, Window, align
from courses.verification.vectors import sentence_spans
from courses.verification.words import Word, words

COPULA = re.compile(
    r"^\s*why\s+(?P<verb>is|are|was|were|isn't|aren't|can|can't|cannot|must|may|should|will)\s+(?P<rest>.+?)\s*\?*\s*$",
    re.IGNORECASE,
)
AUXILIARY = re.compile(
    r"^\s*(?:why|how\s+come|when|where)\s+(?P<verb>does|do|did|don't|doesn't)\s+(?P<rest>.+?)\s*\?*\s*$",
    re.IGNORECASE,
)
SINCE = re.compile(r"^\s*(?:since|given\s+that|as|because|if)\s+(?P<premise>[^,]+),\s*\w+", re.IGNORECASE)
PREDICATE = re.compile(
    r"\b(?:not|always|never|only|faster|slower|more|less|better|worse|used|called|known|able|allowed)\b|\b\w+(?:able|ible|ed|ing|ive|ous|al|ic|er)\b",
    re.IGNORECASE,
)
LOOKED_AT = 6  # windows: what says the opposite shares fewer words
OPPOSED = 0.8  # share of a claim's words that are met, or met by their opposite, where the opposite is said
DETERMINERS = ("a", "an", "the", "all", "my", "python")
PRONOUN = re.compile(r"^(it|they|this|these|he|she)\b", re.IGNORECASE)
VERB = re.compile(r"\b(?:is|are|was|were|has|have|had|can|could|may|must|will|does|do|did)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Contradiction:
    """A premise, and the words of the material that say the opposite."""

    premise: str
    quote: str


def premise_of(question: str) -> str:
    """What the question takes for granted, as a statement; "" when it takes nothing for granted."""
    found = SINCE.match(question)
    if found:
        return found["premise"].strip() + "."
    found = COPULA.match(question)
    if found:
        subject, predicate = cut(found["rest"])
        return f"{subject} {found['verb'].lower()} {predicate}." if predicate else ""
    found = AUXILIARY.match(question)
    if found and question.lower().lstrip().startswith(("why", "how come")):
        negated = " not" if "n't" in found["verb"].lower() else ""
        subject, _, predicate = found["rest"].partition(" ")
        return f"{subject}{negated} {predicate}." if predicate else ""
    return ""


def cut(rest: str) -> tuple[str, str]:
    """Subject and predicate of "tuples mutable", "a list faster than a tuple"."""
    tokens = rest.split()
    first = 2 if tokens and tokens[0].lower() in DETERMINERS else 1
    for i in range(first, len(tokens)):
        if PREDICATE.match(tokens[i]) or tokens[i].lower() in ("a", "an", "the", "not", "in", "on", "to"):
            return " ".join(tokens[:i]), " ".join(tokens[i:])
    return " ".join(tokens[:first]), " ".join(tokens[first:])


def contradiction(question: str, passages: Sequence[str]) -> Contradiction | None:
    """The premise that the passages contradict, if the question has one. Cautious: opposite words in the same clause."""
    premise = premise_of(question)
    if not premise:
        return None
    readings = read([premise], passages, windows=LOOKED_AT)[0]
    if judge(premise, readings[:1], passages).verdict == "supported":
        return None
    window = against(premise, readings)
    return Contradiction(premise, window.text) if window is not None else None


def against(claim: str, readings: Sequence[Reading]) -> Window | None:
    """The words that say the opposite of a claim. Cautious: about the same subject, in one clause, all else being met."""
    said = words(claim)
    content = [word for word in said if word.content]
    for reading in readings:
        there = words(reading.window.text)
        for clause in {word.clause for word in there}:
            held = [word for word in there if word.clause == clause]
            met = [match for match in align(said, held) if match is not None]
            if not content or not held:
                continue
            matched = [match for match in met if match.strength >= MATCHED]
            opposed = [match for match in met if match.strength < MATCHED and match.opposite >= 0]
            negated = [
                match
                for word, match in zip(content, met, strict=True)
                if match.strength >= 0.8 and word.negated != held[match.at].negated
            ]
            if met[0].strength < 0.9:  # about something else
                continue
            if _other_number(content, met, held):
                return _narrowed(reading.window, held[0].start)
            if (opposed and len(matched) + len(opposed) >= OPPOSED * len(met)) or (
                negated and len(matched) >= 0.9 * len(met) and len(met) >= 2
            ):
                return reading.window
    return None


def _narrowed(window: Window, at: int) -> Window:
    """The sentence of a window that stands at an offset of its text."""
    start, end = next((a, b) for a, b in sentence_spans(window.text) if a <= at < b)
    return replace(window, start=window.start + start, end=window.start + end, text=window.text[start:end])


def _other_number(content: Sequence[Word], met: Sequence[Match], held: Sequence[Word]) -> bool:
    """Whether a clause says all that the claim says, and no more, with another number in the place of the claim's one."""
    numbers = [i for i, word in enumerate(content) if word.kind == "number"]
    there = [word for word in held if word.kind == "number"]
    if len(numbers) != 1 or len(there) != 1 or there[0].key == content[numbers[0]].key or numbers[0] == 0:
        return False
    units = (numbers[0], numbers[0] + 1)  # what is counted stands behind the number
    rest = [(word, match) for i, (word, match) in enumerate(zip(content, met, strict=True)) if i not in units]
    said = {word.key for word in content}
    more = [word for word in held if word.content and word.kind != "number" and word.key not in said]
    unit = next((word for word in held if word.content and word.start > there[0].end), None)
    return (
        len(rest) >= 2
        and all(match.strength >= 0.9 and not word.negated for word, match in rest)
        and not [word for word in more if word is not unit]
    )


def resolved(sentence: str, before: str) -> str:
    """A sentence that begins with a pronoun, read as being about what the sentence before it is about."""
    pronoun = PRONOUN.match(sentence)
    verb = VERB.search(before)
    if pronoun is None or verb is None or verb.start() == 0:
        return sentence
    subject = before[: verb.start()].strip()
    if PRONOUN.match(subject) or len(subject.split()) > 6:
        return sentence
    return subject + sentence[pronoun.end() :]
