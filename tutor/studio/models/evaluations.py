"""Evaluations: what systems answered to questions, how it was labelled and judged, and how people rated it."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.urls import reverse

from courses.models import Course
from tutor.jobs import Job
from tutor.studio.models.datasets import Dataset
from tutor.studio.models.runs import Adapter


class Evaluation(Job):
    """Systems measured on questions: an adapter or the base against others, or the course's agent as students get it.

    Stages: answer, host (waiting for it), label, choose, judge, compare.
    """

    DIED = "The worker died {attempts} times while evaluating. Retry; if the model host dies with it, evaluate fewer questions."

    class Subject(models.TextChoices):
        MODEL = "model"
        AGENT = "agent", "the course's agent"

    course = models.ForeignKey(Course, on_delete=models.CASCADE, related_name="evaluations")
    subject = models.CharField(max_length=5, choices=Subject.choices, default=Subject.MODEL)
    adapter = models.ForeignKey(
        Adapter, null=True, on_delete=models.CASCADE, related_name="evaluations"
    )  # None: the base, or the agent
    against = models.JSONField(default=list)  # systems: "base", "base+retrieval", an adapter's name
    dataset = models.ForeignKey(Dataset, null=True, on_delete=models.SET_NULL, related_name="evaluations")
    bank = models.CharField(max_length=200, blank=True)  # a question bank's file name, where it was one
    limit = models.PositiveIntegerField(default=0)  # questions; 0: all
    questions = models.JSONField(default=list)  # tutor.studio.banks.Asked, as they stood when it began
    runs = models.PositiveSmallIntegerField(default=3)  # answers to each question
    seed = models.PositiveIntegerField(default=7)  # of sampled answers, of permutations, of intervals
    judge = models.CharField(max_length=300, blank=True)  # what labelled: "rule", or endpoint and model
    stop_requested = models.BooleanField(default=False)
    table = models.JSONField(default=dict)  # see tutor.studio.comparing
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

    @property
    def measured(self) -> str:
        """What was measured, for a person."""
        if self.subject == self.Subject.AGENT:
            return "the course’s agent"
        return self.adapter.name if self.adapter else "the base model"

    def enqueue(self) -> None:
        from tutor.studio.tasks import evaluate

        evaluate.delay(self.pk)


class Label(models.TextChoices):
    CORRECT = "correct"
    PARTIAL = "partial", "partly correct"
    INCORRECT = "incorrect"


class Preference(models.TextChoices):
    """Which of two answers is better: `ours` is the measured system's, `theirs` that of what it is measured against."""

    OURS = "ours"
    THEIRS = "theirs"
    BOTH = "both"
    NEITHER = "neither"


class Answer(models.Model):
    """What one system answered to one question of an evaluation. A resumed evaluation goes on after these."""

    class Context(models.TextChoices):
        SEPARATE = "separate"  # each question in a conversation of its own
        SHARED = "shared"  # all parts of a question in one
        CHOICE = "choice"  # the probabilities of given options

    evaluation = models.ForeignKey(Evaluation, on_delete=models.CASCADE, related_name="answers")
    number = models.PositiveIntegerField()
    question = models.TextField()
    reference = models.TextField()
    system = models.CharField(max_length=120)
    context = models.CharField(max_length=8, choices=Context.choices, default=Context.SEPARATE)
    run = models.PositiveSmallIntegerField(
        default=0
    )  # the first is the most probable answer, others are drawn
    text = models.TextField()
    abstained = models.BooleanField(default=False)
    nearness = models.FloatField(null=True)  # cosine of the answer's and the reference's embeddings
    grounded = models.FloatField(null=True)  # share of its sentences that the verifier supports
    label = models.CharField(max_length=9, choices=Label.choices, blank=True)  # of the answer
    explanation = models.CharField(
        max_length=9, choices=Label.choices, blank=True
    )  # where there is one to hold it to
    detail = models.JSONField(default=dict)  # the judge's reason; of a choice: the probabilities by place

    class Meta:
        ordering = ["number", "system", "context", "run"]
        constraints = [
            models.UniqueConstraint(
                fields=["evaluation", "number", "system", "context", "run"],
                name="one_answer_a_system_and_run",
            )
        ]

    def __str__(self) -> str:
        return f"{self.system} {self.number}"


class Comparison(models.Model):
    """What a judge said of two answers to a question, in both orders."""

    evaluation = models.ForeignKey(Evaluation, on_delete=models.CASCADE, related_name="judged")
    number = models.PositiveIntegerField()
    system = models.CharField(max_length=120)
    against = models.CharField(max_length=120)
    forward = models.CharField(max_length=7, choices=Preference.choices)  # the system's answer stood first
    backward = models.CharField(max_length=7, choices=Preference.choices)  # it stood second

    class Meta:
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(
                fields=["evaluation", "number", "system", "against"], name="judged_once_a_pair"
            )
        ]

    def __str__(self) -> str:
        return f"{self.number}: {self.verdict or 'inconsistent'}"

    @property
    def verdict(self) -> str:
        """What both orders agree on; "" where they do not."""
        return self.forward if self.forward == self.backward else ""


class Rating(models.Model):
    """What a person said of two answers to a question, without knowing whose they were."""

    evaluation = models.ForeignKey(Evaluation, on_delete=models.CASCADE, related_name="ratings")
    number = models.PositiveIntegerField()
    system = models.CharField(max_length=120)
    against = models.CharField(max_length=120)
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    verdict = models.CharField(max_length=7, choices=Preference.choices)
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["evaluation", "number", "system", "against", "person"], name="rated_once_a_pair"
            )
        ]

    def __str__(self) -> str:
        return f"{self.number}: {self.verdict}"
