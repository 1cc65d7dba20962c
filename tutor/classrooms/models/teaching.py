"""Learning by teaching: a classmate who knows nothing of a section, what a student explains to it, and its test."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.urls import reverse

from courses.models import Course, Passage
from tutor.classrooms.models.agents import Agent
from tutor.classrooms.models.lessons import Lesson
from tutor.jobs import Job, State
from tutor.practice.models import Item


class Teaching(Job):
    """A student teaches a classmate one section of a lesson. The job is the classmate's test.

    Made as stopped, and queued once the student asks for the test (`asked`).
    """

    state = models.CharField(max_length=10, choices=State.choices, default=State.STOPPED, db_index=True)
    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    course = models.ForeignKey(Course, on_delete=models.CASCADE, related_name="teachings")
    lesson = models.ForeignKey(Lesson, on_delete=models.CASCADE, related_name="teachings")
    section = models.JSONField(default=list)  # titles, outermost first; as the pages of the section have it
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="teachings")
    classmate = models.ForeignKey(Agent, null=True, on_delete=models.SET_NULL, related_name="+")
    items = models.ManyToManyField(Item, related_name="+")  # the test
    asked = models.DateTimeField(null=True)  # for the test
    judge = models.CharField(max_length=200, blank=True)  # what decided the answers, in words
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return self.topic

    @property
    def topic(self) -> str:
        return self.section[-1] if self.section else self.lesson.title

    def get_absolute_url(self) -> str:
        return reverse("classrooms:teaching", args=[self.course.slug, self.uuid])

    def enqueue(self) -> None:
        from tutor.classrooms.tasks import examine_classmate

        examine_classmate.delay(self.pk)


class Explanation(models.Model):
    """What the student told the classmate, and where the material says otherwise (shown after the test)."""

    teaching = models.ForeignKey(Teaching, on_delete=models.CASCADE, related_name="explanations")
    text = models.TextField(max_length=4000)
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return self.text[:80]


class Objection(models.Model):
    """A sentence of an explanation that the material contradicts, with the words that do."""

    explanation = models.ForeignKey(Explanation, on_delete=models.CASCADE, related_name="objections")
    sentence = models.TextField()
    passage = models.ForeignKey(Passage, null=True, on_delete=models.SET_NULL, related_name="+")
    quote = models.TextField()
    start = models.PositiveIntegerField(default=0)  # of the quote in the material's text
    end = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return self.sentence[:80]


class Trial(models.Model):
    """The classmate's answer to one item of the test under one condition. An empty response: "I don't know yet"."""

    class Condition(models.TextChoices):
        TAUGHT = "taught"
        UNTAUGHT = "untaught"
        IRRELEVANT = "irrelevant"  # after text on something else

    teaching = models.ForeignKey(Teaching, on_delete=models.CASCADE, related_name="trials")
    item = models.ForeignKey(Item, on_delete=models.CASCADE, related_name="+")
    condition = models.CharField(max_length=10, choices=Condition.choices)
    response = models.TextField(blank=True)
    right = models.BooleanField()
    sure = models.FloatField(default=0)  # 0..1
    helped = models.ManyToManyField(Explanation, related_name="helped")  # without which the answer is lost

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["teaching", "item", "condition"], name="one_trial_each")
        ]

    def __str__(self) -> str:
        return f"{self.condition}: {self.response[:60]}"
