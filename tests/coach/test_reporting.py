"""A score kept as a report: all or nothing, quotes verbatim, people's judgements kept."""

from __future__ import annotations

import logging
from dataclasses import replace

import pytest

from coach import instruments, reporting, reviewing
from coach.models import Finding, Judgement, Report
from coach.scoring import Found, Scored
from tests import make
from tutor.jobs import State

pytestmark = pytest.mark.django_db


def store(report: Report, scored: Scored) -> None:
    observation = report.observation
    transcript = observation.transcript()
    reporting.store(report, scored, transcript, instruments.active(), observation.revision)


def test_a_score_becomes_rows_with_everything_it_says() -> None:
    report = make.report()
    assert {row.name: row.value for row in report.measures.all()}["talk_ratio"] == 0.5
    climate, dialogue = report.ratings.order_by("ordinal")
    assert (climate.score, climate.reason) == (None, "No number: never calibrated.")
    assert (dialogue.low, dialogue.score, dialogue.high) == (3.1, 4.2, 5.3)
    assert [(row.line, row.quote) for row in climate.evidence.all()] == [(3, "How do you know?")]
    assert {row.kind for row in report.findings.all()} == {"highlight", "missed"}
    assert report.suggestions.get().gate["verdict"] == "new"
    assert report.revision == report.observation.revision
    assert not report.stale


def test_what_is_not_said_word_for_word_at_its_line_is_left_out() -> None:
    report = make.report()
    scored = make.scored(report.observation.transcript())
    wrong = [
        Found(2, "How do you know?", "press_reasoning", "Another line."),
        Found(3, "how do you know?", "press_reasoning", "Another case."),
        Found(99, "How do you know?", "press_reasoning", "No such line."),
        Found(3, " ", "press_reasoning", "Nothing."),
    ]
    store(report, replace(scored, highlights=wrong))
    assert not report.findings.filter(kind=Finding.Kind.HIGHLIGHT).exists()


def test_scoring_again_replaces_rows_and_keeps_what_people_said_to_the_same_statements() -> None:
    report = make.report()
    person = report.observation.teacher
    highlight = report.findings.get(kind="highlight")
    missed = report.findings.get(kind="missed")
    reviewing.judge(report, person, "finding", highlight.pk, "accepted")
    reviewing.judge(report, person, "finding", missed.pk, "rejected")
    again = make.scored(report.observation.transcript(), talk_ratio=0.7)
    store(report, replace(again, missed=[]))
    assert report.measures.get(name="talk_ratio").value == 0.7
    assert report.measures.count() == len(again.measures)
    assert list(Judgement.objects.values_list("finding__kind", "verdict")) == [("highlight", "accepted")]


def test_assent_to_a_figure_goes_with_the_figure_but_a_persons_own_rating_stays() -> None:
    report = make.report()
    rating = report.ratings.get(score=4.2)
    reviewing.judge(report, report.observation.teacher, "rating", rating.pk, "accepted")
    coach = make.user(is_coach=True)
    reviewing.judge(report, coach, "rating", rating.pk, "corrected", "5")
    scored = make.scored(report.observation.transcript())
    segment = scored.segments[0]
    moved = replace(segment, ratings=[replace(segment.ratings[1], score=2.0, low=1.5, high=2.5)])
    store(report, replace(scored, segments=[moved]))
    assert report.ratings.get().score == 2.0
    assert [(one.person, one.value) for one in Judgement.objects.all()] == [(coach, 5.0)]


def test_a_lesson_is_scored_from_the_queue_and_a_second_worker_finds_it_taken() -> None:
    observation = make.observation()
    report = Report.objects.create(observation=observation)
    reporting.work(report)
    report.refresh_from_db()
    assert report.error == ""
    assert report.state == State.DONE
    assert report.measures.exists()
    assert report.revision == observation.revision
    for finding in report.findings.all():
        assert finding.quote in observation.transcript()[finding.line].text
    reporting.work(report)
    assert report.attempts == 0


def test_a_lesson_without_lines_fails_in_words() -> None:
    report = Report.objects.create(observation=make.observation(talk=()))
    reporting.work(report)
    report.refresh_from_db()
    assert (report.state, report.error) == (
        State.FAILED,
        "There is nothing to score: this transcript has no lines.",
    )


def test_only_a_lesson_whose_speakers_are_known_is_scored() -> None:
    with pytest.raises(reporting.NotScorable, match="who speaks"):
        reporting.start(make.observation(step="speakers"))
    observation = make.observation()
    report = reporting.start(observation)
    assert report.state == State.QUEUED
    assert reporting.start(observation) == report


def test_a_report_that_was_signed_off_stays_as_it_is() -> None:
    report = make.report(status=Report.Status.SIGNED)
    with pytest.raises(reporting.NotScorable, match="signed off"):
        reporting.start(report.observation)
    with pytest.raises(reporting.NotScorable, match="signed off"):
        store(report, Scored())
    assert report.measures.exists()


def test_the_log_says_where_scoring_failed_and_nothing_of_the_lesson(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*given: object, **more: object) -> Scored:
        raise ValueError(make.TALK[7][1])

    monkeypatch.setattr(reporting, "score", broken)
    report = Report.objects.create(observation=make.observation())
    with caplog.at_level(logging.DEBUG):
        reporting.work(report)
    report.refresh_from_db()
    assert report.error == reporting.WENT_WRONG
    assert "ValueError" in caplog.text
    assert "four eighths" not in caplog.text
