"""Making items in the background."""

from __future__ import annotations

from celery import shared_task

from courses.models import Course, Passage
from tutor.practice import items

A_COURSE = 100


@shared_task(name="practice.make_items", queue="ingest")
def make_items(course: int) -> int:
    """Make items of all that the course's students may read; what is there already stays. Gives their number."""
    row = Course.objects.get(pk=course)
    passages = Passage.objects.for_agent(row).order_by("material__position", "material", "ordinal")
    return len(items.make(row, list(passages), A_COURSE))
