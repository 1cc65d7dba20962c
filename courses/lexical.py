"""BM25 over words, grown row by row: a recording that publishes every half minute must not rebuild its course."""

from __future__ import annotations

import re
from array import array
from collections import Counter
from functools import lru_cache

import numpy as np
import Stemmer
from numpy.typing import NDArray

from courses.wording import bag, is_average

K1, B = 1.2, 0.6
STOP_WORDS = bag(
    """
    a about after again all also am an and any are as at be because been before being between both but by can
    could did do does doing during each few for from further get gets give given had has have having he her here
    hers him his how i if in into is it its itself just let many may me might more most much must my no nor of
    on once only or other our out over own same shall she should so some such than that the their them then
    there these they this those through to too under until up us use used uses using very was we were what when
    where which while who whom why will with would you your explain describe tell mean means meaning define
    happen happens
    """
)
_WORD = re.compile(r"[^\W_]+(?:['’][^\W\d_]+)?|_+|[-+*/%=<>!&|^~@]{1,3}", re.UNICODE)
_CAMEL = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+")
_IDENTIFIER = re.compile(r"[A-Za-z_]\w*(?:_\w+|[a-z][A-Z]\w*)")
_stemmer = Stemmer.Stemmer("english")


@lru_cache(maxsize=200_000)
def _stem(word: str) -> str:
    if word.endswith(("'s", "’s")):
        word = word[:-2]
    stem: str = _stemmer.stemWord(word)
    return stem


def terms(text: str) -> list[str]:
    """Stemmed words of a text; operators count as words, an identifier also counts whole and stop words not at all."""
    said = [*_WORD.findall(text.lower()), ""]
    found = [
        _stem(word)
        for before, word, after in zip(["", *said], said, said[1:], strict=False)
        if word not in STOP_WORDS or (word == "mean" and is_average(before, after))
    ]
    for identifier in _IDENTIFIER.findall(text):
        found.append(identifier.lower())
        if "_" not in identifier:
            found += [_stem(part.lower()) for part in _CAMEL.findall(identifier)]
    return found


class LexicalIndex:
    """Postings of rows 0..n-1. Not thread-safe: its owner holds a lock."""

    def __init__(self) -> None:
        self.postings: dict[str, tuple[array[int], array[float]]] = {}
        self.lengths = array("f")

    def add(self, body: str, *, boosted: str = "", boost: float = 1.0) -> None:
        """Append a row; each word of `boosted` (a heading) counts `boost` times."""
        row = len(self.lengths)
        counts: Counter[str] = Counter(terms(body))
        self.lengths.append(float(counts.total()))
        weights: dict[str, float] = dict(counts)
        for term in set(terms(boosted)):
            weights[term] = weights.get(term, 0.0) + boost
        for term, weight in weights.items():
            rows, frequencies = self.postings.setdefault(term, (array("I"), array("f")))
            rows.append(row)
            frequencies.append(weight)

    def idf(self, term: str) -> float:
        """How telling a term is; one that no row has is as telling as one that a single row has."""
        found = self.postings.get(term)
        count = len(found[0]) if found else 1
        return float(np.log(1 + (len(self.lengths) - count + 0.5) / (count + 0.5)))

    def scores(self, query: list[str]) -> NDArray[np.float32]:
        """BM25 of every row for the terms of a query."""
        total = np.zeros(len(self.lengths), np.float32)
        if not len(total):
            return total
        lengths = np.array(self.lengths, np.float32)
        norm = K1 * (1 - B + B * lengths / max(float(lengths.mean()), 1.0))
        for term, count in Counter(query).items():
            found = self.postings.get(term)
            if found is None:
                continue
            rows, frequency = np.array(found[0], np.int64), np.array(found[1], np.float32)
            total[rows] += count * self.idf(term) * frequency * (K1 + 1) / (frequency + norm[rows])
        return total
