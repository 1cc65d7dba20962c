"""What happens at the door goes into the audit log: sign-ins, failures, new passwords and second factors."""

from __future__ import annotations

from typing import Any

from allauth.account.signals import password_changed, password_reset, password_set
from allauth.mfa.signals import authenticator_added, authenticator_removed
from django.contrib.auth.signals import user_logged_in, user_login_failed
from django.dispatch import receiver
from django.http import HttpRequest

from tutor.accounts.audit import address_of
from tutor.accounts.lockout import login_name
from tutor.accounts.models import User, record


def _note(request: HttpRequest | None, user: User | None, action: str, target: object, **data: Any) -> None:
    record(user, action, target, address=address_of(request) if request is not None else None, **data)


@receiver(user_logged_in)
def signed_in(request: HttpRequest | None, user: User, **kwargs: Any) -> None:
    """Somebody came in."""
    _note(request, user, "account.signed_in", user.email)


@receiver(user_login_failed)
def refused(credentials: dict[str, Any], request: HttpRequest | None = None, **kwargs: Any) -> None:
    """Somebody was not let in. The password that was tried is not kept."""
    _note(request, None, "account.refused", login_name(request, credentials) or "(nobody named)")


@receiver([password_changed, password_reset, password_set])
def new_password(request: HttpRequest, user: User, **kwargs: Any) -> None:
    """Somebody has a new password."""
    _note(request, user, "account.password_changed", user.email)


@receiver([authenticator_added, authenticator_removed])
def second_factor(signal: Any, request: HttpRequest, user: User, authenticator: Any, **kwargs: Any) -> None:
    """Somebody set up or took away a second factor."""
    action = "account.factor_added" if signal is authenticator_added else "account.factor_removed"
    _note(request, user, action, user.email, type=str(authenticator.type))
