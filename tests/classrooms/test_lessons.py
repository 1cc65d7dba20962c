"""Lessons: who sees them, publishing, and what keeps them from being published."""

from __future__ import annotations

import pytest

from courses.models import Role
from tests import make
from tutor.classrooms import cast, publishing, review
from tutor.classrooms.models import Function, Lesson, Line

pytestmark = pytest.mark.django_db


def test_students_see_published_lessons_whose_material_they_may_read() -> None:
    course = make.course()
    student, teacher = make.enrol(course), make.enrol(course, role=Role.INSTRUCTOR)
    draft, published = make.lesson(course, Lesson.Status.DRAFT), make.lesson(course)
    outsider = make.enrol(make.course())
    assert set(Lesson.objects.readable_by(student, course)) == {published}
    assert set(Lesson.objects.readable_by(teacher, course)) == {draft, published}
    assert set(Lesson.objects.readable_by(teacher, course, as_student=True)) == {published}
    assert not Lesson.objects.readable_by(outsider, course).exists()
    published.materials.update(hidden=True)
    assert not Lesson.objects.readable_by(student, course).exists()


def test_a_lesson_is_published_only_when_every_flag_is_settled() -> None:
    course = make.course()
    teacher = make.enrol(course, role=Role.INSTRUCTOR)
    lesson = make.lesson(course, Lesson.Status.DRAFT)
    line = Line.objects.filter(claim=True, action__page__lesson=lesson).first()
    assert line is not None
    Line.objects.filter(pk=line.pk).update(flag=Line.Flag.OPEN, verdict="unsupported")
    with pytest.raises(publishing.NotReady, match="1 sentence is flagged"):
        publishing.publish(lesson, teacher)
    line.refresh_from_db()
    review.accept(line, teacher)
    publishing.publish(lesson, teacher)
    assert (lesson.status, lesson.published_by) == (Lesson.Status.PUBLISHED, teacher)
    assert Line.objects.get(pk=line.pk).settled_by == teacher
    with pytest.raises(publishing.NotReady, match="new version"):
        publishing.publish(lesson, teacher)


def test_a_new_version_has_the_same_script_and_takes_the_old_ones_place() -> None:
    course = make.course()
    teacher = make.enrol(course, role=Role.INSTRUCTOR)
    old = make.lesson(course)
    new = publishing.next_version(old, teacher)
    assert publishing.next_version(old, teacher) == new
    assert (new.version, new.status, new.replaces) == (2, Lesson.Status.DRAFT, old)
    script = [
        [(line.text, line.quote, line.start) for line in review.lines_of(lesson)] for lesson in (old, new)
    ]
    assert script[0] == script[1]
    assert len(script[0]) > 5
    assert [list(page.passages.all()) for page in new.pages.all()] == [
        list(page.passages.all()) for page in old.pages.all()
    ]
    publishing.publish(new, teacher)
    old.refresh_from_db()
    assert old.status == Lesson.Status.RETIRED


def test_the_default_cast_has_one_agent_for_each_function_and_is_made_once() -> None:
    course = make.course()
    agents = cast.of(course)
    assert {agent.function for agent in agents} == set(Function)
    assert cast.of(course) == agents
    course.agents.filter(function=Function.LEVITY).update(active=False)
    assert len(cast.of(course)) == len(agents) - 1
