"""A lesson scored as a whole, and the command that prints it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from coach.classifiers.keeping import active, keep
from coach.demo.lesson import LESSONS
from coach.instruments import built_in
from coach.models import Classifier
from coach.readers import read_transcript
from coach.scoring import Scored, score
from coach.talk import Transcript, Voice
from tests.coach.said import talk

pytestmark = [pytest.mark.model, pytest.mark.django_db]

BUILT = LESSONS.parent / "built"
SPEAKERS = ("Teacher", "Teacher", "Student A", "Student B", "Students", "Visitor")
SAID = (
    "Why does that work? How do you know?", "okay so what is three times four", "Good. Number two.", "“Half” — that’s it…",
    "Because the pieces are smaller, so it’s less.", "I don't get why you flip it.", "Twelve.", "7 times 8 is 54", "Hm.",
    "What if you add?", "No, not quite. Student B?", "So you're saying it's the same? Who can add on to that?", "…",
    "I added the tops and I added the bottoms and got two fifths.", "Turn and talk to your partner about it.", "?!",
    "But it can't be, the cube is heavier.", "İstanbul ẞ ﬁfty 50 % − 3", "Sit down, please. Why are you up?", "Yes" * 60,
)  # fmt: skip


def grounded(scored: Scored, transcript: Transcript) -> None:
    """Every line is there, and every quote stands at it word for word."""
    quoted: list[tuple[int, str]] = [(one.line, one.quote) for one in (*scored.highlights, *scored.missed)]
    quoted += [(one.line, one.quote) for one in scored.suggestions]
    quoted += [
        (row.line, row.quote)
        for segment in scored.segments
        for rated in segment.ratings
        for row in rated.evidence
    ]
    for line, quote in quoted:
        assert quote.strip()
        assert quote in transcript[line].text
    for suggested in scored.suggestions:
        assert all(1 <= line <= len(transcript) for line in suggested.gate["lines"])
        assert suggested.gate["verdict"] in ("new", "extend")
    assert all(1 <= one.line <= len(transcript) for one in scored.timeline)


@given(st.lists(st.tuples(st.sampled_from(SPEAKERS), st.sampled_from(SAID)), min_size=1, max_size=30))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_nothing_is_quoted_that_was_not_said_and_the_same_talk_scores_the_same(
    said: list[tuple[str, str]],
) -> None:
    transcript = talk(*said)
    scored = score(transcript, built_in())
    grounded(scored, transcript)
    assert score(transcript, built_in()).as_json() == scored.as_json()


def test_progress_is_told_by_stage() -> None:
    stages: list[tuple[str, float]] = []
    score(
        talk(("Teacher", "Why?"), ("Student A", "Because it is.")),
        built_in(),
        progress=lambda *one: stages.append(one),
    )
    assert list(dict.fromkeys(stage for stage, _ in stages)) == ["measure", "rate", "find", "suggest"]
    assert [done for _, done in stages] == sorted(done for _, done in stages)
    assert stages[-1] == ("suggest", 1.0)


def run(*arguments: str) -> str:
    from io import StringIO

    out = StringIO()
    call_command("score_transcript", *arguments, stdout=out)
    return out.getvalue()


def test_the_command_prints_the_report_as_json() -> None:
    found: dict[str, Any] = json.loads(
        run(str(BUILT / "okafor-1-strips-and-equivalent-fractions.csv"), "--json")
    )
    assert set(found) == {"measures", "segments", "highlights", "missed", "suggestions"}
    assert found["segments"]
    for segment in found["segments"]:
        assert set(segment) == {"start", "end", "ratings"}
        for rating in segment["ratings"]:
            assert set(rating) == {"dimension", "score", "low", "high", "observable", "evidence"}
            assert rating["score"] is None  # never calibrated
    assert 1 <= len(found["suggestions"]) <= 2
    for suggestion in found["suggestions"]:
        assert set(suggestion) == {"line", "quote", "move", "missing", "say", "expect", "gate"}


def test_the_command_prints_the_report_as_text() -> None:
    said = run(str(BUILT / "raman-1-im-nobody.txt"), "--instrument", "mqi-informed")
    assert "Suggestions" in said
    assert "class-informed" not in said


def test_an_unknown_instrument_is_refused_with_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="There are: class-informed, mqi-informed"):
        run(str(BUILT / "raman-1-im-nobody.txt"), "--instrument", "stars")


def test_what_is_no_transcript_is_refused_in_words(tmp_path: Path) -> None:
    file = tmp_path / "lesson.txt"
    file.write_text("Nobody says anything here.\n")
    with pytest.raises(CommandError):
        run(str(file))
    with pytest.raises(CommandError, match="no file"):
        run(str(tmp_path / "none.csv"))


@pytest.mark.parametrize(
    "name", ["okafor-1-strips-and-equivalent-fractions.csv", "novak-1-the-horse-and-the-cart.vtt"]
)
def test_a_suggestion_is_gone_when_the_teacher_says_it_and_back_when_not(name: str) -> None:
    transcript = read_transcript(BUILT / name)
    suggestions = score(transcript, ()).suggestions
    assert suggestions
    for one in suggestions:
        after = score(said_after(transcript, one.line, one.say), ()).suggestions
        assert (one.line, one.move) not in {(other.line, other.move) for other in after}
    assert score(transcript, ()).suggestions == suggestions


def said_after(transcript: Transcript, line: int, words: str) -> Transcript:
    """The lesson with these words at the beginning of the teacher's next line."""
    rows = list(transcript)
    at = next(index for index in range(line, len(rows)) if rows[index].voice == Voice.TEACHER)
    rows[at] = replace(rows[at], text=f"{words} {rows[at].text}")
    return Transcript(tuple(rows))


def test_a_score_names_the_classifiers_that_stood_behind_it() -> None:
    transcript = talk(("Teacher", "Why does that work?"), ("Student A", "Because the pieces are smaller."))
    shipped = active("uptake")
    own = keep(
        shipped.blend, {"rows": 9, "lessons": 2, "measured": shipped.about["measured"]}, "own.csv", "0" * 64
    )
    behind = score(transcript, built_in()).made_with["classifiers"]
    assert behind["reasoning"] == "comes with Lyceum"
    Classifier.objects.filter(pk=own.pk).update(active=False)
    said = talk(*(("Student A", "It is less."), ("Teacher", "Less? How much less is it?")) * 2)
    assert score(said, built_in()).made_with["classifiers"]["uptake"] == "comes with Lyceum"
    Classifier.objects.filter(pk=own.pk).update(active=True)
    assert score(said, built_in()).made_with["classifiers"]["uptake"] == f"trained here, number {own.pk}"
