"""Ratings that an institution brings: kept as rows, with their transcripts waiting for the calibration that reads them."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import IO

from django.core.files.base import File
from django.core.files.storage import default_storage
from django.db import transaction

from coach.calibrating import transcripts_path
from coach.human_ratings import HumanScore, Table, UnreadableRatings, read_ratings
from coach.instruments import spec_of
from coach.models import Calibration, HumanRating, Instrument, Observation
from coach.rated_lessons import LARGEST_ARCHIVE, rated_on_site
from tutor.accounts.models import User
from tutor.jobs import State


def start(
    user: User,
    instrument: Instrument,
    ratings: bytes | None = None,
    transcripts: IO[bytes] | None = None,
    columns: Mapping[str, str] | None = None,
) -> Calibration:
    """Keep what was brought and queue a calibration on it and on all that people rated here before.

    Nothing is kept of a table that cannot be used. Raises UnreadableRatings.
    """
    table = read_ratings(ratings, spec_of(instrument), columns) if ratings is not None else Table([])
    known = _observations(user, table.scores)
    elsewhere = sorted({one.lesson for one in table.scores} - set(known))
    if elsewhere and transcripts is None:
        raise UnreadableRatings(
            f"{len(elsewhere)} of the rated lessons are not on this site, such as “{elsewhere[0]}”. Bring their transcripts as "
            "a zip, each file named as the ratings name the lesson; lessons on this site go by the last part of their address."
        )
    if ratings is None and not rated_on_site(instrument)[0]:
        raise UnreadableRatings(
            "Nobody has rated anything with this instrument here. Bring a table of ratings, or have two people rate lessons on "
            "screen."
        )
    if transcripts is not None and transcripts.seek(0, 2) > LARGEST_ARCHIVE:
        raise UnreadableRatings("The archive of transcripts is too large. Bring it in parts.")
    with transaction.atomic():
        if Calibration.objects.filter(
            instrument=instrument, state__in=[State.QUEUED, State.RUNNING]
        ).exists():
            raise UnreadableRatings("This instrument is being calibrated now. Wait until that is done.")
        _keep(user, instrument, table.scores, known)
        calibration = Calibration.objects.create(instrument=instrument, created_by=user, notes=table.notes)
        if transcripts is not None:
            transcripts.seek(0)
            default_storage.save(transcripts_path(calibration), File(transcripts))
        calibration.queue()
    return calibration


def _observations(user: User, scores: Sequence[HumanScore]) -> dict[str, Observation]:
    """The rated lessons that are observations here which the user may read, by what the ratings call them."""
    readable = Observation.objects.readable_by(user)
    found = {}
    for name in {one.lesson for one in scores}:
        try:
            observation = readable.filter(uuid=uuid.UUID(name)).first()
        except ValueError:
            continue
        if observation is not None:
            found[name] = observation
    return found


def _keep(
    user: User, instrument: Instrument, scores: Sequence[HumanScore], known: Mapping[str, Observation]
) -> None:
    """The ratings as rows; the same rater's earlier rating of the same stretch gives way."""
    dimensions = {one.name: one for one in instrument.dimensions.all()}
    rows = {}
    for one in scores:
        observation = known.get(one.lesson)
        transcript = "" if observation else one.lesson[:200]
        key = dimensions[one.dimension].pk, observation and observation.pk, transcript, one.segment, one.rater
        rows[key] = HumanRating(
            dimension=dimensions[one.dimension],
            observation=observation,
            transcript=transcript,
            segment=one.segment,
            rater=one.rater,
            score=one.score,
        )
    before = HumanRating.objects.filter(dimension__in=dimensions.values()).values_list(
        "pk", "dimension_id", "observation_id", "transcript", "segment", "rater"
    )
    replaced = [pk for pk, *key in before if tuple(key) in rows]
    for at in range(0, len(replaced), 500):
        HumanRating.objects.filter(pk__in=replaced[at : at + 500]).delete()
    HumanRating.objects.bulk_create(rows.values(), batch_size=500)
