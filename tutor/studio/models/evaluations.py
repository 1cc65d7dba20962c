"""Evaluations: what systems answered to questions, and what came of comparing them."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.urls import reverse

from courses.models import Course
from tutor.jobs import Job
from tutor.studio.models.datasets import Dataset
from tutor.studio.models.runs import Adapter


class Evaluation(Job):
    """A model measured on questions: an adapter or the base, against others. Stages: answer, measure, compare."""

    DIED = "The worker died {attempts} times while evaluating. Retry; if the model host dies with it, evaluate fewer questions."

    course = models.ForeignKey(Course, on_delete=models.CASCADE, related_name="evaluations")
    adapter = models.ForeignKey(
        Adapter, null=True, on_delete=models.CASCADE, related_name="evaluations"
    )  # None: the base
    against = models.JSONField(default=list)  # systems: "base", "base+retrieval", an adapter's name
    dataset = models.ForeignKey(Dataset, null=True, on_delete=models.SET_NULL, related_name="evaluations")
    bank = models.CharField(max_length=200, blank=True)  # a question bank's file name, where it was one
    limit = models.PositiveIntegerField(default=0)  # questions; 0: all
    table = models.JSONField(default=dict)  # per system: figures with intervals; per comparison: wins
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"Evaluation {self.pk}"

    def get_absolute_url(self) -> str:
        return reverse("studio:evaluation", args=[self.course.slug, self.pk])

    def enqueue(self) -> None:
        from tutor.studio.tasks import evaluate

        evaluate.delay(self.pk)


class Answer(models.Model):
    """What one system answered to one question of an evaluation. A resumed evaluation goes on after these."""

    evaluation = models.ForeignKey(Evaluation, on_delete=models.CASCADE, related_name="answers")
    number = models.PositiveIntegerField()
    question = models.TextField()
    reference = models.TextField()
    system = models.CharField(max_length=120)
    text = models.TextField()
    nearness = models.FloatField()  # cosine of the answer's and the reference's embeddings
    grounded = models.FloatField()  # share of its sentences that the verifier supports

    class Meta:
        ordering = ["number", "system"]
        constraints = [
            models.UniqueConstraint(fields=["evaluation", "number", "system"], name="one_answer_a_system")
        ]

    def __str__(self) -> str:
        return f"{self.system} {self.number}"
