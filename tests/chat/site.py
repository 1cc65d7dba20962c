"""A real ASGI server in a process of its own on the test's database, and tabs that talk to it over real sockets."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import websockets
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.db import connection

from courses.index import pack
from courses.models import Course
from tests import make
from tutor.accounts.models import User
from tutor.chat.models import Conversation
from tutor.llm.embeddings import embed

ROOT = Path(__file__).parents[2]
ENDS = {"end", "stopped", "error"}


def database_url() -> str:
    """The test database, for another process."""
    name = connection.settings_dict["NAME"]
    if settings.SQLITE:
        return f"sqlite:///{name}"
    parts = connection.settings_dict
    return f"postgresql://{parts['USER']}:{parts['PASSWORD']}@{parts['HOST']}:{parts['PORT'] or 5432}/{name}"


class Site:
    """One web process. Use as a context manager; `kill` is a sudden death, leaving the block a proper stop."""

    def __init__(self, **environment: str) -> None:
        self.environment = environment

    def __enter__(self) -> Site:
        env = {
            **os.environ,
            "DATABASE_URL": database_url(),
            "SITE_URL": "http://localhost:1",
            **self.environment,
        }
        env.pop("DJANGO_ALLOW_ASYNC_UNSAFE", None)
        options = [
            "--ws-per-message-deflate",
            "false",
            "--timeout-graceful-shutdown",
            "3",
            "--lifespan",
            "on",
        ]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "uvicorn", "tutor.asgi:application", "--port", "0", *options],
            cwd=ROOT, env=env, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        assert self.process.stderr is not None
        self.said: list[str] = []
        for line in self.process.stderr:
            self.said.append(line)
            if "Uvicorn running on" in line:
                self.port = int(line.split("http://127.0.0.1:")[1].split()[0])
                break
        else:
            raise AssertionError("".join(self.said))
        # What it says from now on goes to this process's own output, where pytest shows it for a failed test.
        self.drain = subprocess.Popen(
            [sys.executable, "-c", "import sys\nfor line in sys.stdin: sys.stderr.write(line)"],
            stdin=self.process.stderr,
        )
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()

    def stop(self) -> None:
        """End the server as its operator would."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(timeout=30)
        self.drain.wait(timeout=10)

    def kill(self) -> None:
        """kill -9: nothing of the process gets a chance to tidy up."""
        self.process.kill()
        self.process.wait(timeout=10)

    def get(self, path: str, user: User | None = None) -> tuple[int, str]:
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}")
        if user:
            request.add_header("Cookie", cookie_of(user))
        with urllib.request.urlopen(request, timeout=30) as response:
            return response.status, response.read().decode()

    def tab(
        self,
        conversation: Conversation,
        user: User | None = None,
        *,
        origin: str = "",
        signed_in: bool = True,
    ) -> Tab:
        """A browser tab on a conversation, by default its own user's."""
        headers = {"Cookie": cookie_of(user or conversation.user)} if signed_in else {}
        url = f"ws://127.0.0.1:{self.port}/ws/conversations/{conversation.uuid}/"
        return Tab(url, headers, origin or f"http://127.0.0.1:{self.port}")


def resident_megabytes(pid: int) -> float:
    """Resident memory of a process in MB (10^6 bytes)."""
    found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) * 1024 / 1e6 if found else 0.0


def cookie_of(user: User) -> str:
    """The cookie of a signed-in browser."""
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.save()
    return f"{settings.SESSION_COOKIE_NAME}={session.session_key}"


class Tab:
    """What the page's script does: keeps {turn: last seq}, resumes first, takes events strictly in order."""

    def __init__(self, url: str, headers: dict[str, str], origin: str) -> None:
        self.url, self.headers, self.origin = url, headers, origin
        self.after: dict[str, int] = {}
        self.events: list[dict[str, Any]] = []
        self.times: list[float] = []  # when each of them came
        self.refusals: list[dict[str, Any]] = []

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.socket.close()

    async def open(self, resume: bool = True) -> None:
        self.socket = await websockets.connect(
            self.url, additional_headers=self.headers, origin=websockets.Origin(self.origin), max_size=None
        )
        if resume:
            with contextlib.suppress(websockets.ConnectionClosed):  # it may have been refused already
                await self.send(type="resume", after=self.after)

    async def cut(self) -> None:
        """The network goes away, without a close frame."""
        self.socket.transport.abort()

    async def send(self, **message: Any) -> None:
        await self.socket.send(json.dumps(message))

    async def ask(self, question: str, **more: Any) -> str:
        """Ask; gives the client id."""
        client_id = str(more.pop("client_id", uuid.uuid4()))
        await self.send(type="ask", question=question, client_id=client_id, **more)
        return client_id

    async def next(self, seconds: float = 30) -> dict[str, Any]:
        """The next event. Fails where one comes twice or out of order."""
        event: dict[str, Any] = json.loads(await asyncio.wait_for(self.socket.recv(), seconds))
        if event["turn"] is None:
            self.refusals.append(event)
            return event
        expected = self.after.get(event["turn"], 0) + 1
        assert event["seq"] == expected, f"seq {event['seq']} came where {expected} was due"
        self.after[event["turn"]] = event["seq"]
        self.events.append(event)
        self.times.append(time.monotonic())
        return event

    async def until(
        self, wanted: Callable[[dict[str, Any]], bool] | str, seconds: float = 30
    ) -> dict[str, Any]:
        """Take events up to the first that is wanted (of a type, or that a function says yes to)."""
        async with asyncio.timeout(seconds):
            while True:
                event = await self.next(seconds)
                if event["type"] == wanted if isinstance(wanted, str) else wanted(event):
                    return event

    async def finish(self, turns: int = 1, seconds: float = 30) -> None:
        """Take events until so many turns, of all this tab has ever seen, have ended."""
        async with asyncio.timeout(seconds):
            while sum(event["type"] in ENDS for event in self.events) < turns:
                await self.next(seconds)

    async def closed(self, seconds: float = 10) -> int:
        """The code with which the server closes the socket."""
        async with asyncio.timeout(seconds):
            try:
                while True:
                    await self.socket.recv()
            except websockets.ConnectionClosed as end:
                return end.rcvd.code if end.rcvd else 1006

    def text(self, turn: str = "") -> str:
        return "".join(
            str(event["text"])
            for event in self.events
            if event["type"] == "text" and turn in ("", event["turn"])
        )


TEXT = (
    "Heat flows by itself from a hot body to a cold one. The rate of the flow grows with the difference of their "
    "temperatures. Two bodies that touch each other end at one temperature, which is called thermal equilibrium."
)
QUESTION = "Where does heat flow by itself?"


def course_on_heat() -> Course:
    """A course of one passage, which answers QUESTION."""
    course = make.course("Heat")
    material = make.material(course, TEXT, title="Heat")
    make.passage(material, TEXT, heading_path=["Heat"], vector=pack(embed([TEXT])[0]))
    course.touch_index()
    return course


def conversation(**fields: Any) -> Conversation:
    """A conversation of a new student in a new course, where nothing else is said."""
    course = fields.pop("course", None) or course_on_heat()
    student = fields.pop("user", None) or make.enrol(course)
    return Conversation.objects.create(course=course, user=student, **fields)
