"""A lesson's score kept as a report: one job, stored in one transaction. People's judgements survive a new scoring."""

from __future__ import annotations

import logging
import time
import traceback
from collections.abc import Iterable
from dataclasses import asdict

from django.db import transaction

from coach import instruments
from coach.calibrating import in_use
from coach.classifiers.blend import WeightsDamaged
from coach.classifiers.encoding import EncoderMissing
from coach.models import (
    Dimension,
    Evidence,
    Finding,
    Instrument,
    Judgement,
    Measure,
    Observation,
    Rating,
    Report,
    Suggestion,
)
from coach.scoring import Scored, score
from coach.talk import Transcript
from tutor.jobs import State
from tutor.llm.errors import EndpointError
from tutor.llm.models import Endpoint

logger = logging.getLogger(__name__)

SAY_SECONDS = 0.5  # between two reports of progress
WENT_WRONG = (
    "Something went wrong while this lesson was scored; the worker's log has the details. Retry, and if it fails "
    "again, look through the transcript for lines that are not talk."
)


class NotScorable(Exception):
    """This lesson cannot be scored now; the message says what to do."""


def start(observation: Observation) -> Report:
    """Queue a (new) scoring of the lesson and return its report. One that is under way goes on.

    What was shared is the teacher's alone again, who sees what is new in it first.
    Raises NotScorable while its speakers are not confirmed, and for a report that was signed off.
    """
    if observation.step != Observation.Step.READY or observation.state != State.DONE:
        raise NotScorable("Confirm first who speaks in this lesson, then it can be scored.")
    with transaction.atomic():
        report, made = Report.objects.get_or_create(observation=observation)
        if report.status == Report.Status.SIGNED:
            raise NotScorable("This report was signed off and stays as it is.")
        if made or report.state not in (State.QUEUED, State.RUNNING):
            if report.shared:
                report.status, report.shared_at = Report.Status.PRIVATE, None
                report.save(update_fields=["status", "shared_at"])
            report.queue()
    return report


def work(report: Report) -> None:
    """Score the lesson of a queued report. The outcome is on its row; a second call finds it taken."""
    if not report.claim():
        return
    try:
        with report.heartbeat():
            _score(report)
    except (NotScorable, EncoderMissing, WeightsDamaged, EndpointError) as error:
        report.fail(str(error))
    except Exception as error:  # noqa: BLE001 - and its message may quote the lesson, so it does not reach the log
        frames = "".join(traceback.format_tb(error.__traceback__))
        logger.error("Scoring report %s failed: %s\n%s", report.pk, type(error).__name__, frames)
        report.fail(WENT_WRONG)


def _score(report: Report) -> None:
    observation = Observation.objects.get(pk=report.observation_id)
    revision, transcript = observation.revision, observation.transcript()
    if not len(transcript):
        raise NotScorable("There is nothing to score: this transcript has no lines.")
    rows = instruments.active(observation.subject)
    specs = [instruments.spec_of(row) for row in rows]
    said = 0.0

    def progress(stage: str, done: float) -> None:
        nonlocal said
        if stage != report.stage or time.monotonic() - said > SAY_SECONDS:
            report.advance(stage, done)
            said = time.monotonic()

    scored = score(transcript, specs, calibrations=in_use(rows), endpoint=_endpoint(), progress=progress)
    store(report, scored, transcript, rows, revision)
    report.finish()


def _endpoint() -> Endpoint | None:
    """The site's endpoint if its model is capable of judging talk; the small embedded one is not asked."""
    endpoint = Endpoint.objects.default()
    return endpoint if endpoint.capable and not endpoint.embedded else None


def store(
    report: Report, scored: Scored, transcript: Transcript, used: Iterable[Instrument], revision: int
) -> None:
    """Put the score into the report's rows, replacing an earlier one, all or nothing.

    A statement that says the same as before keeps its row, and with it what people said to it. A quote that does not
    stand verbatim at its line is left out. `revision` is the transcript's that was scored.
    """
    rows = list(used)
    with transaction.atomic():
        locked = Report.objects.select_for_update().get(pk=report.pk)
        if locked.status == Report.Status.SIGNED:
            raise NotScorable("This report was signed off meanwhile and stays as it is.")
        _measures(locked, scored)
        _ratings(locked, scored, transcript, rows)
        _findings(locked, scored, transcript)
        _suggestions(locked, scored, transcript)
        locked.timeline = [asdict(stretch) for stretch in scored.timeline]
        locked.made_with = scored.made_with
        locked.revision = revision
        locked.save(update_fields=["timeline", "made_with", "revision"])
        locked.instruments.set(rows)
    report.refresh_from_db()


def stands(quote: str, line: int, transcript: Transcript) -> bool:
    """Whether the quote is said, word for word, at the line."""
    return bool(quote.strip()) and 1 <= line <= len(transcript) and quote in transcript[line].text


def _measures(report: Report, scored: Scored) -> None:
    report.measures.all().delete()
    Measure.objects.bulk_create(
        Measure(report=report, name=row.name, value=row.value, detail=row.detail) for row in scored.measures
    )


def _ratings(report: Report, scored: Scored, transcript: Transcript, used: list[Instrument]) -> None:
    dimensions = {
        (row.instrument.name, row.name): row
        for row in Dimension.objects.filter(instrument__in=used).select_related("instrument")
    }
    before = {(row.dimension_id, row.first_line, row.last_line): row for row in report.ratings.all()}
    ordinal = 0
    for segment in scored.segments:
        for rated in segment.ratings:
            dimension = dimensions.get((segment.instrument, rated.dimension))
            if dimension is None:
                continue
            ordinal += 1
            row = before.pop((dimension.pk, segment.first_line, segment.last_line), None) or Rating(
                report=report,
                dimension=dimension,
                first_line=segment.first_line,
                last_line=segment.last_line,
            )
            if row.pk and _moved(row.score, rated.score):
                # a person's own rating of this stretch stays true; assent to another figure does not
                row.judgements.exclude(verdict=Judgement.Verdict.CORRECTED).delete()
            row.ordinal, row.score, row.low, row.high = ordinal, rated.score, rated.low, rated.high
            row.observable, row.reason = rated.observable, rated.reason[:300]
            row.save()
            row.evidence.all().delete()
            Evidence.objects.bulk_create(
                Evidence(rating=row, line=found.line, quote=found.quote, weight=found.weight)
                for found in rated.evidence
                if stands(found.quote, found.line, transcript)
            )
    report.ratings.filter(pk__in=[row.pk for row in before.values()]).delete()


def _moved(before: float | None, now: float | None) -> bool:
    if before is None or now is None:
        return before is not now
    return abs(before - now) >= 0.05


def _findings(report: Report, scored: Scored, transcript: Transcript) -> None:
    before = {(row.kind, row.line, row.quote, row.move): row for row in report.findings.all()}
    found = [(Finding.Kind.HIGHLIGHT, one) for one in scored.highlights]
    found += [(Finding.Kind.MISSED, one) for one in scored.missed]
    for ordinal, (kind, one) in enumerate(found, 1):
        if not stands(one.quote, one.line, transcript):
            continue
        row = before.pop((kind.value, one.line, one.quote, one.move), None) or Finding(
            report=report, kind=kind, line=one.line, quote=one.quote, move=one.move
        )
        row.ordinal, row.why = ordinal, one.why
        row.save()
    report.findings.filter(pk__in=[row.pk for row in before.values()]).delete()


def _suggestions(report: Report, scored: Scored, transcript: Transcript) -> None:
    before = {(row.line, row.quote, row.move, row.say): row for row in report.suggestions.all()}
    for ordinal, one in enumerate(scored.suggestions, 1):
        if not stands(one.quote, one.line, transcript):
            continue
        row = before.pop((one.line, one.quote, one.move, one.say), None) or Suggestion(
            report=report, line=one.line, quote=one.quote, move=one.move, say=one.say
        )
        row.ordinal, row.missing, row.expect, row.gate = ordinal, one.missing, one.expect, one.gate
        row.save()
    report.suggestions.filter(pk__in=[row.pk for row in before.values()]).delete()
