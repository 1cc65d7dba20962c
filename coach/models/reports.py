"""A report on one observation: measures, ratings with evidence, findings, suggestions."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.urls import reverse

from coach.models.instruments import Dimension, Instrument
from coach.models.observations import Observation
from tutor.jobs import Job


class Report(Job):
    """One scoring of an observation, and where it stands between its teacher and the coaches.

    The job's stages are measure, rate, find, suggest. A transcript edited afterwards makes it stale (`stale`).
    """

    DIED = "The worker died {attempts} times while scoring this lesson. Retry; if it dies again, the lesson may be too long."

    class Status(models.TextChoices):
        PRIVATE = "private"  # the teacher's alone
        SHARED = "shared"  # in the coaches' inbox
        RETURNED = "returned"  # with comments, to the teacher
        SIGNED = "signed", "signed off"

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    observation = models.OneToOneField(Observation, on_delete=models.CASCADE, related_name="report")
    instruments = models.ManyToManyField(Instrument, related_name="+")
    revision = models.PositiveIntegerField(default=0)  # of the transcript that was scored
    made_with = models.JSONField(
        default=dict
    )  # classifiers, calibration, endpoint's model: what stood behind it
    timeline = models.JSONField(
        default=list
    )  # [{"kind": teacher|student|group|silence, "start", "end", "line"}]
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.PRIVATE, db_index=True)
    shared_at = models.DateTimeField(null=True)
    reviewer = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    signed_at = models.DateTimeField(null=True)
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return str(self.observation)

    def get_absolute_url(self) -> str:
        return reverse("coach:report", args=[self.observation.uuid])

    def enqueue(self) -> None:
        from coach.tasks import score_report

        score_report.delay(self.pk)

    @property
    def shared(self) -> bool:
        return self.status != Report.Status.PRIVATE

    @property
    def stale(self) -> bool:
        return self.revision != self.observation.revision


class Measure(models.Model):
    """One figure about the lesson's talk."""

    report = models.ForeignKey(Report, on_delete=models.CASCADE, related_name="measures")
    name = models.SlugField(max_length=60)  # see coach.measures.MEASURES
    value = models.FloatField(null=True)  # None: cannot be said from this transcript
    detail = models.JSONField(default=dict)  # what the page draws, and why there is no value

    class Meta:
        ordering = ["pk"]
        constraints = [models.UniqueConstraint(fields=["report", "name"], name="one_measure_name")]

    def __str__(self) -> str:
        return f"{self.name} {self.value}"


class Statement(models.Model):
    """What a report says and a person can accept, reject or correct (`judgements`)."""

    report = models.ForeignKey(Report, on_delete=models.CASCADE, related_name="%(class)ss")
    ordinal = models.PositiveIntegerField(default=0)

    class Meta:
        abstract = True
        ordering = ["ordinal", "pk"]


class Rating(Statement):
    """A band on one dimension for one stretch of the lesson. `score` is None where the dimension was never calibrated."""

    dimension = models.ForeignKey(Dimension, on_delete=models.CASCADE, related_name="ratings")
    first_line = models.PositiveIntegerField()
    last_line = models.PositiveIntegerField()
    score = models.FloatField(null=True)
    low = models.FloatField(null=True)  # an interval of 80 %
    high = models.FloatField(null=True)
    observable = models.BooleanField(default=True)
    reason = models.CharField(max_length=300, blank=True)  # why there is no number, in words

    def __str__(self) -> str:
        return f"{self.dimension}: {self.score}"


class Evidence(models.Model):
    """A verbatim quote at its line that moves a rating when it is deleted."""

    rating = models.ForeignKey(Rating, on_delete=models.CASCADE, related_name="evidence")
    line = models.PositiveIntegerField()
    quote = models.TextField()
    weight = models.FloatField(default=0)  # how much the rating moves without it

    class Meta:
        ordering = ["-weight", "line"]

    def __str__(self) -> str:
        return f"{self.line}: {self.quote[:60]}"


class Finding(Statement):
    """A highlight in the teacher's own words, or a missed opportunity."""

    class Kind(models.TextChoices):
        HIGHLIGHT = "highlight"
        MISSED = "missed", "missed opportunity"

    kind = models.CharField(max_length=10, choices=Kind.choices)
    line = models.PositiveIntegerField()
    quote = models.TextField()
    move = models.SlugField(max_length=60)
    why = models.TextField()

    def __str__(self) -> str:
        return f"{self.kind} {self.line}"


class Suggestion(Statement):
    """Something the teacher could say at a moment of this lesson, and did not."""

    line = models.PositiveIntegerField()
    quote = models.TextField()  # the moment, verbatim
    move = models.SlugField(max_length=60)
    missing = models.TextField()
    say = models.TextField()
    expect = models.TextField()
    gate = models.JSONField(default=dict)  # what the novelty gate found

    def __str__(self) -> str:
        return f"{self.move} at {self.line}"
