"""How well the configured model would direct, measured: it directs only where it beats the rule."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from django.db import models

from tutor.jobs import Job
from tutor.llm.models import Endpoint

HERE = Path(__file__).parents[1]
DATA = HERE / "data"
SHIPPED = DATA / "director.json"  # what `make bench BENCH=director` found for the default model


@cache
def digest() -> str:
    """Of what a measurement depends on beside the model: the situations and the prompt."""
    files = [
        DATA / "situations.jsonl",
        HERE / "prompts" / "director.txt",
        HERE / "prompts" / "director_acts.txt",
    ]
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()[:16]


@dataclass(frozen=True)
class Standing:
    """How many of the `situations` each director got right; `random` is what chance is expected to get."""

    situations: int = 0
    model: int = 0
    rule: int = 0
    random: float = 0.0
    where: str = ""  # the measurement was made; "" where there is none

    @property
    def model_directs(self) -> bool:
        return self.model > self.rule


def measured(endpoint: Endpoint) -> Standing:
    """The newest measurement of what the endpoint serves: the site's own, or the one the default model comes with."""
    row = Measurement.objects.of(endpoint).filter(state=Job.State.DONE, digest=digest()).first()
    if row is not None:
        return Standing(**row.results, where="here")
    shipped: dict[str, Any] = json.loads(SHIPPED.read_text(encoding="utf-8")) if endpoint.embedded else {}
    if shipped.get("digest") == digest() and endpoint.model in shipped["models"]:
        return Standing(**shipped["models"][endpoint.model], where="before release")
    return Standing()


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
