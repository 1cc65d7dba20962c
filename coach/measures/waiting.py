"""Wait time: the pause after a teacher's question, and the one after a student's turn."""

from __future__ import annotations

from statistics import median

from coach.measures import About, Figure, Lesson
from coach.pauses import coarse, imprecise, pauses

PUBLISHED = "Three seconds or more is the published target; the usual pause is about one second."
MEASURED = "As exact as the times: words timed by speech recognition are off by about a tenth of a second."
COARSE = "The times are whole seconds, so that a single pause may be off by one second."


def wait_time_1(lesson: Lesson) -> Figure:
    """Mean seconds from the end of a teacher's question to the first word of a student."""
    return _wait(
        lesson, True, "Wait time after a question", "The teacher’s questions are not followed by a student."
    )


def wait_time_2(lesson: Lesson) -> Figure:
    """Mean seconds from the end of a student's turn to the teacher's first word."""
    return _wait(lesson, False, "Wait time after a student", "No student’s turn is followed by the teacher.")


def _wait(lesson: Lesson, after_question: bool, title: str, never: str) -> Figure:
    about = About(title, "s", "more", PUBLISHED, MEASURED)
    why = imprecise(lesson.transcript)
    if why:
        return Figure(None, about, {"why": why})
    seconds = [one.seconds for one in pauses(lesson.transcript) if one.after_question == after_question]
    if not seconds:
        return Figure(None, about, {"why": never})
    detail: dict[str, object] = {
        "pauses": len(seconds),
        "median": round(median(seconds), 2),
        "at_least_3": sum(1 for one in seconds if one >= 3),
    }
    if coarse(lesson.transcript):
        detail["note"] = COARSE
    return Figure(sum(seconds) / len(seconds), about, detail)
