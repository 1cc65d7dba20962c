"""A class over real sockets: it plays to its end, everybody sees the same, and a question comes before everything."""

from __future__ import annotations

from courses.models import Course
from tests import make
from tests.chat.site import Site
from tests.classrooms.room import Student
from tests.llm.scripted import Scripted
from tutor.accounts.models import User
from tutor.chat.threads import in_thread
from tutor.classrooms import rooms
from tutor.classrooms.models import Classroom


def classroom(course: Course | None = None, *students: User, **fields: object) -> Classroom:
    """A classroom of the first student's, with seats for all of them."""
    course = course or make.course()
    people = students or (make.enrol(course),)
    mode = str(fields.pop("mode", Classroom.Mode.CONTINUOUS))
    room = rooms.open(make.lesson(course), people[0], shared=len(people) > 1, mode=mode)
    for person in people[1:]:
        rooms.join(room, person)
    return room


async def test_a_class_reads_its_script_to_the_end(endpoint: Scripted, site: Site) -> None:
    room = await in_thread(classroom)()
    async with Student(site, room, room.created_by) as student:
        assert await student.do("start") == (200, {"ok": True})
        await student.act("ask")
        await student.do("speak", text="It would pull the mean up.")
        quiz = await student.note("quiz")
        await student.do("answer", item=quiz["item"], response="Their sum divided by their number")
        await student.act("discuss")
        await student.do("continue")
        await student.note("state", state="ended")
    assert [place["page"] for place in student.events if place.get("kind") == "place"] == [1, 2]
    scripted = [act for act in student.acts() if act in ("show", "read", "point", "ask", "quiz", "discuss")]
    assert scripted == [
        "show",
        "read",
        "point",
        "read",
        "ask",
        "quiz",
        "show",
        "read",
        "point",
        "read",
        "discuss",
    ]
    assert "One wild reading does not move the median." in student.text()
    assert {event["verdict"] for event in student.events if event["type"] == "verdict"} == {"supported"}
    graded = next(event for event in student.events if event.get("kind") == "graded")
    assert graded["outcome"] == "right"
    room.refresh_from_db()
    assert room.state == Classroom.State.ENDED
