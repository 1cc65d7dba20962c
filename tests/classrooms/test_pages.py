"""The lobby, the door, and the notes: who finds which classroom, and what they take away."""

from __future__ import annotations

import pytest
from django.test import Client

from tests import make
from tutor.accounts.models import User
from tutor.classrooms import rooms
from tutor.classrooms.models import Classroom, Function, Lesson, Note

pytestmark = pytest.mark.django_db


def signed_in(person: User) -> Client:
    client = Client()
    client.force_login(person)
    return client


def test_a_student_enters_alone_and_nobody_else_finds_the_classroom() -> None:
    course = make.course()
    student, other = make.enrol(course), make.enrol(course)
    lesson = make.lesson(course)
    lobby = f"/c/{course.slug}/classrooms/"
    page = signed_in(student).get(lobby).content.decode()
    assert lesson.title in page
    assert "2 pages" in page
    opened = signed_in(student).post(
        f"{lobby}open/", {"lesson": lesson.uuid, "shared": "0", "mode": "interactive"}
    )
    room = Classroom.objects.get()
    assert opened["Location"] == room.get_absolute_url()
    assert (room.shared, room.mode) == (False, "interactive")
    assert signed_in(student).get(room.get_absolute_url()).status_code == 200
    assert "Go back in" in signed_in(student).get(lobby).content.decode()
    assert "Go back in" not in signed_in(other).get(lobby).content.decode()
    for address in (room.get_absolute_url(), f"{room.get_absolute_url()}notes.md"):
        assert signed_in(other).get(address).status_code == 404
    assert signed_in(other).post(f"{room.get_absolute_url()}join/").status_code == 404


def test_a_shared_classroom_has_a_door_and_a_seat_behind_it() -> None:
    course = make.course()
    student, other = make.enrol(course), make.enrol(course)
    room = rooms.open(make.lesson(course), student, shared=True, mode="continuous")
    client = signed_in(other)
    assert "Join" in client.get(f"/c/{course.slug}/classrooms/").content.decode()
    assert "Join the class" in client.get(room.get_absolute_url()).content.decode()
    assert not room.seats.filter(user=other).exists()  # looking through the door takes no seat
    assert client.post(f"{room.get_absolute_url()}join/")["Location"] == room.get_absolute_url()
    assert "Ask a question" not in client.get(f"/c/{course.slug}/classrooms/").content.decode()
    assert 'id="room"' in client.get(room.get_absolute_url()).content.decode()


def test_whoever_opens_a_class_chooses_the_classmates_and_how_much_they_say() -> None:
    course = make.course()
    student = make.enrol(course)
    lesson = make.lesson(course)
    lobby = f"/c/{course.slug}/classrooms/"
    page = signed_in(student).get(lobby).content.decode()
    assert "Deep thinker" in page
    assert "Ravi" not in page  # the assistant is always there
    notes = course.agents.get(function=Function.NOTES)
    form = {"lesson": lesson.uuid, "choosing": "1", "classmate": [notes.pk], "talk": "0.2"}
    signed_in(student).post(f"{lobby}open/", form)
    room = Classroom.objects.get()
    assert set(room.agents.values_list("function", flat=True)) == {"teaching", "assisting", "notes"}
    assert room.talkativeness == 0.2


def test_how_much_the_classmates_say_is_changed_by_who_opened_the_class_or_teaches() -> None:
    course = make.course()
    student, other, teacher = make.enrol(course), make.enrol(course), make.enrol(course, role="instructor")
    room = rooms.open(make.lesson(course), student, shared=True, mode="continuous")
    for person in (other, teacher):
        rooms.join(room, person)
    for person, share, allowed in ((student, 0.2, True), (other, 0.7, False), (teacher, 9, True)):
        answer = signed_in(person).post(
            f"{room.get_absolute_url()}act/",
            {"do": "talk", "talkativeness": share},
            content_type="application/json",
        )
        assert (answer.status_code == 200) is allowed, answer.content
    room.refresh_from_db()
    assert room.talkativeness == rooms.MOST_TALK


def test_students_find_no_drafts_and_those_who_teach_try_them_by_themselves() -> None:
    course = make.course()
    student, teacher = make.enrol(course), make.enrol(course, role="instructor")
    draft = make.lesson(course, Lesson.Status.DRAFT)
    address = f"/c/{course.slug}/classrooms/open/"
    assert signed_in(student).post(address, {"lesson": draft.uuid}).status_code == 404
    assert signed_in(student).post(address, {"lesson": "no uuid"}).status_code == 404
    assert "No lessons yet" in signed_in(student).get(f"/c/{course.slug}/classrooms/").content.decode()
    signed_in(teacher).post(address, {"lesson": draft.uuid})
    assert Classroom.objects.get(lesson=draft).created_by == teacher


def test_the_export_has_the_notes_that_were_kept_and_all_where_none_was() -> None:
    course = make.course()
    student, other = make.enrol(course), make.enrol(course)
    room = rooms.open(make.lesson(course), student, shared=True, mode="continuous")
    rooms.join(room, other)
    first = room.lesson.pages.first()
    mean = Note.objects.create(classroom=room, page=first, text="The mean moves.", url="/c/x/source/1/?p=1")
    Note.objects.create(classroom=room, page=first, text="The median\ndoes not.")
    address, client = room.get_absolute_url(), signed_in(student)
    everything = client.get(f"{address}notes.md").content.decode()
    assert f"## {first}" in everything
    assert "- The median does not." in everything
    assert client.post(f"{address}notes/{mean.pk}/keep/").json() == {"kept": True}
    kept = client.get(f"{address}notes.md").content.decode()
    assert "- The mean moves. ([source](" in kept
    assert "median does not" not in kept
    assert "median does not" in signed_in(other).get(f"{address}notes.md").content.decode()
    assert client.delete(f"{address}notes/{mean.pk}/keep/").json() == {"kept": False}
    stranger = signed_in(make.enrol(course))
    assert stranger.post(f"{address}notes/{mean.pk}/keep/").status_code == 404
