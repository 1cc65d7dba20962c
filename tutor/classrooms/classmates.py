"""What the classmates add: a connection, a question, a light remark, a note."""

from __future__ import annotations

from courses.models import Course
from tutor.classrooms.models import Agent, Classroom

LONGEST = 60  # words of one act


def asks_model(agent: Agent, course: Course) -> bool:
    """Whether a model writes what the agent says: a capable one only."""
    endpoint = agent.endpoint or course.endpoint
    return bool(endpoint and endpoint.capable)


def has_something(room: Classroom, agent: Agent) -> bool:
    """Whether the agent has anything to say at this place."""
    return False
