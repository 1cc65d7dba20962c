"""Plain factories: one call makes one believable row."""

from __future__ import annotations

import itertools
from typing import Any

from django.core.files.base import ContentFile

from courses.models import Course, Enrolment, Extract, Material, Passage, Role
from tutor.accounts.models import User
from tutor.classrooms.models import Action, Lesson, LessonPage, Line
from tutor.jobs import State
from tutor.practice.models import Item, Skill

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


LESSON = (
    (
        "The mean",
        "The mean of the readings is their sum divided by their number. One wild reading moves the mean.",
    ),
    ("The median", "The median is the middle reading. One wild reading does not move the median."),
)


def lesson(course: Course, status: str = Lesson.Status.PUBLISHED, **fields: Any) -> Lesson:
    """A small lesson of two pages, as the generator would have made it: shown, pointed at, read with citations; the first
    page with a question to the class and a quiz item, the last one with a pause for discussion."""
    text = "\n\n".join(words for _, words in LESSON)
    source: Material = fields.pop("material", None) or material(course, text, title="Mean and median")
    row = Lesson.objects.create(
        course=course, title=fields.pop("title", "Mean and median"), status=status, **fields
    )
    row.materials.add(source)
    for number, (title, words) in enumerate(LESSON, 1):
        found = Passage.objects.filter(material=source, text=words).first() or passage(
            source, words, heading_path=[title]
        )
        page = LessonPage.objects.create(
            lesson=row, ordinal=number, material=source, title=title, section=[source.title], state=State.DONE,
            anchor={"path": [title]}, start=found.start, end=found.end, description=words, progress=1,
        )  # fmt: skip
        page.passages.add(found)
        _script(page, found, last=number == len(LESSON))
    return row


def _script(page: LessonPage, found: Passage, *, last: bool) -> None:
    ordinals = itertools.count(1)

    def action(kind: str, *lines: tuple[str, bool], **more: Any) -> None:
        row = Action.objects.create(page=page, ordinal=next(ordinals), kind=kind, **more)
        for ordinal, (text, claim) in enumerate(lines, 1):
            start = found.start + max(found.text.find(text), 0)
            cited = {
                "verdict": "supported",
                "passage": found,
                "quote": text,
                "start": start,
                "end": start + len(text),
            }
            Line.objects.create(
                action=row, ordinal=ordinal, text=text, claim=claim, **(cited if claim else {})
            )

    claims = [(f"{words}.", True) for words in found.text.rstrip(".").split(". ")]
    action("show")
    action("read", (f"Let us turn to {page.title.lower()}.", False))
    action("point", region={"start": found.start, "end": found.end})
    action("read", *claims)
    if page.ordinal == 1:
        action("ask", ("What would one wild reading do to it?", False))
        action("quiz", item=item(found))
    if last:
        action("discuss", ("What is still unclear?", False))


def item(passage: Passage, **fields: Any) -> Item:
    """A choice on the passage's first sentence, ready to be asked."""
    skill, _ = Skill.objects.get_or_create(course=passage.course, name=fields.pop("skill", "The mean"))
    skill.passages.add(passage)
    quote = passage.text.partition(". ")[0] + "."
    given = {
        "kind": Item.Kind.CHOICE, "state": Item.State.READY, "prompt": "What is the mean of some readings?",
        "options": ["Their sum divided by their number", "The middle one", "The largest one"],
        "answer": "Their sum divided by their number", "explanation": quote, "quote": quote,
        "start": passage.start, "end": passage.start + len(quote),
    }  # fmt: skip
    return Item.objects.create(
        course=passage.course, skill=skill, passage=passage, material=passage.material, **(given | fields)
    )
