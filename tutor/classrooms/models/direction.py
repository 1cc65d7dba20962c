"""How well the configured model would direct, measured: it directs only where it beats the rule."""

from __future__ import annotations

from django.db import models

from tutor.jobs import Job
from tutor.llm.models import Endpoint


class MeasurementQuerySet(models.QuerySet["Measurement"]):
    def of(self, endpoint: Endpoint) -> MeasurementQuerySet:
        """Of what the endpoint serves now, the newest first."""
        return self.filter(endpoint=endpoint, model=endpoint.model).order_by("-pk")


class Measurement(Job):
    """An endpoint's model put before the situations of `data/situations.jsonl`, beside the rule and chance."""

    endpoint = models.ForeignKey(Endpoint, on_delete=models.CASCADE, related_name="+")
    model = models.CharField(max_length=200)
    digest = models.CharField(max_length=16)  # of the situations, the prompt and the method
    results = models.JSONField(
        default=dict
    )  # {"situations", "model", "rule": right ones, "random": expected}
    created = models.DateTimeField(auto_now_add=True)

    objects = MeasurementQuerySet.as_manager()

    def __str__(self) -> str:
        return f"{self.model}: {self.results}"

    def enqueue(self) -> None:
        from tutor.classrooms.tasks import measure_director

        measure_director.delay(self.pk)
