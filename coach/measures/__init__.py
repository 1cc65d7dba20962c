"""The figures about a lesson's talk. A new one is a function and a line here.

A measure is `measure(lesson: Lesson) -> Figure`; what is known of it beside its value is its `About`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from django.utils.module_loading import import_string

from coach.inventory import Inventory
from coach.questions import Question, questions
from coach.talk import Transcript, Turn, Utterance, Voice

MEASURES: dict[str, str] = {
    "talk_ratio": "coach.measures.talking.talk_ratio",
    "teacher_turn_words": "coach.measures.talking.teacher_turn_words",
    "student_turn_words": "coach.measures.talking.student_turn_words",
    "turns_per_minute": "coach.measures.talking.turns_per_minute",
    "questions_open": "coach.measures.asking.questions_open",
    "questions_closed": "coach.measures.asking.questions_closed",
    "wait_time_1": "coach.measures.waiting.wait_time_1",
    "wait_time_2": "coach.measures.waiting.wait_time_2",
    "uptake": "coach.measures.judged.uptake",
    "focusing": "coach.measures.judged.focusing",
    "funnelling": "coach.measures.judged.funnelling",
    "student_reasoning": "coach.measures.judged.student_reasoning",
    "teacher_moves": "coach.measures.judged.teacher_moves",
    "student_moves": "coach.measures.judged.student_moves",
    "subject_vocabulary": "coach.measures.vocabulary.subject_vocabulary",
}


@dataclass(frozen=True)
class About:
    """What a reader has to know of a measure. `better` is "more", "less" or "" where neither is."""

    title: str
    unit: str
    better: str
    published: str
    measured: str


@dataclass(frozen=True)
class Figure:
    """A measure's value for one lesson; None where the transcript cannot tell, and `detail["why"]` says why."""

    value: float | None
    about: About
    detail: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Lesson:
    """What measures are computed from."""

    transcript: Transcript
    inventory: Inventory

    @cached_property
    def turns(self) -> list[Turn]:
        return self.transcript.turns()

    @cached_property
    def questions(self) -> list[tuple[int, Question]]:
        """The teacher's questions with their lines."""
        return [(one.line, question) for one in self.teacher for question in questions(one.text)]

    @cached_property
    def teacher(self) -> list[Utterance]:
        return [one for one in self.transcript if one.voice == Voice.TEACHER]

    @cached_property
    def students(self) -> list[Utterance]:
        return [one for one in self.transcript if one.voice in (Voice.STUDENT, Voice.GROUP)]


COUNTED = "counted, not judged: exact as far as the transcript is"


def measure(transcript: Transcript, inventory: Inventory) -> Iterator[tuple[str, Figure]]:
    """Every measure of a lesson, by name."""
    lesson = Lesson(transcript, inventory)
    for name, path in MEASURES.items():
        yield name, import_string(path)(lesson)
