"""The audit log, written from a request."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest

from tutor.accounts.models import User, record


def address_of(request: HttpRequest) -> str | None:
    """The caller's network address; the last one a proxy wrote where a proxy is trusted (TRUST_PROXY)."""
    forwarded = request.META.get("HTTP_X_FORWARDED_FOR", "") if settings.SECURE_PROXY_SSL_HEADER else ""
    return forwarded.split(",")[-1].strip() or request.META.get("REMOTE_ADDR") or None


def note(
    request: HttpRequest, action: str, target: object, *, course_id: int | None = None, **data: Any
) -> None:
    """Add to the audit log what the signed-in person just did."""
    actor = request.user if isinstance(request.user, User) else None
    record(actor, action, target, course_id=course_id, address=address_of(request), **data)
