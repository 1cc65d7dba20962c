"""Courses in Django's own admin, for repairs."""

from __future__ import annotations

from django.contrib import admin

from courses.models import Course, Enrolment, Invitation, Material


@admin.register(Course)
class CourseAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ["title", "slug", "endpoint", "archived", "created"]
    list_filter = ["archived"]
    search_fields = ["title", "slug"]


@admin.register(Enrolment)
class EnrolmentAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ["user", "course", "role", "created"]
    list_filter = ["role"]
    search_fields = ["user__email", "course__title"]
    autocomplete_fields = ["user", "course"]


@admin.register(Invitation)
class InvitationAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ["course", "role", "email", "uses", "max_uses", "expires", "revoked"]
    list_filter = ["role", "revoked"]
    search_fields = ["email", "course__title"]
    autocomplete_fields = ["course", "created_by"]


@admin.register(Material)
class MaterialAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ["title", "course", "kind", "state", "version", "superseded", "hidden", "answer_key"]
    list_filter = ["state", "kind", "superseded", "hidden", "answer_key"]
    search_fields = ["title", "filename", "course__title"]
    fields = [
        "title",
        "position",
        "hidden",
        "answer_key",
        "release_at",
        "state",
        "stage",
        "error",
        "attempts",
    ]
