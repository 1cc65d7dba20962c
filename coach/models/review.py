"""What people say to a report: judgements on its statements, comments, goals, the next visit."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from coach.models.reports import Finding, Rating, Report, Suggestion


class Judgement(models.Model):
    """A person's word on one statement of a report. It is kept as data for the next calibration and training."""

    class Verdict(models.TextChoices):
        ACCEPTED = "accepted"
        REJECTED = "rejected"
        CORRECTED = "corrected"

    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    rating = models.ForeignKey(Rating, null=True, on_delete=models.CASCADE, related_name="judgements")
    finding = models.ForeignKey(Finding, null=True, on_delete=models.CASCADE, related_name="judgements")
    suggestion = models.ForeignKey(Suggestion, null=True, on_delete=models.CASCADE, related_name="judgements")
    verdict = models.CharField(max_length=10, choices=Verdict.choices)
    value = models.JSONField(null=True)  # the corrected score, or the corrected words
    note = models.CharField(max_length=600, blank=True)
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.CheckConstraint(
                name="judgement_of_one_statement",
                condition=Q(rating__isnull=False, finding__isnull=True, suggestion__isnull=True)
                | Q(rating__isnull=True, finding__isnull=False, suggestion__isnull=True)
                | Q(rating__isnull=True, finding__isnull=True, suggestion__isnull=False),
            ),
            models.UniqueConstraint(fields=["person", "rating"], name="one_judgement_a_rating"),
            models.UniqueConstraint(fields=["person", "finding"], name="one_judgement_a_finding"),
            models.UniqueConstraint(fields=["person", "suggestion"], name="one_judgement_a_suggestion"),
        ]

    def __str__(self) -> str:
        return self.verdict


class Comment(models.Model):
    """Words between a teacher and the coaches about a report, or about one line of its transcript."""

    report = models.ForeignKey(Report, on_delete=models.CASCADE, related_name="comments")
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    line = models.PositiveIntegerField(null=True)
    text = models.TextField(max_length=4000)
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return self.text[:60]


class Goal(models.Model):
    """A move a teacher chose to use more; the next lessons' reports say how it went."""

    teacher = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="coaching_goals"
    )
    report = models.ForeignKey(
        Report, null=True, on_delete=models.SET_NULL, related_name="goals"
    )  # where it was chosen
    move = models.SlugField(max_length=60)
    words = models.CharField(max_length=300)
    measure = models.SlugField(max_length=60, blank=True)  # the figure that shows it
    baseline = models.FloatField(null=True)
    target = models.FloatField(null=True)
    created = models.DateTimeField(auto_now_add=True)
    closed_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return self.words


class Visit(models.Model):
    """When a coach means to see the teacher's class again."""

    report = models.ForeignKey(Report, on_delete=models.CASCADE, related_name="visits")
    coach = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    due_on = models.DateField()
    done_at = models.DateTimeField(null=True)
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["due_on"]

    def __str__(self) -> str:
        return f"{self.due_on}"
