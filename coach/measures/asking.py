"""The teacher's questions by kind."""

from __future__ import annotations

from coach.measures import About, Figure, Lesson
from coach.questions import Kind

PUBLISHED = "No accuracy is published for these rules; they are our own."
MEASURED = "Not measured against people's labels."
EXAMPLES = 3


def questions_open(lesson: Lesson) -> Figure:
    """Open questions as a share of the open and closed ones."""
    about = About("Open questions", "share", "more", PUBLISHED, MEASURED)
    return _share(lesson, Kind.OPEN, about)


def questions_closed(lesson: Lesson) -> Figure:
    """Closed questions as a share of the open and closed ones."""
    about = About("Closed questions", "share", "", PUBLISHED, MEASURED)
    return _share(lesson, Kind.CLOSED, about)


def _share(lesson: Lesson, kind: Kind, about: About) -> Figure:
    if not lesson.teacher:
        return Figure(None, about, {"why": "Nobody who is marked as teacher speaks in this transcript."})
    counts = {one.value: sum(1 for _, question in lesson.questions if question.kind == one) for one in Kind}
    asked = counts["open"] + counts["closed"]
    examples = [
        {"line": line, "quote": question.text} for line, question in lesson.questions if question.kind == kind
    ][:EXAMPLES]
    detail = {"counts": counts, "examples": examples}
    if not asked:
        return Figure(None, about, {**detail, "why": "The teacher asks no question about the subject."})
    return Figure(counts[kind.value] / asked, about, detail)
