"""Figures that rest on classifiers and on the rules of the inventory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from coach.classifiers import accuracy
from coach.measures import About, Figure, Lesson
from coach.moves import MOVES, STUDENT_MOVES, TEACHER_MOVES
from coach.talk import Utterance
from coach.words import count

FEWEST_WORDS = 4  # a student's turn shorter than this can hardly hold a reason
SURE = 0.6
RULES = "Found by our own rules and classifiers; see docs for how they were measured."


def uptake(lesson: Lesson) -> Figure:
    """The share of the teacher's replies that build on what a student has just said."""
    return _judged(lesson, "uptake", "Replies that build on students", "more", ("uptake",))


def focusing(lesson: Lesson) -> Figure:
    """The share of the teacher's replies that ask a focusing question."""
    return _judged(lesson, "focusing", "Replies with a focusing question", "more", ("focusing_question",))


def funnelling(lesson: Lesson) -> Figure:
    """The share of the teacher's replies that funnel."""
    return _judged(lesson, "focusing", "Replies that funnel", "less", ("funnelling_question",))


def student_reasoning(lesson: Lesson) -> Figure:
    """The share of students' turns, of four words and more, in which they reason."""
    about = _about("reasoning", "Students’ turns with reasoning", "more")
    turns = [one for one in lesson.students if count(one.text) >= FEWEST_WORDS]
    if not turns:
        return Figure(None, about, {"why": "No student’s turn is long enough to hold a reason."})
    lines = [one.line for one in turns if lesson.inventory.has(one.line, "student_reasoning", least=SURE)]
    return Figure(len(lines) / len(turns), about, {"turns": len(turns), "lines": lines})


def teacher_moves(lesson: Lesson) -> Figure:
    """Talk moves in ten of the teacher's turns; the counts by move are the detail."""
    moves = (
        "press_reasoning",
        "press_accuracy",
        "students_relating",
        "revoicing",
        "restating",
        "keeping_together",
    )
    return _moves(lesson, "teacher_moves", "Talk moves of the teacher", moves, lesson.teacher, TEACHER_MOVES)


def student_moves(lesson: Lesson) -> Figure:
    """Talk moves in ten of the students' turns."""
    moves = ("student_reasoning", "student_question", "student_relating", "student_claim")
    return _moves(lesson, "student_moves", "Talk moves of students", moves, lesson.students, STUDENT_MOVES)


def _judged(lesson: Lesson, kind: str, title: str, better: str, moves: Sequence[str]) -> Figure:
    about = _about(kind, title, better)
    replies = [one.line for one in lesson.teacher if kind in lesson.inventory.judged.get(one.line, {})]
    if not replies:
        return Figure(None, about, {"why": "The teacher replies to no student in this transcript."})
    lines = [line for line in replies if lesson.inventory.has(line, *moves, least=0.5)]
    return Figure(len(lines) / len(replies), about, {"replies": len(replies), "lines": lines})


def _moves(
    lesson: Lesson,
    kind: str,
    title: str,
    counted: Sequence[str],
    rows: Sequence[Utterance],
    shown: Sequence[str],
) -> Figure:
    about = _about(kind, title, "more", "in ten turns")
    if not rows:
        return Figure(None, about, {"why": "Nobody speaks on that side in this transcript."})
    counts = Counter(move.name for move in lesson.inventory.moves if move.certainty >= SURE)
    made = sum(counts[name] for name in counted)
    detail = {
        "counts": {name: counts[name] for name in shown if counts[name]},
        "titles": {n: MOVES[n].title for n in shown},
    }
    return Figure(10 * made / len(rows), about, {**detail, "counted": list(counted), "turns": len(rows)})


def _about(kind: str, title: str, better: str, unit: str = "share") -> About:
    known = accuracy(kind)
    return About(title, unit, better, _words(known.get("published")), _words(known.get("measured")) or RULES)


def _words(scores: Any) -> str:
    """Scores as a person reads them: “spearman 0.61, f1 0.68”."""
    if not isinstance(scores, dict):
        return str(scores or "")
    parts = [
        f"{name.replace('_', ' ')} {value:.2f}" if isinstance(value, float) else str(value)
        for name, value in scores.items()
        if isinstance(value, float | str)
    ]
    return ", ".join(parts)
