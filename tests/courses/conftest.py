"""A course with its cast: who may do what is asked of each of them."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from django.core.cache import cache
from django.test import Client

from courses.models import Course, Role
from tests import make
from tutor.accounts.models import User


@dataclass
class Cast:
    course: Course
    other: Course
    instructor: User
    staff: User
    student: User
    stranger: User  # teaches another course
    outsider: User  # is in no course
    admin: User

    def client(self, name: str) -> Client:
        """A browser in which this person is signed in; "anonymous" for nobody."""
        client = Client()
        if name != "anonymous":
            client.force_login(getattr(self, name))
        return client


@pytest.fixture(autouse=True)
def fresh_limits() -> None:
    """Rate limits count in the cache: no test inherits another's."""
    cache.clear()


@pytest.fixture
def cast(db: None) -> Cast:
    course, other = make.course("Signals", slug="signals"), make.course("Poetry", slug="poetry")
    return Cast(
        course,
        other,
        instructor=make.enrol(course, make.user(name="Iris"), Role.INSTRUCTOR),
        staff=make.enrol(course, make.user(name="Theo"), Role.STAFF),
        student=make.enrol(course, make.user(name="Sam")),
        stranger=make.enrol(other, make.user(name="Otto"), Role.INSTRUCTOR),
        outsider=make.user(name="Olga"),
        admin=make.user(name="Ada", is_superuser=True, is_staff=True),
    )
