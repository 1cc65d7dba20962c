"""A report's page: who may read it, what stands on it, and what its teacher does with it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.test import Client
from django.urls import reverse

from coach import trends
from coach.models import Comment, Goal, Judgement, NameMap, Observation, Report
from courses.models import Role
from tests import make
from tutor.accounts.models import AuditEntry, User
from tutor.jobs import State

pytestmark = pytest.mark.django_db


@dataclass
class Cast:
    report: Report
    teacher: User
    coach: User
    other: User  # teaches too
    admin: User

    def url(self, name: str = "report") -> str:
        return reverse(f"coach:{name}", args=[self.report.observation.uuid])

    def client(self, person: User) -> Client:
        client = Client()
        client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
        return client

    def page(self, person: User) -> str:
        return self.client(person).get(self.url()).content.decode()

    def post(self, person: User, name: str, **data: Any) -> Any:
        return self.client(person).post(self.url(name), data, follow=True)

    def send(self, person: User, name: str, **data: Any) -> Any:
        """As the page's script does."""
        return self.client(person).post(
            self.url(name), data, content_type="application/json", headers={"Accept": "application/json"}
        )


@pytest.fixture
def cast() -> Cast:
    teacher = make.user(name="Nneka Okafor", may_create_courses=True)
    report = make.report(make.observation(teacher))
    other = make.user(may_create_courses=True)
    make.report(make.observation(other), talk_ratio=0.91)
    admin = make.user(is_superuser=True, is_staff=True)
    return Cast(report, teacher, make.user(is_coach=True, name="Cora"), other, admin)


def share(cast: Cast) -> None:
    cast.post(cast.teacher, "share", do="share")
    cast.report.refresh_from_db()


def test_a_report_is_its_teachers_until_it_is_shared(cast: Cast) -> None:
    def seen() -> dict[str, int]:
        people = {
            "teacher": cast.teacher,
            "coach": cast.coach,
            "admin": cast.admin,
            "other": cast.other,
            "stranger": make.user(),
        }
        return {who: cast.client(person).get(cast.url()).status_code for who, person in people.items()}

    nobody = {"other": 404, "stranger": 404}
    assert "Coaches then see all of it" in cast.page(cast.teacher)
    assert seen() == {"teacher": 200, "coach": 404, "admin": 404} | nobody
    share(cast)
    assert seen() == {"teacher": 200, "coach": 200, "admin": 200} | nobody
    cast.post(cast.teacher, "share", do="take_back")
    assert seen() == {"teacher": 200, "coach": 404, "admin": 404} | nobody
    assert list(AuditEntry.objects.filter(action__startswith="report.").values_list("action", flat=True)) == [
        "report.taken_back",
        "report.shared",
    ]
    assert Client().get(cast.url()).status_code == 302


@pytest.mark.parametrize("name", ["share", "goal", "score", "observation", "listen"])
def test_what_is_the_teachers_alone_is_refused_to_a_coach_even_when_shared(cast: Cast, name: str) -> None:
    share(cast)
    client = cast.client(cast.coach)
    answer = client.get(cast.url(name)) if name in ("observation", "listen") else client.post(cast.url(name))
    assert answer.status_code == 404


def test_the_page_quotes_its_evidence_word_for_word_and_says_where_no_number_is(cast: Cast) -> None:
    page = cast.page(cast.teacher)
    assert "One lesson says little about a teacher" in page
    assert 'data-line="3" data-quote="How do you know?"' in page
    assert 'id="line-3"' in page
    assert "Never calibrated." in page
    assert "probably between 3.1 and 5.3" in page
    assert "There are no times." in page  # why a measure has no value
    assert "speaks against it" in page
    assert "What makes you think so?" in page
    assert "No error was probed in this lesson." in page


def test_text_of_a_lesson_is_never_markup(cast: Cast) -> None:
    talk = (("Teacher", "<script>alert(1)</script> & “so”"), ("Student A", "Yes."))
    observation = make.observation(cast.teacher, talk=talk, title="<b>Bold</b>")
    report = Report.objects.create(observation=observation, state=State.DONE, revision=1)
    page = cast.client(cast.teacher).get(report.get_absolute_url()).content.decode()
    assert "<script>alert" not in page
    assert "&lt;b&gt;Bold" in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; “so”" in page


def test_measures_stand_before_ones_own_earlier_lessons_and_nobody_elses(cast: Cast) -> None:
    first = cast.report.observation.taught_on
    for days, value in ((30, 0.61), (20, 0.62), (10, 0.63)):
        lesson = make.observation(cast.teacher, taught_on=first - timedelta(days=days))
        make.report(lesson, talk_ratio=value)
    make.report(make.observation(cast.teacher, taught_on=first + timedelta(days=1)), talk_ratio=0.99)
    page = cast.page(cast.teacher).replace("\xa0", " ")
    assert "3 earlier lessons: median 62 %" in page
    assert "91 %" not in page  # another teacher's
    assert "99 %" not in page  # a later lesson


def test_a_coach_sees_only_the_history_that_was_shared(cast: Cast) -> None:
    first = cast.report.observation.taught_on
    kept = make.report(make.observation(cast.teacher, taught_on=first - timedelta(days=9)), talk_ratio=0.77)
    shared = make.report(
        make.observation(cast.teacher, taught_on=first - timedelta(days=8)), "shared", talk_ratio=0.44
    )
    assert list(trends.earlier(cast.report, cast.teacher)) == [kept, shared]
    assert list(trends.earlier(cast.report, cast.coach)) == [shared]
    share(cast)
    page = cast.page(cast.coach).replace("\xa0", " ")
    assert "44 %" in page
    assert "77 %" not in page


def test_a_kept_recording_plays_for_its_teacher_alone(cast: Cast) -> None:
    observation = cast.report.observation
    observation.file.save("lesson.mp3", ContentFile(b"ID3"), save=False)
    observation.keep_recording, observation.kind = True, "media"
    observation.save()
    share(cast)
    assert "<audio" in cast.page(cast.teacher)
    assert "<audio" not in cast.page(cast.coach)
    assert cast.client(cast.teacher).get(cast.url("listen")).status_code == 200


def test_the_menu_leads_to_coaching(cast: Cast) -> None:
    assert f'<a href="{reverse("coach:home")}">Coaching</a>' in cast.page(cast.teacher)


def test_a_statement_is_accepted_without_a_reload_and_taken_back(cast: Cast) -> None:
    highlight = cast.report.findings.get(kind="highlight")
    answer = cast.send(cast.teacher, "judge", kind="finding", pk=highlight.pk, verdict="accepted")
    assert 'aria-pressed="true"' in answer.json()["html"]
    assert Judgement.objects.get().person == cast.teacher
    cast.send(cast.teacher, "judge", kind="finding", pk=highlight.pk, verdict="")
    assert not Judgement.objects.exists()


def test_a_correction_is_kept_beside_what_it_corrects(cast: Cast) -> None:
    suggestion = cast.report.suggestions.get()
    words = "What did you compare?"
    page = cast.post(
        cast.teacher,
        "judge",
        kind="suggestion",
        pk=suggestion.pk,
        verdict="corrected",
        value=words,
        note="kinder",
    ).content.decode()
    assert words in page
    assert "What makes you think so?" in page
    assert "(kinder)" in page
    assert Judgement.objects.get().value == words


@pytest.mark.parametrize(
    ("kind", "verdict", "value", "words"),
    [
        ("rating", "corrected", "9", "from 1 to 7"),
        ("rating", "corrected", "nan", "from 1 to 7"),
        ("rating", "corrected", "", "from 1 to 7"),
        ("finding", "corrected", "  ", "how it should read"),
        ("finding", "loved", "", "Accept it"),
        ("measure", "accepted", "", "Say what is judged"),
    ],
)
def test_a_correction_that_says_nothing_is_refused_in_words(
    cast: Cast, kind: str, verdict: str, value: str, words: str
) -> None:
    row = cast.report.ratings.first() if kind == "rating" else cast.report.findings.first()
    assert row is not None
    answer = cast.send(cast.teacher, "judge", kind=kind, pk=row.pk, verdict=verdict, value=value)
    assert answer.status_code == 400
    assert words in answer.json()["error"]
    assert not Judgement.objects.exists()


def test_a_statement_of_another_report_cannot_be_judged_through_ones_own(cast: Cast) -> None:
    theirs = Report.objects.get(observation__teacher=cast.other).findings.first()
    assert theirs is not None
    answer = cast.send(cast.teacher, "judge", kind="finding", pk=theirs.pk, verdict="accepted")
    assert answer.status_code == 400
    assert not Judgement.objects.exists()


def test_a_suggestion_becomes_a_goal_that_the_next_report_follows_up(cast: Cast) -> None:
    suggestion = cast.report.suggestions.get()
    page = cast.post(cast.teacher, "goal", suggestion=suggestion.pk).content.decode()
    assert "Your goal" in page
    assert "No lesson since" in page
    goal = Goal.objects.get()
    assert (goal.move, goal.baseline) == ("error_probing", 0.0)
    later = make.report(
        make.observation(cast.teacher, taught_on=cast.report.observation.taught_on + timedelta(days=7))
    )
    page = cast.client(cast.teacher).get(later.get_absolute_url()).content.decode()
    assert "when it was chosen" in page
    assert "19 Nov 2026" in page
    cast.post(cast.teacher, "goal", do="close", goal=goal.pk)
    goal.refresh_from_db()
    assert goal.closed_at is not None


def test_a_third_goal_has_to_wait(cast: Cast) -> None:
    for move in ("uptake", "revoicing"):
        Goal.objects.create(teacher=cast.teacher, move=move, words=move)
    answer = cast.send(cast.teacher, "goal", suggestion=cast.report.suggestions.get().pk)
    assert "Close one first" in answer.json()["error"]
    assert Goal.objects.count() == 2


def test_names_leave_what_people_write_too(cast: Cast) -> None:
    names = NameMap(observation=cast.report.observation)
    names.names = {"Will": "Student A", "Ms. Okafor": "Teacher"}
    names.save()
    cast.post(cast.teacher, "comment", text="I think Will was right, and he will be.", line="4")
    comment = Comment.objects.get()
    assert (comment.line, comment.text) == (4, "I think Student A was right, and he will be.")
    answer = cast.post(cast.teacher, "comment", text="Where?", line="400").content.decode()
    assert "There is no line 400" in answer


def test_a_running_report_shows_its_stage_and_a_failed_one_can_be_retried(cast: Cast) -> None:
    report = Report.objects.create(observation=make.observation(cast.teacher), state=State.RUNNING)
    report.advance("rate", 0.4)
    client = cast.client(cast.teacher)
    page = client.get(report.get_absolute_url()).content.decode()
    assert '<li data-state="current">Rate</li>' in page
    url = reverse("coach:report_state", args=[report.observation.uuid])
    assert client.get(url).json() == {"working": True, "progress": 0.4, "stage": "Rate"}
    report.fail("The lesson is too long.")
    assert "The lesson is too long." in client.get(report.get_absolute_url()).content.decode()
    client.post(reverse("coach:score", args=[report.observation.uuid]))
    report.refresh_from_db()
    assert report.state == State.QUEUED


def test_an_edited_transcript_asks_to_be_scored_again(cast: Cast) -> None:
    assert "was edited after it was scored" not in cast.page(cast.teacher)
    Observation.objects.filter(pk=cast.report.observation_id).update(revision=2)
    assert "was edited after it was scored" in cast.page(cast.teacher)


def test_the_lessons_page_shows_where_each_stands(cast: Cast) -> None:
    client = cast.client(cast.teacher)
    page = client.get(reverse("coach:home")).content.decode()
    assert cast.report.observation.title in page
    assert "Private" in page
    assert "Lesson of" not in page
    empty = cast.client(make.user()).get(reverse("coach:home")).content.decode()
    assert "No lesson yet" in empty


def test_trends_say_nothing_before_three_lessons(cast: Cast) -> None:
    client = cast.client(cast.teacher)
    make.report(make.observation(cast.teacher, taught_on=date(2026, 10, 1)), talk_ratio=0.3)
    page = client.get(reverse("coach:trends")).content.decode()
    assert "Too few lessons" in page
    assert "<circle" not in page
    make.report(make.observation(cast.teacher, taught_on=date(2026, 10, 8)), talk_ratio=0.4)
    page = client.get(reverse("coach:trends")).content.decode().replace("\xa0", " ")
    assert "40 % <span" in page  # the median of 30, 40 and 50
    assert "median of 3 lessons" in page
    assert "Press for reasoning" in page  # a move that was counted


def test_coaching_stands_in_the_menu_of_those_it_is_for() -> None:
    def in_menu(person: User) -> bool:
        client = Client()
        client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
        page = client.get(reverse("accounts:profile")).content.decode()
        return f'href="{reverse("coach:home")}"' in page

    course = make.course()
    for student in (make.enrol(course), make.user()):
        assert not in_menu(student)
    observed, bringer = make.user(), make.user()
    make.observation(observed, brought_by=bringer)
    for person in (
        make.enrol(course, role=Role.INSTRUCTOR),
        make.user(may_create_courses=True),
        make.user(is_coach=True),
        make.user(is_superuser=True),
        observed,
        bringer,
    ):
        assert in_menu(person)


def test_the_page_says_which_classifiers_and_model_stood_behind_the_report(cast: Cast) -> None:
    cast.report.made_with = {
        "classifiers": {"teacher_moves": "trained here, number 7", "uptake": "comes with Lyceum"},
        "endpoint": None,
    }
    cast.report.save()
    page = cast.page(cast.teacher)
    assert (
        "<dt>Classifiers</dt><dd>teacher moves: trained here, number 7; uptake: comes with Lyceum</dd>"
        in page
    )


def test_a_coach_reads_whom_the_report_speaks_to(cast: Cast) -> None:
    assert "“you” is" not in cast.page(cast.teacher)
    assert "You could say" in cast.page(cast.teacher)
    share(cast)
    page = cast.page(cast.coach)
    assert "It was written to the teacher: “you” is Nneka Okafor." in page
    assert "The teacher could say" in page
    assert "You could say" not in page


def test_who_brought_a_lesson_leaves_it_to_its_teacher_once_it_is_shared(cast: Cast) -> None:
    observation = cast.report.observation
    Observation.objects.filter(pk=observation.pk).update(brought_by=cast.coach)
    line = observation.utterances.first()
    assert line is not None
    write = {"act": "write", "revision": observation.revision, "line": line.pk, "text": "Say why."}
    speakers = {f"voice-{observation.speakers.get(label='Teacher').pk}": "student"}

    def refused(person: User) -> None:
        before = list(observation.utterances.values_list("text", "speaker__voice"))
        assert cast.send(person, "correct", **(write | {"act": "drop"})).status_code == 422
        cast.post(person, "score")
        cast.post(person, "speakers", **speakers)
        report = Report.objects.get(pk=cast.report.pk)
        assert (report.state, report.revision) == (State.DONE, cast.report.revision)
        assert list(observation.utterances.values_list("text", "speaker__voice")) == before

    Report.objects.filter(pk=cast.report.pk).update(status=Report.Status.SHARED)
    refused(cast.coach)
    assert cast.send(cast.coach, "correct", **write).status_code == 422
    page = cast.client(cast.coach).get(cast.url("observation")).content.decode()
    assert "only its teacher corrects the transcript" in page
    assert cast.url("score") not in page
    Report.objects.filter(pk=cast.report.pk).update(status=Report.Status.SIGNED)
    refused(cast.coach)
    refused(cast.teacher)
    assert cast.send(cast.teacher, "correct", **write).status_code == 200  # a name that was overlooked


def test_a_shared_report_that_is_scored_again_is_its_teachers_first(cast: Cast) -> None:
    cast.post(cast.teacher, "share", do="share")
    said = cast.post(cast.teacher, "score").content.decode()
    assert "yours alone until you share it again" in said
    report = Report.objects.get(pk=cast.report.pk)
    assert (report.status, report.shared_at) == (Report.Status.PRIVATE, None)
    assert cast.client(cast.coach).get(cast.url()).status_code == 404
    assert AuditEntry.objects.filter(action="report.taken_back").exists()


def test_a_comment_is_deleted_by_who_wrote_it_and_by_nobody_else(cast: Cast) -> None:
    cast.post(cast.teacher, "share", do="share")
    cast.post(cast.coach, "comment", text="Look at line three.")
    comment = Comment.objects.get()
    refused = cast.send(cast.teacher, "comment", do="delete", comment=comment.pk)
    assert refused.status_code == 400
    assert 'value="delete"' not in cast.page(cast.teacher)
    assert 'value="delete"' in cast.page(cast.coach)
    assert cast.post(cast.coach, "comment", do="delete", comment=comment.pk).status_code == 200
    assert not Comment.objects.exists()
