"""The nouns of classrooms: lessons and their script, agents, classrooms and what happens in them."""

from tutor.classrooms.models.agents import Agent, Function
from tutor.classrooms.models.lessons import Action, Lesson, LessonPage, Line
from tutor.classrooms.models.rooms import Act, Classroom, Decision, Note, Question, Seat

__all__ = [
    "Act", "Action", "Agent", "Classroom", "Decision", "Function", "Lesson", "LessonPage", "Line", "Note", "Question",
    "Seat",
]  # fmt: skip
