"""The words of a course: which ones tell passages apart, and what a misspelt one was meant to be."""

from __future__ import annotations

import re
from difflib import get_close_matches

from courses.index import index_of
from courses.lexical import terms
from courses.models import Course
from tutor.chat.answerability import Rarity

MISSPELLED = 0.9  # likeness of stems from which an unknown word is taken for a known one
LIKELY = 0.84  # the same for words of which only their order of letters differs, or one vowel
ASKING = re.findall(
    r"\w+",
    "the and for are what why when where which explain describe define difference between compare example mean does work "
    "function",
)


def spelled(course: Course, query: str) -> str:
    """The query with words that the course does not know put as the one word they nearly are.

    That is a word of asking ("waht", "explian") or one of the course.
    """
    index = index_of(course)

    def mend(found: re.Match[str]) -> str:
        word = found.group()
        stems = terms(word)
        if len(stems) != 1:
            return word
        with index.lock:
            if stems[0] in index.lexical.postings:
                return word
            near = [
                known
                for known in index.lexical.postings
                if known[0] == stems[0][0] and abs(len(known) - len(stems[0])) < 2
            ]
        asking = next(
            (known for known in ASKING if sorted(known) == sorted(word) and known[0] == word[0]), ""
        )
        if asking:
            return asking
        if len(word) < 6:  # only a letter that should be doubled, or not
            doubled = [known for known in near if _single(known) == _single(stems[0])]
            return doubled[0] if len(doubled) == 1 else word
        close = get_close_matches(stems[0], near, n=1, cutoff=MISSPELLED) or [
            known
            for known in get_close_matches(stems[0], near, cutoff=LIKELY)
            if _slip(known) == _slip(stems[0])
        ]
        return re.sub(r"i$", "y", close[0]) if close else word  # the stem of dictionary is dictionari

    return re.sub(r"\b[a-z]{3,}\b", mend, query)


def _single(word: str) -> str:
    return re.sub(r"(.)\1", r"\1", word)


def _slip(word: str) -> list[str]:
    """What two spellings of a word have in common when letters changed places or one vowel stands for another."""
    return sorted(re.sub(r"[aeiouy]", "e", word))


def rarity(course: Course) -> Rarity:
    """How telling a word is among the course's passages: 1 for one that a single passage has."""
    index = index_of(course)

    def of(word: str) -> float:
        stems = terms(word)
        if not stems:
            return 0.0
        with index.lock:
            return max(index.lexical.idf(stem) for stem in stems) / max(index.lexical.idf("\0"), 0.1)

    return of
