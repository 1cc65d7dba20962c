"""What the stream adds to an endpoint's answer: for one student, and for two hundred at the same time.

All is real (a web process, sockets, the database, retrieval, verification), only the endpoint follows a script: it
writes down when it sent each piece of an answer, a student when each event came, by the same clock.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import statistics
import subprocess
import sys
import time
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from django.core.management import call_command

from bench.figures import Figure
from bench.web import free_port
from courses.ingestion import ingest
from tests import make
from tests.chat.site import Site, Tab, conversation, resident_megabytes
from tests.llm.scripted import Answer, Record, Scripted
from tutor.chat.models import Conversation, Event
from tutor.supervisor import answers

STUDENTS = 200
ARRIVE = 10.0  # seconds within which they ask
PIECES, EVERY = 200, 0.1  # an answer of 200 words, ten a second: two thousand words a second for all
ALONE = 30  # questions one after the other
TEXT = (
    "Heat flows by itself from a hot body to a cold one. The rate of the flow grows with the difference of their "
    "temperatures. Two bodies that touch each other end at one temperature, which is called thermal equilibrium. "
)


def pieces(count: int) -> list[str]:
    """So many words of an answer that the material supports, each with the space after it."""
    return [f"{word} " for word in itertools.islice(itertools.cycle(TEXT.split()), count)]


class Student(Tab):
    """A tab that notes how much of the answer had come when."""

    def __init__(self, tab: Tab, name: str) -> None:
        super().__init__(tab.url, tab.headers, tab.origin)
        self.name = name
        self.arrivals: list[float] = []
        self.lengths: list[int] = []

    async def ask_and_read(self) -> None:
        self.arrivals, self.lengths = [], []
        length = 0
        await self.ask(f"Where does heat flow by itself? ({self.name})")
        while (event := await self.next(120))["type"] not in ("end", "stopped", "error"):
            if event["type"] == "text":
                length += len(event["text"])
                self.arrivals.append(time.monotonic())
                self.lengths.append(length)
        assert event["type"] == "end", event

    def delays(self, words: Sequence[str], sent: Sequence[float]) -> list[float]:
        """Seconds from when the endpoint sent each word to when the word was here."""
        ends = itertools.accumulate(len(word) for word in words)
        visible = (end - 1 for end in ends)  # the space may wait for the next word
        return [
            self.arrivals[bisect_right(self.lengths, at - 1)] - when
            for at, when in zip(visible, sent, strict=True)
        ]


def processor_seconds(pid: int) -> float:
    """User and system time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def alone(site: Site, endpoint: Scripted, talks: list[Conversation]) -> list[float]:
    """Seconds the first token takes beyond the endpoint's own, question after question."""
    found = []
    for talk in talks:
        endpoint.script(Answer(pieces=pieces(20), first_delay=0.1, delay=0.02))
        async with Student(site.tab(talk), "alone") as student:
            await student.ask_and_read()
        found.append(student.arrivals[0] - endpoint.requests()[0].times[0])
    return found


async def together(
    site: Site, endpoint: Scripted, talks: list[Conversation]
) -> tuple[list[Student], list[Record]]:
    """All ask within ARRIVE seconds, evenly, and read to the end: the last begins long before the first is done."""
    endpoint.script(Answer(pieces=pieces(PIECES), delay=EVERY))
    students = [Student(site.tab(talk), f"student {i:03}") for i, talk in enumerate(talks)]
    for student in students:
        await student.open()

    async def later(student: Student, seconds: float) -> None:
        await asyncio.sleep(seconds)
        await student.ask_and_read()

    await asyncio.gather(*(later(student, ARRIVE * i / len(students)) for i, student in enumerate(students)))
    for student in students:
        await student.socket.close()
    return students, endpoint.requests()


@contextmanager
def host() -> Iterator[int]:
    """The model host, which embeds questions for the web process; gives its port."""
    port = free_port()
    process = subprocess.Popen([sys.executable, "-m", "tutor.llm.host", "--port", str(port)])
    try:
        while not answers(f"http://127.0.0.1:{port}/health"):
            time.sleep(0.2)
        yield port
    finally:
        process.terminate()
        process.wait()


def most_at_once(records: list[Record]) -> int:
    """The largest number of answers that were being written at the same time."""
    changes = sorted([(r.times[0], 1) for r in records] + [(r.times[-1], -1) for r in records])
    return max(itertools.accumulate(change for _, change in changes))


def figures() -> Iterator[Figure]:
    """A small course, one student, then two hundred."""
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"  # in this process, which plays the students
    call_command("migrate", verbosity=0)
    course = make.course("Heat")
    ingest(make.material(course, TEXT, state="queued"))
    with Scripted() as endpoint:
        endpoint.endpoint(capable=True, is_default=True).save()
        one = [conversation(course=course) for _ in range(ALONE + 3)]
        many = [conversation(course=course) for _ in range(STUDENTS)]
        with host() as port, Site(EMBEDDINGS="host", HOST_PORT=str(port)) as site:
            asyncio.run(alone(site, endpoint, one[:3]))  # warm
            first = asyncio.run(alone(site, endpoint, one[3:]))
            yield Figure(
                "first token after the endpoint's own, one student, p50",
                1000 * statistics.median(first),
                "ms",
                at_most=60,
            )
            before, began = processor_seconds(site.process.pid), time.monotonic()
            students, records = asyncio.run(together(site, endpoint, many))
            busy = (processor_seconds(site.process.pid) - before) / (time.monotonic() - began)
            yield Figure("cores that the web process used meanwhile", busy)
            yield Figure(
                "memory of the web process after it", resident_megabytes(site.process.pid), "MB", at_most=250
            )
    words = pieces(PIECES)
    sent = {
        student.name: record for student in students for record in records if student.name in str(record.body)
    }
    delays = sorted(itertools.chain.from_iterable(s.delays(words, sent[s.name].times) for s in students))
    whole = sum(student.text().strip() == "".join(words).strip() for student in students)
    yield Figure(f"of {STUDENTS} answers delivered whole, once, in order", whole, at_least=STUDENTS)
    stored = Event.objects.filter(turn__conversation__in=many).count()
    seen = sum(len(student.events) for student in students)
    yield Figure("events stored but not delivered, or delivered twice", abs(stored - seen), at_most=0)
    yield Figure("added delay of a word, p50", 1000 * delays[len(delays) // 2], "ms")
    yield Figure("added delay of a word, p95", 1000 * delays[int(len(delays) * 0.95)], "ms", at_most=500)
    yield Figure("added delay of a word, the longest", 1000 * delays[-1], "ms")
    yield Figure("answers written at the same time, most", most_at_once(records), at_least=STUDENTS)
