"""A dataset: question–answer examples made of a course's material, each with what it rests on and what became of it."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.urls import reverse

from courses.models import Course, Material, Passage
from tutor.jobs import Job


class Dataset(Job):
    """Examples for one course, and the job that makes them. The job's stages are survey, draft, check, card."""

    DIED = "The worker died {attempts} times while making this dataset. Choose less material or a smaller limit, and retry."

    course = models.ForeignKey(Course, on_delete=models.CASCADE, related_name="datasets")
    title = models.CharField(max_length=200)
    materials = models.ManyToManyField(
        Material, related_name="+", blank=True
    )  # none: all that students may read
    kinds = models.JSONField(default=list)  # names in tutor.studio.kinds.KINDS
    limit = models.PositiveIntegerField(default=400)  # kept examples
    stop_requested = models.BooleanField(default=False)
    card = models.JSONField(default=dict)  # see tutor.studio.card
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return self.title

    def get_absolute_url(self) -> str:
        return reverse("studio:dataset", args=[self.course.slug, self.pk])

    def enqueue(self) -> None:
        from tutor.studio.tasks import make_dataset

        make_dataset.delay(self.pk)


class ExampleQuerySet(models.QuerySet["Example"]):
    def kept(self) -> ExampleQuerySet:
        """What training and evaluation use: kept by the checks and not rejected by a person."""
        return self.filter(state=Example.State.KEPT)

    def training(self) -> ExampleQuerySet:
        return self.kept().filter(held_out=False)

    def held_out(self) -> ExampleQuerySet:
        return self.kept().filter(held_out=True)


class Example(models.Model):
    """One question with its answer, where it came from, and why it was kept or dropped."""

    class State(models.TextChoices):
        KEPT = "kept"
        DROPPED = "dropped"

    class Origin(models.TextChoices):
        MADE = "made"
        STUDENT = "student", "a student's question"
        INSTRUCTOR = "instructor", "an instructor's own"

    class Reason(models.TextChoices):
        UNSUPPORTED = "unsupported"
        DUPLICATE = "duplicate"
        LEAKED = "leaked", "leaked from the quiz bank"
        FAILED = "failed", "failed its test"
        UNANSWERABLE = "unanswerable", "not answerable from the material"
        REJECTED = "rejected", "rejected by a person"

    dataset = models.ForeignKey(Dataset, on_delete=models.CASCADE, related_name="examples")
    kind = models.CharField(max_length=20)
    origin = models.CharField(max_length=10, choices=Origin.choices, default=Origin.MADE)
    made_how = models.CharField(max_length=120, blank=True)  # "definition in the material", "endpoint MODEL"
    question = models.TextField(max_length=4000)
    answer = models.TextField(max_length=8000)
    rejected_answer = models.TextField(blank=True, max_length=8000)  # the worse one of a preference pair
    wrong_steps = models.JSONField(
        default=list
    )  # [[start, end], …] in `answer`: said, then corrected; never trained on
    state = models.CharField(max_length=10, choices=State.choices, default=State.KEPT, db_index=True)
    reason = models.CharField(max_length=14, choices=Reason.choices, blank=True)
    detail = models.CharField(
        max_length=300, blank=True
    )  # of the reason: the sentence, the duplicate, the quiz item
    skill = models.CharField(max_length=120, blank=True)  # the concept it is about
    exercise = models.ForeignKey(
        "studio.Exercise", null=True, on_delete=models.SET_NULL, related_name="examples"
    )  # of a coding exercise: its tests, and what verifying it found
    held_out = models.BooleanField(default=False)
    support = models.FloatField(null=True)  # the lowest score of the verifier over the answer's sentences
    reviewed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    reviewed_at = models.DateTimeField(null=True)
    created = models.DateTimeField(auto_now_add=True)

    objects = ExampleQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]
        indexes = [models.Index(fields=["dataset", "state", "held_out"])]

    def __str__(self) -> str:
        return self.question[:80]

    def as_json(self) -> dict[str, Any]:
        """As it is exported: with its citations, without ids of this site."""
        row: dict[str, Any] = {
            "kind": self.kind,
            "origin": self.origin,
            "made_how": self.made_how,
            "question": self.question,
            "answer": self.answer,
            "split": "held-out" if self.held_out else "train",
            "citations": [source.as_json() for source in self.sources.all()],
        }
        if self.skill:
            row["skill"] = self.skill
        if self.exercise is not None:
            row["exercise"] = self.exercise.as_json()
        if self.rejected_answer:
            row["rejected_answer"] = self.rejected_answer
        if self.wrong_steps:
            row["wrong_steps"] = self.wrong_steps
        return row


class Source(models.Model):
    """Verbatim words of a passage that an example rests on; the words stay when the material goes."""

    example = models.ForeignKey(Example, on_delete=models.CASCADE, related_name="sources")
    passage = models.ForeignKey(Passage, null=True, on_delete=models.SET_NULL, related_name="+")
    file = models.CharField(max_length=255)
    anchor = models.JSONField(default=dict)
    quote = models.TextField()

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return self.quote[:80]

    def as_json(self) -> dict[str, Any]:
        return {"file": self.file, "anchor": self.anchor, "quote": self.quote}


class Review(models.Model):
    """A person's verdict on an example; two people's on the same one show their agreement."""

    class Verdict(models.TextChoices):
        ACCEPT = "accept"
        EDIT = "edit"
        REJECT = "reject"

    example = models.ForeignKey(Example, on_delete=models.CASCADE, related_name="reviews")
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    verdict = models.CharField(max_length=6, choices=Verdict.choices)
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["example", "person"], condition=Q(person__isnull=False), name="one_review_each"
            )
        ]

    def __str__(self) -> str:
        return self.verdict
