"""Who acts in the classrooms of a course: the default cast, made when it is first asked for."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import transaction

from courses.models import Course
from tutor.classrooms.models import Agent, Function


@dataclass(frozen=True)
class Part:
    """A member of the default cast."""

    name: str
    function: Function
    character: str
    talkativeness: float


DEFAULT = (
    Part(
        "Ada",
        Function.TEACHING,
        "Explains calmly and in order, one thing at a time, and shows where it stands.",
        0.8,
    ),
    Part(
        "Ravi",
        Function.ASSISTING,
        "Friendly and brief. Keeps order, gives the floor, and answers questions.",
        0.5,
    ),
    Part("Mina", Function.DEPTH, "Thinks aloud about why something holds and where it stops holding.", 0.5),
    Part("Tomás", Function.CURIOSITY, "Asks the question that others are too shy to ask.", 0.5),
    Part(
        "Juno",
        Function.LEVITY,
        "Warm and dry. Lightens a long stretch with a short remark, never at anybody's expense.",
        0.3,
    ),
    Part("Kofi", Function.NOTES, "Writes down what matters, in one sentence a page.", 0.4),
)


def of(course: Course) -> list[Agent]:
    """The active agents of a course, in order. A course that has none yet gets the default cast, once."""
    if not course.agents.exists():
        with transaction.atomic():
            Course.objects.select_for_update().get(pk=course.pk)
            if not course.agents.exists():
                Agent.objects.bulk_create(
                    Agent(course=course, ordinal=number, **vars(part)) for number, part in enumerate(DEFAULT)
                )
    return list(course.agents.filter(active=True).select_related("endpoint"))
