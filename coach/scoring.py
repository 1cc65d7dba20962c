"""A lesson scored: measures, ratings with evidence, findings and suggestions, from a transcript without names."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from coach.findings import highlights, missed
from coach.inventory import Inventory, inventory
from coach.judging import judge
from coach.measures import Figure, measure
from coach.models import Classifier
from coach.rating import Calibrated, rate, segments
from coach.rewording import reworded
from coach.scored import Found, Measured, Scored, Segment, Stretch, Suggested
from coach.suggesting import suggest
from coach.talk import Transcript
from coach.targets import targets
from coach.timeline import timeline

if TYPE_CHECKING:
    from coach.instruments import InstrumentSpec
    from tutor.llm.models import Endpoint

__all__ = ["Found", "Measured", "Scored", "Segment", "Stretch", "Suggested", "score"]


def score(
    transcript: Transcript,
    instruments: Sequence[InstrumentSpec],
    *,
    calibrations: Mapping[str, Calibrated] | None = None,
    endpoint: Endpoint | None = None,
    progress: Callable[[str, float], None] | None = None,
) -> Scored:
    """Score a lesson. `calibrations` are by instrument name; without one a dimension has evidence and no number.

    `endpoint` is a capable one or None. `progress` is told the stage (measure, rate, find, suggest) and how much of the
    whole is done, 0 to 1. Raises coach.classifiers.encoding.EncoderMissing without the sentence encoder.
    """
    tell = progress or (lambda stage, done: None)
    tell("measure", 0.0)
    trained = {row.kind: row.pk for row in Classifier.objects.filter(active=True).order_by("pk")}
    lesson = inventory(transcript)
    tell("measure", 0.5)
    measures = [_measured(name, figure) for name, figure in measure(transcript, lesson)]
    tell("rate", 0.55)
    rated = _rated(lesson, instruments, calibrations or {}, endpoint)
    tell("find", 0.8)
    found = targets(lesson)
    drafts = suggest(lesson, found)
    findings = highlights(lesson), missed(lesson, found, drafts)
    tell("suggest", 0.85)
    suggestions = reworded(lesson, drafts, endpoint) if endpoint else [draft.suggested for draft in drafts]
    tell("suggest", 1.0)
    return Scored(
        measures=measures,
        timeline=timeline(transcript),
        segments=rated,
        highlights=findings[0],
        missed=findings[1],
        suggestions=sorted(suggestions, key=lambda one: one.line),
        made_with={
            "classifiers": _classifiers(lesson, trained),
            "endpoint": {"name": endpoint.name, "model": endpoint.model} if endpoint else None,
            "calibrated": sorted(
                name
                for name, fitted in (calibrations or {}).items()
                if any(numbers.get("trusted") for numbers in fitted.values())
            ),
            "instruments": [spec.name for spec in instruments],
        },
    )


def _classifiers(lesson: Inventory, trained: Mapping[str, int]) -> dict[str, str]:
    """Which classifiers judged something in the lesson, and whose they are. trained: the site's own rows by kind."""
    kinds = sorted({kind for judged in lesson.judged.values() for kind in judged})
    return {
        kind: f"trained here, number {trained[kind]}" if kind in trained else "comes with Lyceum"
        for kind in kinds
    }


def _measured(name: str, figure: Figure) -> Measured:
    value = None if figure.value is None else round(figure.value, 4)
    return Measured(name, value, {**asdict(figure.about), **figure.detail})


def _rated(
    lesson: Inventory,
    instruments: Sequence[InstrumentSpec],
    calibrations: Mapping[str, Calibrated],
    endpoint: Endpoint | None,
) -> list[Segment]:
    rows: list[Segment] = []
    for spec in instruments:
        spans = segments(lesson.transcript, spec.unit_minutes)
        judged: Sequence[Any] = judge(lesson.transcript, spec, spans, endpoint) if endpoint else ()
        ratings = rate(lesson.transcript, lesson, spec, spans, calibrations.get(spec.name), judged)
        rows += [
            Segment(spec.name, span.start, span.end, span.first_line, span.last_line, found)
            for span, found in zip(spans, ratings, strict=True)
        ]
    return rows
