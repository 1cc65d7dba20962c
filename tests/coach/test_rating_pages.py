"""Pages for coaches: instruments, calibration, and rating a lesson in pairs without seeing each other."""

from __future__ import annotations

import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from coach import double_rating
from coach.instruments import find, install
from coach.models import (
    Calibration,
    Evidence,
    HumanRating,
    Instrument,
    Judgement,
    Observation,
    Rating,
    RatingTask,
    Report,
)
from coach.rated_lessons import rated_on_site
from tests import make
from tests.coach.talking import lesson
from tests.coach.test_instruments import OWN
from tutor.accounts.models import AuditEntry, User

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def instruments() -> None:
    install()


@pytest.fixture
def coaches() -> tuple[User, User]:
    return make.user(is_coach=True, name="Cora"), make.user(is_coach=True, name="Ben")


@pytest.fixture
def shared() -> Observation:
    """A lesson of eight minutes, scored and shared."""
    talk = tuple((one.speaker, one.text) for one in lesson(3, openness=0.6, exchanges=40).transcript)
    observation = make.observation(talk=talk)
    Report.objects.create(observation=observation, state="done", status="shared", revision=1)
    return observation


def signed_in(person: User) -> Client:
    client = Client()
    client.force_login(person)
    return client


def toml(text: str) -> SimpleUploadedFile:
    return SimpleUploadedFile("own.toml", text.encode())


# Instruments


def test_an_instrument_is_shown_with_what_to_look_for_and_what_no_transcript_shows(
    coaches: tuple[User, User],
) -> None:
    client = signed_in(coaches[0])
    page = client.get("/coach/instruments/").content.decode()
    assert "CLASS-informed" in page
    assert "MQI-informed" in page
    page = client.get("/coach/instruments/mqi-informed/").content.decode()
    assert "Remediation of student errors" in page
    assert "Not in a transcript" in page
    assert "No number" in page
    assert "less is better" in page


def test_an_own_instrument_is_brought_and_its_versions_stay(coaches: tuple[User, User]) -> None:
    client = signed_in(coaches[0])
    response = client.post("/coach/instruments/", {"file": toml(OWN)}, follow=True)
    assert "Our talk v1 is in use from now on." in response.content.decode()
    client.post("/coach/instruments/", {"file": toml(OWN.replace("high = 4", "high = 5"))})
    page = client.get("/coach/instruments/our-talk/?version=1").content.decode()
    assert "Version 2" in page
    assert "Use this version" in page
    source = client.get("/coach/instruments/our-talk/source/?version=1")
    assert source.content.decode() == OWN
    client.post("/coach/instruments/our-talk/use/", {"version": "1"})
    assert find("our-talk").version == 1


def test_a_broken_instrument_is_refused_with_its_line_and_nothing_is_kept(coaches: tuple[User, User]) -> None:
    response = signed_in(coaches[0]).post(
        "/coach/instruments/", {"file": toml(OWN.replace("low = 1", "low = 1.5"))}
    )
    assert response.status_code == 400
    assert "Line 7, the scale, key low" in response.content.decode()
    assert not Instrument.objects.filter(name="our-talk").exists()
    assert signed_in(coaches[0]).post("/coach/instruments/").status_code == 400


@pytest.mark.parametrize("address", ["instruments/", "instruments/mqi-informed/", "calibration/", "rating/"])
def test_teachers_do_not_see_the_coaches_pages(address: str, shared: Observation) -> None:
    assert signed_in(shared.teacher).get(f"/coach/{address}").status_code == 404


# Rating on screen


def ask(
    client: Client, observation: Observation, people: tuple[User, User], name: str = "class-informed"
) -> list[RatingTask]:
    response = client.post(
        "/coach/rating/",
        {
            "observation": observation.pk,
            "instrument": find(name).pk,
            "first": people[0].pk,
            "second": people[1].pk,
        },
    )
    assert response.status_code == 302, response.content.decode()
    return list(RatingTask.objects.order_by("pk"))


def fill(client: Client, task: RatingTask, score: str) -> None:
    """Go through the sheet as the pages lead, giving the same score everywhere."""
    names = [one.name for one in task.instrument.dimensions.all()]
    for part in double_rating.sheet(task).parts:
        given = {"part": part.span.number, **dict.fromkeys(names, score)}
        assert client.post(f"/coach/rating/{task.pk}/", given).status_code == 302
    assert client.post(f"/coach/rating/{task.pk}/finish/").status_code == 302


def test_two_coaches_rate_a_shared_lesson_and_see_each_other_only_when_both_are_done(
    shared: Observation, coaches: tuple[User, User]
) -> None:
    first, second = signed_in(coaches[0]), signed_in(coaches[1])
    one, other = ask(first, shared, coaches)
    page = first.get(f"/coach/rating/{one.pk}/").content.decode()
    assert "Positive climate" in page
    assert shared.transcript()[1].text in page
    fill(first, one, "6")
    for client in (first, second):
        page = client.get(f"/coach/rating/{one.pk}/both/").content.decode()
        assert "Not both are done" in page
        assert "Positive climate" not in page
    sheet = second.get(f"/coach/rating/{other.pk}/").content.decode()
    assert "checked" not in sheet
    fill(second, other, "4")
    page = first.get(f"/coach/rating/{other.pk}/both/").content.decode()
    assert "Not both are done" not in page
    assert "talk about it" in page
    assert re.search(r">6</td>\s*<td class=\"num\">4</td>", page)
    assert {row.score for row in HumanRating.objects.filter(rater=one.label)} == {6.0}


def test_who_rates_blind_is_not_shown_the_machines_ratings(
    shared: Observation, coaches: tuple[User, User]
) -> None:
    dimension = find("class-informed").dimensions.get(name="thinking")
    rating = Rating.objects.create(
        report=shared.report, dimension=dimension, first_line=1, last_line=9, score=5.25, low=4.5, high=6.5
    )
    Evidence.objects.create(rating=rating, line=1, quote=shared.transcript()[1].text)
    client = signed_in(coaches[0])
    assert "Demand on thinking" in client.get(shared.report.get_absolute_url()).content.decode()
    one, other = ask(client, shared, coaches)
    assert RatingTask.objects.blind(coaches[0], shared)
    assert not RatingTask.objects.blind(make.user(is_coach=True), shared)
    assert (
        "Demand on thinking" not in client.get(shared.report.get_absolute_url(), follow=True).content.decode()
    )
    fill(client, one, "3")
    assert RatingTask.objects.blind(coaches[0], shared)  # the other is still at it
    fill(signed_in(coaches[1]), other, "3")
    assert not RatingTask.objects.blind(coaches[0], shared)


def test_a_sheet_cannot_be_handed_in_before_everything_is_rated_nor_changed_afterwards(
    shared: Observation, coaches: tuple[User, User]
) -> None:
    client = signed_in(coaches[0])
    task, _ = ask(client, shared, coaches)
    response = client.post(f"/coach/rating/{task.pk}/finish/", follow=True)
    assert "something is open in part 1" in response.content.decode()
    assert client.post(f"/coach/rating/{task.pk}/", {"part": "1", "thinking": "4"}).status_code == 302
    assert rated_on_site(task.instrument) == ([], {})  # nothing is learnt from what is not handed in
    fill(client, task, "none")
    assert {row.score for row in HumanRating.objects.all()} == {None}
    assert rated_on_site(task.instrument)[0]
    with pytest.raises(double_rating.CannotRate, match="stays as it is"):
        double_rating.record(RatingTask.objects.get(pk=task.pk), 1, {"thinking": "7"})


@pytest.mark.parametrize("score", ["0", "8", "3.5", "many"])
def test_a_score_that_is_not_on_the_scale_is_refused(
    shared: Observation, coaches: tuple[User, User], score: str
) -> None:
    client = signed_in(coaches[0])
    task, _ = ask(client, shared, coaches)
    response = client.post(f"/coach/rating/{task.pk}/", {"part": "1", "thinking": score})
    assert response.status_code == 400
    assert "choose a point from 1 to 7" in response.content.decode()
    assert not HumanRating.objects.exists()


def test_a_task_is_its_raters_alone_and_only_while_the_lesson_is_shared(
    shared: Observation, coaches: tuple[User, User]
) -> None:
    client = signed_in(coaches[0])
    task, _ = ask(client, shared, coaches)
    assert signed_in(coaches[1]).get(f"/coach/rating/{task.pk}/").status_code == 404
    assert (
        signed_in(make.user(is_coach=True)).post(f"/coach/rating/{task.pk}/", {"thinking": "3"}).status_code
        == 404
    )
    Report.objects.update(status=Report.Status.PRIVATE)
    assert client.get(f"/coach/rating/{task.pk}/").status_code == 404
    assert client.get(f"/coach/rating/{task.pk}/both/").status_code == 404


def test_the_audit_log_says_which_lesson_was_rated_and_not_what_it_is_called(
    shared: Observation, coaches: tuple[User, User]
) -> None:
    client = signed_in(coaches[0])
    task, _ = ask(client, shared, coaches)
    fill(client, task, "4")
    entries = AuditEntry.objects.filter(action__startswith="rating.")
    assert {entry.action for entry in entries} == {"rating.assigned", "rating.finished"}
    assert {entry.target for entry in entries} == {f"observation {shared.uuid}"}


def test_only_two_different_coaches_can_be_asked_for_a_shared_lesson(
    shared: Observation, coaches: tuple[User, User]
) -> None:
    instrument = find("class-informed")
    with pytest.raises(double_rating.CannotRate, match="two different people"):
        double_rating.assign(shared, instrument, [coaches[0], coaches[0]])
    with pytest.raises(double_rating.CannotRate, match="may not read this lesson"):
        double_rating.assign(shared, instrument, [coaches[0], make.user()])
    with pytest.raises(double_rating.CannotRate, match="taught this lesson"):
        double_rating.assign(shared, instrument, [coaches[0], shared.teacher])
    double_rating.assign(shared, instrument, coaches)
    with pytest.raises(double_rating.CannotRate, match="Two other people"):
        double_rating.assign(shared, instrument, [coaches[0], make.user(is_coach=True)])
    assert RatingTask.objects.count() == 2


# What calibration learns from


def test_corrections_of_reviewers_count_as_ratings_and_those_of_the_teacher_do_not(
    shared: Observation, coaches: tuple[User, User]
) -> None:
    instrument = find("class-informed")
    rating = Rating.objects.create(
        report=shared.report,
        dimension=instrument.dimensions.get(name="thinking"),
        first_line=1,
        last_line=len(shared.transcript()),
        score=5.0,
    )
    for person, value in ((coaches[0], 3.0), (shared.teacher, 7.0)):
        Judgement.objects.create(
            person=person, rating=rating, verdict=Judgement.Verdict.CORRECTED, value=value
        )
    scores, observations = rated_on_site(instrument)
    assert [(one.dimension, one.segment, one.score) for one in scores] == [("thinking", 1, 3.0)]
    assert list(observations.values()) == [shared]
    Report.objects.update(status=Report.Status.PRIVATE)
    assert rated_on_site(instrument) == ([], {})


def start(client: Client, **fields: object) -> str:
    """Ask for a calibration by the page, and return what it says."""
    data = {"instrument": find("class-informed").pk, **fields}
    return client.post("/coach/calibration/", data, follow=True).content.decode()


def csv(text: str) -> SimpleUploadedFile:
    return SimpleUploadedFile("ratings.csv", text.encode())


def test_a_calibration_needs_ratings_and_the_lessons_they_speak_of(
    shared: Observation, coaches: tuple[User, User]
) -> None:
    client = signed_in(coaches[0])
    assert "Nobody has rated anything" in start(client)
    assert "No column says which lesson was rated" in start(client, ratings=csv("a,b\n1,2\n"))
    assert "not on this site, such as “lesson 1”" in start(
        client, ratings=csv("lesson,thinking\nlesson 1,4\n")
    )
    assert "Write one a line" in start(client, ratings=csv("a,thinking\nx,4\n"), columns="lesson")
    assert not Calibration.objects.exists()
    assert not HumanRating.objects.exists()


def test_ratings_of_lessons_of_this_site_are_kept_once_and_queue_a_calibration(
    shared: Observation, coaches: tuple[User, User]
) -> None:
    client = signed_in(coaches[0])
    table = f"who,where,thinking\nJane Doe,{shared.uuid},4\nR2,{shared.uuid},5\n"
    page = start(client, ratings=csv(table), columns="lesson=where\nrater=who")
    assert "Calibrating" in page
    calibration = Calibration.objects.get()
    assert calibration.state == "queued"
    assert {(row.observation, row.segment, row.score) for row in HumanRating.objects.all()} == {
        (shared, 0, 4.0), (shared, 0, 5.0),
    }  # fmt: skip
    assert not HumanRating.objects.filter(rater__icontains="jane").exists()
    assert "is being calibrated now" in start(client)
    Calibration.objects.update(state="done")
    start(client, ratings=csv(table.replace(",4\n", ",6\n")), columns="lesson=where\nrater=who")
    assert sorted(row.score or 0 for row in HumanRating.objects.all()) == [5.0, 6.0]


def test_a_calibration_that_nothing_can_be_trusted_of_cannot_be_used(coaches: tuple[User, User]) -> None:
    client = signed_in(coaches[0])
    row = Calibration.objects.create(
        instrument=find("class-informed"), state="done", models_by_dimension={"thinking": {"trusted": False}}
    )
    response = client.post(f"/coach/calibration/{row.pk}/use/", {"use": "yes"}, follow=True)
    assert "No dimension of this calibration agrees with people well enough" in response.content.decode()
    row.models_by_dimension = {"thinking": {"trusted": True}}
    row.save()
    before = Calibration.objects.create(instrument=row.instrument, state="done", active=True)
    client.post(f"/coach/calibration/{row.pk}/use/", {"use": "yes"})
    assert list(Calibration.objects.filter(active=True)) == [row]
    client.post(f"/coach/calibration/{row.pk}/use/", {"use": "no"})
    assert not Calibration.objects.filter(active=True).exists()
    assert not Calibration.objects.get(pk=before.pk).active
