"""What several people follow together: one order of events for all of them, whatever process serves their tabs.

Events of a shared conversation are stored under its lock (`events.in_order`), so ids grow with the order of commits,
and everybody is sent them by id.
"""

from __future__ import annotations

import asyncio

from tutor.chat.events import encode, wire
from tutor.chat.history import wholes
from tutor.chat.models import Event
from tutor.chat.threads import in_thread

Row = tuple[str, int, str, bool]  # turn, seq, wire, whether it stands for all events up to it


class Feed:
    """The events of a shared conversation as stored: one copy for all its tabs in this process."""

    def __init__(self, conversation: int) -> None:
        self.conversation = conversation
        self.events: list[Row] = []
        self.stale = True  # there are, or may be, rows that are not here
        self._last = 0  # id
        self._reached: dict[str, int] = {}  # turn -> seq
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
            self._last, rows = await in_thread(stored_after)(self.conversation, self._last, self._reached)
        except BaseException:
            self.stale = True
            raise
        self.events += rows
        self._reached |= {turn: seq for turn, seq, _, _ in rows}


def stored_after(conversation: int, last: int, reached: dict[str, int]) -> tuple[int, list[Row]]:
    """The events with a greater id than `last`, and the greatest id there is now.

    Where the events of a turn after the seq that was `reached` have been pruned, one of type `whole` stands for it.
    """
    events = Event.objects.filter(turn__conversation=conversation, pk__gt=last).order_by("pk")
    found = list(events.values_list("pk", "turn", "turn__uuid", "seq", "type", "data"))
    firsts: dict[int, int] = {}
    ends: dict[int, int] = {}
    for _, turn, uuid, seq, _, _ in found:
        firsts.setdefault(turn, seq - reached.get(str(uuid), 0))
        ends[turn] = seq
    pruned = {turn for turn, first in firsts.items() if first > 1}
    finished = wholes(pruned) if pruned else {}
    rows: list[Row] = []
    for last, turn, uuid, seq, kind, data in found:  # noqa: B007
        name = str(uuid)
        if turn not in pruned:
            rows.append((name, seq, wire(name, seq, kind, encode(data)), False))
        elif turn in finished:
            end = ends[turn]
            rows.append((name, end, wire(name, end, "whole", encode({"data": finished.pop(turn)})), True))
    return last, rows
