"""Who acts in a classroom beside its people."""

from __future__ import annotations

from copy import copy

from django.db import models

from courses.models import Course
from tutor.llm.models import Endpoint


class Function(models.TextChoices):
    TEACHING = "teaching"
    ASSISTING = "assisting"  # keeps order, answers questions
    DEPTH = "depth"  # in-depth discussion
    CURIOSITY = "curiosity"
    LEVITY = "levity"
    NOTES = "notes"


class Agent(models.Model):
    """A member of a course's cast. Speaks through `endpoint`, the course's own where it is empty."""

    course = models.ForeignKey(Course, on_delete=models.CASCADE, related_name="agents")
    name = models.CharField(max_length=60)
    function = models.CharField(max_length=10, choices=Function.choices)
    character = models.TextField(blank=True, max_length=600)  # how they speak, in a sentence or two
    endpoint = models.ForeignKey(
        "llm.Endpoint", null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    model = models.CharField(
        max_length=200, blank=True
    )  # a model of that endpoint, its own where it is empty
    talkativeness = models.FloatField(default=0.5)  # 0 speaks only when needed, 1 as often as allowed
    active = models.BooleanField(default=True)
    ordinal = models.PositiveSmallIntegerField(default=0)

    class Meta:
        ordering = ["ordinal", "pk"]
        constraints = [models.UniqueConstraint(fields=["course", "name"], name="one_agent_each")]

    def __str__(self) -> str:
        return self.name

    def speaks_through(self) -> Endpoint:
        """The endpoint and model that write what it says: its own, or the course's. Not to be saved."""
        endpoint = copy(self.endpoint or Endpoint.objects.for_course(self.course))
        endpoint.model = self.model or endpoint.model
        return endpoint
