"""Who may see what: functions that return the object with the caller's right to it, or raise 404.

A page that is not the caller's looks like one that does not exist. Versions of a material that a newer one has
replaced are not listed or found any more, but a link to one still opens for whoever could read it, so that an old
citation keeps leading to the words it was made from; to take them back, hide or delete the material (hiding covers
all its versions).
"""

from __future__ import annotations

import uuid
from typing import Any

from django.http import Http404, HttpRequest
from django.shortcuts import get_object_or_404

from courses.models import TEACHING, Course, Enrolment, Material, MaterialQuerySet, Role

PREVIEW_KEY = "as_student"


def course_for(request: HttpRequest, slug: str) -> Course:
    """The course, for anybody who is in it."""
    return _remember(request, get_object_or_404(Course.objects.visible_to(request.user), slug=slug))


def course_taught(request: HttpRequest, slug: str) -> Course:
    """The course, for its staff and instructors."""
    return _remember(request, get_object_or_404(Course.objects.taught_by(request.user), slug=slug))


def course_led(request: HttpRequest, slug: str) -> Course:
    """The course, for its instructors: people, settings and deletion are theirs alone."""
    course = course_taught(request, slug)
    if course.role_of(request.user) != Role.INSTRUCTOR:
        raise Http404
    return course


def material_taught(request: HttpRequest, slug: str, material: uuid.UUID) -> Material:
    """The material, for those who teach its course; also versions that were replaced."""
    course = course_taught(request, slug)
    return get_object_or_404(course.materials.select_related("course"), uuid=material)


def source_for(request: HttpRequest, slug: str, material: uuid.UUID) -> Material:
    """The material as a source to read, for whoever may open it today, replaced versions included."""
    course = course_for(request, slug)
    return get_object_or_404(sources(request, course).select_related("course"), uuid=material)


def sources(request: HttpRequest, course: Course) -> MaterialQuerySet:
    """All materials whose originals the caller may open by a link."""
    rows = Material.objects.filter(course=course)
    return rows if teaches(request, course) and not as_student(request, course) else rows.released()


def teaches(request: HttpRequest, course: Course) -> bool:
    """True for the course's staff, instructors, and admins."""
    return course.role_of(request.user) in TEACHING


def as_student(request: HttpRequest, course: Course) -> bool:
    """True while somebody who teaches the course tries it as a student would see it."""
    return course.pk in request.session.get(PREVIEW_KEY, []) and teaches(request, course)


def preview(request: HttpRequest, course: Course, on: bool) -> None:
    """Start or leave the student's view of the course, for this session."""
    chosen = {*request.session.get(PREVIEW_KEY, [])} - {course.pk}
    request.session[PREVIEW_KEY] = sorted(chosen | {course.pk} if on else chosen)


def _remember(request: HttpRequest, course: Course) -> Course:
    request.course = course  # type: ignore[attr-defined] # read by course_context for the page around it
    return course


def course_context(request: HttpRequest) -> dict[str, Any]:
    """Context processor: what the page around a course's content shows."""
    course: Course | None = getattr(request, "course", None)
    if course is None:
        return {}
    role = course.role_of(request.user)
    trying = role in TEACHING and course.pk in request.session.get(PREVIEW_KEY, [])
    return {
        "course": course,
        "enrolment": Enrolment.objects.filter(course=course, user__pk=request.user.pk or 0).first(),
        "is_staff_of_course": role in TEACHING,
        "is_instructor": role == Role.INSTRUCTOR,
        "as_student": trying,
    }
