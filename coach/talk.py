"""A lesson's talk in memory: what measures, ratings and findings are computed from, wherever it came from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby


class Voice(StrEnum):
    """Who speaks, as far as coaching needs to know."""

    TEACHER = "teacher"
    STUDENT = "student"
    GROUP = "group"  # several students at once, or a group at work
    OTHER = "other"  # a visitor, a loudspeaker, nobody knows who


@dataclass(frozen=True, slots=True)
class Word:
    """One word and when it was said, in milliseconds from the start."""

    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Utterance:
    """One numbered line of a transcript. Times are milliseconds from the start, None where the source has none."""

    line: int  # from 1, without gaps; what evidence refers to
    speaker: str
    voice: Voice
    text: str
    start: int | None = None
    end: int | None = None
    words: tuple[Word, ...] = ()


@dataclass(frozen=True, slots=True)
class Turn:
    """Successive utterances of one speaker."""

    utterances: tuple[Utterance, ...]

    @property
    def speaker(self) -> str:
        return self.utterances[0].speaker

    @property
    def voice(self) -> Voice:
        return self.utterances[0].voice

    @property
    def text(self) -> str:
        return " ".join(utterance.text for utterance in self.utterances)

    @property
    def first(self) -> int:
        """Its first line."""
        return self.utterances[0].line

    @property
    def last(self) -> int:
        return self.utterances[-1].line

    @property
    def start(self) -> int | None:
        return self.utterances[0].start

    @property
    def end(self) -> int | None:
        return self.utterances[-1].end


@dataclass(frozen=True)
class Transcript:
    """A lesson's utterances in order."""

    utterances: tuple[Utterance, ...]

    def __iter__(self) -> Iterator[Utterance]:
        return iter(self.utterances)

    def __len__(self) -> int:
        return len(self.utterances)

    def __getitem__(self, line: int) -> Utterance:
        """The utterance with this line number (from 1). Raises IndexError."""
        if not 1 <= line <= len(self.utterances):
            raise IndexError(f"There is no line {line}.")
        return self.utterances[line - 1]

    @property
    def timed(self) -> bool:
        """Whether every utterance says when it started."""
        return bool(self.utterances) and all(utterance.start is not None for utterance in self.utterances)

    @property
    def duration(self) -> int | None:
        """Milliseconds from the first start to the last end; None without times."""
        ends = [time for u in self.utterances for time in (u.start, u.end) if time is not None]
        return max(ends) - min(ends) if ends and self.timed else None

    def turns(self) -> list[Turn]:
        """Successive utterances of the same speaker, taken together."""
        groups = groupby(self.utterances, key=lambda utterance: (utterance.speaker, utterance.voice))
        return [Turn(tuple(group)) for _, group in groups]
