"""A lesson in use: published and frozen, retired, copied into a new version."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from tutor.accounts.models import User
from tutor.classrooms.models import Action, Lesson, LessonPage, Line
from tutor.jobs import State


class NotReady(Exception):
    """The lesson cannot be published yet. The message says what is left to do."""


def publish(lesson: Lesson, user: User | None) -> None:
    """Freeze the lesson and open it to students; the version that it replaces is retired. Raises NotReady."""
    with transaction.atomic():
        row = Lesson.objects.select_for_update().get(pk=lesson.pk)
        reason = missing(row)
        if reason:
            raise NotReady(reason)
        row.status, row.published_by, row.published_at = Lesson.Status.PUBLISHED, user, timezone.now()
        row.save(update_fields=["status", "published_by", "published_at"])
        if row.replaces_id is not None:
            Lesson.objects.filter(pk=row.replaces_id).update(status=Lesson.Status.RETIRED)
    lesson.refresh_from_db()


def missing(lesson: Lesson) -> str:
    """Why a draft cannot be published, in words; "" when it can."""
    if not lesson.editable:
        return "Only a draft can be published. Make a new version of this lesson to change it."
    states = list(lesson.pages.values_list("state", flat=True))
    unfinished = sum(state != State.DONE for state in states)
    if not states:
        return "The lesson has no pages."
    if unfinished:
        return f"{_count(unfinished, 'page')} not written yet. Redo or remove {'it' if unfinished == 1 else 'them'} first."
    flags = lesson.open_flags()
    if flags:
        return (
            f"{_count(flags, 'sentence')} flagged as not supported by the material. "
            f"Accept, edit or drop {'it' if flags == 1 else 'each of them'} in the review."
        )
    if lesson.pages.filter(material=None).exists():
        return "The material of a page was deleted. Remove the page, or make it anew from other material."
    if lesson.pages.filter(material__answer_key=True).exists():
        return "A page rests on an answer key, which never reaches students. Remove the page."
    return ""


def _count(number: int, noun: str) -> str:
    return f"{number} {noun} is" if number == 1 else f"{number} {noun}s are"


def retire(lesson: Lesson) -> None:
    """Take a published lesson out of use. Classrooms that run on it go on."""
    Lesson.objects.filter(pk=lesson.pk, status=Lesson.Status.PUBLISHED).update(status=Lesson.Status.RETIRED)
    lesson.refresh_from_db()


def next_version(lesson: Lesson, user: User | None) -> Lesson:
    """A draft with the same script that will take the lesson's place; the one there is, if somebody made it already."""
    with transaction.atomic():
        Lesson.objects.select_for_update().get(pk=lesson.pk)
        draft = Lesson.objects.filter(replaces=lesson, status=Lesson.Status.DRAFT).first()
        if draft is not None:
            return draft
        draft = Lesson.objects.create(
            course=lesson.course,
            title=lesson.title,
            version=lesson.version + 1,
            replaces=lesson,
            created_by=user,
        )
        draft.materials.set(lesson.materials.all())
        for page in lesson.pages.all():
            _copy(page, draft)
    return draft


def _copy(page: LessonPage, lesson: Lesson) -> None:
    actions = list(page.actions.prefetch_related("lines"))
    skills, passages = list(page.skills.all()), list(page.passages.all())
    page.pk, page.lesson = None, lesson
    page._state.adding = True
    page.save()
    page.skills.set(skills)
    page.passages.set(passages)
    for action in actions:
        lines = list(action.lines.all())
        copy = Action.objects.create(
            page=page, ordinal=action.ordinal, kind=action.kind, region=action.region, item=action.item
        )
        for line in lines:
            line.pk, line.action = None, copy
            line._state.adding = True
        Line.objects.bulk_create(lines)
