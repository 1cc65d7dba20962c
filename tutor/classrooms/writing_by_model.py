"""A page's lines drafted by a capable language model. What it writes is verified like every other line."""

from __future__ import annotations

from collections.abc import Sequence

from courses.models import Extract, Passage
from tutor.classrooms.models import LessonPage
from tutor.classrooms.phrasing import Said


def draft(page: LessonPage, extract: Extract, passages: Sequence[Passage]) -> list[Said]:
    """The sentences a model would say on this page; [] where none is trusted with it."""
    return []
