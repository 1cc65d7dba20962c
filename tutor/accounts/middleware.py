"""Who is not signed in is sent to the sign-in page, and a script that asked for JSON is told so in JSON."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.http import HttpRequest, HttpResponseBase, JsonResponse
from django.shortcuts import redirect

logger = logging.getLogger(__name__)


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

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponseBase | None:
        """Where signing in needs a server that fails (single sign-on, mail), say so, and let people in otherwise."""
        if not (isinstance(exception, OSError) and request.path.startswith("/accounts/")):
            return None
        logger.error("A server that signing in needs has failed", exc_info=exception)
        messages.error(
            request,
            "The server that sends mail or does the single sign-on does not answer at the moment. Try again in a few "
            "minutes, or sign in with your password.",
        )
        return redirect("account_login")
