"""What a stretch of talk is turned into for an instrument's dimensions: figures that can say what one line adds to them."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from coach import words
from coach.moves import MOVES
from coach.talk import Transcript, Utterance, Voice

if TYPE_CHECKING:
    from coach.inventory import Inventory

WORDS_A_MINUTE = 130  # of classroom talk, where a transcript has no times
VAGUE = re.compile(
    r"\b(?:(?:this|that|these|those|the|one) things?|thing(?:y|ies)|stuff|(?:top|bottom) (?:number|one|part)s?|kind of|sort of)\b"
)
LONGEST_PAUSE = 15_000  # milliseconds: after that it is work, not waiting


@dataclass(frozen=True)
class Feature:
    """One figure of a stretch. How it is made of its lines is its `kind`:

    rate    how often, in ten minutes; taken as log(1 + rate), because the tenth time says less than the first
    mean    the mean over the lines that have it
    share   a sum over the lines divided by another sum over the lines
    """

    title: str
    kind: str
    spread: float = 1.0  # about one standard deviation between stretches of ordinary lessons
    by: Voice | None = None  # who has to speak for it
    telling: bool = (
        True  # a line that adds to it is worth quoting; False for what only counts words and turns
    )


_MEASURED = {
    "uptake_level": Feature("how far replies take up what students said", "mean", 0.5, Voice.TEACHER),
    "focusing_level": Feature("how far questions focus on students' thinking", "mean", 0.3, Voice.TEACHER),
    "reasoning_level": Feature("how much of what students say is reasoning", "mean", 0.15, Voice.STUDENT),
    "student_talk": Feature("students' share of the words", "share", 0.12, telling=False),
    "teacher_turn_words": Feature("words in a teacher's turn", "share", 12.0, Voice.TEACHER, telling=False),
    "student_turn_words": Feature("words in a student's turn", "share", 4.0, Voice.STUDENT, telling=False),
    "vague_words": Feature("loose words where an exact one could stand", "rate", 0.7, Voice.TEACHER),
    "exchanges": Feature("changes of speaker", "rate", 0.6, telling=False),
    "open_share": Feature("open questions among all questions", "share", 0.2, Voice.TEACHER),
    "wait_time": Feature(
        "seconds between a question and what follows", "mean", 1.0, Voice.TEACHER, telling=False
    ),
    "judged_by_model": Feature("what a language model found and could prove with a quote", "mean", 0.8),
}
FEATURES: dict[str, Feature] = {
    **{name: Feature(move.title.lower(), "rate", 0.7, move.voice) for name, move in MOVES.items()},
    **_MEASURED,
}


@dataclass(frozen=True)
class Sum:
    """A feature's parts by line: what each line adds above and below the fraction."""

    above: Mapping[int, float]
    below: Mapping[int, float]


class Stretch:
    """The features of lines `first` to `last`, each with what every line adds to it.

    `judged` is what a model's confirmed judgements add, by dimension and line (see coach.judging).
    """

    def __init__(
        self,
        transcript: Transcript,
        inventory: Inventory,
        first: int,
        last: int,
        judged: Mapping[str, Mapping[int, float]] | None = None,
    ) -> None:
        self.lines: Sequence[Utterance] = [transcript[line] for line in range(first, last + 1)]
        self.minutes = minutes(self.lines)
        self.words = sum(words.count(one.text) for one in self.lines)
        self.judged = judged or {}
        self._sums: dict[str, Sum] = {}
        self._measure(transcript, inventory)

    def value(self, name: str, dimension: str = "", without: int | None = None) -> float | None:
        """A feature of the stretch, as it is or with one line taken out; None where there is nothing to take it from.

        `dimension` matters to `judged_by_model` alone. What is taken out of a rate gives no time back.
        """
        parts = self._parts(name, dimension)
        above = sum(parts.above.values()) - (parts.above.get(without, 0.0) if without else 0.0)
        if FEATURES[name].kind == "rate":
            return math.log1p(max(above, 0.0) * 10 / self.minutes)
        below = sum(parts.below.values()) - (parts.below.get(without, 0.0) if without else 0.0)
        return above / below if below > 1e-9 else None

    def occurs(self, name: str, dimension: str = "") -> bool:
        """Whether any line adds to it."""
        return any(value > 0 for value in self._parts(name, dimension).above.values())

    def contributors(self, names: Iterable[str], dimension: str = "") -> list[int]:
        """The lines that add to one of these features, in order."""
        return sorted({line for name in names for line in self._lines_of(name, dimension)})

    def heard(self, voice: Voice) -> int:
        """How many words this voice says (a group counts as students)."""
        voices = {voice, Voice.GROUP} if voice is Voice.STUDENT else {voice}
        return sum(words.count(one.text) for one in self.lines if one.voice in voices)

    def _parts(self, name: str, dimension: str) -> Sum:
        if name == "judged_by_model":
            found = self.judged.get(dimension, {})
            return Sum(found, dict.fromkeys(found, 1.0))
        return self._sums.get(name, Sum({}, {}))

    def _lines_of(self, name: str, dimension: str) -> list[int]:
        parts = self._parts(name, dimension)
        source = parts.above if FEATURES[name].kind == "rate" else {**parts.below, **parts.above}
        return [line for line, value in source.items() if value]

    def _measure(self, transcript: Transcript, inventory: Inventory) -> None:
        inside = {one.line: one for one in self.lines}
        moves: dict[str, dict[int, float]] = {}
        for line in inside:
            for move in inventory.at.get(line, ()):
                at = moves.setdefault(move.name, {})
                at[line] = max(at.get(line, 0.0), move.certainty)
        self._sums = {name: Sum(at, {}) for name, at in moves.items() if name in FEATURES}
        for name, kind, label in (
            ("uptake_level", "uptake", ""),
            ("focusing_level", "focusing", ""),
            ("reasoning_level", "reasoning", "reasoning"),
        ):
            scores: dict[int, float] = {}
            for line in inside:
                judged = inventory.judged.get(line, {}).get(kind)
                if judged is not None:
                    scores[line] = judged.probabilities.get(label, 0.0) if label else judged.score
            self._sums[name] = Sum(scores, dict.fromkeys(scores, 1.0))
        open_, closed = moves.get("open_question", {}), moves.get("closed_question", {})
        asked = {line: max(open_.get(line, 0.0), closed.get(line, 0.0)) for line in {*open_, *closed}}
        self._sums["open_share"] = Sum(open_, asked)
        self._talk(transcript)

    def _talk(self, transcript: Transcript) -> None:
        """Who speaks how much, in turns, and how long is waited after questions."""
        spoken = {one.line: float(words.count(one.text)) for one in self.lines}
        students = {one.line: spoken[one.line] for one in self.lines if _student(one)}
        teachers = {one.line: spoken[one.line] for one in self.lines if one.voice is Voice.TEACHER}
        begins, waits = {}, {}
        before: Utterance | None = None
        for one in self.lines:
            if before is None or before.speaker != one.speaker:
                begins[one.line] = 1.0
            if before is not None and before.voice is Voice.TEACHER and before.text.rstrip().endswith("?"):
                gap = one.start - before.end if one.start is not None and before.end is not None else None
                if gap is not None and 0 <= gap <= LONGEST_PAUSE:
                    waits[before.line] = gap / 1000
            before = one
        self._sums["student_talk"] = Sum(students, students | teachers)
        self._sums["student_turn_words"] = Sum(students, {line: 1.0 for line in students if line in begins})
        self._sums["teacher_turn_words"] = Sum(teachers, {line: 1.0 for line in teachers if line in begins})
        loose = {line: float(len(VAGUE.findall(words.plain(transcript[line].text)))) for line in teachers}
        self._sums["vague_words"] = Sum({line: count for line, count in loose.items() if count}, {})
        self._sums["exchanges"] = Sum(begins, {})
        self._sums["wait_time"] = Sum(waits, dict.fromkeys(waits, 1.0))


def _student(one: Utterance) -> bool:
    return one.voice in (Voice.STUDENT, Voice.GROUP)


def minutes(lines: Sequence[Utterance]) -> float:
    """How long these lines took: by their times, else by their words; at least half a minute."""
    times = [time for one in lines for time in (one.start, one.end) if time is not None]
    if times and all(one.start is not None for one in lines) and max(times) > min(times):
        return max((max(times) - min(times)) / 60_000, 0.5)
    return max(sum(words.count(one.text) for one in lines) / WORDS_A_MINUTE, 0.5)
