"""The demo's observations and reports: six teachers, brought and reviewed as people would, once and for all."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.db import connection

from coach import readers
from coach.demo import loading
from coach.demo.lesson import lessons
from coach.demo.reviews import REVIEWS
from coach.models import Comment, Goal, Judgement, Observation, Report, UtteranceRow, Visit
from coach.reviewing import inbox, take_back
from tests import make
from tutor.accounts.demo import DEMO_USERS
from tutor.accounts.models import User
from tutor.jobs import State

pytestmark = pytest.mark.django_db


@pytest.fixture
def karimi(monkeypatch: pytest.MonkeyPatch) -> list[Report]:
    """The two reports of one of the demo's teachers, brought and not yet scored."""
    monkeypatch.setattr(loading, "TEACHERS", {"karimi": loading.TEACHERS["karimi"]})
    return loading.load()


def coach() -> User:
    return User.objects.get(email=next(person.email for person in DEMO_USERS if person.coach))


def report_of(name: str) -> Report:
    title = next(lesson.title for lesson in lessons() if lesson.name == name)
    return Report.objects.get(observation__title=title)


def rows() -> list[int]:
    kinds = (User, Observation, Report, UtteranceRow, Comment, Goal, Judgement, Visit)
    return [kind._default_manager.count() for kind in kinds]


def test_loading_it_again_changes_nothing(karimi: list[Report]) -> None:
    before = rows()
    assert loading.load() == karimi
    assert rows() == before


@pytest.mark.django_db(transaction=True)
def test_no_transaction_is_held_while_lessons_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    held: list[bool] = []
    read = readers.read

    def watched(*given: Any, **more: Any) -> Any:
        held.append(connection.in_atomic_block)
        return read(*given, **more)

    monkeypatch.setattr(readers, "read", watched)
    monkeypatch.setattr(loading, "TEACHERS", {"karimi": loading.TEACHERS["karimi"]})
    assert len(loading.load()) == 2
    assert held == [False, False]


def test_a_start_that_was_interrupted_is_made_good_by_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "TEACHERS", {"karimi": loading.TEACHERS["karimi"]})
    read, times = readers.read, iter(range(9))

    def interrupted(*given: Any, **more: Any) -> Any:
        if next(times) == 1:
            raise KeyboardInterrupt
        return read(*given, **more)

    with monkeypatch.context() as patched:
        patched.setattr(readers, "read", interrupted)
        with pytest.raises(KeyboardInterrupt):
            loading.load()
    assert Observation.objects.exists()
    assert len(loading.load()) == 2
    assert Observation.objects.count() == 2


def test_what_a_teacher_deleted_stays_away(karimi: list[Report]) -> None:
    karimi[0].observation.delete()
    assert len(loading.load()) == len(karimi) - 1


def test_other_peoples_lessons_are_left_alone(karimi: list[Report]) -> None:
    theirs = make.report(make.observation(make.user()))
    assert theirs not in loading.load()
    assert theirs not in loading.reports()


def test_six_teachers_share_reports_in_all_states_and_nothing_stored_names_anybody() -> None:
    waiting = loading.load()
    assert len(waiting) == len(lessons())
    for lesson in lessons():
        names = re.compile(rf"\b({'|'.join([*lesson.students, lesson.teacher.split()[-1]])})\b")
        observation = Observation.objects.get(title=lesson.title)
        assert observation.step == Observation.Step.READY
        assert not observation.file
        stored = [row.text for row in observation.utterances.all()]
        assert len(stored) >= 60
        stored += [word for row in observation.utterances.all() for word, _, _ in row.words]
        stored += [speaker.label for speaker in observation.speakers.all()]
        stored += [observation.title, observation.goal_of_lesson, *observation.notes]
        assert not [text for text in stored if names.search(text)]

    for report in waiting:
        assert loading.score(report), report.error
    assert not loading.load()
    assert inbox(coach()).values("observation__teacher").distinct().count() == 6
    for name, review in REVIEWS.items():
        report = report_of(name)
        assert (report.state, report.status) == (State.DONE, review.end.value)
        assert report.comments.count() == len(review.said) + bool(review.returned_with)
        assert report.comments.filter(line__isnull=False).count() == sum(
            bool(said.at) for said in review.said
        )
        assert report.visits.count() == bool(review.visit_in)
        assert report.findings.exists()
        assert report.shared == (report.shared_at is not None)
    assert {goal.teacher.name for goal in Goal.objects.all()} == {"Nora Okafor", "Daniel Reyes"}
    assert set(Judgement.objects.values_list("verdict", flat=True)) == set(Judgement.Verdict.values)


def test_what_a_teacher_took_back_stays_private(karimi: list[Report]) -> None:
    for report in karimi:
        assert loading.score(report), report.error
    shared = report_of("karimi-1-rows-of-chairs")
    assert shared.status == Report.Status.SHARED
    take_back(shared)
    before = rows()
    assert not loading.load()
    assert rows() == before
    assert report_of("karimi-1-rows-of-chairs").status == Report.Status.PRIVATE


def test_a_lesson_that_could_not_be_scored_is_tried_again(karimi: list[Report]) -> None:
    Report.objects.filter(pk=karimi[0].pk).update(state=State.FAILED, error="no room")
    again = loading.load()
    assert [report.pk for report in again] == [report.pk for report in karimi]
    assert loading.score(again[0])
