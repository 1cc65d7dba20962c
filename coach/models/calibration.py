"""Human ratings, and the scorers that were fitted to them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models, transaction

from coach.models.instruments import Dimension, Instrument
from coach.models.observations import Observation
from tutor.jobs import Job

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from tutor.accounts.models import User


class HumanRating(models.Model):
    """What one person gave one stretch of one lesson on one dimension."""

    dimension = models.ForeignKey(Dimension, on_delete=models.CASCADE, related_name="human_ratings")
    observation = models.ForeignKey(
        Observation, null=True, on_delete=models.CASCADE, related_name="human_ratings"
    )
    transcript = models.CharField(
        max_length=200, blank=True
    )  # a file's name, where the lesson is not an observation here
    segment = models.PositiveIntegerField(default=1)  # of the instrument's unit of time, from 1
    rater = models.CharField(max_length=60)  # a label, never a name
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    score = models.FloatField(null=True)  # None: not observable
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["dimension", "observation", "transcript", "segment", "rater"],
                name="one_human_rating",
                nulls_distinct=False,
            )
        ]

    def __str__(self) -> str:
        return f"{self.dimension} {self.segment}: {self.score}"


class RatingTaskQuerySet(models.QuerySet["RatingTask"]):
    def open_to(self, user: User | AnonymousUser) -> RatingTaskQuerySet:
        """The tasks of a person whose lessons are still shared with them."""
        return self.filter(rater_id=user.pk, observation__in=Observation.objects.readable_by(user))

    def blind(self, user: User | AnonymousUser, observation: Observation) -> bool:
        """Whether this person rates the lesson now, or waits for the other, and must see nobody's ratings, nor the machine's."""
        own = self.filter(rater_id=user.pk, observation=observation).values("instrument")
        pending = self.filter(observation=observation, instrument__in=own, finished_at=None)
        return bool(user.pk) and pending.exists()


class RatingTask(models.Model):
    """A lesson that two people rate on screen, neither seeing the other's ratings nor the machine's before both are done."""

    observation = models.ForeignKey(Observation, on_delete=models.CASCADE, related_name="rating_tasks")
    instrument = models.ForeignKey(Instrument, on_delete=models.CASCADE, related_name="+")
    rater = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="rating_tasks")
    finished_at = models.DateTimeField(null=True)
    created = models.DateTimeField(auto_now_add=True)

    objects = RatingTaskQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["observation", "instrument", "rater"], name="one_rating_task_each"
            )
        ]

    def __str__(self) -> str:
        return f"{self.rater} rates {self.observation}"

    @property
    def label(self) -> str:
        """What the rater is called among ratings: never a name."""
        return f"person {self.rater_id}"


class Calibration(Job):
    """A fit of the scorer to an institution's ratings, for one instrument: a model and its agreement a dimension.

    The job's stages are read, measure, fit, agree.
    """

    instrument = models.ForeignKey(Instrument, on_delete=models.CASCADE, related_name="calibrations")
    models_by_dimension = models.JSONField(default=dict)  # dimension name -> the ordinal model's numbers
    agreement = models.JSONField(
        default=dict
    )  # dimension name -> spearman, kappa, intervals, human–human, lessons, raters
    weights = models.JSONField(
        default=dict
    )  # kind of classifier -> sha256 of the weights that measured the talk when it was fitted
    notes = models.JSONField(default=list)  # what matching ratings with transcripts had to say to the person
    active = models.BooleanField(default=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"calibration {self.pk} of {self.instrument}"

    def enqueue(self) -> None:
        from coach.tasks import calibrate

        calibrate.delay(self.pk)

    @property
    def trusted(self) -> list[str]:
        """The dimensions whose agreement is good enough for numbers to be shown."""
        return [name for name, numbers in self.models_by_dimension.items() if numbers.get("trusted")]

    def activate(self) -> None:
        """Use this one in new reports, instead of any other of its instrument version. Raises ValueError: nothing is trusted."""
        if not self.trusted:
            raise ValueError("No dimension of this calibration agrees with people well enough to be used.")
        with transaction.atomic():
            type(self).objects.filter(instrument=self.instrument_id, active=True).update(active=False)
            type(self).objects.filter(pk=self.pk).update(active=True)
        self.active = True
