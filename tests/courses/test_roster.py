"""Class lists: as spreadsheets write them, shown before they are carried out."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from courses.models import Enrolment, Invitation, Role
from courses.roster import UnreadableRoster, carry_out, clean, decode, plan
from tests import make
from tests.courses.conftest import Cast
from tutor.accounts.models import User


def actions(cast: Cast, text: str) -> list[tuple[str, str, str]]:
    return [(entry.email, entry.role, entry.action) for entry in plan(cast.course, text.encode()).entries]


class TestReading:
    @pytest.mark.parametrize(
        "raw",
        [
            "email,name\nada@example.org,Ada Müller\n".encode(),
            "email,name\nada@example.org,Ada Müller\n".encode("utf-8-sig"),
            "email;name\r\nada@example.org;Ada Müller\r\n".encode("cp1252"),
            "email\tname\r\nada@example.org\tAda Müller\r\n".encode("utf-16"),
            "E-Mail Address,First Name,Last Name\nada@example.org,Ada,Müller\n".encode(),
            'Name,Email\n"Müller,  Ada",ada@example.org\n'.replace("Müller,  Ada", "Ada Müller").encode(),
            "Ada Müller,ada@example.org\n".encode(),
        ],
        ids=["utf-8", "with a mark", "windows", "unicode text", "split names", "other order", "no header"],
    )
    def test_as_spreadsheets_write_it(self, cast: Cast, raw: bytes) -> None:
        (entry,) = plan(cast.course, raw).entries
        assert (entry.email, entry.name, entry.role, entry.action) == (
            "ada@example.org",
            "Ada Müller",
            Role.STUDENT,
            "invite",
        )

    @pytest.mark.parametrize(
        ("word", "role"),
        [
            ("", "student"),
            ("Student", "student"),
            ("TA", "staff"),
            ("Teaching Assistant", "staff"),
            ("Instructor", "instructor"),
        ],
    )
    def test_roles_by_their_usual_names(self, cast: Cast, word: str, role: str) -> None:
        assert actions(cast, f"email,role\nada@example.org,{word}\n") == [("ada@example.org", role, "invite")]

    def test_errors_name_their_line(self, cast: Cast) -> None:
        text = "email,name,role\n,Nobody,\nnot-an-address,Bob,\nada@example.org,Ada,wizard\n"
        text += "bob@example.org,Bob,\nBOB@example.org,Bob,\n"
        errors = plan(cast.course, text.encode()).errors
        assert [(entry.line, entry.detail) for entry in errors] == [
            (2, "There is no e-mail address."),
            (3, "“not-an-address” is not an e-mail address."),
            (4, "“wizard” is no role. Use student, staff or instructor."),
            (6, "The same address stands in line 5."),
        ]

    @pytest.mark.parametrize(
        ("raw", "words"),
        [
            (b"", "empty"),
            (b"name,course\nAda,Signals\n", "No column is called"),
            (b"PK\x03\x04rest of a workbook", "spreadsheet file"),
            (b"email\n\x00\x01\x02", "not text"),
            (b"email\n" + b"x" * 5_000_001, "larger than 5 MB"),
            (b'email,name\n"ada@example.org,Ada\n', "not valid CSV"),
        ],
    )
    def test_what_is_no_roster_is_refused_in_words(self, cast: Cast, raw: bytes, words: str) -> None:
        with pytest.raises(UnreadableRoster, match=words):
            plan(cast.course, raw)

    def test_a_cell_can_neither_run_nor_break_a_line(self) -> None:
        assert clean('=HYPERLINK("http://x")') == 'HYPERLINK("http://x")'
        assert clean("@SUM(A1)\r\nx") == "SUM(A1) x"
        assert decode("Zoë".encode("cp1252")) == "Zoë"


class TestPlanning:
    def test_what_would_change_is_told_and_nothing_is(self, cast: Cast) -> None:
        known = make.user("known@example.org")
        invited = Invitation.objects.create(course=cast.course, email="invited@example.org")
        text = (
            f"email,role\n{cast.student.email},student\n{cast.staff.email},student\n"
            f"{known.email},student\nnew@example.org,staff\n{invited.email},student\n"
        )
        before = list(Enrolment.objects.values_list("pk", "role"))
        assert [action for _, _, action in actions(cast, text)] == ["same", "change", "add", "invite", "same"]
        assert plan(cast.course, text.encode()).without == 1  # the instructor is not in the list
        assert list(Enrolment.objects.values_list("pk", "role")) == before
        assert Invitation.objects.count() == 1

    def test_the_last_instructor_cannot_be_imported_away(self, cast: Cast) -> None:
        text = f"email,role\n{cast.instructor.email},student\n"
        (entry,) = plan(cast.course, text.encode()).entries
        assert entry.action == "error"
        assert "last instructor" in entry.detail

    def test_of_two_instructors_one_may_go(self, cast: Cast) -> None:
        second = make.enrol(cast.course, role=Role.INSTRUCTOR)
        text = f"email,role\n{cast.instructor.email},student\n{second.email},student\n"
        assert [action for _, _, action in actions(cast, text)] == ["change", "error"]


class TestCarryingOut:
    def test_it_does_what_it_said(self, cast: Cast) -> None:
        known = make.user("known@example.org")
        text = f"email,name,role\n{known.email},Kim,student\n{cast.student.email},,staff\nnew@example.org,Nina,staff\nbad,,\n"
        done = carry_out(cast.course, plan(cast.course, text.encode()), cast.instructor)
        assert cast.course.role_of(known) == Role.STUDENT
        assert User.objects.get(pk=known.pk).name == "Kim"
        assert cast.course.role_of(cast.student) == Role.STAFF
        link = Invitation.objects.get(email="new@example.org")
        assert (link.name, link.role, link.max_uses, link.created_by) == (
            "Nina",
            Role.STAFF,
            1,
            cast.instructor,
        )
        assert len(done.errors) == 1

    def test_twice_changes_nothing_more(self, cast: Cast) -> None:
        text = b"email\nnew@example.org\n"
        carry_out(cast.course, plan(cast.course, text), None)
        token = Invitation.objects.get().token
        again = carry_out(cast.course, plan(cast.course, text), None)
        assert [entry.action for entry in again.entries] == ["same"]
        assert Invitation.objects.get().token == token

    def test_it_is_judged_afresh(self, cast: Cast) -> None:
        """What happened between the check and the import counts."""
        made = plan(cast.course, b"email\nnew@example.org\n")
        joined = make.enrol(cast.course, make.user("new@example.org"))
        done = carry_out(cast.course, made, None)
        assert [entry.action for entry in done.entries] == ["same"]
        assert not Invitation.objects.exists()
        assert cast.course.role_of(joined) == Role.STUDENT


class TestPage:
    def url(self) -> str:
        return reverse("courses:roster", args=["signals"])

    def test_check_then_import(self, cast: Cast) -> None:
        client = cast.client("instructor")
        file = SimpleUploadedFile("class.csv", b"email,name\nnew@example.org,<b>Nina</b>\n")
        page = client.post(self.url(), {"file": file})
        assert "1" in page.content.decode()
        assert "<b>Nina</b>" not in page.content.decode()
        assert not Invitation.objects.exists()
        client.post(self.url(), {"plan": page.context["packed"]})
        assert Invitation.objects.get().email == "new@example.org"

    def test_a_forged_plan_is_refused(self, cast: Cast) -> None:
        page: Any = cast.client("instructor").post(self.url(), {"plan": "bm8:forged"})
        assert "Choose the roster again" in page.content.decode()
        assert not Invitation.objects.exists()

    def test_nothing_given(self, cast: Cast) -> None:
        page = cast.client("instructor").post(self.url(), {"text": "  "})
        assert "Choose a file or paste the roster" in page.content.decode()
