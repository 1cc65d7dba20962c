"""The scorer fitted to people's ratings: it finds what is there, says so when nothing is, and is used only when it holds."""

from __future__ import annotations

import json
import random
import zipfile
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command

from coach import bringing_ratings
from coach.calibrating import (
    LEAST_LESSONS,
    OUTDATED,
    CannotCalibrate,
    Outcome,
    calibrate,
    in_use,
    outdated,
    transcripts_path,
    work,
)
from coach.human_ratings import HumanScore
from coach.instruments import InstrumentSpec, built_in, find
from coach.models import Calibration, Classifier
from coach.rated_lessons import Lesson, taken_in
from coach.rating import rate, segments
from tests import make
from tests.coach.talking import as_csv, lesson, openness_of

DIALOGUE = "instructional_dialogue"


def instrument(name: str = "class-informed") -> InstrumentSpec:
    return next(one for one in built_in() if one.name == name)


def lessons(count: int) -> dict[str, Lesson]:
    made = [lesson(seed, openness=(seed % 10) / 9) for seed in range(count)]
    return {f"lesson {seed}": Lesson(one.transcript, one) for seed, one in enumerate(made)}


def ratings(taught: dict[str, Lesson], *, noise: float = 0.7, seed: int = 1) -> list[HumanScore]:
    """Two people rate each lesson from 1 to 7 by how open its questions are, each with an eye of their own."""
    dice = random.Random(seed)
    scores = []
    for name, one in taught.items():
        for rater in ("R1", "R2"):
            seen = 1 + 6 * openness_of(one.inventory) + dice.gauss(0, noise)
            scores.append(HumanScore(name, 1, rater, DIALOGUE, float(min(7, max(1, round(seen))))))
    return scores


def shuffled(scores: list[HumanScore], seed: int) -> list[HumanScore]:
    """The same ratings on the wrong lessons, both people's of one lesson kept together."""
    names = sorted({one.lesson for one in scores})
    other = random.Random(seed).sample(names, len(names))
    moved = dict(zip(names, other, strict=True))
    return [HumanScore(moved[one.lesson], one.segment, one.rater, one.dimension, one.score) for one in scores]


@pytest.fixture(scope="module")
def taught() -> dict[str, Lesson]:
    return lessons(40)


@pytest.fixture(scope="module")
def outcome(taught: dict[str, Lesson]) -> Outcome:
    return calibrate(instrument(), ratings(taught), taught)


def test_what_people_see_in_the_talk_is_recovered_on_lessons_the_fit_has_not_seen(outcome: Outcome) -> None:
    found = outcome.agreement[DIALOGUE]
    assert found["n"] == 80
    assert (found["lessons"], found["raters"], found["stretches"]) == (40, 2, 40)
    assert found["spearman"] > 0.8
    assert found["spearman_low"] > 0.6
    assert found["kappa"] > 0.7
    assert found["trusted"]
    assert outcome.trusted == [DIALOGUE]


def test_a_models_confirmed_judgement_is_one_more_feature_that_is_weighed_like_the_others() -> None:
    dice = random.Random(8)
    taught, scores = {}, []
    for seed in range(30):
        made = lesson(
            1, openness=0.5
        )  # the same talk everywhere: only the model's judgement tells the lessons apart
        level = dice.choice([-1.0, 0.0, 1.0])
        taught[f"lesson {seed}"] = Lesson(made.transcript, made, {1: {"positive_climate": {1: level}}})
        scores += [
            HumanScore(
                f"lesson {seed}", 1, rater, "positive_climate", 4 + 2 * level + dice.choice([-1, 0, 0, 1])
            )
            for rater in ("R1", "R2")
        ]
    outcome = calibrate(instrument(), scores, taught)
    assert outcome.agreement["positive_climate"]["spearman"] > 0.7
    weights = dict(
        zip(
            outcome.models["positive_climate"]["features"],
            outcome.models["positive_climate"]["weights"],
            strict=True,
        )
    )
    assert [name for name, weight in weights.items() if weight] == ["judged_by_model"]
    made = lesson(1, openness=0.5)
    spans = segments(made.transcript, 15)
    without = next(
        one
        for one in rate(made.transcript, made, instrument(), spans, outcome.models)[0]
        if one.dimension == "positive_climate"
    )
    assert without.score == pytest.approx(
        sum(one.score or 0 for one in scores) / len(scores), abs=0.2
    )  # an ordinary lesson


def test_agreement_holds_for_a_person_and_a_lesson_that_were_both_left_out(outcome: Outcome) -> None:
    by_rater = outcome.agreement[DIALOGUE]["by_rater"]
    assert by_rater["raters"] == 2
    assert by_rater["spearman"] > 0.8


def test_who_rated_a_few_stretches_only_is_not_left_out_alone(taught: dict[str, Lesson]) -> None:
    passing_by = HumanScore("lesson 1", 1, "R3", DIALOGUE, 4.0)
    found = calibrate(instrument(), [*ratings(taught), passing_by], taught).agreement[DIALOGUE]
    assert found["raters"] == 3
    assert found["by_rater"]["raters"] == 2


def test_what_people_reach_among_themselves_stands_beside_it(outcome: Outcome) -> None:
    human = outcome.agreement[DIALOGUE]["human"]
    assert human["n"] == 40
    assert 0.7 < human["spearman"] < 1
    assert human["kappa_low"] < human["kappa"] < human["kappa_high"]
    assert human["within_one"] > human["same"]


@pytest.mark.parametrize("seed", range(6))
def test_ratings_on_the_wrong_lessons_are_found_to_mean_nothing(taught: dict[str, Lesson], seed: int) -> None:
    outcome = calibrate(instrument(), shuffled(ratings(taught), seed), taught)
    found = outcome.agreement[DIALOGUE]
    assert abs(found["spearman"]) < 0.35
    assert found["spearman_low"] <= 0 <= found["spearman_high"]
    assert not found["trusted"]
    assert "agreement may be as low as" in found["why"] or "Nothing that is seen in the talk" in found["why"]
    assert outcome.trusted == []


def test_ratings_that_are_all_the_same_have_nothing_to_agree_on(taught: dict[str, Lesson]) -> None:
    same = [HumanScore(one.lesson, 1, one.rater, DIALOGUE, 4.0) for one in ratings(taught)]
    found = calibrate(instrument(), same, taught).agreement[DIALOGUE]
    assert (found["spearman"], found["kappa"], found["trusted"]) == (None, None, False)
    assert found["why"] == "The ratings do not vary: there is nothing to agree on."


def test_few_lessons_are_too_few_however_well_they_agree(taught: dict[str, Lesson]) -> None:
    few = dict(list(taught.items())[: LEAST_LESSONS - 1])
    found = calibrate(instrument(), ratings(few), few).agreement[DIALOGUE]
    assert found["spearman"] > 0.5
    assert not found["trusted"]
    assert f"of {LEAST_LESSONS - 1} lessons were rated" in found["why"]


def test_eight_in_ten_ratings_of_new_lessons_lie_in_their_bands(
    taught: dict[str, Lesson], outcome: Outcome
) -> None:
    spec = instrument()
    new = {f"new {seed}": lesson(1000 + seed, openness=(seed % 7) / 6) for seed in range(60)}
    scores = ratings({name: Lesson(one.transcript, one) for name, one in new.items()}, seed=9)
    inside = 0
    for score in scores:
        inventory = new[score.lesson]
        spans = segments(inventory.transcript, spec.unit_minutes)
        rows = rate(inventory.transcript, inventory, spec, spans, outcome.models)
        rated = next(one for one in rows[0] if one.dimension == DIALOGUE)
        assert rated.low is not None
        assert rated.high is not None
        assert score.score is not None
        assert rated.score is not None
        assert 1 <= rated.low <= rated.score <= rated.high <= 7
        inside += rated.low <= score.score <= rated.high
    assert 0.7 <= inside / len(scores) <= 0.95


def test_weights_never_point_against_what_the_instrument_says(outcome: Outcome) -> None:
    numbers = outcome.models[DIALOGUE]
    directions = instrument().dimension(DIALOGUE).directions
    for name, weight in zip(numbers["features"], numbers["weights"], strict=True):
        assert weight * directions[name] >= 0
    assert any(numbers["weights"])


def test_a_calibration_comes_out_the_same_twice(taught: dict[str, Lesson], outcome: Outcome) -> None:
    again = calibrate(instrument(), ratings(taught), taught)
    assert again.models == outcome.models
    assert again.agreement == outcome.agreement


def test_ratings_of_lessons_without_a_transcript_are_counted_and_said(taught: dict[str, Lesson]) -> None:
    scores = [*ratings(taught), HumanScore("elsewhere", 1, "R1", DIALOGUE, 4.0)]
    scores.append(HumanScore("lesson 3", 9, "R1", DIALOGUE, 4.0))
    outcome = calibrate(instrument(), scores, taught)
    assert outcome.agreement[DIALOGUE]["n"] == 80
    assert "1 rated lessons have no transcript here: elsewhere." in outcome.notes
    assert any("shorter than the ratings say" in note for note in outcome.notes)


def test_ratings_that_belong_to_nothing_here_are_refused_with_both_sides_named(
    taught: dict[str, Lesson],
) -> None:
    with pytest.raises(CannotCalibrate, match=r"Rated lessons: elsewhere; transcripts: lesson 0"):
        calibrate(instrument(), [HumanScore("elsewhere", 1, "R1", DIALOGUE, 4.0)], taught)


def test_a_rating_that_nothing_can_be_seen_is_no_number(taught: dict[str, Lesson]) -> None:
    scores = ratings(taught)
    scores[0] = HumanScore(scores[0].lesson, 1, scores[0].rater, DIALOGUE, None)
    found = calibrate(instrument(), scores, taught).agreement[DIALOGUE]
    assert (found["n"], found["not_observable"]) == (79, 1)


# From files, with everything that measures talk


REASONING = "student_questioning_and_reasoning"


def school(folder: Path, count: int = 16) -> Path:
    """A folder of transcripts of two parts each, and beside it the ratings of two people; returns the ratings."""
    transcripts = folder / "transcripts"
    transcripts.mkdir()
    dice = random.Random(5)
    rows = ["lesson,segment,rater,dimension,score"]
    for seed in range(count):
        made = lesson(seed, openness=(seed % 8) / 7, exchanges=12, seconds=40)
        (transcripts / f"lesson-{seed}.csv").write_text(as_csv(made.transcript))
        for span in segments(made.transcript, 7.5):
            pressed = made.of(["student_reasoning"], span.first_line, span.last_line)
            for rater in ("R1", "R2"):
                seen = 1 + 0.7 * len(pressed) + dice.gauss(0, 0.35)
                rows.append(f"lesson {seed},{span.number},{rater},{REASONING},{min(3, max(1, round(seen)))}")
    path = folder / "ratings.csv"
    path.write_text("\n".join(rows))
    return path


def calibrated(*arguments: str) -> dict[str, Any]:
    said = StringIO()
    call_command("coach_calibrate", *arguments, "--json", stdout=said)
    found: dict[str, Any] = json.loads(said.getvalue())
    return found


@pytest.mark.model
@pytest.mark.django_db
def test_the_command_fits_reports_and_from_then_on_lessons_get_numbers(tmp_path: Path) -> None:
    ratings = school(tmp_path)
    found = calibrated("--ratings", str(ratings), "--transcripts", str(tmp_path / "transcripts"))
    assert found["instrument"] == "mqi-informed"
    row = found["dimensions"][REASONING]
    assert (row["n"], row["lessons"], row["raters"]) == (64, 16, 2)
    assert row["spearman"] > 0.5
    assert row["human"]["n"] == 32
    assert row["trusted"]
    stored = Calibration.objects.get(pk=found["stored"])
    assert stored.active
    spec = instrument("mqi-informed")
    scores = []
    for openness in (0.0, 1.0):
        transcript = lesson(77, openness).transcript
        spans = segments(transcript, spec.unit_minutes)
        rows = rate(transcript, taken_in(transcript, spec).inventory, spec, spans, stored.models_by_dimension)
        by_name = {one.dimension: one for one in rows[0]}
        assert by_name["explanations"].score is None
        scores.append(by_name[REASONING].score or 0)
    assert scores[0] < scores[1]
    assert in_use([stored.instrument])["mqi-informed"][REASONING]["trusted"]
    # a classifier that is trained again judges talk in another way than the one that was fitted to
    inventory = taken_in(transcript, spec).inventory
    Classifier.objects.create(kind="uptake", path="classifiers/none", scores={"weights_sha256": "other"})
    assert outdated(stored)
    rows = rate(transcript, inventory, spec, spans, in_use([stored.instrument])["mqi-informed"])
    rated = next(one for one in rows[0] if one.dimension == REASONING)
    assert (rated.score, rated.low, rated.high) == (None, None, None)
    assert rated.reason == OUTDATED


@pytest.mark.django_db
def test_the_command_says_what_it_does_not_find(tmp_path: Path) -> None:
    ratings = school(tmp_path, count=1)
    folder = str(tmp_path / "transcripts")
    with pytest.raises(
        CommandError, match=r"There is no instrument charisma\. Known are class-informed, mqi-informed"
    ):
        calibrated("--ratings", str(ratings), "--transcripts", folder, "--instrument", "charisma")
    with pytest.raises(CommandError, match="There is no folder"):
        calibrated("--ratings", str(ratings), "--transcripts", folder + "s")
    with pytest.raises(CommandError, match="write WHAT=HEADING"):
        calibrated("--ratings", str(ratings), "--transcripts", folder, "--column", "lesson")
    with pytest.raises(CommandError, match=r"There is no column “OBSID”\. Found: “lesson”"):
        calibrated("--ratings", str(ratings), "--transcripts", folder, "--column", "lesson=OBSID")
    (tmp_path / "transcripts" / "lesson-0.csv").write_text("only\none column\n")
    with pytest.raises(CommandError, match=r"No rating belongs to a transcript .* lesson-0.csv: "):
        calibrated("--ratings", str(ratings), "--transcripts", folder)
    assert not Calibration.objects.exists()


def zipped(folder: Path) -> bytes:
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for path in folder.iterdir():
            archive.write(path, f"../../{path.name}")
    return packed.getvalue()


@pytest.mark.model
@pytest.mark.django_db(transaction=True)  # the heartbeat writes from a thread of its own
def test_the_job_reads_the_archive_fits_and_deletes_it(tmp_path: Path) -> None:
    ratings = school(tmp_path)
    (tmp_path / "transcripts" / "lesson-3.csv").write_text("not a transcript")
    archive = BytesIO(zipped(tmp_path / "transcripts"))
    coach = make.user(is_coach=True)
    row = bringing_ratings.start(coach, find("mqi-informed"), ratings.read_bytes(), archive)
    assert default_storage.exists(transcripts_path(row))
    work(row)
    row.refresh_from_db()
    assert (row.state, row.error) == ("done", "")
    assert row.agreement[REASONING]["lessons"] == 15
    assert any(note.startswith("lesson-3.csv: ") for note in row.notes)
    assert any("1 rated lessons have no transcript here: lesson 3." in note for note in row.notes)
    assert row.trusted == [REASONING]
    assert row.active
    assert not default_storage.exists(transcripts_path(row))
    work(row)  # a second delivery of the task finds it done


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("data", [b"", b"no archive"])
def test_an_archive_that_cannot_be_opened_fails_the_job_in_words(tmp_path: Path, data: bytes) -> None:
    ratings = school(tmp_path, count=1)
    row = bringing_ratings.start(
        make.user(is_coach=True), find("mqi-informed"), ratings.read_bytes(), BytesIO(data)
    )
    work(row)
    row.refresh_from_db()
    assert row.state == "failed"
    assert "The archive cannot be opened" in row.error
    assert not default_storage.exists(transcripts_path(row))
