"""Every page of a course, asked for by the whole cast."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from courses.models import Course, Enrolment, Material
from tests import make
from tests.courses.conftest import Cast

LECTURE = "The mean of n readings has a standard error that falls with the square root of n."


@pytest.mark.parametrize("name", ["materials", "status", "people"])
def test_pages_of_those_who_teach(cast: Cast, name: str) -> None:
    url = reverse(f"courses:{name}", args=["signals"])
    for who, expected in {
        "instructor": 200, "staff": 200, "admin": 200, "student": 404, "stranger": 404, "outsider": 404, "anonymous": 302,
    }.items():  # fmt: skip
        assert cast.client(who).get(url).status_code == expected, who


@pytest.mark.parametrize("name", ["settings", "roster"])
def test_pages_of_instructors(cast: Cast, name: str) -> None:
    url = reverse(f"courses:{name}", args=["signals"])
    for who, expected in {
        "instructor": 200,
        "admin": 200,
        "staff": 404,
        "student": 404,
        "stranger": 404,
    }.items():
        assert cast.client(who).get(url).status_code == expected, who


@pytest.mark.parametrize("name", ["material", "row", "edit"])
def test_a_material_is_shown_to_those_who_teach_its_course(cast: Cast, name: str) -> None:
    material = make.material(cast.course, LECTURE)
    url = reverse(f"courses:{name}", args=["signals", material.uuid])
    for who, expected in {
        "instructor": 200,
        "staff": 200,
        "student": 404,
        "stranger": 404,
        "anonymous": 302,
    }.items():
        assert cast.client(who).get(url).status_code == expected, who


def test_a_material_is_not_reached_through_another_course(cast: Cast) -> None:
    material = make.material(cast.course, LECTURE)
    for name in ("material", "edit", "source", "source_data", "file"):
        url = reverse(f"courses:{name}", args=["poetry", material.uuid])
        assert cast.client("stranger").get(url).status_code == 404, name


@pytest.mark.parametrize("name", ["act", "replace"])
def test_acts_are_refused_to_everybody_else(cast: Cast, name: str) -> None:
    material = make.material(cast.course, LECTURE)
    url = reverse(f"courses:{name}", args=["signals", material.uuid])
    for who in ("student", "stranger", "outsider"):
        assert cast.client(who).post(url, {"action": "delete"}).status_code == 404, who
    assert cast.client("anonymous").post(url, {"action": "delete"}).status_code == 302
    assert Material.objects.filter(pk=material.pk).exists()


RESTRICTIONS = {
    "released": ({}, 200),
    "released in the past": ({"release_at": timezone.now() - timedelta(days=1)}, 200),
    "not yet released": ({"release_at": timezone.now() + timedelta(days=1)}, 404),
    "hidden": ({"hidden": True}, 404),
    "answer key": ({"answer_key": True}, 404),
    "replaced by a newer version": ({"superseded": True}, 200),
    "replaced and hidden": ({"superseded": True, "hidden": True}, 404),
}


@pytest.mark.parametrize(("fields", "expected"), RESTRICTIONS.values(), ids=RESTRICTIONS)
def test_what_students_may_open(cast: Cast, fields: dict[str, object], expected: int) -> None:
    material = make.material(cast.course, LECTURE, **fields)
    for name in ("source_data", "file"):
        url = reverse(f"courses:{name}", args=["signals", material.uuid])
        assert cast.client("student").get(url).status_code == expected, name
        assert cast.client("instructor").get(url).status_code == 200
        for who in ("stranger", "outsider"):
            assert cast.client(who).get(url).status_code == 404


@pytest.mark.parametrize(("fields", "expected"), RESTRICTIONS.values(), ids=RESTRICTIONS)
def test_trying_as_a_student_shows_what_students_see(
    cast: Cast, fields: dict[str, object], expected: int
) -> None:
    material = make.material(cast.course, LECTURE, **fields)
    client = cast.client("instructor")
    client.post(reverse("courses:preview", args=["signals"]), {"as_student": "1"})
    url = reverse("courses:source_data", args=["signals", material.uuid])
    assert client.get(url).status_code == expected
    client.post(reverse("courses:preview", args=["signals"]), {"as_student": "0"})
    assert client.get(url).status_code == 200


def test_the_preview_shows_a_banner_on_every_page_and_is_not_for_students(cast: Cast) -> None:
    client = cast.client("instructor")
    client.post(reverse("courses:preview", args=["signals"]), {"as_student": "1"})
    assert (
        "You see this course as a student does"
        in client.get(reverse("courses:materials", args=["signals"])).content.decode()
    )
    answer = cast.client("student").post(reverse("courses:preview", args=["signals"]), {"as_student": "1"})
    assert answer.status_code == 404


def test_home_lists_only_the_callers_courses(cast: Cast) -> None:
    def titles(who: str) -> set[str]:
        return {course.title for course in cast.client(who).get("/").context["courses"]}

    assert titles("student") == {"Signals"}
    assert titles("stranger") == {"Poetry"}
    assert titles("outsider") == set()
    assert titles("admin") == {"Signals", "Poetry"}


def test_who_may_create_a_course(cast: Cast) -> None:
    assert cast.client("student").post(reverse("courses:new"), {"title": "Mine"}).status_code == 403
    teacher = make.user(may_create_courses=True)
    cast.outsider = teacher
    cast.client("outsider").post(reverse("courses:new"), {"title": "Mine"})
    course = Course.objects.get(title="Mine")
    assert Enrolment.objects.get(course=course).role == "instructor"
    assert course.role_of(teacher) == "instructor"


def test_deleting_a_course_needs_its_name_and_an_instructor(
    cast: Cast, django_capture_on_commit_callbacks: object
) -> None:
    material = make.material(cast.course, LECTURE)
    path = material.file.path
    url = reverse("courses:delete", args=["signals"])
    assert cast.client("staff").post(url, {"title": "Signals"}).status_code == 404
    cast.client("instructor").post(url, {"title": "Signal"})
    assert Course.objects.filter(slug="signals").exists()
    with django_capture_on_commit_callbacks(execute=True):  # type: ignore[operator]
        cast.client("instructor").post(url, {"title": "Signals"})
    assert not Course.objects.filter(slug="signals").exists()
    assert not Material.objects.filter(pk=material.pk).exists()
    from pathlib import Path

    assert not Path(path).exists()


def test_an_archived_course_takes_nobody_in(cast: Cast) -> None:
    cast.client("instructor").post(reverse("courses:archive", args=["signals"]), {"archived": "1"})
    cast.course.refresh_from_db()
    assert cast.course.archived
    cast.client("instructor").post(reverse("courses:archive", args=["signals"]), {"archived": "0"})
    cast.course.refresh_from_db()
    assert not cast.course.archived
