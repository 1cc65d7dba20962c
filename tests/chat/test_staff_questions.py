"""A question goes to the staff; their reply comes back to the student and becomes material."""

from __future__ import annotations

import pytest
from django.test import RequestFactory

from courses.models import Material
from tests import make
from tests.chat.conftest import signed_in
from tutor.accounts.models import User
from tutor.chat import staff_questions
from tutor.chat.models import Signal, StaffQuestion, Turn

pytestmark = pytest.mark.django_db


def test_from_the_student_to_the_staff_and_back(turn: Turn, teacher: User) -> None:
    talk = turn.conversation
    student, staff = signed_in(talk.user), signed_in(teacher)
    url = f"{talk.get_absolute_url()}turns/{turn.uuid}/ask-staff/"
    for _ in range(2):  # the second time changes nothing
        response = student.post(url, {"comment": "For the exam"}, content_type="application/json")
        assert response.status_code == 201
    question = StaffQuestion.objects.get()
    assert Signal.objects.get().kind == Signal.Kind.ASKED_STAFF

    inbox = staff.get(f"/c/{talk.course.slug}/inbox/")
    assert "What is entropy?" in inbox.content.decode()
    assert "For the exam" in inbox.content.decode()
    assert "The material does not say." in inbox.content.decode()
    sent = staff.post(
        f"/c/{talk.course.slug}/inbox/{question.pk}/reply/",
        {"reply": "A measure of disorder.", "publish": "1"},
    )
    assert sent.status_code == 302

    event = turn.events.order_by("-seq")[0]
    assert (event.type, event.data["kind"], event.data["author"]) == ("note", "staff_reply", "Ada Teacher")
    page = student.get(talk.get_absolute_url())
    (shown,) = page.context["turns"]
    assert [reply["text"] for reply in shown["replies"]] == ["A measure of disorder."]
    assert page.context["page"]["after"] == {str(turn.uuid): event.seq}
    material = Material.objects.get(origin=Material.Origin.ANSWER)
    question.refresh_from_db()
    assert (question.material, question.seen_by_student) == (material, True)
    assert material.passages.get().pinned


def test_only_the_first_reply_counts(turn: Turn, teacher: User) -> None:
    question = staff_questions.hand_over(turn, "")
    assert staff_questions.reply(question, "First.", teacher, publish=False)
    assert not staff_questions.reply(question, "Second.", teacher, publish=True)
    assert [message.text for message in turn.messages.filter(author="staff")] == ["First."]
    assert not Material.objects.exists()


def test_a_running_turn_is_not_handed_over(turn: Turn) -> None:
    Turn.objects.update(state=Turn.State.RUNNING)
    turn.refresh_from_db()
    with pytest.raises(staff_questions.NotFinished, match="Wait"):
        staff_questions.hand_over(turn, "")


def test_a_correction_reaches_the_student_and_is_pinned(turn: Turn, teacher: User) -> None:
    staff_questions.hand_over(turn, "")
    staff_questions.correct(turn, "It grows in closed systems.", teacher)
    assert turn.messages.get(author="staff").text == "It grows in closed systems."
    assert not staff_questions.waiting(turn.conversation.course).exists()
    assert turn.conversation.course.passages.get().pinned


def test_counts_are_for_those_they_concern(turn: Turn, teacher: User) -> None:
    course = turn.conversation.course
    question = staff_questions.hand_over(turn, "")

    def counted(user: User) -> tuple[int, int]:
        request = RequestFactory().get("/")
        request.user, request.session, request.course = user, {}, course  # type: ignore[assignment,attr-defined]
        found = staff_questions.counts(request)
        return found["inbox_count"](), found["unseen_replies"]()

    assert counted(teacher) == (1, 0)
    assert counted(turn.conversation.user) == (0, 0)
    staff_questions.reply(question, "Here.", teacher, publish=False)
    assert counted(teacher) == (0, 0)
    assert counted(turn.conversation.user) == (0, 1)
    signed_in(turn.conversation.user).get(f"/c/{course.slug}/replies/")
    assert counted(turn.conversation.user) == (0, 0)


def test_students_of_other_courses_and_students_cannot_reply(turn: Turn) -> None:
    question = staff_questions.hand_over(turn, "")
    other = make.course()
    url = f"/c/{turn.conversation.course.slug}/inbox/{question.pk}/reply/"
    for user in (turn.conversation.user, make.enrol(other, role="instructor"), make.user()):
        assert signed_in(user).post(url, {"reply": "x"}).status_code == 404
    foreign = signed_in(make.enrol(other, role="instructor"))
    assert foreign.post(f"/c/{other.slug}/inbox/{question.pk}/reply/", {"reply": "x"}).status_code == 404
    question.refresh_from_db()
    assert question.answered_at is None


def test_an_empty_reply_is_not_sent(turn: Turn, teacher: User) -> None:
    question = staff_questions.hand_over(turn, "")
    signed_in(teacher).post(f"/c/{turn.conversation.course.slug}/inbox/{question.pk}/reply/", {"reply": "  "})
    assert not turn.messages.filter(author="staff").exists()
