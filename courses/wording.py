"""Closed sets of words, written as text."""

from __future__ import annotations


def bag(words: str) -> frozenset[str]:
    """The words of a text, as a set."""
    return frozenset(words.split())


_BEFORE_MEAN = bag(
    "a an the its their each sample population arithmetic geometric harmonic weighted trimmed running overall true"
)
_AFTER_MEAN = bag("of squared square absolute value values deviation error")


def is_average(before: str, after: str) -> bool:
    """Whether "mean" between these two words is the average. Elsewhere it is the verb, which says nothing of a subject."""
    return before in _BEFORE_MEAN or after in _AFTER_MEAN
