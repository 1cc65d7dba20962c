"""Plain factories: one call makes one believable row."""

from __future__ import annotations

import itertools
from typing import Any

from django.core.files.base import ContentFile

from courses.models import Course, Enrolment, Extract, Material, Passage, Role
from tutor.accounts.models import User
from tutor.jobs import State

PASSWORD = "correct horse battery"
numbers = itertools.count(1)


def user(email: str = "", **fields: Any) -> User:
    return User.objects.create_user(email or f"person{next(numbers)}@example.org", PASSWORD, **fields)


def course(title: str = "", **fields: Any) -> Course:
    return Course.objects.create(title=title or f"Course {next(numbers)}", **fields)


def enrol(course: Course, person: User | None = None, role: str = Role.STUDENT) -> User:
    """The person, enrolled in the course."""
    person = person or user()
    Enrolment.objects.create(course=course, user=person, role=role)
    return person


def material(course: Course, text: str = "", **fields: Any) -> Material:
    """A material that has been read: one text block, not yet any passages. State "queued" when no text is given."""
    title = fields.pop("title", f"Notes {next(numbers)}")
    fields.setdefault("filename", "notes.md")
    fields.setdefault("kind", "markdown")
    fields.setdefault("state", State.DONE if text else State.QUEUED)
    row = Material(course=course, title=title, **fields)
    row.file.save(row.filename, ContentFile(text.encode()), save=False)
    row.save()
    if text:
        block = {
            "kind": "text",
            "start": 0,
            "end": len(text),
            "anchor": {"path": [title]},
            "level": 0,
            "data": {},
        }
        Extract.objects.create(material=row, text=text, blocks=[block])
    return row


def passage(material: Material, text: str, **fields: Any) -> Passage:
    """One more passage of the material, without a vector; the text must stand in the material's extract or be new."""
    start = max(material.extract.text.find(text), 0) if hasattr(material, "extract") else 0
    return Passage.objects.create(
        material=material,
        course=material.course,
        ordinal=material.passages.count(),
        text=text,
        start=start,
        end=start + len(text),
        **fields,
    )
