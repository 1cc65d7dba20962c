"""Changing a draft's script by hand. What is changed is verified again at once; a published lesson cannot be changed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import transaction
from django.db.models import Model, QuerySet

from tutor.classrooms import review
from tutor.classrooms.models import Action, Lesson, LessonPage, Line
from tutor.jobs import State
from tutor.practice.models import Item

Kind = Action.Kind
SPOKEN = (Kind.READ, Kind.ASK, Kind.DISCUSS)


class EditRefused(Exception):
    """The change was not made. The message says why and what to do."""


@contextmanager
def editing(page: LessonPage) -> Iterator[None]:
    """A change to a page's script, in a transaction: of a draft only, and not while the page is being written."""
    with transaction.atomic():
        lesson = Lesson.objects.select_for_update().get(pk=page.lesson_id)
        if not lesson.editable:
            raise EditRefused("This version is frozen. Make a new version to change it.")
        if LessonPage.objects.filter(pk=page.pk, state__in=(State.QUEUED, State.RUNNING)).exists():
            raise EditRefused("This page is being written. Wait until it is done, or stop it.")
        yield
        if (
            LessonPage.objects.filter(pk=page.pk).exclude(state=State.DONE).exists()
            and _actions(page).exists()
        ):
            page.finish()  # somebody wrote it by hand


def write_line(line: Line, text: str) -> None:
    """Change what a line says, and verify it if it states anything."""
    text = " ".join(text.split())
    if not text:
        raise EditRefused("A sentence cannot be empty. Delete it instead.")
    if len(text) > 2000:
        raise EditRefused("A sentence may have 2,000 characters. Split it.")
    line.text = text
    line.claim = review.claims(text)
    review.verify(line)


def add_line(action: Action, text: str, after: Line | None = None) -> Line:
    """A new line behind another one, else at the end."""
    if action.kind not in SPOKEN:
        raise EditRefused("Nothing is said here. Add the sentence to a reading.")
    line = Line(action=action, ordinal=_behind(action.lines.all(), after))
    write_line(line, text)
    _number(action.lines.all())
    return line


def drop_line(line: Line) -> None:
    """Take a line out; an action that has nothing left to say goes with it, and the pointing that led up to it."""
    action = line.action
    line.delete()
    if not action.lines.exists() and action.kind in (Kind.READ, Kind.ASK):
        remove_action(action)


def remove_action(action: Action) -> None:
    """Take an action out. The page is always shown."""
    page = action.page
    if action.kind == Kind.SHOW:
        raise EditRefused("The page has to be shown before anything else happens on it.")
    before = _actions(page).filter(ordinal__lt=action.ordinal).order_by("-ordinal").first()
    after = _actions(page).filter(ordinal__gt=action.ordinal).order_by("ordinal").first()
    if (
        action.kind == Kind.READ
        and before
        and before.kind == Kind.POINT
        and (after is None or after.kind != Kind.READ)
    ):
        before.delete()
    action.delete()
    _number(_actions(page))


def add_action(page: LessonPage, kind: str, after: Action | None, **given: Any) -> Action:
    """A new action behind another one, else at the end."""
    if kind not in Kind.values or kind == Kind.SHOW:
        raise EditRefused("There is no such action.")
    action = Action.objects.create(page=page, ordinal=_behind(_actions(page), after), kind=kind)
    if kind == Kind.QUIZ:
        swap(action, given.get("item"))
    elif kind == Kind.POINT:
        point(action, given.get("start", page.start), given.get("end", page.end))
    elif given.get("text"):
        add_line(action, given["text"])
    elif kind != Kind.DISCUSS:
        raise EditRefused("Write what is said.")
    _number(_actions(page))
    return action


def point(action: Action, start: Any, end: Any) -> None:
    """Point at these characters of the material's text, which have to stand on the page."""
    page = action.page
    if action.kind != Kind.POINT:
        raise EditRefused("Only an action that points has a region.")
    if not (isinstance(start, int) and isinstance(end, int) and page.start <= start < end <= page.end):
        raise EditRefused("Select the words on this page that should be pointed at.")
    action.region = {"start": start, "end": end}
    action.save(update_fields=["region"])


def swap(action: Action, item: Item | None) -> None:
    """Ask another item."""
    if action.kind != Kind.QUIZ:
        raise EditRefused("Only a quiz has an item.")
    if item is None or item not in Item.objects.quiz().filter(
        course=action.page.lesson.course_id, state=Item.State.READY
    ):
        raise EditRefused("Choose one of the course's items.")
    action.item = item
    action.save(update_fields=["item"])
    action.page.skills.add(item.skill)


def items_for(page: LessonPage) -> list[Item]:
    """Items that can be asked on a page: those on its passages first, then those on its material."""
    ready = (
        Item.objects.quiz().filter(course=page.lesson.course, state=Item.State.READY).select_related("skill")
    )
    near = list(ready.filter(passage__in=page.passages.all()))
    return near + list(ready.filter(material=page.material).exclude(pk__in=[item.pk for item in near]))[:40]


def move(row: Action | Line | LessonPage, step: int) -> None:
    """One place up (-1) or down (1). The showing of a page stays first."""
    siblings: list[Any] = list(_siblings(row))
    at = next(number for number, one in enumerate(siblings) if one.pk == row.pk)
    to = at + step
    first = 1 if isinstance(row, Action) else 0
    if not first <= to < len(siblings) or at < first:
        return
    siblings[at], siblings[to] = siblings[to], siblings[at]
    _number(siblings)


def describe(page: LessonPage, title: str, description: str, section: str) -> None:
    """Change a page's title, description and place in the section tree ("a > b")."""
    if not title.strip():
        raise EditRefused("A page needs a title.")
    page.title, page.description = " ".join(title.split())[:200], description.strip()[:2000]
    page.section = [part.strip()[:200] for part in section.split(">") if part.strip()][:6]
    page.save(update_fields=["title", "description", "section"])


def remove_page(page: LessonPage) -> None:
    """Take a page out of its lesson."""
    lesson = page.lesson
    if lesson.pages.count() == 1:
        raise EditRefused("This is the lesson's only page. Delete the lesson instead.")
    page.delete()
    _number(lesson.pages.all())


def room_behind(lesson: Lesson, after: LessonPage | None) -> int:
    """The ordinal for one more page behind `after`, at the end without one; the pages that follow move on."""
    return _behind(lesson.pages.all(), after)


def _actions(page: LessonPage) -> QuerySet[Action]:
    """A page's actions as they are now, whatever was fetched with the page before."""
    return Action.objects.filter(page=page)


def _siblings(row: Action | Line | LessonPage) -> Any:
    if isinstance(row, Line):
        return row.action.lines.all()
    return _actions(row.page) if isinstance(row, Action) else row.lesson.pages.all()


def _behind(rows: Any, after: Model | None) -> int:
    """The ordinal behind `after`; those that follow are moved on by one."""
    found = list(rows)
    at = next((number for number, one in enumerate(found, 1) if after and one.pk == after.pk), len(found))
    for number, one in reversed(list(enumerate(found, 1))):
        type(one).objects.filter(pk=one.pk).update(ordinal=number + (number > at))
    return at + 1


def _number(rows: Iterable[Any]) -> None:
    """Ordinals from 1, in this order. Two passes, because a lesson's pages have unique ones."""
    found = list(rows)
    for shift in (100_000, 0):
        for number, row in enumerate(found, 1):
            type(row).objects.filter(pk=row.pk).update(ordinal=number + shift)
