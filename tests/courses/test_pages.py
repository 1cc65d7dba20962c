"""People, invitations, and the pages of material as they are used."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from courses.models import Course, Enrolment, Invitation, Role
from courses.views.people import accept
from tests import make
from tests.courses.conftest import Cast
from tutor.jobs import State


def enrolment(course: Course, user: Any) -> Enrolment:
    return Enrolment.objects.get(course=course, user=user)


class TestList:
    def test_people_by_role_in_pages(self, cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
        for _ in range(5):
            make.enrol(cast.course)
        monkeypatch.setattr("courses.views.people.A_PAGE", 4)
        client = cast.client("instructor")
        url = reverse("courses:people", args=["signals"])
        groups = client.get(url).context["groups"]
        assert [(label, count, len(places)) for label, count, places in groups] == [
            ("Instructor", 1, 1), ("Staff", 1, 1), ("Student", 6, 2),
        ]  # fmt: skip
        more = client.get(f"{url}?page=2").context["groups"]
        assert [len(places) for _, _, places in more] == [0, 0, 4]
        (found,) = [
            places for _, _, places in client.get(f"{url}?q={cast.student.email}").context["groups"] if places
        ]
        assert [place.user for place in found] == [cast.student]


class TestRoles:
    def test_an_instructor_changes_roles(self, cast: Cast) -> None:
        place = enrolment(cast.course, cast.student)
        url = reverse("courses:change_role", args=["signals", place.pk])
        assert cast.client("staff").post(url, {"role": "staff"}).status_code == 404
        cast.client("instructor").post(url, {"role": "staff"})
        assert cast.course.role_of(cast.student) == Role.STAFF
        assert cast.client("instructor").post(url, {"role": "owner"}).status_code == 404

    @pytest.mark.parametrize("name", ["change_role", "remove"])
    def test_the_last_instructor_stays(self, cast: Cast, name: str) -> None:
        place = enrolment(cast.course, cast.instructor)
        page = cast.client("admin").post(
            reverse(f"courses:{name}", args=["signals", place.pk]), {"role": "student"}, follow=True
        )
        assert "A course needs an instructor" in page.content.decode()
        assert cast.course.role_of(cast.instructor) == Role.INSTRUCTOR

    def test_somebody_is_taken_out(self, cast: Cast) -> None:
        place = enrolment(cast.course, cast.student)
        cast.client("instructor").post(reverse("courses:remove", args=["signals", place.pk]))
        assert cast.course.role_of(cast.student) == ""

    def test_enrolments_of_other_courses_are_out_of_reach(self, cast: Cast) -> None:
        place = enrolment(cast.other, cast.stranger)
        url = reverse("courses:remove", args=["signals", place.pk])
        assert cast.client("instructor").post(url).status_code == 404


class TestInvitations:
    def make_link(self, cast: Cast, **fields: str) -> Invitation:
        cast.client("instructor").post(
            reverse("courses:invite", args=["signals"]), {"role": "student", "days": "30", **fields}
        )
        return Invitation.objects.latest("pk")

    def join(self, cast: Cast, invitation: Invitation, who: str = "outsider", method: str = "post") -> Any:
        return getattr(cast.client(who), method)(reverse("courses:join", args=[invitation.token]))

    def test_a_link_lets_people_in(self, cast: Cast) -> None:
        link = self.make_link(cast)
        assert link.expires
        page = self.join(cast, link, method="get")
        assert "Signals" in page.content.decode()
        assert cast.course.role_of(cast.outsider) == ""  # opening it does nothing yet
        assert self.join(cast, link)["Location"] == "/c/signals/"
        assert cast.course.role_of(cast.outsider) == Role.STUDENT
        link.refresh_from_db()
        assert link.uses == 1

    def test_joining_again_keeps_the_role_and_the_count(self, cast: Cast) -> None:
        link = self.make_link(cast)
        self.join(cast, link, "staff")
        assert cast.course.role_of(cast.staff) == Role.STAFF
        link.refresh_from_db()
        assert link.uses == 0

    def test_a_link_to_teach_is_for_one_person_unless_said_otherwise(self, cast: Cast) -> None:
        assert self.make_link(cast, role="staff").max_uses == 1
        assert self.make_link(cast, role="staff", max_uses="3").max_uses == 3

    @pytest.mark.parametrize(
        ("fields", "words"),
        [
            ({"revoked": True}, "withdrawn"),
            ({"expires": timezone.now() - timedelta(minutes=1)}, "expired"),
            ({"max_uses": 2, "uses": 2}, "used up"),
            ({"email": "somebody@example.org"}, "This link is for somebody@example.org"),
        ],
    )
    def test_what_a_useless_link_says(self, cast: Cast, fields: dict[str, Any], words: str) -> None:
        link = Invitation.objects.create(course=cast.course, **fields)
        for method in ("get", "post"):
            page = self.join(cast, link, method=method)
            assert page.status_code == 410
            assert words in page.content.decode()
        assert cast.course.role_of(cast.outsider) == ""

    def test_an_archived_course_takes_nobody_in(self, cast: Cast) -> None:
        link = Invitation.objects.create(course=cast.course)
        Course.objects.filter(pk=cast.course.pk).update(archived=True)
        assert self.join(cast, link).status_code == 410

    def test_a_personal_link_lets_its_person_in(self, cast: Cast) -> None:
        link = Invitation.objects.create(
            course=cast.course, email=cast.outsider.email, role=Role.STAFF, max_uses=1, name="Olga O."
        )
        self.join(cast, link)
        assert cast.course.role_of(cast.outsider) == Role.STAFF

    def test_revoking(self, cast: Cast) -> None:
        link = self.make_link(cast)
        url = reverse("courses:revoke", args=["signals", link.pk])
        assert cast.client("staff").post(url).status_code == 404
        cast.client("instructor").post(url)
        assert self.join(cast, link).status_code == 410

    def test_all_personal_links_in_one_file(self, cast: Cast) -> None:
        link = Invitation.objects.create(
            course=cast.course, email="zoe@example.org", name="=cmd|' /C calc'!A0", max_uses=1
        )
        Invitation.objects.create(course=cast.course, email="gone@example.org", revoked=True)
        url = reverse("courses:invited", args=["signals"])
        assert cast.client("staff").get(url).status_code == 404
        text = cast.client("instructor").get(url).content.decode("utf-8-sig")
        assert text.splitlines() == [
            "email,name,role,link",
            f"zoe@example.org,'=cmd|' /C calc'!A0,student,http://testserver/join/{link.token}/",
        ]

    def test_guessing_is_limited(self, cast: Cast) -> None:
        client = cast.client("anonymous")
        answers = [
            client.get(reverse("courses:join", args=[f"guess-{number}"])).status_code for number in range(32)
        ]
        assert answers[0] == 404
        assert answers[-1] == 429

    def test_staff_see_no_links(self, cast: Cast) -> None:
        link = self.make_link(cast, role="instructor")
        assert (
            link.token
            not in cast.client("staff").get(reverse("courses:people", args=["signals"])).content.decode()
        )


@pytest.mark.django_db(transaction=True)
def test_the_last_use_of_a_link_goes_to_one_person() -> None:
    course = make.course()
    link = Invitation.objects.create(course=course, max_uses=1)
    people = [make.user() for _ in range(4)]
    gate = threading.Barrier(len(people))
    let_in: list[bool] = []

    def press(user: Any) -> None:
        gate.wait()
        try:
            let_in.append(accept(Invitation.objects.get(pk=link.pk), user))
        finally:
            connection.close()

    threads = [threading.Thread(target=press, args=[user]) for user in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(let_in) == [False, False, False, True]
    assert course.enrolments.count() == 1


class TestSigningUpByLink:
    def sign_up(self, client: Client, token: str) -> Any:
        client.get(reverse("courses:join", args=[token]))
        here = reverse("courses:join", args=[token])
        fields = {
            "email": "new@example.org",
            "name": "Nina",
            "password1": make.PASSWORD,
            "password2": make.PASSWORD,
            "next": here,
        }
        return client.post(reverse("account_signup"), fields)

    def test_from_link_to_course(self, cast: Cast) -> None:
        link = Invitation.objects.create(course=cast.course)
        client = Client()
        assert self.sign_up(client, link.token)["Location"] == reverse("courses:join", args=[link.token])
        client.post(reverse("courses:join", args=[link.token]))
        place = cast.course.enrolments.get(user__email="new@example.org")
        assert (place.user.name, place.role) == ("Nina", Role.STUDENT)

    def test_without_a_link_one_cannot_sign_up(self, cast: Cast) -> None:
        page = Client().get(reverse("account_signup"))
        assert "By invitation" in page.content.decode()

    def test_nor_with_a_useless_one(self, cast: Cast) -> None:
        link = Invitation.objects.create(course=cast.course, revoked=True)
        client = Client()
        self.sign_up(client, link.token)
        assert not cast.course.enrolments.filter(user__email="new@example.org").exists()
        assert "By invitation" in client.get(reverse("account_signup")).content.decode()


class TestMaterialPages:
    def test_status_tells_of_every_row_in_one_request(self, cast: Cast) -> None:
        running = make.material(
            cast.course, "", state=State.RUNNING, stage="embed", progress=0.5, eta_seconds=200
        )
        done = make.material(cast.course, "done")
        data = cast.client("staff").get(reverse("courses:status", args=["signals"])).json()
        (row,) = data["rows"]
        assert row["uuid"] == str(running.uuid)
        assert [stage["state"] for stage in row["stages"]] == ["done", "done", "current", "todo"]
        assert row["time_left"] == "about 3 min left"
        assert data["settled"] == {str(done.uuid): "done"}

    def test_a_recording_says_up_to_where_it_can_be_searched(self, cast: Cast) -> None:
        recording = make.material(cast.course, "", kind="media", state=State.RUNNING)
        make.passage(recording, "so far", anchor={"start_ms": 60_000, "end_ms": 95_000})
        data = cast.client("staff").get(reverse("courses:status", args=["signals"])).json()
        assert data["rows"][0]["so_far"] == "searchable up to 1:35"

    def test_a_failure_is_shown_in_its_own_words(self, cast: Cast) -> None:
        make.material(
            cast.course, "", state=State.FAILED, error="This PDF is encrypted. Remove its password."
        )
        page = cast.client("staff").get(reverse("courses:materials", args=["signals"])).content.decode()
        assert "This PDF is encrypted. Remove its password." in page
        assert "Retry" in page

    def test_the_page_says_what_no_model_described(self, cast: Cast) -> None:
        make.material(cast.course, "x", meta={"figures": 5, "figures_described": 2})
        page = cast.client("staff").get(reverse("courses:materials", args=["signals"])).content.decode()
        assert "3 figures could not be described" in page

    def test_passages_and_propositions_are_listed(self, cast: Cast) -> None:
        material = make.material(cast.course, "The mean of n readings.")
        passage = make.passage(material, "The mean of n readings.", anchor={"page": 3})
        passage.propositions.create(ordinal=0, text="There are n readings.", start=0, end=5)
        page = cast.client("staff").get(material.get_absolute_url()).content.decode()
        assert "p. 3" in page
        assert "There are n readings." in page
        assert f"?p={passage.pk}" in page

    def test_editing_keeps_versions_alike(self, cast: Cast) -> None:
        old = make.material(cast.course, "old", superseded=True)
        new = make.material(cast.course, "new", replaces=old, version=2)
        url = reverse("courses:edit", args=["signals", new.uuid])
        cast.client("staff").post(
            url, {"title": "New name", "release_at": "2030-01-01T08:00", "hidden": "on"}
        )
        new.refresh_from_db()
        old.refresh_from_db()
        assert new.title == "New name"
        assert old.hidden
        eight = datetime(2030, 1, 1, 8, tzinfo=timezone.get_current_timezone())
        assert old.release_at == new.release_at == eight

    def test_a_nameless_material_is_refused(self, cast: Cast) -> None:
        material = make.material(cast.course, "x", title="Keep")
        page = cast.client("staff").post(
            reverse("courses:edit", args=["signals", material.uuid]), {"title": " "}
        )
        assert page.status_code == 200
        material.refresh_from_db()
        assert material.title == "Keep"


@pytest.mark.model
class TestTranscript:
    @pytest.fixture
    def recording(self, cast: Cast) -> Any:
        material = make.material(cast.course, "the meen of n readings falls", kind="vtt")
        material.extract.blocks = [
            {
                "kind": "cue",
                "start": 0,
                "end": 28,
                "anchor": {"start_ms": 0, "end_ms": 4000},
                "level": 0,
                "data": {},
            }
        ]
        material.extract.save()
        make.passage(
            material, "the meen of n readings falls", kind="speech", anchor={"start_ms": 0, "end_ms": 4000}
        )
        return material

    def edit(self, cast: Cast, material: Any, data: Any, who: str = "staff", cue: int = 0) -> Any:
        url = reverse("courses:cue", args=["signals", material.uuid, cue])
        return cast.client(who).post(
            url, data, content_type="application/json", headers={"Accept": "application/json"}
        )

    def test_a_line_is_corrected_and_found(self, cast: Cast, recording: Any) -> None:
        answer = self.edit(cast, recording, {"text": "the mean of\nn readings falls"})
        assert answer.json() == {"text": "the mean of n readings falls"}
        assert recording.passages.get().text.strip() == "the mean of n readings falls"

    @pytest.mark.parametrize("data", [{"text": "  "}, {"text": 5}, {}, []])
    def test_an_empty_line_is_refused(self, cast: Cast, recording: Any, data: Any) -> None:
        answer = self.edit(cast, recording, data)
        assert answer.status_code == 422
        assert "cannot be empty" in answer.json()["error"]

    def test_others_cannot(self, cast: Cast, recording: Any) -> None:
        assert self.edit(cast, recording, {"text": "x"}, who="student").status_code == 404
        assert self.edit(cast, recording, {"text": "x"}, cue=9).status_code == 404
