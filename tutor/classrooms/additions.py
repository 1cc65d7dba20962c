"""Pages that only the new version of a material has, and taking one into a lesson."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import transaction

from courses.models import Extract, Material
from tutor.accounts.models import User
from tutor.classrooms import editing
from tutor.classrooms.models import Lesson, LessonPage
from tutor.classrooms.planning import CannotTeach, place
from tutor.classrooms.publishing import next_version
from tutor.classrooms.reading import Stretch, pages_of
from tutor.classrooms.staleness import ALIKE, newest


@dataclass(frozen=True)
class Addition:
    """A page of the version in use that the one before, on which the lesson was made, does not have."""

    material: Material
    stretch: Stretch


def additions(lesson: Lesson) -> list[Addition]:
    """The pages that could be added to a lesson because its materials have grown, in their order."""
    found: dict[tuple[int, int], Addition] = {}
    for material in Material.objects.filter(lesson_pages__lesson=lesson).select_related("course").distinct():
        now = newest(material)
        before = material if material != now else material.replaces
        if now is None or before is None or now.hidden or now.answer_key:
            continue
        text, old = _text(now), _text(before)
        known = [(stretch.title, _words(old, stretch)) for stretch in pages_of(before)]
        taught = list(lesson.pages.filter(material=now).values_list("start", "end"))
        for stretch in pages_of(now):
            said = _words(text, stretch)
            there = any(title == stretch.title or _alike(said, words) >= ALIKE for title, words in known)
            if not there and not any(start < stretch.end and stretch.start < end for start, end in taught):
                found[now.pk, stretch.start] = Addition(now, stretch)
    return list(found.values())


def add(lesson: Lesson, material: int, start: int, user: User | None) -> LessonPage:
    """Take the page that begins at `start` into the lesson, or into a new draft of it, behind the one before it.

    Returns the page that is being written. Raises CannotTeach.
    """
    with transaction.atomic():
        wanted = [
            one for one in additions(lesson) if (one.material.pk, one.stretch.start) == (material, start)
        ]
        if not wanted:
            raise CannotTeach(
                "This page is in the lesson already, or the material has changed again. Reload the page."
            )
        (addition,) = wanted
        draft = lesson if lesson.editable else next_version(lesson, user)
        before = [one.title for one in pages_of(addition.material) if one.start < start]
        rows = list(draft.pages.all())
        last = next((row for title in reversed(before) for row in rows if row.title == title), None)
        page = LessonPage(
            lesson=draft, ordinal=editing.room_behind(draft, last), section=last.section if last else []
        )
        place(page, addition.material, addition.stretch)
        draft.materials.add(addition.material)
        page.queue()
    return page


def _text(material: Material) -> str:
    return Extract.objects.filter(material=material).values_list("text", flat=True).first() or ""


def _words(text: str, stretch: Stretch) -> set[str]:
    return set(text[stretch.start : stretch.end].casefold().split())


def _alike(one: set[str], other: set[str]) -> float:
    """The share of all their words that both have."""
    return len(one & other) / max(1, len(one | other))
