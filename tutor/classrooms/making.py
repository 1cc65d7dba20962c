"""A lesson made here and now, by the code that a worker runs, for commands and the demo."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from courses.models import Course, Material
from tutor.accounts.models import User
from tutor.classrooms import planning, publishing, writing
from tutor.classrooms.models import Lesson, LessonPage
from tutor.jobs import State


def make(
    course: Course,
    materials: Sequence[Material],
    title: str,
    user: User | None,
    said: Callable[[LessonPage], None] = lambda page: None,
) -> Lesson:
    """Plan a lesson and write its pages one after the other; `said` is told of each page. Raises planning.CannotTeach."""
    lesson = planning.plan(course, materials, title, user, queued=False)
    for row in lesson.pages.all():
        page = row
        while page.state == State.QUEUED:
            writing.work(page)
            page = LessonPage.objects.select_related("lesson__course", "material").get(pk=row.pk)
        said(page)
    return lesson


def demo_lesson(course: Course, user: User | None) -> Lesson | None:
    """The demo's lesson on its first lecture, published; None where the course had a lesson already or has no lecture."""
    lecture = course.materials.current().filter(state=State.DONE, answer_key=False, hidden=False).first()
    if lecture is None or course.lessons.exists():
        return None
    lesson = make(course, [lecture], "", user)
    if not publishing.missing(lesson):
        publishing.publish(lesson, user)
    return lesson
