"""What of a lesson no longer rests on the course's material as it is now, and making a page anew from the new version."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher

from django.db import transaction
from django.db.models import Exists, OuterRef, Q

from courses.models import Course, Extract, Material, Passage
from courses.removal import versions
from courses.verification.quotes import find_quote
from courses.verification.vectors import sentence_spans
from tutor.accounts.models import User
from tutor.classrooms.models import Lesson, LessonPage, Line
from tutor.classrooms.models.lessons import LessonQuerySet
from tutor.classrooms.planning import CannotTeach, place, redo
from tutor.classrooms.publishing import next_version
from tutor.classrooms.reading import Stretch, pages_of
from tutor.jobs import State
from tutor.practice.models import Item

ALIKE = 0.3  # share of words in common from which a page of the new version counts as the same page
SHOWN = 6  # changed sentences that are listed


@dataclass(frozen=True)
class Stale:
    """A page that rests on material which is no longer what it was."""

    page: LessonPage
    reason: str
    now: Material | None = None  # the version that is in use, where there is one
    gone: list[str] = field(default_factory=list)  # sentences of the page that the new version does not have
    new: list[str] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)  # whose quotes the new version does not hold
    items: list[Item] = field(default_factory=list)  # made from the version that is no longer in use


def stale_lessons(course: Course) -> LessonQuerySet:
    """Drafts and published lessons of which a page rests on material that changed."""
    pages = LessonPage.objects.filter(lesson=OuterRef("pk")).filter(_changed())
    return Lesson.objects.filter(course=course).exclude(status=Lesson.Status.RETIRED).filter(Exists(pages))


def _changed() -> Q:
    held = Passage.objects.filter(lesson_pages=OuterRef("pk"))
    withheld = Q(material__superseded=True) | Q(material__hidden=True) | Q(material__answer_key=True)
    return Q(material=None) | withheld | Q(~Exists(held), state=State.DONE)


def stale_pages(lesson: Lesson) -> list[Stale]:
    """The pages of a lesson whose material changed, each with what changed."""
    rows = lesson.pages.filter(_changed()).select_related("material__course", "lesson").order_by("ordinal")
    return [_what(page) for page in rows]


def _what(page: LessonPage) -> Stale:
    material = page.material
    if material is None:
        return Stale(page, "Its material was deleted.")
    if material.superseded:
        return _compared(page, material)
    if material.answer_key:
        return Stale(page, "Its material is an answer key now, which never reaches students.")
    if material.hidden:
        return Stale(page, "Its material is hidden from students, and the lesson with it.")
    return Stale(page, "Its material was read again; the citations have to be made anew.", now=material)


def _compared(page: LessonPage, old: Material) -> Stale:
    now = newest(old)
    items = [a.item for a in page.actions.exclude(item=None).select_related("item") if a.item]
    stale_items = [item for item in items if item.material_id == old.pk]
    if now is None:
        return Stale(
            page, "Its material was replaced by a version that is not there any more.", items=stale_items
        )
    reason = f"“{now.title}” has a new version ({now.version})."
    stretch = counterpart(page, old, pages_of(now))
    before, after = (
        _text(old, page.start, page.end),
        _text(now, stretch.start, stretch.end) if stretch else "",
    )
    if stretch is None:
        reason += " It has no page like this one any more."
    elif before == after:
        reason += " This page reads the same in it."
    lines = [
        line
        for line in Line.objects.filter(action__page=page)
        .exclude(quote="")
        .order_by("action__ordinal", "ordinal")
        if find_quote(line.quote, after) is None
    ]
    gone, new = _sentences(before), _sentences(after)
    return Stale(
        page, reason, now, [s for s in gone if s not in new][:SHOWN], [s for s in new if s not in gone][:SHOWN],
        lines, stale_items,
    )  # fmt: skip


def newest(material: Material) -> Material | None:
    """The version of a material that is in use; None where it is gone."""
    return next(
        (version for version in versions(material) if version.is_ready and not version.superseded), None
    )


def counterpart(page: LessonPage, old: Material, stretches: Sequence[Stretch]) -> Stretch | None:
    """The page of another version that is this page: of the same title if there is one, else the most alike."""
    new = stretches[0] if stretches else None
    if new is None:
        return None
    titled = [stretch for stretch in stretches if stretch.title == page.title]
    if len(titled) == 1:
        return titled[0]
    before = _text(old, page.start, page.end).split()
    now = newest(old)
    assert now is not None
    extract = Extract.objects.get(material=now).text
    found = [
        (SequenceMatcher(None, before, extract[s.start : s.end].split(), autojunk=False).ratio(), -number, s)
        for number, s in enumerate(titled or stretches)
    ]
    ratio, _, best = max(found, key=lambda one: one[:2])
    return best if ratio >= ALIKE or titled else None


def _text(material: Material, start: int, end: int) -> str:
    extract = Extract.objects.filter(material=material).first()
    return extract.text[start:end] if extract else ""


def _sentences(text: str) -> list[str]:
    return [" ".join(text[a:b].split()) for a, b in sentence_spans(text)]


def renew(page: LessonPage, user: User | None) -> LessonPage:
    """Write the page anew from the version in use: in the draft, or in a new draft of a published lesson.

    Returns the page that is being written. Raises CannotTeach.
    """
    with transaction.atomic():
        found = _what(page)
        old, now = page.material, found.now
        if old is None or now is None:
            raise CannotTeach(f"{found.reason} Remove the page, or show the material again.")
        stretch = counterpart(page, old, pages_of(now)) if now != old else None
        if now != old and stretch is None:
            raise CannotTeach(
                "The new version has no page like this one. Remove the page, or make a new lesson."
            )
        target = page
        if not page.lesson.editable:
            draft = next_version(page.lesson, user)
            target = draft.pages.get(ordinal=page.ordinal)
        if stretch is not None:
            place(target, now, stretch)
        lesson = target.lesson
        lesson.materials.set(
            Material.objects.filter(
                pk__in=lesson.pages.exclude(material=None).values_list("material", flat=True)
            )
        )
        redo(target)
    return target


def renew_all(lesson: Lesson, user: User | None) -> tuple[Lesson, list[str]]:
    """Write all stale pages anew that can be. Returns the draft in which that happens, and what could not be."""
    refused: list[str] = []
    draft = lesson
    for found in stale_pages(lesson):
        try:
            draft = renew(found.page, user).lesson
        except CannotTeach as error:
            refused.append(f"{found.page.title}: {error}")
    return draft, refused
