"""Plain factories: one call makes one believable row."""

from __future__ import annotations

import itertools
from datetime import date
from typing import Any

from django.core.files.base import ContentFile
from django.utils import timezone

from coach import instruments, reporting
from coach.evidence import Quoted
from coach.models import Observation, Report, Speaker, UtteranceRow
from coach.rating import Rated
from coach.scoring import Found, Measured, Scored, Segment, Stretch, Suggested
from coach.talk import Transcript, Voice
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


TALK = (
    ("Teacher", "Which is greater, three sevenths or three fifths?"),
    ("Student A", "Three fifths."),
    ("Teacher", "How do you know? Convince somebody who disagrees."),
    ("Student A", "Because fifths are bigger pieces than sevenths, and there are three of both."),
    ("Teacher", "So you compare the size of the pieces. Who can say that in other words?"),
    ("Student B", "If you cut it into fewer pieces, each piece is bigger."),
    ("Teacher", "Okay. Next one."),
    ("Student C", "Is four eighths more than one half, because four is more than one?"),
    ("Teacher", "No, it is the same. Write it down."),
    ("Students", "It is the same."),
)


def observation(
    teacher: User | None = None, talk: tuple[tuple[str, str], ...] = TALK, **fields: Any
) -> Observation:
    """A lesson that has been read, without names, its speakers confirmed; every line takes four seconds and a pause."""
    teacher = teacher or user()
    given: dict[str, Any] = {
        "title": f"Lesson {next(numbers)}", "taught_on": date(2026, 11, 12), "subject": "Mathematics", "kind": "vtt",
        "brought_by": teacher, "step": Observation.Step.READY, "state": State.DONE, "consent_at": timezone.now(),
    }  # fmt: skip
    row = Observation.objects.create(teacher=teacher, **(given | fields))
    voices = {"Teacher": Voice.TEACHER, "Students": Voice.GROUP}
    for line, (label, text) in enumerate(talk, 1):
        voice = voices.get(label, Voice.STUDENT)
        speaker, _ = Speaker.objects.get_or_create(
            observation=row, label=label, defaults={"voice": voice.value, "confirmed": True}
        )
        start = (line - 1) * 6000
        UtteranceRow.objects.create(
            observation=row, line=line, speaker=speaker, text=text, start=start, end=start + 4000
        )
    return row


def scored(transcript: Transcript, **values: float | None) -> Scored:
    """What the scorer might say of `TALK`: one of everything. `values` are measures, by name."""
    figures: dict[str, float | None] = {"talk_ratio": 0.5, "wait_time_2": None} | values
    detail = {"title": "", "unit": "share", "better": "less", "published": "exact", "measured": "exact"}
    measures = [
        Measured(
            name,
            value,
            {**detail, "title": name.replace("_", " ").capitalize(), "why": "There are no times."},
        )
        for name, value in figures.items()
    ]
    counts = {"counts": {"press_reasoning": 1, "revoicing": 1}, "turns": 5, "unit": "in ten turns"}
    measures.append(Measured("teacher_moves", 2.0, {**detail, **counts, "title": "Teacher moves"}))
    timeline = [Stretch(one.voice.value, one.start or 0, one.end or 0, one.line) for one in transcript]
    evidence = [Quoted(3, "How do you know?", 0.4)]
    ratings = [
        Rated("positive_climate", None, None, None, True, "No number: never calibrated.", evidence),
        Rated("instructional_dialogue", 4.2, 3.1, 5.3, True, "", [Quoted(9, "Write it down.", -0.2)]),
    ]
    return Scored(
        measures=measures,
        timeline=timeline,
        segments=[Segment("class-informed", 0, 60_000, 1, len(transcript), ratings)],
        highlights=[Found(3, "How do you know?", "press_reasoning", "You asked for the reason.")],
        missed=[Found(8, "because four is more than one?", "error_probing", "The idea was not taken up.")],
        suggestions=[
            Suggested(
                8, "because four is more than one?", "error_probing", "Nobody asked how the idea came about.",
                "What makes you think so?", "A comparison of the numbers on top.",
                {"verdict": "new", "why": "No error was probed in this lesson.", "lines": []},
            )
        ],
        made_with={"classifiers": "none"},
    )  # fmt: skip


def report(
    lesson: Observation | None = None, status: str = Report.Status.PRIVATE, **values: float | None
) -> Report:
    """A scored lesson with its report, as the scorer's job would have stored it."""
    lesson = lesson or observation()
    row = Report.objects.create(observation=lesson, state=State.DONE)
    transcript = lesson.transcript()
    reporting.store(row, scored(transcript, **values), transcript, instruments.active(), lesson.revision)
    shared_at = None if status == Report.Status.PRIVATE else timezone.now()
    Report.objects.filter(pk=row.pk).update(status=status, shared_at=shared_at)
    row.refresh_from_db()
    return row
