"""The words of a course: which ones tell passages apart, and what a misspelt one was meant to be."""

from __future__ import annotations

import re
from difflib import get_close_matches

from courses.index import index_of
from courses.lexical import terms
from courses.models import Course
from tutor.chat.answerability import Rarity

MISSPELLED = 0.9  # likeness from which an unknown word is taken for a known one


def spelled(course: Course, query: str) -> str:
    """The query with words that the course does not know put as the one word of the course they nearly are."""
    index = index_of(course)

    def mend(found: re.Match[str]) -> str:
        stems = terms(found.group())
        with index.lock:
            if len(stems) != 1 or stems[0] in index.lexical.postings:
                return found.group()
            near = [
                word
                for word in index.lexical.postings
                if word[0] == stems[0][0] and abs(len(word) - len(stems[0])) < 2
            ]
        close = get_close_matches(stems[0], near, n=1, cutoff=MISSPELLED)
        if not close:
            return found.group()
        return re.sub(r"i$", "y", close[0])  # the stem of dictionary is dictionari

    return re.sub(r"\b[a-z]{6,}\b", mend, query)


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
