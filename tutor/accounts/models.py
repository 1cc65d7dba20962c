"""People, their site-wide roles, and the record of what was done."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib.auth.base_user import BaseUserManager
from django.contrib.auth.models import AbstractUser
from django.db import models


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None = None, **fields: Any) -> User:
        """A person who signs in with `email`. Without a password they use an e-mail code or single sign-on."""
        if not email:
            raise ValueError("A person needs an e-mail address.")
        user = self.model(email=self.normalize_email(email).lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> User:
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)


class User(AbstractUser):
    """A person. Signs in by e-mail; roles inside a course are enrolments (courses.Enrolment)."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    username = None  # type: ignore[assignment]
    email = models.EmailField("e-mail address", unique=True)
    name = models.CharField(max_length=150, blank=True)
    is_coach = models.BooleanField(default=False, help_text="Reviews coaching reports that were shared")
    may_create_courses = models.BooleanField(
        default=False, help_text="Becomes instructor of what they create"
    )

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS = []

    objects = UserManager()  # type: ignore[misc,assignment]

    @property
    def is_admin(self) -> bool:
        return self.is_superuser

    def get_full_name(self) -> str:
        return self.name or self.email.split("@")[0]

    def get_short_name(self) -> str:
        return self.get_full_name().split(" ")[0]

    def __str__(self) -> str:
        return self.get_full_name()


class AuditEntry(models.Model):
    """Who did what to what, and when. Rows are only ever added."""

    actor = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    action = models.CharField(max_length=60, db_index=True)  # e.g. "material.deleted"
    target = models.CharField(max_length=200)
    course_id = models.BigIntegerField(null=True, db_index=True)
    data = models.JSONField(default=dict)
    address = models.GenericIPAddressField(null=True)
    created = models.DateTimeField(auto_now_add=True, db_index=True)

    class Meta:
        ordering = ["-created"]
        verbose_name_plural = "audit entries"

    def __str__(self) -> str:
        return f"{self.created:%Y-%m-%d %H:%M} {self.action} {self.target}"


def record(
    actor: User | None,
    action: str,
    target: object,
    *,
    course_id: int | None = None,
    address: str | None = None,
    **data: Any,
) -> None:
    """Add one line to the audit log."""
    AuditEntry.objects.create(
        actor=actor, action=action, target=str(target)[:200], course_id=course_id, address=address, data=data
    )
