"""Pauses between people's words: wait time 1 (after a teacher's question) and 2 (after a student's turn)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from coach.questions import Kind, questions
from coach.talk import Transcript, Utterance, Voice
from coach.words import plain, sentences

LONGEST = 15_000  # milliseconds: after that it is work, not waiting
OVERLAP = (
    -2_000
)  # speech before the other has ended is a pause of nought; before that, the times are not to be believed
TOUCHING = 20  # milliseconds between lines that a program has put end to end
MOST = 0.8  # of the lines, to say that a transcript is so


@dataclass(frozen=True, slots=True)
class Pause:
    """Silence after `line`, until another voice speaks."""

    line: int
    seconds: float
    after_question: (
        bool  # of the teacher's, answered by a student: wait time 1; else a student's turn: wait time 2
    )
    start: int  # milliseconds


def pauses(transcript: Transcript) -> Iterator[Pause]:
    """The pauses between teacher and students; none where the times do not show them (`imprecise`)."""
    if imprecise(transcript):
        return
    for one, after in pairwise(transcript):
        end, start = _end(one), _start(after)
        if end is None or start is None or not OVERLAP <= start - end <= LONGEST:
            continue
        asked = one.voice == Voice.TEACHER and after.voice in (Voice.STUDENT, Voice.GROUP) and asks(one.text)
        answered = one.voice == Voice.STUDENT and after.voice == Voice.TEACHER
        if asked or answered:
            yield Pause(one.line, max(0, start - end) / 1000, asked, end)


def imprecise(transcript: Transcript) -> str:
    """Why pauses cannot be measured here; "" if they can."""
    if not transcript.timed:
        return "The transcript has no times."
    if sum(1 for one in transcript if one.words) >= MOST * len(transcript):
        return ""
    if sum(1 for one in transcript if one.end is not None) < MOST * len(transcript):
        return "The transcript says when lines begin, not when they end."
    between = [(_start(after) or 0) - one.end for one, after in pairwise(transcript) if one.end is not None]
    if between and sum(abs(gap) <= TOUCHING for gap in between) >= MOST * len(between):
        return "Each line lasts until the next begins, so that the pauses are hidden in the lines."
    return ""


def coarse(transcript: Transcript) -> bool:
    """Whether its times are whole seconds, so that a single pause may be off by one."""
    times = [time for one in transcript for time in (one.start, one.end) if time is not None]
    return not any(one.words for one in transcript) and all(time % 1000 == 0 for time in times)


def asks(text: str) -> bool:
    """Whether a teacher's words end with a question to students."""
    asked = [question for question in questions(text) if question.kind != Kind.RHETORICAL]
    if not asked:
        return False
    last = list(sentences(text))[-1]
    return asked[-1].start + len(asked[-1].text) >= last.start or plain(text).rstrip().endswith("?")


def _start(one: Utterance) -> int | None:
    return one.words[0].start if one.words else one.start


def _end(one: Utterance) -> int | None:
    return one.words[-1].end if one.words else one.end
