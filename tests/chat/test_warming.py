"""What is loaded before anybody asks."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from courses.index import forget, index_of
from courses.models import Course
from tests import make
from tutor.chat.models import Conversation
from tutor.chat.warming import WARMED, warm

pytestmark = pytest.mark.django_db


def asked(days: float, **fields: Any) -> Course:
    course = make.course(**fields)
    make.passage(make.material(course, "Rain falls."), "Rain falls.")
    talk = Conversation.objects.create(course=course, user=make.enrol(course))
    Conversation.objects.filter(pk=talk.pk).update(updated=timezone.now() - timedelta(days=days))
    return course


def test_the_courses_asked_last_are_loaded_and_no_others() -> None:
    forget()
    old, archived = asked(30), asked(0, archived=True)
    courses = [asked(days) for days in range(WARMED + 1)]
    assert warm() == courses[:WARMED]
    assert old not in courses
    assert archived not in courses
    assert len(index_of(courses[0])) == 1
