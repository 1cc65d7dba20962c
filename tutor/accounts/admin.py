"""Django's own admin, for repairs. One signs in to it through the ordinary sign-in, with its second factor and limits."""

from __future__ import annotations

from typing import Any

from allauth.account.decorators import secure_admin_login
from django.contrib import admin
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest

from tutor.accounts.models import AuditEntry, User


def sign_in_first(view: Any) -> Any:  # Django's admin site gives its login view no type
    """The admin's login page, replaced by the site's own sign-in."""
    return login_not_required(secure_admin_login(view))


@admin.register(User)
class UserAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = [
        "email",
        "name",
        "is_active",
        "is_superuser",
        "is_coach",
        "may_create_courses",
        "last_login",
    ]
    list_filter = ["is_active", "is_superuser", "is_coach", "may_create_courses"]
    search_fields = ["email", "name"]
    ordering = ["email"]
    exclude = ["password", "user_permissions", "groups", "first_name", "last_name"]


@admin.register(AuditEntry)
class AuditEntryAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ["created", "actor", "action", "target", "address"]
    list_filter = ["action"]
    search_fields = ["target", "actor__email"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: AuditEntry | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: AuditEntry | None = None) -> bool:
        return False
