"""Calibration: the scorer fitted to people's ratings, and how far it agrees with people on lessons it has not seen."""

from __future__ import annotations

import json
import logging
import tempfile
import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from django.core.files.storage import default_storage

from coach import agreement
from coach.agreement import Given, between_raters, estimate, named
from coach.classifiers import KINDS
from coach.classifiers.blend import WeightsDamaged
from coach.classifiers.encoding import EncoderMissing
from coach.classifiers.keeping import SHIPPED
from coach.features import Stretch
from coach.fitting import Fitted, Rows, cut, fit, held_out, points
from coach.human_ratings import HumanScore
from coach.instruments import spec_of
from coach.instruments.reading import DimensionSpec, InstrumentSpec
from coach.judging import capable_endpoint
from coach.models import Calibration, Classifier, Instrument
from coach.rated_lessons import Lesson, UnusableArchive, files_of, of_files, rated_on_site, taken_in, unpack
from coach.rating import Span, segments, unseen, whole
from coach.talk import Transcript
from tutor.jobs import State

logger = logging.getLogger(__name__)

# What has to be there before a dimension gives numbers.
LEAST_LESSONS = 12
LEAST_STRETCHES = 30
LEAST_AGREEMENT = 0.1  # the lower end of Spearman's interval
LEAST_OF_A_RATER = 10  # ratings of a person before agreement with people left out says anything

OUTDATED = "No number: the classifiers were trained again after this was calibrated on human ratings. Calibrate it again."
WENT_WRONG = "Something went wrong while calibrating; the worker's log has the details. Retry."

Progress = Callable[[str, float], None]


class CannotCalibrate(Exception):
    """There is nothing to fit; the message says what was found and what to do."""


@dataclass(frozen=True)
class Outcome:
    """What calibrating came to: a model and its agreement for each dimension that has ratings."""

    models: dict[str, dict[str, Any]]  # dimension -> numbers, with "trusted"
    agreement: dict[str, dict[str, Any]]
    notes: list[str]

    @property
    def trusted(self) -> list[str]:
        return [name for name, numbers in self.models.items() if numbers["trusted"]]


def calibrate(
    spec: InstrumentSpec,
    scores: Sequence[HumanScore],
    lessons: Mapping[str, Lesson],
    progress: Progress = lambda stage, done: None,
) -> Outcome:
    """Fit each dimension of the instrument to the ratings of these lessons. Raises CannotCalibrate.

    Deterministic. `progress` is told the stage (fit, agree) and how much of it is done, 0 to 1.
    """
    stretches, notes = _stretches(spec, scores, lessons)
    outcome = Outcome({}, {}, notes)
    dimensions = [one for one in spec.dimensions if any(score.dimension == one.name for score in scores)]
    if not stretches or not dimensions:
        known = ", ".join(sorted(lessons)[:5]) or "none"
        named_ = ", ".join(sorted({score.lesson for score in scores})[:5]) or "none"
        raise CannotCalibrate(
            f"No rating belongs to a transcript that is here. Rated lessons: {named_}; transcripts: {known}. A transcript's file "
            "name, without its ending, must be what the ratings call the lesson."
        )
    for done, dimension in enumerate(dimensions):
        progress("fit", done / len(dimensions))
        given = [
            one
            for one in scores
            if one.dimension == dimension.name and (one.lesson, one.segment) in stretches
        ]
        numbers, found = _dimension(dimension, given, stretches)
        outcome.agreement[dimension.name] = found
        if numbers is not None:
            outcome.models[dimension.name] = {**numbers.numbers(), "trusted": found["trusted"]}
    return outcome


def _stretches(
    spec: InstrumentSpec, scores: Sequence[HumanScore], lessons: Mapping[str, Lesson]
) -> tuple[dict[tuple[str, int], Stretch], list[str]]:
    """The features of every rated stretch of the lessons that are here, and what could not be matched, in words."""
    wanted: dict[str, set[int]] = {}
    for score in scores:
        wanted.setdefault(score.lesson, set()).add(score.segment)
    stretches: dict[tuple[str, int], Stretch] = {}
    beyond = 0
    for name, numbers in wanted.items():
        lesson = lessons.get(name)
        if lesson is None:
            continue
        spans = spans_of(lesson.transcript, spec.unit_minutes)
        for number in numbers:
            span = spans.get(number)
            if span is None:
                beyond += 1
                continue
            stretches[name, number] = Stretch(
                lesson.transcript,
                lesson.inventory,
                span.first_line,
                span.last_line,
                lesson.judged.get(number),
            )
    notes = []
    missing = sorted(set(wanted) - set(lessons))
    if missing:
        notes.append(f"{len(missing)} rated lessons have no transcript here: {', '.join(missing[:8])}.")
    if beyond:
        notes.append(
            f"{beyond} rated stretches are not in their transcripts, which are shorter than the ratings say "
            f"(units of {spec.unit_minutes:g} minutes)."
        )
    return stretches, notes


def spans_of(transcript: Transcript, unit_minutes: float) -> dict[int, Span]:
    """A lesson's spans by number, with the whole lesson as 0."""
    return {0: whole(transcript)} | {span.number: span for span in segments(transcript, unit_minutes)}


def _dimension(
    dimension: DimensionSpec, given: Sequence[HumanScore], stretches: Mapping[tuple[str, int], Stretch]
) -> tuple[Fitted | None, dict[str, Any]]:
    """A dimension's model (None where nothing can be fitted) and its agreement."""
    people = [Given(one.lesson, one.segment, one.rater, one.score) for one in given if one.score is not None]
    rated = [one for one in people if not unseen(dimension, stretches[one.lesson, one.segment])]
    rows = table(dimension, rated, stretches)
    found: dict[str, Any] = {
        "n": len(rows),
        "lessons": len(set(rows.lessons)),
        "raters": len(set(rows.raters)),
        "stretches": len(set(rows.segments)),
        "not_observable": len(given) - len(rows),
        **named("spearman", agreement.Estimate(None, None, None)),
        **named("kappa", agreement.Estimate(None, None, None)),
        "by_rater": None,
        "human": between_raters(people),
        "trusted": False,
        "why": "",
    }
    if len(rows) < 3 or found["lessons"] < 2:
        found["why"] = f"Too few to fit anything: ratings {len(rows)}, lessons {found['lessons']}."
        if len(people) > len(rows):
            found["why"] += f" In the stretches of {len(people) - len(rows)} more, nothing of it was heard."
        return None, found
    fitted = fit(rows, dimension.directions, dimension.low, dimension.high)
    found |= _agreement(rows, held_out(rows, dimension.directions), fitted)
    often = [rater for rater in set(rows.raters) if (rows.raters == rater).sum() >= LEAST_OF_A_RATER]
    if len(often) > 1:
        theirs = rows.take(np.isin(rows.raters, often))
        unknown = held_out(theirs, dimension.directions, by_rater=True)
        found["by_rater"] = {"raters": len(often), **_agreement(theirs, unknown, fitted)}
    found["why"] = too_little(found)
    found["trusted"] = not found["why"]
    if found["trusted"]:
        low = found["spearman_low"]
        found["why"] = (
            f"On lessons that the fit had not seen, Spearman is {found['spearman']:.2f}, at least {low:.2f}."
        )
    return fitted, found


def table(
    dimension: DimensionSpec, given: Sequence[Given], stretches: Mapping[tuple[str, int], Stretch]
) -> Rows:
    """The ratings as rows of the dimension's features."""
    features = tuple(dimension.directions)
    values: dict[tuple[str, int], list[float]] = {}
    for key in {(one.lesson, one.segment) for one in given}:
        found = [stretches[key].value(name, dimension.name) for name in features]
        values[key] = [np.nan if value is None else value for value in found]
    return Rows(
        features=features,
        values=np.array([values[one.lesson, one.segment] for one in given], dtype=float).reshape(
            len(given), len(features)
        ),
        scores=np.array([one.score for one in given], dtype=float),
        lessons=np.array([one.lesson for one in given], dtype=str),
        raters=np.array([one.rater for one in given], dtype=str),
        segments=np.array([f"{one.lesson} {one.segment}" for one in given], dtype=str),
    )


def _agreement(rows: Rows, predicted: Any, fitted: Fitted) -> dict[str, Any]:
    """Agreement of predictions with single human ratings. Kappa is of the points of the scale that predictions are cut to."""
    cuts = cut(predicted, rows.scores, fitted.low, fitted.high)
    cut_to = points(predicted, cuts, fitted.low).astype(np.float64)
    order = estimate(agreement.spearman, predicted, rows.scores, rows.lessons)
    kappa = estimate(agreement.quadratic_kappa, cut_to, rows.scores, rows.lessons)
    if order.value is None:  # the same for every lesson: it knows nothing, or there is nothing to know
        nothing = 0.0 if np.ptp(rows.scores) > 0 else None
        order = kappa = agreement.Estimate(nothing, nothing, nothing)
    return {**named("spearman", order), **named("kappa", kappa)}


def too_little(found: Mapping[str, Any]) -> str:
    """Why these figures are not to be trusted, in words; "" where they are."""
    if found["lessons"] < LEAST_LESSONS or found["stretches"] < LEAST_STRETCHES:
        return (
            f"{found['stretches']} stretches of {found['lessons']} lessons were rated; at least {LEAST_STRETCHES} of "
            f"{LEAST_LESSONS} are needed before agreement means anything."
        )
    if found["spearman"] is None:
        return "The ratings do not vary: there is nothing to agree on."
    if found["spearman_low"] == found["spearman_high"] == 0:
        return (
            "Nothing that is seen in the talk goes with these ratings on lessons that the fit had not seen."
        )
    if found["spearman_low"] is None or found["spearman_low"] < LEAST_AGREEMENT:
        return (
            f"On lessons that the fit had not seen, agreement may be as low as {found['spearman_low'] or 0:.2f}; at least "
            f"{LEAST_AGREEMENT:.2f} is needed. More rated lessons may show more."
        )
    return ""


def transcripts_path(calibration: Calibration) -> str:
    """Where an archive of transcripts waits until the job has read it."""
    return f"calibrations/{calibration.pk}/transcripts.zip"


def work(calibration: Calibration) -> None:
    """Do a queued calibration. The outcome is on its row; a second call finds it taken.

    The archive of transcripts that came with it is deleted whatever comes of it: it may hold names.
    """
    if not calibration.claim():
        return
    try:
        with calibration.heartbeat():
            _work(calibration)
            calibration.finish()
    except (CannotCalibrate, UnusableArchive, EncoderMissing, WeightsDamaged) as error:
        calibration.fail(str(error))
    except Exception as error:  # noqa: BLE001 - and its message may quote a lesson, so it does not reach the log
        frames = "".join(traceback.format_tb(error.__traceback__))
        logger.error("Calibration %s failed: %s\n%s", calibration.pk, type(error).__name__, frames)
        calibration.fail(WENT_WRONG)
    default_storage.delete(transcripts_path(calibration))


def _work(calibration: Calibration) -> None:
    instrument = calibration.instrument
    spec = spec_of(instrument)
    calibration.advance("read", 0.0)
    scores, observations = rated_on_site(instrument)
    endpoint = capable_endpoint()
    lessons: dict[str, Lesson] = {}
    for done, (name, observation) in enumerate(observations.items()):
        calibration.advance("measure", 0.05 + 0.3 * done / len(observations))
        transcript = observation.transcript()
        if len(transcript):
            lessons[name] = taken_in(transcript, spec, endpoint)
    notes: list[str] = []
    path = transcripts_path(calibration)
    if default_storage.exists(path):
        with tempfile.TemporaryDirectory() as folder:
            archive = Path(folder) / "transcripts.zip"
            with default_storage.open(path) as stored:
                archive.write_bytes(stored.read())
            unpacked = Path(folder) / "transcripts"
            unpacked.mkdir()
            unpack(archive, unpacked)
            files = files_of(unpacked, {one.lesson for one in scores} - set(observations))
            read, notes = of_files(
                files, spec, endpoint, lambda done: calibration.advance("measure", 0.35 + 0.45 * done)
            )
            lessons |= read
    outcome = calibrate(
        spec,
        scores,
        lessons,
        lambda stage, done: calibration.advance(stage, 0.8 + (0.15 if stage == "fit" else 0.05) * done),
    )
    keep(calibration, outcome, [*calibration.notes, *notes])


def weights_in_use() -> dict[str, str]:
    """Which weights each kind of classifier judges with now: their sha256."""
    found = {
        kind: json.loads((SHIPPED / f"{kind}.json").read_text(encoding="utf-8"))["scores"]["weights_sha256"]
        for kind in KINDS
    }
    own = Classifier.objects.filter(active=True).order_by("pk")
    return found | {row.kind: row.scores.get("weights_sha256", "") for row in own}


def outdated(calibration: Calibration) -> bool:
    """Whether it was fitted to what other classifiers said of the talk than those that judge now."""
    return bool(calibration.weights) and calibration.weights != weights_in_use()


def in_use(instruments: Iterable[Instrument]) -> dict[str, dict[str, Any]]:
    """What was fitted to this site's human ratings, by the instrument's name: each dimension's model, which is not to be
    trusted where the calibration is out of date."""
    found: dict[str, dict[str, Any]] = {}
    for row in instruments:
        fitted = row.calibrations.filter(active=True, state=State.DONE).first()
        if fitted is None:
            continue
        found[row.name] = fitted.models_by_dimension
        if outdated(fitted):
            found[row.name] = {
                name: {**numbers, "trusted": False, "why": OUTDATED}
                for name, numbers in fitted.models_by_dimension.items()
            }
    return found


def keep(calibration: Calibration, outcome: Outcome, notes: Sequence[str] = ()) -> None:
    """Put an outcome on the row. It becomes the one in use if anything in it can be trusted."""
    calibration.models_by_dimension = outcome.models
    calibration.agreement = outcome.agreement
    calibration.notes = [*notes, *outcome.notes]
    calibration.weights = weights_in_use()
    calibration.save(update_fields=["models_by_dimension", "agreement", "notes", "weights"])
    if outcome.trusted:
        calibration.activate()
