"""What several people follow together: one order of events for all of them, whatever process serves their tabs.

Events of a shared conversation are stored under its lock (`events.in_order`), so ids grow with the order of commits,
and everybody is sent them by id.
"""

from __future__ import annotations

import asyncio

from tutor.chat.events import encode, wire
from tutor.chat.models import Event
from tutor.chat.threads import in_thread

Row = tuple[str, int, str]  # turn, seq, wire


class Feed:
    """The events of a shared conversation as stored: one copy for all its tabs in this process."""

    def __init__(self, conversation: int) -> None:
        self.conversation = conversation
        self.events: list[Row] = []
        self.stale = True  # there are, or may be, rows that are not here
        self._last = 0  # id
        self._reading: asyncio.Task[None] | None = None

    async def read(self) -> list[Row]:
        """All of them, brought up to date."""
        while self.stale:
            if self._reading is None or self._reading.done():
                self._reading = asyncio.create_task(self._read())
            await asyncio.shield(self._reading)
        return self.events

    async def _read(self) -> None:
        self.stale = False
        try:
            self._last, rows = await in_thread(stored_after)(self.conversation, self._last)
        except BaseException:
            self.stale = True
            raise
        self.events += rows


def stored_after(conversation: int, last: int) -> tuple[int, list[Row]]:
    """The events with a greater id than `last`, and the greatest id there is now."""
    rows = []
    found = Event.objects.filter(turn__conversation=conversation, pk__gt=last).order_by("pk")
    for last, uuid, seq, kind, data in found.values_list("pk", "turn__uuid", "seq", "type", "data"):  # noqa: B007
        rows.append((str(uuid), seq, wire(str(uuid), seq, kind, encode(data))))
    return last, rows
