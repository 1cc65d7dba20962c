"""What django-axes needs to know: whom a sign-in names, and what somebody sees who guessed too often."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


def login_name(request: HttpRequest | None, credentials: dict[str, Any] | None) -> str:
    """Whom a sign-in names, for django-axes, which counts failures by address and name together."""
    given = credentials or {}
    name = given.get("email") or given.get("username")
    if not name and request is not None:
        name = request.POST.get("login") or request.POST.get("username")
    return str(name or "").lower()


def locked_out(
    request: HttpRequest, credentials: dict[str, Any] | None = None, *args: Any, **kwargs: Any
) -> HttpResponse:
    """The page after too many wrong passwords for one name from one address. Others are not affected."""
    return render(request, "accounts/locked.html", status=429)
