"""Review of shared reports, and what is seen of those that were not shared."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from coach import aggregates, goals, reviewing
from coach.models import Report, Visit
from tests import make
from tutor.accounts.models import AuditEntry, User

pytestmark = pytest.mark.django_db


def client(person: User) -> Client:
    found = Client()
    found.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
    return found


def url(name: str, report: Report) -> str:
    return reverse(f"coach:{name}", args=[report.observation.uuid])


@pytest.fixture
def coach() -> User:
    return make.user(is_coach=True, name="Cora")


@pytest.fixture
def report() -> Report:
    return make.report(make.observation(make.user(name="Nneka Okafor")), Report.Status.SHARED)


def test_the_inbox_is_for_coaches_and_admins_and_shows_what_was_shared(coach: User, report: Report) -> None:
    hidden = make.report()
    for person, status in (
        (coach, 200),
        (make.user(is_superuser=True), 200),
        (report.observation.teacher, 404),
    ):
        assert client(person).get(reverse("coach:review")).status_code == status
    page = client(coach).get(reverse("coach:review")).content.decode()
    assert report.observation.title in page
    assert "Nneka Okafor" in page
    assert hidden.observation.title not in page
    assert "Use for evaluating people is off" in page


def test_ones_own_report_is_not_in_ones_inbox(coach: User) -> None:
    own = make.report(make.observation(coach), Report.Status.SHARED)
    assert not reviewing.inbox(coach).exists()
    assert client(coach).post(url("decide", own), {"do": "sign"}).status_code == 404
    with pytest.raises(reviewing.NotNow, match="Somebody else"):
        reviewing.sign_off(own, coach)


def test_a_report_is_returned_with_words_shared_again_and_signed_off(coach: User, report: Report) -> None:
    person = client(coach)
    person.post(url("decide", report), {"do": "return", "text": ""})
    report.refresh_from_db()
    assert report.status == Report.Status.SHARED  # not without words
    person.post(url("decide", report), {"do": "return", "text": "Look at line 8 once more."})
    report.refresh_from_db()
    assert (report.status, report.reviewer) == (Report.Status.RETURNED, coach)
    teacher = client(report.observation.teacher)
    page = teacher.get(report.get_absolute_url()).content.decode()
    assert "Cora returned it" in page
    assert "Look at line 8 once more." in page
    teacher.post(url("share", report), {"do": "share"})
    person.post(url("decide", report), {"do": "sign"})
    report.refresh_from_db()
    assert report.status == Report.Status.SIGNED
    teacher.post(url("share", report), {"do": "take_back"})
    report.refresh_from_db()
    assert report.status == Report.Status.SIGNED
    highlight = report.findings.first()
    assert highlight is not None
    with pytest.raises(reviewing.NotNow):
        reviewing.judge(report, coach, "finding", highlight.pk, "rejected")
    actions = AuditEntry.objects.order_by("pk").values_list("action", flat=True)
    assert [one for one in actions if one.startswith("report.")] == [
        "report.returned",
        "report.shared",
        "report.signed_off",
    ]


def test_a_report_taken_back_meanwhile_cannot_be_signed_off(coach: User, report: Report) -> None:
    seen_before = Report.objects.get(pk=report.pk)
    reviewing.take_back(report)
    with pytest.raises(reviewing.NotNow, match="the teacher’s alone"):
        reviewing.sign_off(seen_before, coach)
    assert client(coach).post(url("decide", report), {"do": "sign"}).status_code == 404


def test_both_see_what_the_other_said_to_a_statement(coach: User, report: Report) -> None:
    rating = report.ratings.get(score=4.2)
    reviewing.judge(report, coach, "rating", rating.pk, "corrected", "5,5", "more than once")
    page = client(report.observation.teacher).get(report.get_absolute_url()).content.decode()
    assert "<strong>5.5</strong>" in page
    assert "(more than once)" in page
    assert "4.2" in page


def test_the_next_visit_is_planned_listed_and_done(coach: User, report: Report) -> None:
    person = client(coach)
    person.post(url("visit", report), {"due_on": "yesterday"})
    person.post(url("visit", report), {"due_on": "2020-01-01"})
    assert not Visit.objects.exists()
    due = timezone.localdate() + timedelta(days=14)
    person.post(url("visit", report), {"due_on": due.isoformat()})
    person.post(url("visit", report), {"due_on": (due + timedelta(days=1)).isoformat()})
    assert Visit.objects.get().due_on == due + timedelta(days=1)
    page = person.get(reverse("coach:review") + "?show=visits").content.decode()
    assert report.observation.title in page
    home = client(report.observation.teacher).get(reverse("coach:home")).content.decode()
    assert "means to visit you" in home
    person.post(url("visit", report), {"do": "done"})
    assert Visit.objects.get().done_at is not None


def test_a_coach_follows_a_teachers_shared_lessons_only(coach: User, report: Report) -> None:
    teacher = report.observation.teacher
    kept = make.report(make.observation(teacher, taught_on=date(2026, 9, 1)))
    where = reverse("coach:teacher_trends", args=[teacher.uuid])
    page = client(coach).get(where).content.decode()
    assert report.observation.title in page
    assert kept.observation.title not in page
    assert client(make.user()).get(where).status_code == 404
    reviewing.take_back(report)
    assert client(coach).get(where).status_code == 404


def test_a_goal_from_a_lesson_that_was_not_shared_stays_hidden(coach: User, report: Report) -> None:
    teacher = report.observation.teacher
    hidden = make.report(make.observation(teacher))
    goals.choose(hidden.suggestions.get(), teacher)
    shown = client(coach).get(report.get_absolute_url()).content.decode()
    followed = client(coach).get(reverse("coach:teacher_trends", args=[teacher.uuid])).content.decode()
    for page in (shown, followed):
        assert hidden.observation.title not in page
    assert "No open goal." in shown
    assert hidden.observation.title in client(teacher).get(report.get_absolute_url()).content.decode()


def test_four_teachers_are_too_few_for_a_figure_and_five_are_enough() -> None:
    for value in (0.3, 0.4, 0.5, 0.6):
        make.report(talk_ratio=value)
    make.report(make.observation(Report.objects.first().observation.teacher), talk_ratio=0.9)  # type: ignore[union-attr]
    found = aggregates.aggregates()
    assert found.figures == []
    assert "at least 5 teachers" in found.refusal
    make.report(talk_ratio=0.7)
    figure = next(row for row in aggregates.aggregates().figures if row.name == "talk_ratio")
    assert (figure.teachers, figure.median) == (5, 0.5)  # 0.3, 0.4, 0.5, 0.7 and one of 0.6 and 0.9


def test_one_teachers_hidden_lesson_cannot_be_had_by_subtracting_the_shared_ones() -> None:
    for value in (0.3, 0.4, 0.5, 0.6):
        make.report(status=Report.Status.SHARED, talk_ratio=value)
    make.report(talk_ratio=0.99)
    assert aggregates.aggregates().figures == []
    make.report(status=Report.Status.SHARED, talk_ratio=0.7)
    figure = next(row for row in aggregates.aggregates().figures if row.name == "talk_ratio")
    assert (figure.teachers, figure.median) == (5, 0.5)  # of the shared ones alone


def test_the_overview_takes_no_filter_and_names_nobody(coach: User) -> None:
    teachers = [make.user(name=f"Hidden Person {number}") for number in range(5)]
    for teacher in teachers:
        make.report(make.observation(teacher))
    page = client(coach).get(reverse("coach:overview")).content.decode()
    assert "Hidden Person" not in page
    assert "<form" not in page.split("<main")[1].split("</main")[0]
    narrowed = client(coach).get(reverse("coach:overview") + f"?teacher={teachers[0].pk}").content.decode()
    assert narrowed.split("<main")[1].split("</main")[0] == page.split("<main")[1].split("</main")[0]
    assert client(teachers[0]).get(reverse("coach:overview")).status_code == 404
