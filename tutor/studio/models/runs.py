"""Runs that train adapters on datasets."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.urls import reverse

from courses.models import Course
from tutor.jobs import Job
from tutor.studio.models.datasets import Dataset


class Run(Job):
    """One training. The work happens in a child process of the `train` worker. Stages: load, train, save."""

    DIED = (
        "The worker died {attempts} times without getting to a checkpoint, most likely for want of memory. Use a smaller "
        "batch_size, a smaller max_tokens or a lower rank in a new run, or resume this one."
    )

    class Method(models.TextChoices):
        SFT = "sft", "LoRA fine-tuning on answers"
        DPO = "dpo", "DPO on preference pairs"
        REFLECTED = "reflected", "Reflected trajectories, wrong steps masked"

    course = models.ForeignKey(Course, on_delete=models.CASCADE, related_name="runs")
    dataset = models.ForeignKey(Dataset, null=True, on_delete=models.SET_NULL, related_name="runs")
    method = models.CharField(max_length=10, choices=Method.choices, default=Method.SFT)
    base = models.CharField(max_length=200)  # a model name of the catalog, or a folder under the models
    knobs = models.JSONField(default=dict)  # every knob, as it was resolved from preset and person
    device = models.CharField(max_length=60, blank=True)
    folder = models.CharField(max_length=255, blank=True)  # under the site's data: checkpoints and log
    steps = models.PositiveIntegerField(default=0)  # in all
    step = models.PositiveIntegerField(default=0)  # done
    summary = models.JSONField(default=dict)  # losses, tokens/s, memory, at the end
    stop_requested = models.BooleanField(default=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"Run {self.pk}"

    def get_absolute_url(self) -> str:
        return reverse("studio:run", args=[self.course.slug, self.pk])

    def enqueue(self) -> None:
        from tutor.studio.tasks import train

        train.delay(self.pk)

    def interrupt(self) -> None:
        """Note that a person stopped the work, which can be resumed."""
        self._write(state=self.State.STOPPED, stage="", eta_seconds=None)


class RunPoint(models.Model):
    """What a run reported after some step."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="points")
    step = models.PositiveIntegerField()
    loss = models.FloatField()
    learning_rate = models.FloatField(default=0)
    tokens_per_second = models.FloatField(default=0)
    memory_mb = models.FloatField(default=0)
    seconds = models.FloatField(default=0)  # since the run began

    class Meta:
        ordering = ["step"]
        constraints = [models.UniqueConstraint(fields=["run", "step"], name="one_point_a_step")]

    def __str__(self) -> str:
        return f"{self.step}: {self.loss}"


class Adapter(models.Model):
    """A trained adapter: a folder that the model host serves under its name."""

    course = models.ForeignKey(Course, on_delete=models.CASCADE, related_name="adapters")
    run = models.OneToOneField(Run, null=True, on_delete=models.SET_NULL, related_name="adapter")
    name = models.SlugField(max_length=100, unique=True)
    base = models.CharField(max_length=200)
    sha256 = models.CharField(max_length=64)
    retired_at = models.DateTimeField(null=True)
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return self.name
