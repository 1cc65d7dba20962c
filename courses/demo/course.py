"""The demo course as rows: people, enrolments and materials. Loading it twice changes nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from django.core.files import File
from django.db import transaction

from courses.models import Course, Enrolment, Material, Role
from tutor.accounts.demo import DEMO_USERS
from tutor.accounts.models import User
from tutor.jobs import State

BUILT = Path(__file__).parent / "built"
SLUG = "signals-noise-and-averages"
DESCRIPTION = (
    "How far can a measurement be trusted, and how does a signal show through its noise? Three lectures on averages, "
    "smoothing and outliers, with notes, a notebook and problems."
)


@dataclass(frozen=True)
class Piece:
    """One file of the demo and what it is called in the course."""

    file: str
    title: str
    answer_key: bool = False
    captions: str = ""


PIECES = (
    Piece("lecture-1-repeating-a-measurement.pdf", "Lecture 1: Why we repeat a measurement"),
    Piece("lecture-2-smoothing-a-signal.pptx", "Lecture 2: Smoothing a signal that changes"),
    Piece(
        "lecture-3-outliers.ogg",
        "Lecture 3: Outliers (recording)",
        captions="lecture-3-outliers.vtt",  # recognition hears a fifth of the synthetic voice's words wrongly
    ),
    Piece("notes-propagation.md", "Notes: how uncertainty travels"),
    Piece("simulation.ipynb", "Notebook: watching the square-root law"),
    Piece("problem-sheet.md", "Problem sheet"),
    Piece("problem-sheet-answers.md", "Answer key to the problem sheet", answer_key=True),
)


def people() -> dict[str, User]:
    """The demo's people by e-mail address, created where they are missing."""
    found = {}
    for person in DEMO_USERS:
        user = User.objects.filter(email=person.email).first()
        if user is None:
            create = User.objects.create_superuser if person.admin else User.objects.create_user
            may_create = person.admin or person.role == Role.INSTRUCTOR
            user = create(
                person.email,
                person.password,
                name=person.name,
                may_create_courses=may_create,
                is_coach=person.coach,
            )
        found[person.email] = user
    return found


@transaction.atomic
def load() -> tuple[Course, list[Material]]:
    """The demo course, and those of its materials that still have to be read."""
    users = people()
    course, _ = Course.objects.get_or_create(
        slug=SLUG, defaults={"title": "Signals, noise and averages", "description": DESCRIPTION}
    )
    for person in DEMO_USERS:
        if person.role:
            Enrolment.objects.get_or_create(
                course=course, user=users[person.email], defaults={"role": person.role}
            )
    instructor = next(users[person.email] for person in DEMO_USERS if person.role == Role.INSTRUCTOR)
    return course, list(materials(course, instructor))


def materials(course: Course, instructor: User) -> Iterator[Material]:
    """The rows of the demo's files that were not read yet, created where they are missing.

    A file that somebody deleted, hid or replaced in the course is left as they left it: only a course without any
    material is filled.
    """
    if not course.materials.exists():
        for position, piece in enumerate(PIECES):
            path = BUILT / piece.file
            material = Material(
                course=course,
                title=piece.title,
                filename=piece.file,
                size=path.stat().st_size,
                sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
                answer_key=piece.answer_key,
                position=position,
                uploaded_by=instructor,
            )
            with path.open("rb") as source:
                material.file.save(piece.file, File(source), save=False)
            if piece.captions:
                with (BUILT / piece.captions).open("rb") as source:
                    material.captions.save(piece.captions, File(source), save=False)
            material.save()
    files = [piece.file for piece in PIECES]
    yield from course.materials.filter(
        filename__in=files, state__in=[State.QUEUED, State.RUNNING, State.FAILED]
    )
