"""`manage.py ask COURSE QUESTION`: the agent's answer, as a student of the course would get it."""

from __future__ import annotations

import asyncio
import json
import time
from argparse import ArgumentParser
from collections.abc import Sequence
from contextlib import ExitStack, aclosing
from pathlib import Path
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError

from courses.management.commands.ingest import find_course
from courses.management.commands.verify import rows, whole
from courses.models import Course, Passage
from tutor.accounts.models import User
from tutor.chat import turns
from tutor.chat.answering import Event, Request, answer
from tutor.chat.asking import Refused, ask
from tutor.chat.models import Conversation, Turn
from tutor.llm.embeddings import EmbeddingError
from tutor.llm.errors import EndpointError
from tutor.llm.host.process import HostFailed, running
from tutor.llm.models import Endpoint


class Command(BaseCommand):
    """Ask the agent of a course."""

    help = (
        "Ask the agent of a course, as a student may. With --questions, one JSON object a line of FILE "
        '({"id", "question"}) is printed: {"id", "answer", "sentences", "abstained", "model", "seconds"}.'
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "course", metavar="COURSE", help="the course's short name, as in its address, or its title"
        )
        parser.add_argument("question", metavar="QUESTION", nargs="?", default="")
        parser.add_argument(
            "--questions", metavar="FILE", type=Path, help="a JSON object a line: id, question"
        )
        parser.add_argument(
            "--conversation",
            metavar="ID",
            type=UUID,
            help="go on with a stored conversation; a new ID begins one",
        )
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        course = find_course(options["course"])
        if bool(options["question"].strip()) == bool(options["questions"]):
            raise CommandError("Give a question, or a file of them with --questions.")
        asked = (
            rows(options["questions"], {"question": str})
            if options["questions"]
            else [{"id": "1", "question": whole(options["question"]).strip()}]
        )
        endpoint = Endpoint.objects.for_course(course)
        try:
            with ExitStack() as stack:
                if endpoint.embedded:
                    stack.enter_context(running(endpoint.base_url))
                if options["conversation"]:
                    self._go_on(
                        course, options["conversation"], asked, options["json"] or bool(options["questions"])
                    )
                else:
                    asyncio.run(
                        self._ask(course, endpoint, asked, options["json"] or bool(options["questions"]))
                    )
        except (HostFailed, EndpointError, EmbeddingError, Refused) as error:
            raise CommandError(str(error)) from error

    async def _ask(
        self, course: Course, endpoint: Endpoint, asked: Sequence[dict[str, Any]], as_json: bool
    ) -> None:
        passages = Passage.objects.for_agent(course)
        for row in asked:
            request = Request(course, None, row["question"], [], endpoint, passages)
            started = time.monotonic()
            async with aclosing(answer(request)) as stream:
                events: list[Event] = [event async for event in stream]
            self._print(row["id"], collected(events, time.monotonic() - started), as_json)

    def _go_on(self, course: Course, uuid: UUID, asked: Sequence[dict[str, Any]], as_json: bool) -> None:
        """Ask within a stored conversation; the turns are stored there too. A new ID begins one, of an admin."""
        conversation = Conversation.objects.filter(uuid=uuid).first()
        admin = User.objects.filter(is_superuser=True, is_active=True).order_by("pk").first()
        if conversation is None and admin:
            conversation = Conversation.objects.create(uuid=uuid, course=course, user=admin, as_student=True)
        if conversation is None or conversation.course != course or conversation.deleted:
            raise CommandError(
                f"The course {course.slug} has no conversation {uuid}. A new ID begins one, once there is an admin "
                "(`manage.py createsuperuser`)."
            )
        for row in asked:
            turn = turns.run(ask(conversation, row["question"]))
            if turn.state != Turn.State.DONE:
                raise CommandError(turn.error or f"The answer was {turn.state}.")
            events = [
                {"type": kind, **data}
                for kind, data in turn.events.order_by("seq").values_list("type", "data")
            ]
            self._print(row["id"], collected(events, turn.seconds.get("total", 0.0)), as_json)

    def _print(self, name: str, result: dict[str, Any], as_json: bool) -> None:
        if as_json:
            self.stdout.write(json.dumps({"id": name, **result}, ensure_ascii=False))
            return
        self.stdout.write(result["answer"])
        for sentence in result["sentences"]:
            for cited in sentence["citations"]:
                self.stdout.write(
                    f"  [{sentence['verdict']}] {cited['file']}: {cited['quote']}\n    {cited['url']}"
                )


def collected(events: Sequence[Event], total: float) -> dict[str, Any]:
    """What the events of an answer amount to."""
    text = "".join(event["text"] for event in events if event["type"] == "text")
    notes = [event for event in events if event["type"] == "note"]
    sentences: dict[int, dict[str, Any]] = {}
    for event in events:
        if event["type"] == "verdict":
            said = text[event["start"] : event["end"]]
            sentences[event["sentence"]] = {"text": said, "verdict": event["verdict"], "citations": []}
        elif event["type"] == "citation" and event["sentence"] in sentences:
            cited = {key: event[key] for key in ("file", "anchor", "quote", "url")}
            sentences[event["sentence"]]["citations"].append(cited)
    told = [
        _otherwise(passage) for note in notes if note["kind"] == "premise" for passage in note["passages"]
    ]
    end = next((event for event in reversed(events) if event["type"] == "end"), {})
    abstained = bool(end.get("abstained")) or any(note["kind"] == "abstained" for note in notes)
    seconds = {"search": 0.0, "first_token": total, **end.get("seconds", {}), "total": round(total, 4)}
    return {
        "answer": "\n\n".join([*(one["text"] for one in told), text])
        if text
        else "\n".join(note["text"] for note in notes),
        "sentences": [*told, *(sentences[number] for number in sorted(sentences))],
        "abstained": abstained,
        "model": end.get("model", ""),
        "seconds": {key: seconds[key] for key in ("search", "first_token", "total")},
    }


def _otherwise(passage: dict[str, Any]) -> dict[str, Any]:
    """The sentence that says what the material says against the question's premise, as the page shows it."""
    cited = {key: passage[key] for key in ("file", "anchor", "url")}
    said = " ".join(passage["text"].split())
    return {
        "text": f"The material says otherwise: “{said}”",
        "verdict": "supported",
        "citations": [{**cited, "quote": passage["text"]}],
    }
