"""What the page around every page shows of coaching."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from coach import access


def coaching(request: HttpRequest) -> dict[str, Any]:
    """Context processor: whether coaching is in the person's menu. Asked only where a menu is drawn."""
    return {"in_coaching": SimpleLazyObject(lambda: access.has_coaching(request.user))}
