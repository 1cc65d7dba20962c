"""Proposed changes to a script, made from what students kept asking at a page."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from courses.models import Passage
from tutor.classrooms.models.lessons import Lesson, LessonPage, Line
from tutor.classrooms.models.rooms import Question


class Proposal(models.Model):
    """One line that would answer a cluster of questions: added after `line`, or in its place."""

    class Kind(models.TextChoices):
        ADD = "add"
        REPLACE = "replace"

    class State(models.TextChoices):
        OPEN = "open"
        ACCEPTED = "accepted"
        REJECTED = "rejected"

    page = models.ForeignKey(LessonPage, on_delete=models.CASCADE, related_name="proposals")
    label = models.CharField(max_length=300)  # the most typical of the questions
    questions = models.ManyToManyField(Question, related_name="proposals")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    line = models.ForeignKey(Line, null=True, on_delete=models.SET_NULL, related_name="proposals")
    text = models.TextField(max_length=2000)
    verdict = models.CharField(max_length=12)
    passage = models.ForeignKey(Passage, null=True, on_delete=models.SET_NULL, related_name="+")
    quote = models.TextField()
    start = models.PositiveIntegerField(default=0)  # of the quote in the material's text
    end = models.PositiveIntegerField(default=0)
    state = models.CharField(max_length=10, choices=State.choices, default=State.OPEN, db_index=True)
    before = models.FloatField()  # such questions for each student who saw the page, when it was proposed
    draft = models.ForeignKey(Lesson, null=True, on_delete=models.SET_NULL, related_name="proposals")
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    decided_at = models.DateTimeField(null=True)
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return self.text[:80]
