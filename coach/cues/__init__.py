"""Moves by the words they are made with: rules over plain text, with or without punctuation.

What a rule finds is a cue with its place, so that every move can show the words it rests on.
"""

from __future__ import annotations

from dataclasses import dataclass

from coach.cues.rules import rules
from coach.words import plain


@dataclass(frozen=True, slots=True)
class Cue:
    """Words of a text that make a move: `text[start:end]`."""

    move: str
    start: int
    end: int
    certainty: float


def teacher_cues(text: str) -> list[Cue]:
    """What a teacher does with these words: the surest cue of each move, in order of the text."""
    return _cues(text, "teacher")


def student_cues(text: str) -> list[Cue]:
    """What a student does with these words."""
    return _cues(text, "student")


def _cues(text: str, who: str) -> list[Cue]:
    text = plain(text)
    best: dict[str, Cue] = {}
    for rule in rules(who):
        if rule.move in best and best[rule.move].certainty >= rule.certainty:
            continue
        span = rule.find(text)
        if span is not None:
            best[rule.move] = Cue(rule.move, *span, rule.certainty)
    return sorted(best.values(), key=lambda cue: (cue.start, cue.move))
