"""A trained classifier of utterances, with the scores it was measured at."""

from __future__ import annotations

from django.db import models


class Classifier(models.Model):
    """One training of one kind. The weights are files under the folder `path` of the site's data."""

    class Kind(models.TextChoices):
        UPTAKE = "uptake"
        FOCUSING = "focusing"
        REASONING = "reasoning"
        TEACHER_MOVES = "teacher_moves"
        STUDENT_MOVES = "student_moves"

    kind = models.CharField(max_length=16, choices=Kind.choices)
    path = models.CharField(max_length=255)
    scores = models.JSONField(default=dict)  # cross-validated, grouped by lesson
    rows = models.PositiveIntegerField(default=0)
    source = models.CharField(max_length=200, blank=True)  # the data's file name
    sha256 = models.CharField(max_length=64)  # of the data
    active = models.BooleanField(default=True)
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"
