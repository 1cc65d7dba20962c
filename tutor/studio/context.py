"""What the page around a course's content shows of the studio."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from tutor.studio.models import Exercise


def exercises(request: HttpRequest) -> dict[str, Any]:
    """Context processor: whether the course keeps coding exercises. Asked only where the menu is drawn."""
    course = getattr(request, "course", None)
    kept = Exercise.objects.kept().filter(course=course)
    return {"has_exercises": SimpleLazyObject(lambda: course is not None and kept.exists())}
