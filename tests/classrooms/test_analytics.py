"""What classes show those who teach, and a line proposed where students keep asking."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from courses.models import Role
from tests import make
from tutor.accounts.models import User
from tutor.classrooms import analytics, proposing, publishing, rooms
from tutor.classrooms.models import Classroom, Lesson, Line, Proposal, Seat
from tutor.practice import grading

pytestmark = [pytest.mark.django_db, pytest.mark.model]

OUTLIERS = (
    "A breakdown point is the share of wild readings that an estimate can stand before it is of no use."
)
ASKED = ("What is a breakdown point?", "what's the breakdown point", "What does breakdown point mean?")


def held(lesson: Lesson, student: User, *questions: str) -> Classroom:
    """A class at the lesson's second page, where the student asked the questions."""
    room = rooms.open(lesson, student, shared=False, mode="continuous")
    page = lesson.pages.get(ordinal=2)
    Classroom.objects.filter(pk=room.pk).update(page=page)
    seat = Seat.objects.select_related("classroom", "user").get(classroom=room, user=student)
    seat.pages.add(page)
    for question in questions:
        rooms.speak(seat, question, question=True)
    return room


@pytest.fixture
def lesson() -> Lesson:
    course = make.course()
    notes = make.material(course, OUTLIERS, title="Outliers")
    make.passage(notes, OUTLIERS)
    return make.lesson(course)


def test_like_questions_of_students_make_a_cluster_and_teachers_do_not_count(lesson: Lesson) -> None:
    for question in ASKED[:2]:
        held(lesson, make.enrol(lesson.course), question)
    held(lesson, make.enrol(lesson.course), "Who won the match yesterday?")
    held(lesson, make.enrol(lesson.course, role=Role.INSTRUCTOR), ASKED[2])
    first, second = analytics.by_page(lesson)
    assert (first.asked, second.asked, second.students) == (0, 3, 3)
    assert [cluster.count for cluster in second.clusters] == [2, 1]
    assert second.clusters[0].label in ASKED
    assert second.clusters[0].rate == pytest.approx(2 / 3)
    people = analytics.attendance(lesson)
    assert [(len(row.pages), row.questions, row.classes) for row in people] == [(1, 1, 1)] * 3


def test_a_first_try_counts_by_item_and_skill(lesson: Lesson) -> None:
    student = make.enrol(lesson.course)
    room = held(lesson, student)
    item = lesson.course.items.get()
    for response in ("The middle one", item.answer):
        grading.attempt(item, student, response, f"classroom:{room.uuid}")
    grading.attempt(item, make.enrol(lesson.course), item.answer)  # elsewhere
    [row] = analytics.quiz(lesson)
    assert (row.right, row.wrong) == (0, 1)
    assert analytics.by_skill([row]) == [("The mean", 0, 1)]


def proposed(lesson: Lesson) -> Proposal:
    for question in ASKED:
        held(lesson, make.enrol(lesson.course), question)
    return proposing.propose(lesson, analytics.by_page(lesson)[1].clusters[0])


def test_a_proposed_line_is_the_materials_and_goes_into_a_new_draft(lesson: Lesson) -> None:
    teacher = make.enrol(lesson.course, role=Role.INSTRUCTOR)
    proposal = proposed(lesson)
    assert proposal.verdict == "supported"
    assert proposal.text in OUTLIERS
    assert proposal.passage is not None
    assert proposal.passage.material.extract.text[proposal.start : proposal.end] == proposal.quote
    draft = proposing.accept(proposal, teacher)
    assert (draft.status, draft.replaces) == (Lesson.Status.DRAFT, lesson)
    line = Line.objects.get(action__page__lesson=draft, text=proposal.text)
    assert (line.quote, line.flag, line.action.page.ordinal) == (proposal.quote, Line.Flag.NONE, 2)
    assert not Line.objects.filter(action__page__lesson=lesson, text=proposal.text).exists()
    ordinals = list(line.action.lines.values_list("ordinal", flat=True))
    assert len(ordinals) == len(set(ordinals))
    with pytest.raises(proposing.Decided):
        proposing.reject(proposal, teacher)


def test_the_rate_of_such_questions_is_shown_before_and_after(lesson: Lesson) -> None:
    teacher = make.enrol(lesson.course, role=Role.INSTRUCTOR)
    proposal = proposed(lesson)
    draft = proposing.accept(proposal, teacher)
    assert proposing.effect(Proposal.objects.get()).after is None
    publishing.publish(draft, teacher)
    held(draft, make.enrol(lesson.course), "How tall is the tower?")
    held(draft, make.enrol(lesson.course), ASKED[0])
    effect = proposing.effect(Proposal.objects.get())
    assert (effect.before, effect.after, effect.students) == (1.0, 0.5, 2)


def test_nothing_is_proposed_where_the_material_is_silent(lesson: Lesson) -> None:
    for question in ("Who won the football match yesterday?", "Who won the match?"):
        held(lesson, make.enrol(lesson.course), question)
    with pytest.raises(proposing.NothingToPropose):
        proposing.propose(lesson, analytics.by_page(lesson)[1].clusters[0])
    assert not Proposal.objects.exists()


def test_the_pages_show_it_to_those_who_teach_and_to_nobody_else(lesson: Lesson, client: Client) -> None:
    course = lesson.course
    student, teacher = make.enrol(course), make.enrol(course, role=Role.INSTRUCTOR)
    for asked in ASKED:
        held(lesson, student, asked + " <i>")
    here = reverse("classrooms:attendance", args=[course.slug, lesson.uuid])

    def page(person: User) -> Any:
        client.force_login(person)
        return client.get(here)

    assert page(student).status_code == 404
    shown = page(teacher).content.decode()
    assert "3×" in shown
    assert "&lt;i&gt;" in shown
    question = analytics.by_page(lesson)[1].clusters[0].questions[0]
    client.post(reverse("classrooms:propose", args=[course.slug, lesson.uuid]), {"question": question.pk})
    proposal = Proposal.objects.get()
    assert proposal.text in page(teacher).content.decode()
    decide = reverse("classrooms:proposal", args=[course.slug, proposal.pk])
    stranger = make.enrol(make.course(), role=Role.INSTRUCTOR)
    client.force_login(stranger)
    assert client.post(decide, {"do": "accept"}).status_code == 404
    client.force_login(teacher)
    assert client.post(decide, {"do": "reject"}).status_code == 302
    proposal.refresh_from_db()
    assert (proposal.state, proposal.decided_by) == (Proposal.State.REJECTED, teacher)
    assert client.get(reverse("classrooms:analytics", args=[course.slug])).status_code == 200
