"""Double rating on screen, blind: two people rate a shared lesson, and see nothing of each other before both are done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.utils import timezone

from coach.agreement import Given, between_raters
from coach.models import Dimension, HumanRating, Instrument, Observation, Rating, RatingTask, Report
from coach.rating import Span, segments
from coach.talk import Utterance
from tutor.accounts.models import User

NOT_OBSERVABLE = "none"


class CannotRate(ValueError):
    """This cannot be done now; the message says why and what to do."""


@dataclass(frozen=True)
class Part:
    """One stretch of the lesson on a task's sheet, with what was given so far."""

    span: Span
    given: Mapping[str, float | None]  # dimension name -> score; None: not observable; missing: not yet
    done: bool


@dataclass(frozen=True)
class Sheet:
    """What a rater fills in: the stretches and the dimensions that can be seen in talk."""

    parts: list[Part]
    dimensions: list[Dimension]
    lines: list[Utterance]

    @property
    def done(self) -> bool:
        return all(part.done for part in self.parts)

    def part(self, number: int) -> Part | None:
        return next((part for part in self.parts if part.span.number == number), None)

    def lines_of(self, part: Part) -> list[Utterance]:
        return self.lines[part.span.first_line - 1 : part.span.last_line]


@dataclass(frozen=True)
class Compared:
    """What both gave one stretch on one dimension, beside the machine's band."""

    span: Span
    dimension: Dimension
    scores: list[float | None]  # by rater
    machine: Rating | None

    @property
    def apart(self) -> float | None:
        """How far they are apart; None where somebody saw nothing to rate."""
        given = [score for score in self.scores if score is not None]
        return max(given) - min(given) if len(given) == len(self.scores) else None


@dataclass(frozen=True)
class Comparison:
    """Both raters' ratings of a lesson, once both are done."""

    raters: list[User]
    rows: list[Compared]
    agreement: list[tuple[Dimension, dict[str, Any] | None]]


def shared_with(user: User) -> list[Observation]:
    """The lessons that can be rated: scored, shared, and not the person's own."""
    rows = Observation.objects.readable_by(user).exclude(teacher=user)
    return list(rows.exclude(report__status=Report.Status.PRIVATE).filter(report__isnull=False))


def raters() -> list[User]:
    """Who may be asked to rate: coaches and admins."""
    people = User.objects.filter(is_active=True)
    return list((people.filter(is_coach=True) | people.filter(is_superuser=True)).order_by("name", "email"))


def assign(observation: Observation, instrument: Instrument, people: Sequence[User]) -> list[RatingTask]:
    """Ask two people to rate a lesson. Who was asked before is not asked twice. Raises CannotRate."""
    if len({person.pk for person in people}) != 2:
        raise CannotRate("Choose two different people.")
    for person in people:
        if person.pk == observation.teacher_id:
            raise CannotRate(f"{person} taught this lesson and cannot rate it.")
        if not Observation.objects.readable_by(person).filter(pk=observation.pk).exists():
            raise CannotRate(f"{person} may not read this lesson: only coaches and admins rate.")
    with transaction.atomic():
        asked = RatingTask.objects.filter(observation=observation, instrument=instrument)
        others = asked.exclude(rater__in=people)
        if others.exists():
            raise CannotRate("Two other people were asked to rate this lesson with this instrument already.")
        return [
            RatingTask.objects.get_or_create(observation=observation, instrument=instrument, rater=person)[0]
            for person in people
        ]


def sheet(task: RatingTask) -> Sheet:
    """The task's stretches and what its rater gave them."""
    transcript = task.observation.transcript()
    dimensions = [one for one in task.instrument.dimensions.all() if one.observable]
    given: dict[int, dict[str, float | None]] = {}
    for row in _ratings(task).select_related("dimension"):
        given.setdefault(row.segment, {})[row.dimension.name] = row.score
    names = {one.name for one in dimensions}
    parts = [
        Part(span, given.get(span.number, {}), names <= set(given.get(span.number, {})))
        for span in segments(transcript, task.instrument.unit_minutes)
    ]
    return Sheet(parts, dimensions, list(transcript))


def record(task: RatingTask, number: int, answers: Mapping[str, str]) -> None:
    """Keep what a rater gave one stretch: dimension name → a point of its scale, or "none". Raises CannotRate.

    What is not answered stays open; what was finished can no longer be changed.
    """
    scores: dict[Dimension, float | None] = {}
    for dimension in task.instrument.dimensions.filter(observable=True):
        answer = answers.get(dimension.name, "")
        if answer == NOT_OBSERVABLE:
            scores[dimension] = None
        elif answer:
            points = {str(point): float(point) for point in range(dimension.low, dimension.high + 1)}
            if answer not in points:
                raise CannotRate(
                    f"{dimension.title}: choose a point from {dimension.low} to {dimension.high}, or not observable."
                )
            scores[dimension] = points[answer]
    with transaction.atomic():
        locked = RatingTask.objects.select_for_update().get(pk=task.pk)
        if locked.finished_at is not None:
            raise CannotRate("You have finished this lesson; what you gave stays as it is.")
        for dimension, score in scores.items():
            HumanRating.objects.update_or_create(
                dimension=dimension,
                observation=task.observation,
                transcript="",
                segment=number,
                rater=task.label,
                defaults={"score": score, "person": task.rater},
            )


def finish(task: RatingTask) -> None:
    """Hand the ratings in. Raises CannotRate while something is open."""
    still = [part.span.number for part in sheet(task).parts if not part.done]
    if still:
        which = ", ".join(str(number) for number in still)
        raise CannotRate(f"Rate every dimension first; something is open in part {which}.")
    RatingTask.objects.filter(pk=task.pk, finished_at=None).update(finished_at=timezone.now())


def comparison(observation: Observation, instrument: Instrument) -> Comparison | None:
    """What two raters gave; None before both are done."""
    tasks = list(
        RatingTask.objects.filter(observation=observation, instrument=instrument).select_related("rater").order_by("pk")
    )  # fmt: skip
    if len(tasks) < 2 or any(task.finished_at is None for task in tasks):
        return None
    given: dict[tuple[str, int, int], float | None] = {}
    for task in tasks:
        for row in _ratings(task):
            given[task.label, row.segment, row.dimension_id] = row.score
    machine = {
        (row.dimension_id, row.first_line): row
        for row in Rating.objects.filter(report__observation=observation, dimension__instrument=instrument)
    }
    dimensions = [one for one in instrument.dimensions.all() if one.observable]
    rows = [
        Compared(
            span,
            dimension,
            [given.get((task.label, span.number, dimension.pk)) for task in tasks],
            machine.get((dimension.pk, span.first_line)),
        )
        for span in segments(observation.transcript(), instrument.unit_minutes)
        for dimension in dimensions
    ]
    return Comparison(
        [task.rater for task in tasks], rows, [(one, agreement_so_far(one)) for one in dimensions]
    )


def agreement_so_far(dimension: Dimension) -> dict[str, Any] | None:
    """How far people agree on a dimension over all lessons of the site that two have finished; one lesson says too little."""
    unfinished = RatingTask.objects.filter(instrument=dimension.instrument, finished_at=None).values(
        "observation"
    )
    rows = HumanRating.objects.filter(dimension=dimension, score__isnull=False).exclude(
        observation__in=unfinished
    )
    given = [
        Given(f"{row.observation_id or row.transcript}", row.segment, row.rater, row.score)
        for row in rows
        if row.score is not None
    ]
    return between_raters(given)


def _ratings(task: RatingTask) -> Any:
    return HumanRating.objects.filter(
        observation=task.observation, dimension__instrument=task.instrument, rater=task.label
    )
