"""How late events come when fifty classrooms of four students run at the same time, and whether any is lost.

All is real (a web process, sockets, the database, retrieval, verification), only the endpoint follows a script. Students do
what students do: they speak when the class is asked, answer the quiz, and one in each room asks a question.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterator
from datetime import datetime

from django.conf import settings
from django.core.management import call_command

from bench.figures import Figure
from bench.stream import host, processor_seconds
from courses.models import Course
from tests import make
from tests.chat.site import ENDS, Site, resident_megabytes
from tests.classrooms.room import Student
from tests.classrooms.test_classroom_command import searchable
from tests.llm.scripted import Answer, Scripted
from tutor.chat.models import Event, Turn
from tutor.classrooms import rooms
from tutor.classrooms.models import Classroom

ROOMS, STUDENTS = 50, 4
ARRIVE = 20.0  # seconds within which the classes begin
LONGEST = 400.0  # seconds for a class
RIGHT = "Their sum divided by their number"


class Sitting(Student):
    """A student who keeps when each thing was sent and came, by the clock on the wall."""

    def __init__(self, site: Site, room: Classroom, number: int, spoken: dict[str, float]) -> None:
        super().__init__(site, room, list(room.conversation.members.order_by("pk"))[number])
        self.number, self.spoken = number, spoken
        self.delays: list[float] = []

    async def say(self, text: str) -> None:
        words = f"{text} ({self.room.pk}.{self.number})"
        self.spoken[words] = time.time()
        status, answer = await self.do("speak", text=words)
        assert status == 200, answer

    async def sit(self) -> None:
        """Through the whole class."""
        await self.open()
        self.opened = time.time()
        asked = False
        try:
            async with asyncio.timeout(LONGEST):
                while True:
                    event = await self.next(LONGEST)
                    self.time(event)
                    if event.get("act") == "read" and self.number == 1 and not asked:
                        asked = True
                        await self.say("What is the median?")
                    elif event.get("act") == "ask" and self.number == 2:
                        await self.say("It would pull it along.")
                    elif event.get("act") == "discuss" and self.number == 3:
                        await self.say("Nothing is unclear to me.")
                    elif event.get("kind") == "quiz":
                        await self.do("answer", item=event["item"], response=RIGHT)
                    elif event.get("state") == "ended":
                        break
                turns = len({event["turn"] for event in self.events})
                while sum(event["type"] in ENDS for event in self.events) < turns:
                    await self.next(10)
        finally:
            await self.socket.close()

    def time(self, event: dict[str, object]) -> None:
        """How late the beginning of an act came, since it was made; of somebody's words, since they were sent."""
        if event["type"] != "queued":
            return
        said = self.spoken.get(str(event["question"])) if event["act"] == "speak" else None
        made = said or datetime.fromisoformat(str(event["at"])).timestamp()
        if made > self.opened:  # not what was there before
            self.delays.append(time.time() - made)


def classroom(course: Course) -> Classroom:
    """A classroom with its students."""
    people = [make.enrol(course) for _ in range(STUDENTS)]
    lesson = course.lessons.first() or make.lesson(course)
    room = rooms.open(lesson, people[0], shared=True, mode=Classroom.Mode.CONTINUOUS)
    for person in people[1:]:
        rooms.join(room, person)
    return room


async def together(classes: list[list[Sitting]]) -> None:
    """All classes, beginning one after the other within ARRIVE seconds."""

    async def begin(students: list[Sitting], seconds: float) -> None:
        await asyncio.sleep(seconds)
        sitting = [asyncio.create_task(student.sit()) for student in students]
        await students[0].do("start")
        await asyncio.gather(*sitting)

    await asyncio.gather(*(begin(students, ARRIVE * i / len(classes)) for i, students in enumerate(classes)))


def figures() -> Iterator[Figure]:
    """Fifty classes at once."""
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"  # in this process, which plays the students
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # nobody signs in
    call_command("migrate", verbosity=0)
    course = make.course("Readings")
    with Scripted() as endpoint:
        endpoint.endpoint(capable=True, is_default=True).save()
        said = "The median is the middle reading. One wild reading does not move it."
        answer = [f"{word} " for word in said.split()]
        endpoint.script(Answer(pieces=answer, first_delay=0.3, delay=0.1))
        open_rooms = [classroom(course) for _ in range(ROOMS)]
        searchable(course)
        with host() as port, Site(EMBEDDINGS="host", HOST_PORT=str(port)) as site:
            spoken: dict[str, float] = {}
            classes = [[Sitting(site, room, n, spoken) for n in range(STUDENTS)] for room in open_rooms]
            before, began = processor_seconds(site.process.pid), time.monotonic()
            asyncio.run(together(classes))
            took = time.monotonic() - began
            yield Figure(
                "cores that the web process used meanwhile",
                (processor_seconds(site.process.pid) - before) / took,
            )
            yield Figure("memory of the web process after it", resident_megabytes(site.process.pid), "MB")
            yield Figure("seconds that all classes took", took, "s")
    students = [student for one in classes for student in one]
    delays = sorted(delay for student in students for delay in student.delays)
    yield Figure("delay of an act's first event, p50", 1000 * delays[len(delays) // 2], "ms")
    yield Figure(
        "delay of an act's first event, p95", 1000 * delays[int(len(delays) * 0.95)], "ms", at_most=700
    )
    yield Figure("delay of an act's first event, the longest", 1000 * delays[-1], "ms")
    lost = sum(missing(room, one) for room, one in zip(open_rooms, classes, strict=True))
    yield Figure("events stored but not delivered, or delivered twice", lost, at_most=0)
    other = sum(student.events != one[0].events for one in classes for student in one)
    yield Figure("students who saw another order than the first in their room", other, at_most=0)
    ended = Classroom.objects.filter(state=Classroom.State.ENDED).count()
    yield Figure(f"of {ROOMS} classes played to their end", ended, at_least=ROOMS)
    failed = Turn.objects.filter(state=Turn.State.FAILED).count()
    yield Figure("acts that failed", failed, at_most=0)


def missing(room: Classroom, students: list[Sitting]) -> int:
    """By how many events what the students of a room saw differs from what is stored."""
    stored = Event.objects.filter(turn__conversation=room.conversation_id).count()
    return sum(abs(stored - len(student.events)) for student in students)
