"""Who may sign up: everybody where SIGNUP_OPEN is set, else whoever came by an invitation link.

Which invitation that was, the page that the link leads to (courses.views.people.join) leaves in the session.
"""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from django import forms
from django.conf import settings
from django.http import HttpRequest

from tutor.accounts.audit import address_of
from tutor.accounts.models import User, record

INVITATION_KEY = "invitation"  # in the session: {"token", "email", "name"}


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return settings.SIGNUP_OPEN or INVITATION_KEY in request.session

    def get_client_ip(self, request: HttpRequest) -> str:
        return address_of(request) or ""


class SocialAccountAdapter(DefaultSocialAccountAdapter):  # type: ignore[misc]
    """Whom the organisation's own single sign-on knows may have an account; courses still take in only the invited."""

    def is_open_for_signup(self, request: HttpRequest, sociallogin: Any) -> bool:
        return True

    def populate_user(self, request: HttpRequest, sociallogin: Any, data: dict[str, Any]) -> User:
        user: User = super().populate_user(request, sociallogin, data)
        user.name = str(
            data.get("name") or f"{data.get('first_name') or ''} {data.get('last_name') or ''}"
        ).strip()[:150]
        return user


class SignupForm(forms.Form):
    """What signing up asks beyond e-mail and password (allauth's ACCOUNT_SIGNUP_FORM_CLASS)."""

    name = forms.CharField(
        max_length=150, label="Your name", help_text="As the people in your courses know you."
    )

    field_order = ["name", "email", "password1", "password2"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["name"].widget.attrs["autocomplete"] = "name"

    def signup(self, request: HttpRequest, user: User) -> None:
        """Called by allauth with the user that was just made."""
        user.name = self.cleaned_data["name"]
        user.save(update_fields=["name"])
        record(user, "account.created", user.email, address=address_of(request))
