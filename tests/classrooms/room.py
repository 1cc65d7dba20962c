"""A student in a classroom over the real server: a tab that follows it, and requests for what they do."""

from __future__ import annotations

import asyncio
import json
import urllib.error
import urllib.request
from typing import Any

from tests.chat.site import Site, Tab
from tutor.accounts.models import User
from tutor.classrooms.models import Classroom

TOKEN = "t" * 32  # of a browser's own making: cookie and header have to agree, and do


class Student(Tab):
    """Somebody with a seat."""

    def __init__(self, site: Site, room: Classroom, user: User) -> None:
        tab = site.tab(room.conversation, user)
        super().__init__(tab.url, tab.headers, tab.origin)
        self.room, self.user = room, user
        self.act_url = f"http://127.0.0.1:{site.port}{room.get_absolute_url()}act/"
        self.cookie = f"{tab.headers['Cookie']}; csrftoken={TOKEN}"

    async def do(self, do: str, **more: Any) -> tuple[int, dict[str, Any]]:
        """Post a request of the page's; gives status and answer."""
        return await asyncio.to_thread(self._post, {"do": do, **more})

    def _post(self, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        headers = {"Cookie": self.cookie, "X-CSRFToken": TOKEN, "Content-Type": "application/json"}
        request = urllib.request.Request(self.act_url, json.dumps(body).encode(), headers)
        try:
            with urllib.request.urlopen(request, timeout=30) as response:
                return response.status, json.load(response)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)

    async def note(self, kind: str, seconds: float = 30, **wanted: Any) -> dict[str, Any]:
        """Take events up to the first note of a kind, with these values."""
        return await self.until(
            lambda event: (
                event["type"] == "note"
                and event["kind"] == kind
                and all(event.get(key) == value for key, value in wanted.items())
            ),
            seconds,
        )

    async def act(self, kind: str, seconds: float = 30) -> dict[str, Any]:
        """Take events up to the beginning of the next act of a kind."""
        return await self.until(lambda event: event["type"] == "queued" and event.get("act") == kind, seconds)

    def acts(self) -> list[str]:
        """The kinds of the acts this tab has seen begin, in order."""
        return [event["act"] for event in self.events if event["type"] == "queued"]
