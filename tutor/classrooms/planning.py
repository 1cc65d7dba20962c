"""From chosen materials to the pages of a lesson, each a job of its own; stopping, resuming and redoing that work."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from django.db import transaction

from courses.index import Floats, unpack
from courses.models import Course, Material
from tutor.accounts.models import User
from tutor.classrooms.models import Lesson, LessonPage
from tutor.classrooms.reading import Stretch, pages_of, passages_of
from tutor.jobs import State

NO_TEXT = "This material has no text to teach from"
MOST_PAGES = 400
A_SECTION = 4  # pages, of a deck that does not say where its sections are
STOPPED = "Stopped. Resume writes the pages that are left."


class CannotTeach(Exception):
    """No lesson can be made of this. The message says why and what to do."""


@dataclass(frozen=True)
class Planned:
    """A page to be, with its place in the section tree."""

    material: Material
    stretch: Stretch
    section: list[str]


def plan(
    course: Course, materials: Sequence[Material], title: str, user: User | None, *, queued: bool = True
) -> Lesson:
    """A draft lesson on the materials, in this order, with its pages queued; unless the caller writes them itself.

    Raises CannotTeach.
    """
    pages = [page for material in check(course, materials) for page in _outline(material, len(materials) > 1)]
    if len(pages) > MOST_PAGES:
        raise CannotTeach(
            f"These materials have {len(pages)} pages, and a lesson may have {MOST_PAGES}. Choose fewer of them."
        )
    with transaction.atomic():
        lesson = Lesson.objects.create(
            course=course, title=(title.strip() or materials[0].title)[:200], created_by=user
        )
        lesson.materials.set(materials)
        for ordinal, page in enumerate(pages, 1):
            row = LessonPage(lesson=lesson, ordinal=ordinal, section=page.section)
            place(row, page.material, page.stretch)
            if queued:
                row.queue()
    return lesson


def check(course: Course, materials: Sequence[Material]) -> Sequence[Material]:
    """The materials, if each of them can be taught from. Raises CannotTeach."""
    if not materials:
        raise CannotTeach("Choose at least one material.")
    for material in materials:
        if material.course_id != course.pk:
            raise CannotTeach(f"“{material.title}” is not material of this course.")
        if material.answer_key:
            raise CannotTeach(f"“{material.title}” is an answer key, which never reaches students.")
        if material.state == State.FAILED:
            raise CannotTeach(f"“{material.title}”: {NO_TEXT}. {material.error}")
        if not material.is_ready:
            raise CannotTeach(f"“{material.title}” has not been read yet. Wait until it is ready.")
        if not pages_of(material):
            raise CannotTeach(
                f"“{material.title}”: {NO_TEXT}. If its pages are pictures, upload a version with text or a scan that is sharper."
            )
    return materials


def place(page: LessonPage, material: Material, stretch: Stretch) -> None:
    """Let the page stand for this stretch of the material, and save it."""
    page.material, page.title, page.anchor = material, stretch.title, stretch.anchor
    page.start, page.end = stretch.start, stretch.end
    page.save()
    page.passages.set(passages_of(material, stretch.start, stretch.end))


def stop(lesson: Lesson) -> None:
    """Write no further page; the one being written is given up too."""
    Lesson.objects.filter(pk=lesson.pk).update(stop_requested=True)
    waiting = lesson.pages.filter(state=State.QUEUED)
    waiting.update(state=State.STOPPED, error=STOPPED)


def resume(lesson: Lesson) -> int:
    """Write the pages that were stopped or failed. Returns how many."""
    Lesson.objects.filter(pk=lesson.pk).update(stop_requested=False)
    left = list(lesson.pages.filter(state__in=(State.STOPPED, State.FAILED)))
    for page in left:
        redo(page)
    return len(left)


def redo(page: LessonPage) -> None:
    """Write a page again from the beginning; its script of now stays until the new one is there."""
    with transaction.atomic():
        LessonPage.objects.filter(pk=page.pk).update(attempts=0, note="")
        Lesson.objects.filter(pk=page.lesson_id).update(stop_requested=False)
        page.queue()


def _outline(material: Material, named: bool) -> list[Planned]:
    """A material's pages with their sections: the headings above them, else runs of slides that belong together."""
    stretches = pages_of(material)
    above = [material.title] if named else []
    if any(stretch.path for stretch in stretches):
        common = stretches[0].path[:1] if all(s.path[:1] == stretches[0].path[:1] for s in stretches) else []
        return [
            Planned(material, stretch, [*above, *stretch.path[len(common) : -1]] or common)
            for stretch in stretches
        ]
    starts = section_starts(_vectors(material, stretches))
    pages: list[Planned] = []
    for number, stretch in enumerate(stretches):
        if number in starts:
            recorded = "start_ms" in stretch.anchor and number == 0
            section = [*above, material.title if recorded and not above else stretch.title]
        pages.append(Planned(material, stretch, section))
    return pages


def _vectors(material: Material, stretches: Sequence[Stretch]) -> list[Floats | None]:
    """The mean direction of each stretch's passages; None where they have no vectors yet."""
    known = [(p.start, p.end, unpack(p.vector)) for p in material.passages.order_by("ordinal")]
    found: list[Floats | None] = []
    for stretch in stretches:
        inside = [
            v for start, end, v in known if v is not None and start < stretch.end and end > stretch.start
        ]
        found.append(np.mean(inside, axis=0) if inside else None)
    return found


def section_starts(vectors: Sequence[Floats | None]) -> set[int]:
    """Where the sections of a deck begin: about every A_SECTION pages, there where two neighbours are least alike."""
    starts = {0}
    count = len(vectors)
    begin = 0
    while count - begin > A_SECTION + 2:
        options = range(begin + 3, min(begin + A_SECTION + 2, count - 2))
        begin = min(options, key=lambda at: (_likeness(vectors[at - 1], vectors[at]), at))
        starts.add(begin)
    return starts


def _likeness(one: Floats | None, other: Floats | None) -> float:
    if one is None or other is None:
        return 1.0
    return float(one @ other / (np.linalg.norm(one) * np.linalg.norm(other) + 1e-9))
