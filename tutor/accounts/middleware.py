"""Who is not signed in is sent to the sign-in page, and a script that asked for JSON is told so in JSON."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.http import HttpRequest, HttpResponseBase, JsonResponse


class SignInRequired(LoginRequiredMiddleware):
    """Every page needs a sign-in unless it says otherwise (login_not_required)."""

    def handle_no_permission(  # type: ignore[override] # more than a redirect
        self, request: HttpRequest, view_func: Callable[..., Any]
    ) -> HttpResponseBase:
        """A redirect for people, 401 in words for the site's own scripts."""
        if "application/json" in request.headers.get("Accept", ""):
            return JsonResponse(
                {"error": "You were signed out. Sign in again in another tab, then try again."}, status=401
            )
        answer: HttpResponseBase = super().handle_no_permission(request, view_func)
        return answer
