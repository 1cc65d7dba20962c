"""The script of a lesson as a classroom plays it: which action comes first, which comes next."""

from __future__ import annotations

from django.db.models import QuerySet

from tutor.classrooms.models import Action, Lesson, LessonPage
from tutor.jobs import State


def pages_of(lesson: Lesson) -> QuerySet[LessonPage]:
    """The pages that have a script, in order."""
    return lesson.pages.filter(state=State.DONE, actions__isnull=False).distinct().order_by("ordinal")


def first_of(page: LessonPage | None) -> Action | None:
    """Where a page begins."""
    return page.actions.select_related("page").order_by("ordinal").first() if page else None


def first_action(lesson: Lesson) -> Action | None:
    """Where the lesson begins."""
    return first_of(pages_of(lesson).first())


def after(page: LessonPage) -> Action | None:
    """Where the next page begins; None after the last."""
    return first_of(pages_of(page.lesson).filter(ordinal__gt=page.ordinal).first())


def following(action: Action) -> Action | None:
    """The action after this one; None after the last."""
    rest = action.page.actions.select_related("page").filter(ordinal__gt=action.ordinal)
    return rest.order_by("ordinal").first() or after(action.page)


def position(page: LessonPage) -> int:
    """Which of the lesson's pages it is, from 1."""
    return pages_of(page.lesson).filter(ordinal__lte=page.ordinal).count()
