"""What a student's moment is: the error or difficulty first, then the strategies that fit it, before any words."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from coach.arithmetic import false_statement
from coach.cues import student_cues
from coach.inventory import Inventory
from coach.student_words import Words
from coach.targets import Target
from coach.words import count, plain
from coach.words import words as words_of

PATTERNS = Path(__file__).parent / "data" / "patterns.toml"
_STUCK = re.compile(
    r"\b(?:i (?:don'?t|do not) (?:really )?know|idk|no idea|not sure|i forgot|i can'?t|no clue|i need help)\b"
)
_UNSURE = re.compile(r"\b(?:don'?t know|not (?:really |quite )?sure|can'?t tell) (?:if|whether|which)\b")
_WHY = re.compile(r"\b(?:why|how come|how (?:do|does|did|can|is|are|would|could)|what does|what do)\b")
_ALWAYS = re.compile(
    r"\b(?:always|never|every time|any(?: number| two| time)?|no matter|all of them|every)\b"
)
_VAGUE = re.compile(r"\b(?:it|that|this|they|them|thing|things|stuff|these|those)\b")
_GOT = re.compile(r"\b(?:i|we) got \w+")
ENOUGH = 4  # different words of texts in a lesson
_LONG = 7  # words from which a claim is more than an answer


@dataclass(frozen=True)
class Strategy:
    """One way to go on from a student's words. See coach/data/patterns.toml."""

    name: str
    move: str
    intention: str
    missing: str
    say: tuple[str, ...]
    expect: tuple[str, ...]


@cache
def strategies() -> dict[str, Strategy]:
    """All written strategies by name."""
    return {row["name"]: _strategy(**row) for row in _file()["strategies"]}


def _strategy(*, say: list[str], expect: list[str], **words: str) -> Strategy:
    return Strategy(**words, say=tuple(say), expect=tuple(expect))


@cache
def _file() -> dict[str, Any]:
    return tomllib.loads(PATTERNS.read_text())


def situations(inventory: Inventory, target: Target, words: Words) -> list[str]:
    """What the moment is, the most telling first."""
    text = inventory.transcript[target.line].text
    low = plain(text)
    if target.kind == "student_error":
        if any(cue.move == "student_error" for cue in student_cues(text)):
            return ["error_rule", "error"]
        asked = inventory.transcript[target.line - 1].text if target.line > 1 else ""
        counted = _GOT.search(low) or false_statement(text, asked)
        return ["error_sum", "error"] if counted else ["error"]
    if target.kind == "student_confusion":
        if _UNSURE.search(low):
            return ["unsure", "confusion"]
        if _STUCK.search(low) and count(text) < 8:
            return ["stuck"]
        return ["confusion_why", "confusion"] if _WHY.search(low) else ["confusion"]
    if target.kind in ("student_question", "objection"):
        return ["question" if target.kind == "student_question" else "objection"]
    if of_texts(inventory):
        return ["text", "reasoning" if target.kind == "student_reasoning" else "claim"]
    found = ["general"] if _ALWAYS.search(low) and words.term else []
    if target.kind == "student_reasoning":
        found += ["steps", "reasoning"] if words.did else ["reasoning"]
    elif words.answer and count(text) < _LONG:
        return ["answer"]
    else:
        found.append("claim")
    if inventory.has(target.line, "student_relating"):
        found.append("relating")
    if _VAGUE.search(low) and not words.term and count(text) < 2 * _LONG:
        found.append("vague")
    return found


def of_texts(inventory: Inventory) -> bool:
    """Whether a lesson is about texts or the past, where a reason is a place in a source and not a calculation."""
    said = {word for one in inventory.transcript for word in words_of(one.text)}
    return len(said & set(_file()["texts"].split())) >= ENOUGH


def fitting(found: Sequence[str]) -> list[Strategy]:
    """The strategies for these situations: those of the first situation first, each in its order."""
    names = [name for situation in found for name in _file()["situations"][situation]]
    return [strategies()[name] for name in dict.fromkeys(names)]
