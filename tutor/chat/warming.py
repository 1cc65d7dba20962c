"""After a start: the indexes of the courses that are asked the most lately, before their first question."""

from __future__ import annotations

from datetime import timedelta

from django.db.models import Max
from django.utils import timezone

from courses.index import index_of
from courses.models import Course

LATELY = timedelta(days=7)
WARMED = 3  # courses; a question on another one waits behind them for some seconds at most


def warm() -> list[Course]:
    """Load the indexes of the courses last asked, latest first, and say which."""
    asked = Course.objects.filter(archived=False, conversations__updated__gte=timezone.now() - LATELY)
    courses = list(asked.annotate(last=Max("conversations__updated")).order_by("-last")[:WARMED])
    for course in courses:
        index_of(course)
    return courses
