"""Skills, the items that show them, and people's attempts."""

from __future__ import annotations

import uuid
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Exists, OuterRef

from courses.models import Course, Material, Passage


class Skill(models.Model):
    """Something a student can be able to do; usually a concept that the material defines or a method it teaches."""

    course = models.ForeignKey(Course, on_delete=models.CASCADE, related_name="skills")
    name = models.CharField(max_length=120)
    passages = models.ManyToManyField(Passage, related_name="skills", blank=True)
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["course", "name"], name="one_skill_each")]

    def __str__(self) -> str:
        return self.name


class ItemQuerySet(models.QuerySet["Item"]):
    def quiz(self) -> ItemQuerySet:
        """Without programs, which have pages of their own."""
        return self.exclude(kind=Item.Kind.CODE)

    def askable(self, course: Course) -> ItemQuerySet:
        """What any student of the course may be asked today: approved, and of material that they may read."""
        rows = self.quiz().filter(
            course=course, state=Item.State.READY, passage__in=Passage.objects.for_agent(course)
        )
        return rows.select_related("skill", "passage__material__course")


class Item(models.Model):
    """A question that shows a skill, with its answer and the words of the material that settle it."""

    class Kind(models.TextChoices):
        CHOICE = "choice"  # one of `options` is right; `answer` is its text
        SHORT = "short"  # a word, name or number; `answer` and `accepted` are what counts
        EXPLAIN = "explain"  # a sentence or two, compared with `answer`
        CODE = "code"  # a program, which tests in a sandbox decide on; solved on a page of its own, never in a quiz

    class State(models.TextChoices):
        DRAFT = "draft"
        READY = "ready"
        RETIRED = "retired"

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    course = models.ForeignKey(Course, on_delete=models.CASCADE, related_name="items")
    skill = models.ForeignKey(Skill, on_delete=models.CASCADE, related_name="items")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    state = models.CharField(max_length=10, choices=State.choices, default=State.DRAFT, db_index=True)
    prompt = models.TextField(max_length=2000)
    options = models.JSONField(default=list)  # texts, in the order they are shown
    answer = models.TextField(max_length=2000)
    accepted = models.JSONField(default=list)  # other texts that count as right
    explanation = models.TextField(blank=True, max_length=2000)  # why, in the material's words
    passage = models.ForeignKey(Passage, null=True, on_delete=models.SET_NULL, related_name="items")
    material = models.ForeignKey(Material, null=True, on_delete=models.SET_NULL, related_name="items")
    quote = models.TextField(blank=True)  # verbatim; start and end are offsets in the material's text
    start = models.PositiveIntegerField(default=0)
    end = models.PositiveIntegerField(default=0)
    created = models.DateTimeField(auto_now_add=True)

    objects = ItemQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return self.prompt[:80]

    @property
    def source_url(self) -> str:
        """The link that opens the passage and marks the quote; "" where the material is gone."""
        return self.passage.url(self.start, self.end) if self.passage is not None else ""

    @property
    def source_label(self) -> str:
        """Where the quote stands, for a person: "Lecture 2, slide 4"."""
        return self.passage.label if self.passage is not None else ""


class AttemptQuerySet(models.QuerySet["Attempt"]):
    def of(self, user: Any, course: Course) -> AttemptQuerySet:
        """A person's attempts in a course, oldest first."""
        rows = self.filter(user=user, item__course=course)
        return rows.select_related("item__skill", "item__passage__material__course").order_by("pk")

    def counting(self) -> AttemptQuerySet:
        """Without those that a dispute took out: the attempt's own, or all of a skill up to an upheld objection."""
        disputed = Dispute.objects.filter(upheld=True, user=OuterRef("user"))
        return self.exclude(Exists(disputed.filter(attempt=OuterRef("pk")))).exclude(
            Exists(
                disputed.filter(attempt=None, skill=OuterRef("item__skill"), created__gte=OuterRef("created"))
            )
        )


class Attempt(models.Model):
    """A person's try at an item."""

    class Outcome(models.TextChoices):
        RIGHT = "right"
        PARTIAL = "partial"
        WRONG = "wrong"

    item = models.ForeignKey(Item, on_delete=models.CASCADE, related_name="attempts")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="attempts")
    response = models.TextField(max_length=4000)
    outcome = models.CharField(max_length=10, choices=Outcome.choices)
    score = models.FloatField()  # 0..1
    helped = models.BooleanField(default=False)  # after a hint or a re-explanation of the same point
    feedback = models.TextField(blank=True)
    place = models.CharField(max_length=80, blank=True)  # where it happened, e.g. "classroom:UUID"
    created = models.DateTimeField(auto_now_add=True)

    objects = AttemptQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"{self.user}: {self.outcome}"


class Dispute(models.Model):
    """A student's objection to what is said about their knowledge of a skill, and what became of it."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="disputes")
    skill = models.ForeignKey(Skill, on_delete=models.CASCADE, related_name="disputes")
    attempt = models.ForeignKey(Attempt, null=True, on_delete=models.CASCADE, related_name="disputes")
    text = models.TextField(max_length=2000)
    upheld = models.BooleanField(null=True)  # None while nobody decided
    reply = models.TextField(blank=True, max_length=2000)
    decided = models.DateTimeField(null=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return self.text[:80]
