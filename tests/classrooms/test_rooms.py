"""A class over real sockets: it plays to its end, everybody sees the same, and a question comes before everything."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from typing import Any

from django.utils import timezone

from courses.models import Course, Enrolment
from tests import make
from tests.chat.site import ENDS, Site
from tests.classrooms.room import Student
from tests.classrooms.test_classroom_command import searchable
from tests.llm.scripted import Answer, Scripted
from tutor.accounts.models import User
from tutor.chat import pruning
from tutor.chat.consumers import FORBIDDEN
from tutor.chat.models import Turn
from tutor.chat.threads import in_thread
from tutor.classrooms import presence, rooms
from tutor.classrooms.models import Agent, Classroom


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
    answers = {
        event["turn"] for event in student.events if event.get("act") == "answer"
    }  # a model's own words
    verdicts = [
        event for event in student.events if event["type"] == "verdict" and event["turn"] not in answers
    ]
    assert {event["verdict"] for event in verdicts} == {"supported"}
    graded = next(event for event in student.events if event.get("kind") == "graded")
    assert graded["outcome"] == "right"
    room.refresh_from_db()
    assert room.state == Classroom.State.ENDED


def same(one: Student, other: Student) -> bool:
    """Whether two tabs saw the same, as far as both have come."""
    seen = min(len(one.events), len(other.events))
    return one.events[:seen] == other.events[:seen]


async def test_two_students_see_the_same_in_the_same_order_also_over_drops(
    endpoint: Scripted, site: Site
) -> None:
    room, first, second = await in_thread(two)()
    async with Student(site, room, first) as steady, Student(site, room, second) as shaky:
        await steady.do("start")
        await shaky.act("read")
        await shaky.cut()
        await steady.act("ask")
        await shaky.open()
        await asyncio.gather(
            steady.do("speak", text="It moves a lot."), shaky.do("speak", text="It does not move.")
        )
        await shaky.note("quiz")
        await shaky.cut()
        await steady.note("quiz")
        quiz = steady.events[-1]
        await asyncio.gather(
            *(one.do("answer", item=quiz["item"], response="The largest one") for one in (steady, shaky))
        )
        await shaky.open()
        await asyncio.gather(steady.act("discuss"), shaky.act("discuss"))
        await shaky.do("end")
        await asyncio.gather(*(one.note("state", state="ended") for one in (steady, shaky)))
        await asyncio.gather(*(settled(one) for one in (steady, shaky)))
    assert "explain" in steady.acts()
    assert len(steady.events) == len(shaky.events)
    assert same(steady, shaky)


async def settled(student: Student) -> None:
    """Take events until every turn that began has ended."""
    while len({e["turn"] for e in student.events}) > sum(e["type"] in ENDS for e in student.events):
        await student.next()


def two() -> tuple[Classroom, User, User]:
    """A shared classroom with two students."""
    course = make.course()
    first, second = make.enrol(course), make.enrol(course)
    return classroom(course, first, second), first, second


async def test_who_leaves_or_is_removed_gets_no_more(endpoint: Scripted, site: Site) -> None:
    room, first, second = await in_thread(two)()
    stranger = await in_thread(make.enrol)(room.course)
    async with Student(site, room, first) as one, Student(site, room, second) as other:
        async with Student(site, room, stranger) as outside:
            assert await outside.closed() == FORBIDDEN
            status, answer = await outside.do("speak", text="Hello?")
            assert (status, "no seat" in answer["error"]) == (409, True)
        await other.do("leave")
        assert await other.closed(3) == FORBIDDEN
        assert (await other.do("here"))[0] == 200
        await other.open()
        await in_thread(Enrolment.objects.filter(user=second).delete)()
        assert await other.closed(3) == FORBIDDEN
        await one.note("people", names=[first.get_full_name()])


async def test_whoever_has_the_class_open_is_there_and_a_class_left_alone_goes_on_when_they_come(
    endpoint: Scripted, site: Site
) -> None:
    room = await in_thread(classroom)()
    async with Student(site, room, room.created_by) as student:
        await student.do("start")
        await student.act("read")
        await student.cut()
    gone = timezone.now() - presence.AWAY
    while await in_thread(lambda: Classroom.objects.get(pk=room.pk).state)() == Classroom.State.RUNNING:
        await in_thread(room.seats.update)(seen=gone)  # the minute that nobody is there
        await asyncio.sleep(0.05)
    async with student:
        await student.note("state", state="running", why="back")
        await student.act("ask")


async def test_a_huge_paste_is_refused_in_words_and_the_class_goes_on(endpoint: Scripted, site: Site) -> None:
    room = await in_thread(classroom)()
    async with Student(site, room, room.created_by) as student:
        await student.do("start")
        status, answer = await student.do("speak", text="word " * 12_000)
        assert status == 409
        assert "59,999 characters, 4,000 are allowed" in answer["error"]
        await student.act("ask")


async def test_whoever_comes_back_after_weeks_gets_what_was_said_and_done(
    endpoint: Scripted, site: Site
) -> None:
    room = await in_thread(classroom)()
    async with Student(site, room, room.created_by) as student:
        await student.do("start")
        await student.act("ask")
        await student.do("speak", text="It would pull the mean up.")
        await student.note("quiz")
        await student.do("end")
        await student.note("state", state="ended")
        await settled(student)
    await in_thread(Turn.objects.update)(changed=timezone.now() - pruning.KEPT - timedelta(hours=1))
    assert await in_thread(pruning.prune)() > 0
    late = Student(site, room, room.created_by)
    async with late:
        came: list[dict[str, Any]] = []
        while {event["turn"]: event["seq"] for event in came} != student.after:
            came.append(json.loads(await asyncio.wait_for(late.socket.recv(), 10)))
    wholes = {event["turn"]: event for event in came if event["type"] == "whole"}
    for turn, event in wholes.items():
        before = [one for one in student.events if one["turn"] == turn]
        said = "".join(one["text"] for one in before if one["type"] == "text")
        noted = [one["kind"] for one in before if one["type"] == "note"]
        answer = event["data"]["answer"]
        assert (event["seq"], answer["text"]) == (before[-1]["seq"], said)
        assert event["data"]["ordinal"] == before[0]["ordinal"]  # by which pages put the acts in order
        assert [note["kind"] for note in answer["notes"]] == noted
    kept = [event for event in came if event["type"] != "whole"]
    assert kept == [event for event in student.events if event["turn"] not in wholes]
    assert {"speak", "move"} <= {event["act"] for event in kept if event["type"] == "queued"}


async def test_a_dead_process_hands_the_class_on(endpoint: Scripted, site: Site) -> None:
    room = await in_thread(classroom)()
    with Site(WORDS_A_MINUTE="60") as dying:
        async with Student(dying, room, room.created_by) as student:
            await student.do("start")
            await student.act("read")
            await student.until("text")
            dying.kill()
    for rows in (Turn.objects.unfinished(), Classroom.objects.all()):
        await in_thread(rows.update)(lease_until=timezone.now())  # the fifteen seconds of its leases are over
    student = Student(site, room, room.created_by)
    async with student:
        await student.do("here")
        failed = await student.until("error", seconds=60)
        assert failed["code"] == "lost"
        await student.act("ask", seconds=60)
    lines = [event["line"] for event in student.events if event.get("kind") == "line"]
    assert len(lines) == len(set(lines))


async def test_an_endpoint_that_dies_in_the_middle_of_an_answer_ends_it_in_words(
    endpoint: Scripted, site: Site
) -> None:
    room = await in_thread(searchable_room)()
    endpoint.script(Answer("The median is the middle reading. It does not move.", die_after=4))
    async with Student(site, room, room.created_by) as student:
        await student.do("start")
        await student.act("read")
        await student.do("speak", text="What is the median?")
        await student.act("answer", seconds=60)
        assert (await student.until("error", seconds=60))["code"] == "endpoint"
        await student.note("question", state="escalated", seconds=60)
        await student.act("read")
    assert student.acts().count("answer") == 2


async def test_an_agent_speaks_through_its_own_model(endpoint: Scripted, site: Site) -> None:
    room = await in_thread(searchable_room)()
    await Agent.objects.filter(course=room.course).aupdate(model="anothers-voice")
    endpoint.script(Answer("The median is the middle reading."))
    async with Student(site, room, room.created_by) as student:
        await student.do("start")
        await student.act("read")
        await student.do("speak", text="What is the median?")
        await student.note("question", state="answered", seconds=60)
    assert {request.body["model"] for request in endpoint.requests()} == {"anothers-voice"}


def searchable_room() -> Classroom:
    """A classroom whose material can be searched."""
    room = classroom()
    searchable(room.course)
    return room
