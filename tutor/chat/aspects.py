"""What a question asks of its subject: a reason, advantages, kinds, a comparison. How it asks, and how an answer sounds."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from courses.verification.words import Word, words


@dataclass(frozen=True, slots=True)
class Aspect:
    """`asks` is found in questions and its words are none of the subject's; `says` is found in what answers them."""

    name: str
    asks: re.Pattern[str]
    says: re.Pattern[str]

    @property
    def tells(self) -> bool:
        """Whether what does not sound like an answer is beside the question, once something does."""
        return self.name in ("drawbacks", "benefits", "reason")


def _aspect(name: str, asks: str, says: str) -> Aspect:
    return Aspect(name, re.compile(asks, re.IGNORECASE), re.compile(says, re.IGNORECASE))


# The first that fits is what is asked.
ASPECTS = [
    _aspect(
        "drawbacks",
        r"\b(?:disadvantages?|drawbacks?|downsides?|limitations?|cons|weakness(?:es)?|shortcomings?)\b",
        r"\b(?:but|however|although|cannot|can['’]t|slow\w*|costs?|difficult|errors?|unexpected|problems?|with care|only"
        r"|lags?|delays?|lead(?:s|ing)? to|less|noisier|worse|disadvantages?|drawbacks?|limit\w*|not)\b",
    ),
    _aspect(
        "benefits",
        r"\b(?:advantages?|benefits?|pros|strengths?|usefulness)\b|\b(?:good|useful|helpful)\s+(?:for|about)\b"
        r"|\bwhy\s+(?:(?:should|would|do|does)\s+)?(?:(?:i|you|we|one|people|programmers)\s+)?(?:use|want|need|prefer)\b",
        r"\b(?:(?:allow|enabl|promot|reus|reduc|improv|sav|simplif|avoid|prevent|help|support)\w*|easier|easy|faster|efficient\w*"
        r"|without (?:needing|having)|benefits?|advantages?|useful|concise\w*|convenient|robust|preferable|because|so that"
        r"|rather than|only once|organiz\w*)\b",
    ),
    _aspect(
        "reason",
        r"\bwhy\b|\bhow\s+come\b|\breasons?\b",
        r"\b(?:because|so that|as a result|therefore|thus|hence|otherwise|reasons?|in order to|due to|meaning that|which means"
        r"|to (?:ensure|avoid|prevent|make|keep)|(?:allow|enabl|prevent|avoid|ensur|requir|caus|reduc|improv)\w*|easier|useful"
        r"|must|so(?= \w+ \w+))\b",
    ),
    _aspect(
        "purpose",
        r"\b(?:purpose|role|point|use|uses)\s+of\b|\b(?:used\s+)?for\W*$",
        r"\b(?:used (?:to|for|when|in|by)|is to|(?:allow|enabl|provid|help|let|support)\w*|so that|in order to|useful|purpose)\b",
    ),
    _aspect(
        "difference",
        r"\b(?:differences?|differ(?:s|ent)?|compared?|comparison|contrast|vs|versus)\b|\bbetter\s+than\b",
        r"\b(?:whereas|while|unlike|but|both|than|differ\w*|instead|similar\w*|like|compared|however|rather|each)\b",
    ),
    _aspect(
        "kinds",
        r"\b(?:types?|kinds?|sorts?|categories|forms)\s+of\b|\bwhat\s+(?:\w+\s+)?(?:types|kinds)\b",
        r"\b(?:types?|kinds?|sorts?|categories|forms|includ\w*|such as)\b|:\s*\n",
    ),
    _aspect(
        "example", r"\bexamples?\b|\bfor\s+instance\b", r"\b(?:ex(?:amples?)?\s*:|for (?:example|instance)|e\.g\.|such as)"
    ),
    _aspect("meaning", r"\b(?:meaning|definition|concept|idea|term)\b(?:\s+of)?|\bmeans?\W*$", r"(?!)"),
]  # fmt: skip


NEEDED = re.compile(
    r"\b(?:needed|necessary|important)\b", re.IGNORECASE
)  # of why something is, none of its subject


@lru_cache(256)
def aspect_of(question: str) -> Aspect | None:
    """What is asked of the subject; None for a plain question."""
    return next((aspect for aspect in ASPECTS if aspect.asks.search(question)), None)


def subject_words(question: str) -> Sequence[Word]:
    """The words that say what a question is about, without those that only say what is asked of it."""
    return _subject_words(question)


@lru_cache(256)
def _subject_words(question: str) -> tuple[Word, ...]:
    content = [word for word in words(question) if word.content and word.kind != "symbol"]
    aspect = aspect_of(question)
    passed = [found.span() for found in aspect.asks.finditer(question)] if aspect is not None else []
    if aspect is not None and aspect.name == "reason":
        passed += [found.span() for found in NEEDED.finditer(question)]
    kept = [word for word in content if not any(a <= word.start and word.end <= b for a, b in passed)]
    return tuple(kept or content)
