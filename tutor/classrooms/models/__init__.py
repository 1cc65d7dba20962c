"""The nouns of classrooms: lessons and their script, agents, classrooms and what happens in them."""

from tutor.classrooms.models.agents import Agent, Function
from tutor.classrooms.models.direction import Measurement
from tutor.classrooms.models.lessons import Action, Lesson, LessonPage, Line
from tutor.classrooms.models.proposals import Proposal
from tutor.classrooms.models.rooms import Act, Classroom, Decision, Note, Question, Seat
from tutor.classrooms.models.teaching import Explanation, Objection, Teaching, Trial

__all__ = [
    "Act", "Action", "Agent", "Classroom", "Decision", "Explanation", "Function", "Lesson", "LessonPage", "Line",
    "Measurement", "Note", "Objection", "Proposal", "Question", "Seat", "Teaching", "Trial",
]  # fmt: skip
