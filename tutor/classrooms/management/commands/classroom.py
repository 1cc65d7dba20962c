"""`manage.py classroom LESSON --script FILE --json`: play a class in this process, without its waiting times."""

from __future__ import annotations

import asyncio
import json
import time
from argparse import ArgumentParser
from collections import Counter
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from tutor.accounts.models import User
from tutor.chat.models import Event
from tutor.chat.threads import in_thread
from tutor.chat.turns import Runner
from tutor.classrooms import rooms
from tutor.classrooms.driving import LEASE, Driver
from tutor.classrooms.models import Act, Classroom, Decision, Lesson, Question
from tutor.llm.host.process import HostFailed, running
from tutor.llm.models import Endpoint

DOES = {
    "speak",
    "answer",
    "hand",
    "pace",
    "mode",
    "talk",
    "start",
    "pause",
    "continue",
    "skip",
    "back",
    "end",
    "leave",
    "here",
}
EVENTS = {  # types of events, and kinds of notes
    "queued", "start", "text", "citation", "verdict", "note", "end", "stopped", "error",
    "line", "place", "point", "quiz", "graded", "hand", "state", "people", "question", "notebook", "skipped", "abstained",
    "premise", "nearest", "replaced", "truncated",
}  # fmt: skip
LOOKS = 0.02  # seconds between two looks at what happened


class Command(BaseCommand):
    """Play a class with scripted students."""

    help = (
        "Play a class on a lesson, with students that follow a script, and print what happens. The script is a JSON list of "
        '{"after": {"act": N or kind} | {"event": type or kind of note, "count": N} | {"page": N}, '
        '"do": {"do": "speak", "text": …}}; '
        "each line is done once, when what it waits for came. With --json every event and every decision is a JSON object a "
        "line, the last one a summary."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("lesson", metavar="LESSON", help="the lesson's id, as in its address")
        parser.add_argument("--script", metavar="FILE", type=Path, help="what the student does")
        parser.add_argument("--student", metavar="EMAIL", help="who sits in; else a member of the course")
        parser.add_argument("--mode", choices=Classroom.Mode.values, default=Classroom.Mode.CONTINUOUS)
        parser.add_argument(
            "--minutes", type=float, default=20, help="after which the class is ended, whatever it does"
        )
        parser.add_argument("--json", action="store_true", help="print one JSON object a line")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            lesson = Lesson.objects.select_related("course__endpoint").get(uuid=options["lesson"])
        except (Lesson.DoesNotExist, ValidationError):
            raise CommandError(f"There is no lesson {options['lesson']}.") from None
        script = self._script(options["script"])
        people = User.objects.filter(enrolments__course=lesson.course, is_active=True)
        student = people.filter(email=options["student"]) if options["student"] else people.order_by("pk")
        user = student.first()
        if user is None:
            raise CommandError("Nobody of the course can sit in. Enrol somebody, or name a student.")
        endpoint = Endpoint.objects.for_course(lesson.course)
        try:
            with ExitStack() as stack:
                if endpoint.embedded:
                    stack.enter_context(running(endpoint.base_url))
                room = rooms.open(lesson, user, shared=False, mode=options["mode"])
                play = Play(room, user, script, self._line if options["json"] else self._tell)
                asyncio.run(play.run(options["minutes"] * 60))
        except (HostFailed, rooms.Refused) as error:
            raise CommandError(str(error)) from error
        summary = play.summary()
        self.stdout.write(json.dumps(summary) if options["json"] else f"The class ended: {summary}")

    def _script(self, path: Path | None) -> list[dict[str, Any]]:
        if path is None:
            return []
        try:
            rows = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise CommandError(f"{path} cannot be read as JSON: {error}") from None
        if not isinstance(rows, list) or not all(
            isinstance(row, dict) and isinstance(row.get("after"), dict) and isinstance(row.get("do"), dict)
            for row in rows
        ):
            raise CommandError(f'{path} has to be a list of {{"after": {{…}}, "do": {{…}}}}.')
        for number, row in enumerate(rows, 1):
            if wrong := _wrong(row["after"], row["do"]):
                raise CommandError(f"{path}, line {number} of the script: {wrong}")
        return rows

    def _line(self, row: dict[str, Any]) -> None:
        self.stdout.write(json.dumps(row, ensure_ascii=False, default=str))

    def _tell(self, row: dict[str, Any]) -> None:
        if row.get("type") == "queued":
            name = row["who"]["name"] or "The class"
            self.stdout.write(f"\n[{row['act']}] {name}: {row['question']}", ending="")
        elif row.get("type") == "text":
            self.stdout.write(row["text"], ending="")
        elif row.get("type") == "note":
            self.stdout.write(f" ({row['kind']})", ending="")


def _wrong(after: dict[str, Any], do: dict[str, Any]) -> str:
    """What cannot be played of a line of the script, in words; "" where all can."""
    if do.get("do") not in DOES:
        return f"“do” has to be one of {', '.join(sorted(DOES))}."
    if not isinstance(after.get("count", 1), int):
        return "“count” has to be a whole number."
    match after:
        case {"act": int()} | {"page": int()}:
            return ""
        case {"act": str(kind)}:
            known = {*Act.Kind.values}
        case {"event": str(kind)}:
            known = EVENTS
        case _:
            return "“after” needs an act (a number or a kind), an event or a page (a number)."
    return "" if kind in known else f"there is no “{kind}”; it has to be one of {', '.join(sorted(known))}."


class Play:
    """One class, with a clock that jumps to whatever is due next."""

    def __init__(self, room: Classroom, user: User, script: list[dict[str, Any]], show: Any) -> None:
        self.room, self.user, self.show = room, user, show
        self.script = list(script)
        self.ahead = timedelta()  # of the real clock
        self.counts: Counter[str] = Counter()
        self.pages = 0
        self.refused: list[str] = []
        self.last = 0  # id of the last event that was shown
        self.decided = 0
        self.started = time.monotonic()

    def now(self) -> datetime:
        return timezone.now() + self.ahead

    async def run(self, seconds: float) -> None:
        """Until the class has ended, or the time is up."""
        runner = Runner()

        async def at_once(_: float) -> None:
            await asyncio.sleep(0)

        driver = Driver(runner, wait=at_once, now=self.now, only=self.room.pk)
        # its clock is not that of the site, whose processes go on with their own rooms meanwhile, and not with this one
        mine = Classroom.objects.filter(pk=self.room.pk)
        await in_thread(mine.update)(owner=runner.owner, lease_until=timezone.now() + LEASE)
        until = time.monotonic() + seconds
        await in_thread(rooms.act)(self.room, self.user, {"do": "start"})
        try:
            while await in_thread(self._look)():
                if time.monotonic() > until:
                    await in_thread(rooms.act)(self.room, self.user, {"do": "end"})
                    until += 5
                driver.wake(self.room.pk)
                await asyncio.sleep(LOOKS)
        finally:
            await driver.close()
            await runner.close(grace=5)
        await in_thread(self._look)()

    def _look(self) -> bool:
        """Show what is new, do what is due in the script, let time jump. False once the class is over."""
        events = Event.objects.filter(turn__conversation=self.room.conversation_id, pk__gt=self.last)
        for event in events.select_related("turn").order_by("pk"):
            self.last = event.pk
            row = {"turn": str(event.turn.uuid), "seq": event.seq, "type": event.type, **event.data}
            self._count(row)
            self.show(row)
        for decision in Decision.objects.filter(classroom=self.room, pk__gt=self.decided).order_by("pk"):
            self.decided = decision.pk
            chosen = decision.candidates[decision.chosen]
            self.show(
                {
                    "decision": decision.pk,
                    "by": decision.by,
                    "reason": decision.reason,
                    "chosen": chosen,
                    "candidates": decision.candidates,
                    "state": decision.state,
                }
            )
        for line in [line for line in self.script if self._came(line["after"])]:
            self.script.remove(line)
            self._do(dict(line["do"]))
        room = Classroom.objects.get(pk=self.room.pk)
        speaking = room.conversation.turns.unfinished().exists()
        wait = room.step_at - self.now() if room.step_at and not speaking else timedelta()
        ahead = self.ahead + max(wait, timedelta())
        # the student is there before the clock moves: a driver that steps in between would find the class empty
        room.seats.update(seen=timezone.now() + ahead)
        self.ahead = ahead
        if room.state == Classroom.State.PAUSED and not self.script and room.step_at is None:
            return False
        return room.state != Classroom.State.ENDED

    def _count(self, row: dict[str, Any]) -> None:
        self.counts[row["type"]] += 1
        if row["type"] == "queued":
            self.counts[f"act {row['act']}"] += 1
        if row["type"] == "note":
            self.counts[row["kind"]] += 1
        if row.get("kind") == "place":
            self.pages = max(self.pages, row["page"])

    def _came(self, after: dict[str, Any]) -> bool:
        match after:
            case {"act": int(number)}:
                return self.counts["queued"] >= number
            case {"act": str(kind)}:
                return self.counts[f"act {kind}"] >= int(after.get("count", 1))
            case {"page": int(number)}:
                return self.pages >= number
            case {"event": str(kind)}:
                return self.counts[kind] >= int(after.get("count", 1))
        return True

    def _do(self, what: dict[str, Any]) -> None:
        """As the page would; `item` of an answer may be left out: the quiz that is asked now."""
        if what.get("do") == "answer" and "item" not in what:
            quiz = self.room.acts.filter(kind="quiz").select_related("action__item").order_by("-pk").first()
            item = quiz.action.item if quiz and quiz.action else None
            what["item"] = str(item.uuid) if item else ""
        try:
            rooms.act(Classroom.objects.get(pk=self.room.pk), self.user, what)
        except rooms.Refused as error:
            self.refused.append(str(error))
            self.show({"refused": str(error), "do": what})

    def summary(self) -> dict[str, Any]:
        """What the class came to."""
        room = Classroom.objects.get(pk=self.room.pk)
        questions = Counter(room.questions.values_list("state", flat=True))
        words: Counter[str] = Counter()
        for function, said in room.acts.values_list("agent__function", "words"):
            words[function or "student"] += said or 0
        total = max(1, sum(words.values()))
        return {
            "summary": True,
            "classroom": str(room.uuid),
            "state": room.state,
            "acts": dict(Counter(room.acts.values_list("kind", flat=True))),
            "failed": room.conversation.turns.filter(state="failed").count(),
            "questions": {state: questions[state] for state in Question.State.values},
            "shares": {function: round(said / total, 3) for function, said in words.items()},
            "decisions": dict(Counter(room.decisions.values_list("by", flat=True))),
            "notes": room.notes.count(),
            "undone": len(self.script),
            "refused": self.refused,
            "seconds": round(time.monotonic() - self.started, 2),
        }
