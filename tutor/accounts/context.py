"""What the sign-in pages show beyond their forms."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest

from tutor.accounts.demo import DEMO_USERS
from tutor.accounts.invited import INVITATION_KEY


def sign_in(request: HttpRequest) -> dict[str, Any]:
    """Context processor: the demo's logins where they work, and whether one can sign up."""
    if not request.path.startswith("/accounts/") or request.user.is_authenticated:
        return {}
    return {
        "demo_logins": DEMO_USERS if settings.DEMO else [],
        "sends_mail": settings.EMAIL_BACKEND.endswith("smtp.EmailBackend"),
        "signup_open": settings.SIGNUP_OPEN or INVITATION_KEY in request.session,
    }
