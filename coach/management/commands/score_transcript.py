"""Score a lesson's transcript, and print what the report says."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from coach.calibrating import in_use
from coach.classifiers.blend import WeightsDamaged
from coach.classifiers.encoding import EncoderMissing
from coach.instruments import InstrumentSpec, active, find, spec_of
from coach.judging import capable_endpoint
from coach.models import Instrument
from coach.moves import title
from coach.readers import UnreadableTranscript, read_transcript
from coach.scoring import Scored, score


class Command(BaseCommand):
    """`score_transcript FILE [--instrument NAME] [--json]`. Times are milliseconds."""

    help = "Score a lesson's transcript: measures, ratings with evidence, highlights, missed opportunities, suggestions."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--instrument", metavar="NAME", help="rate on this one alone")
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        specs = instruments(options["instrument"])
        path: Path = options["file"]
        if not path.is_file():
            raise CommandError(f"There is no file {path}.")
        try:
            transcript = read_transcript(path)
            fitted = in_use(Instrument.objects.filter(active=True, name__in=[spec.name for spec in specs]))
            scored = score(transcript, specs, calibrations=fitted, endpoint=capable_endpoint())
        except (UnreadableTranscript, EncoderMissing, WeightsDamaged) as error:
            raise CommandError(str(error)) from error
        if options["json"]:
            self.stdout.write(json.dumps(scored.as_json(), ensure_ascii=False))
        else:
            self.stdout.write("\n".join(report(scored)))


def instruments(name: str | None) -> list[InstrumentSpec]:
    """The instrument of this name, or those in use. Raises CommandError, saying which there are."""
    if name is None:
        return [spec_of(row) for row in active()]
    try:
        return [spec_of(find(name))]
    except Instrument.DoesNotExist:
        there = ", ".join(sorted(row.name for row in active()))
        raise CommandError(f"There is no instrument {name!r}. There are: {there}.") from None


def report(scored: Scored) -> Iterator[str]:
    """The report as a person reads it."""
    yield "Measures"
    for row in scored.measures:
        said = (
            row.detail.get("why", "cannot be told")
            if row.value is None
            else f"{row.value:.2f} {row.detail['unit']}"
        )
        yield f"  {row.detail['title']}: {said}"
    for segment in scored.segments:
        yield ""
        yield f"{segment.instrument}, lines {segment.first_line} to {segment.last_line}"
        for rated in segment.ratings:
            number = (
                rated.reason
                if rated.score is None
                else f"{rated.score:.1f} ({rated.low:.1f} to {rated.high:.1f})"
            )
            yield f"  {rated.dimension}: {number}"
            for evidence in rated.evidence:
                yield f"    {evidence.line}: “{evidence.quote}”"
    for heading, found in (("Highlights", scored.highlights), ("Missed opportunities", scored.missed)):
        yield ""
        yield heading
        for one in found:
            yield f"  {one.line}: “{one.quote}” ({title(one.move)})"
            yield f"    {one.why}"
    yield ""
    yield "Suggestions"
    for suggested in scored.suggestions:
        yield f"  {suggested.line}: “{suggested.quote}” ({title(suggested.move)})"
        yield f"    What was missing: {suggested.missing}"
        yield f"    You could have said: {suggested.say}"
        yield f"    Expect: {suggested.expect}"
        yield f"    New? {suggested.gate['why']}"
