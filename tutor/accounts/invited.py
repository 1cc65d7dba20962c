"""Who may sign up: everybody where SIGNUP_OPEN is set, else whoever came by an invitation link.

Which invitation that was, the page that the link leads to (courses.views.people.join) leaves in the session.
"""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest
from django.shortcuts import redirect

from tutor.accounts.audit import address_of
from tutor.accounts.models import User, record

INVITATION_KEY = "invitation"  # in the session: {"token", "email", "name"}


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return settings.SIGNUP_OPEN or INVITATION_KEY in request.session

    def get_client_ip(self, request: HttpRequest) -> str:
        return address_of(request) or ""


class SocialAccountAdapter(DefaultSocialAccountAdapter):  # type: ignore[misc]
    """Whom the organisation's own single sign-on knows may have an account; courses still take in only the invited.

    Its word for an address counts only where it has verified it: invitations and accounts go by addresses.
    """

    def pre_social_login(self, request: HttpRequest, sociallogin: Any) -> None:
        """Refuse a stranger whose address nobody has verified. Raises ImmediateHttpResponse."""
        if sociallogin.is_existing or request.user.is_authenticated:
            return
        if not any(address.verified for address in sociallogin.email_addresses):
            record(None, "account.refused", str(sociallogin.user.email), address=address_of(request))
            messages.error(
                request,
                "The single sign-on has not verified your e-mail address, so it cannot let you in here. Verify it there, "
                "or ask the administrator.",
            )
            raise ImmediateHttpResponse(redirect("account_login"))

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
