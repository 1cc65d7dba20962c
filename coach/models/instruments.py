"""An instrument: dimensions on which talk is rated, with indicators, a scale and a unit of time. Versions are kept."""

from __future__ import annotations

from django.db import models


class Instrument(models.Model):
    """One version of an instrument. A changed one is a new row with the next version."""

    name = models.SlugField(max_length=60)  # "class-informed"
    version = models.PositiveIntegerField(default=1)
    title = models.CharField(max_length=200)
    description = models.TextField(blank=True)
    unit_minutes = models.FloatField(default=15)  # what one rating covers
    source = models.TextField(blank=True)  # the TOML it was read from
    sha256 = models.CharField(max_length=64)
    built_in = models.BooleanField(default=False)
    active = models.BooleanField(default=True)  # the version that new reports use
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name", "-version"]
        constraints = [models.UniqueConstraint(fields=["name", "version"], name="one_instrument_version")]

    def __str__(self) -> str:
        return f"{self.title} v{self.version}"


class Dimension(models.Model):
    """What is rated, in our own words or the institution's."""

    instrument = models.ForeignKey(Instrument, on_delete=models.CASCADE, related_name="dimensions")
    ordinal = models.PositiveIntegerField()
    name = models.SlugField(max_length=60)
    title = models.CharField(max_length=200)
    description = models.TextField()
    low = models.PositiveSmallIntegerField(default=1)  # the scale's ends
    high = models.PositiveSmallIntegerField(default=7)
    inverse = models.BooleanField(default=False)  # more of it is worse
    observable = models.BooleanField(default=True)  # False: cannot be seen in a transcript
    indicators = models.JSONField(default=list)  # [{"title", "low", "high", "moves": [move, …]}]
    features = models.JSONField(default=list)  # names of measures and judgements that speak to it

    class Meta:
        ordering = ["ordinal"]
        constraints = [models.UniqueConstraint(fields=["instrument", "name"], name="one_dimension_name")]

    def __str__(self) -> str:
        return self.title
