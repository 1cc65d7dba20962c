"""What is kept about a person, gathered by following the database's own relations, so that no app is left out."""

from __future__ import annotations

from typing import Any

from django.core.serializers.python import Serializer
from django.db.models import Model, QuerySet
from django.db.models.fields.reverse_related import ForeignObjectRel

from tutor.accounts.models import User

SECRETS = {"password", "secret", "token", "data", "vector"}  # sign-in secrets and machine data
DEPTH = 4


def collect(user: User) -> dict[str, Any]:
    """The person's rows and what belongs to them, by model name; never secrets."""
    found: dict[str, dict[Any, dict[str, Any]]] = {}
    _gather(User.objects.filter(pk=user.pk), found, DEPTH)
    return {name: list(rows.values()) for name, rows in sorted(found.items())}


def _gather(rows: QuerySet[Any], found: dict[str, dict[Any, dict[str, Any]]], depth: int) -> None:
    known = found.setdefault(rows.model._meta.label_lower, {})
    fresh = [row for row in rows if row.pk not in known]
    if not fresh:
        return
    for plain in Serializer().serialize(fresh):
        fields = {name: value for name, value in plain["fields"].items() if name not in SECRETS}
        known[plain["pk"]] = {"id": plain["pk"], **fields}
    if depth == 0:
        return
    for relation in rows.model._meta.related_objects:
        model = relation.related_model
        if isinstance(model, type) and issubclass(model, Model) and _belongs(relation):
            keys = [row.pk for row in fresh]
            _gather(model._default_manager.filter(**{f"{relation.field.name}__in": keys}), found, depth - 1)


def _belongs(relation: ForeignObjectRel) -> bool:
    """True for rows that would be deleted with what they point at: those are the person's own."""
    on_delete = getattr(relation, "on_delete", None)
    return on_delete is not None and on_delete.__name__ == "CASCADE"


def only_instructor_of(user: User) -> list[str]:
    """Titles of courses that would be left without an instructor if the person went."""
    places = user.enrolments.filter(role="instructor").select_related(
        "course"
    )  # courses.Enrolment, by its related name
    return [
        place.course.title
        for place in places
        if not place.course.enrolments.filter(role="instructor").exclude(user=user).exists()
    ]
