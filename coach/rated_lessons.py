"""The lessons that people rated: transcripts from files, and observations of this site with what was said to them."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from django.db.models import F

from coach.human_ratings import HumanScore
from coach.instruments.reading import InstrumentSpec
from coach.judging import judge
from coach.models import HumanRating, Instrument, Judgement, Observation, RatingTask, Report
from coach.rating import Judged, segments
from coach.talk import Transcript

if TYPE_CHECKING:
    from coach.inventory import Inventory
    from tutor.llm.models import Endpoint

MOST_FILES = 2_000
LARGEST_FILE = 20_000_000  # bytes, unpacked
LARGEST_ARCHIVE = 500_000_000
QUOTED = re.compile("“[^”]*”")


class UnusableArchive(ValueError):
    """The archive of transcripts cannot be used; the message says what to do."""


@dataclass(frozen=True)
class Lesson:
    """A rated lesson: its talk, what is in it, and what a model found in each span, by the span's number."""

    transcript: Transcript
    inventory: Inventory
    judged: Mapping[int, Judged] = field(default_factory=dict)


def taken_in(transcript: Transcript, spec: InstrumentSpec, endpoint: Endpoint | None = None) -> Lesson:
    """The lesson with its inventory, and judged by the endpoint's model where one is given."""
    from coach.inventory import inventory

    found = inventory(transcript)
    if endpoint is None:
        return Lesson(transcript, found)
    spans = segments(transcript, spec.unit_minutes)
    judged = judge(transcript, spec, spans, endpoint)
    return Lesson(transcript, found, {span.number: by for span, by in zip(spans, judged, strict=True)})


def files_of(folder: Path, wanted: Iterable[str]) -> dict[str, Path]:
    """Rated lesson → its transcript: the file whose name without ending is the lesson's, however it is written."""
    there: dict[str, Path] = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.name.startswith("."):
            for name in (path.name, path.stem):
                there.setdefault(_plain(name), path)
    return {name: there[_plain(name)] for name in sorted(set(wanted)) if _plain(name) in there}


def of_files(
    files: Mapping[str, Path],
    spec: InstrumentSpec,
    endpoint: Endpoint | None = None,
    progress: Callable[[float], None] = lambda done: None,
) -> tuple[dict[str, Lesson], list[str]]:
    """The lessons in these files, and in words which could not be read. A file that cannot be read stops no other."""
    from coach.readers import UnreadableTranscript, read_transcript

    lessons: dict[str, Lesson] = {}
    notes = []
    for done, (name, path) in enumerate(files.items()):
        progress(done / len(files))
        try:
            lessons[name] = taken_in(read_transcript(path), spec, endpoint)
        except UnreadableTranscript as error:
            # without what it quotes of the file: that was not yet rid of names, and notes are kept
            notes.append(f"{path.name}: {QUOTED.sub('“…”', str(error))}")
    return lessons, notes


def unpack(archive: Path, folder: Path) -> None:
    """The files of a zip into a folder, flat, by their bare names. Raises UnusableArchive."""
    try:
        with zipfile.ZipFile(archive) as packed:
            members = [one for one in packed.infolist() if not one.is_dir() and _wanted(one.filename)]
            if len(members) > MOST_FILES:
                raise UnusableArchive(f"The archive holds more than {MOST_FILES} files. Bring it in parts.")
            if sum(one.file_size for one in members) > LARGEST_ARCHIVE:
                raise UnusableArchive(
                    f"Unpacked, the archive is larger than {LARGEST_ARCHIVE // 1_000_000} MB. Bring it in parts."
                )
            for one in members:
                with packed.open(one) as source:  # read with a limit: a header may lie about the size
                    data = source.read(LARGEST_FILE + 1)
                if len(data) > LARGEST_FILE:
                    raise UnusableArchive(
                        f"“{_bare(one.filename)}” is larger than {LARGEST_FILE // 1_000_000} MB; no transcript is."
                    )
                (folder / _bare(one.filename)).write_bytes(data)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError) as error:
        raise UnusableArchive(
            f"The archive cannot be opened ({error}). Make a new zip without a password."
        ) from None


def rated_on_site(instrument: Instrument) -> tuple[list[HumanScore], dict[str, Observation]]:
    """All ratings people gave on this instrument, and the observations they speak of, by the lesson's name in the ratings.

    Ratings of all versions count whose dimension and scale are still the same. Of lessons that their teachers do not
    share (any more) nothing is taken, nor of a sheet that is not handed in. Corrections in reviews count as ratings; they
    were given with the band in sight.
    """
    shared = Observation.objects.filter(report__isnull=False).exclude(report__status=Report.Status.PRIVATE)
    observations: dict[str, Observation] = {}
    scores: list[HumanScore] = []
    same = {(one.name, one.low, one.high) for one in instrument.dimensions.all()}
    rows = HumanRating.objects.filter(
        dimension__instrument__name=instrument.name,
        dimension__instrument__unit_minutes=instrument.unit_minutes,
    ).select_related("dimension", "observation")
    allowed = set(shared.values_list("pk", flat=True))
    under_way = {
        (task.observation_id, task.label)
        for task in RatingTask.objects.filter(instrument__name=instrument.name, finished_at=None)
    }
    for row in rows:
        if (row.observation_id, row.rater) in under_way:  # not handed in yet
            continue
        if (row.dimension.name, row.dimension.low, row.dimension.high) not in same:
            continue
        lesson = row.transcript
        if row.observation is not None:
            if row.observation_id not in allowed:
                continue
            lesson = f"observation {row.observation_id}"
            observations[lesson] = row.observation
        scores.append(HumanScore(lesson, row.segment, row.rater, row.dimension.name, row.score))
    known = {(one.lesson, one.segment, one.rater, one.dimension) for one in scores}
    for score, observation in _corrections(instrument, same, allowed):
        if (score.lesson, score.segment, score.rater, score.dimension) not in known:
            scores.append(score)
            observations[score.lesson] = observation
    return scores, observations


def _corrections(
    instrument: Instrument, same: set[tuple[str, int, int]], allowed: set[int]
) -> list[tuple[HumanScore, Observation]]:
    """Reviewers' corrections of ratings, where the stretch that was rated is still one of the lesson's.

    A teacher's own word on their lesson stands in the report, but is no rating by somebody else.
    """
    found = []
    rows = Judgement.objects.filter(
        verdict=Judgement.Verdict.CORRECTED,
        rating__dimension__instrument__name=instrument.name,
        rating__dimension__instrument__unit_minutes=instrument.unit_minutes,
        rating__report__observation__in=allowed,
    ).exclude(person=F("rating__report__observation__teacher"))
    rows = rows.select_related("rating__dimension", "rating__report__observation")
    spans: dict[int, dict[tuple[int, int], int]] = {}
    for row in rows:
        rating = row.rating
        if rating is None or not isinstance(row.value, int | float) or isinstance(row.value, bool):
            continue
        dimension, observation = rating.dimension, rating.report.observation
        if (dimension.name, dimension.low, dimension.high) not in same:
            continue
        if observation.pk not in spans:
            spans[observation.pk] = {
                (span.first_line, span.last_line): span.number
                for span in segments(observation.transcript(), instrument.unit_minutes)
            }
        number = spans[observation.pk].get((rating.first_line, rating.last_line))
        if number is not None:
            rater = f"person {row.person_id}" if row.person_id else "reviewer"
            score = HumanScore(
                f"observation {observation.pk}", number, rater, dimension.name, float(row.value)
            )
            found.append((score, observation))
    return found


def _plain(name: str) -> str:
    return " ".join(name.lower().replace("_", " ").replace("-", " ").split())


def _bare(name: str) -> str:
    return PurePosixPath(name.replace("\\", "/")).name


def _wanted(name: str) -> bool:
    return bool(_bare(name)) and not _bare(name).startswith(".") and "__MACOSX" not in name
