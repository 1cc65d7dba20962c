"""The open tabs of this process: what each was sent, what waits for it, and whether its person may still see it.

A tab is served from stored events only: from the log of a turn that is answered in this process, else from the rows.
The channel layer only says that there are new rows; a look at the database every few seconds finds what it missed.
"""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from channels.layers import InMemoryChannelLayer, get_channel_layer
from django.db.models import F, Max, Q
from django.utils import timezone

from tutor.chat.events import Log, encode, wire
from tutor.chat.feeds import Feed
from tutor.chat.history import wholes
from tutor.chat.models import Conversation, Event, Turn
from tutor.chat.threads import in_thread

log = logging.getLogger(__name__)

GROUP = "lyceum.stream"
FRESH = 1.0  # seconds for which a permission that was checked holds
LISTEN_AGAIN = 3.0  # seconds, when the channel layer does not answer
LOOK_BACK = timedelta(seconds=15)


@dataclass(eq=False)
class Tab:
    """One open socket. `sent` maps a turn to the seq of its last event that went out."""

    conversation: int
    user: int
    feed: Feed | None = None  # of a conversation that several people follow
    read: int = 0  # events of the feed that were looked at
    sent: dict[str, int] = field(default_factory=dict)
    logs: dict[str, Log] = field(default_factory=dict)  # of turns answered in this process
    stale: set[str] = field(default_factory=set)  # turns with rows that this process did not write
    behind: bool = False  # any turn may have rows that were not sent
    resumed: bool = False
    news: asyncio.Event = field(default_factory=asyncio.Event)

    def resume(self, after: dict[str, int]) -> None:
        """The client says what it has; everything else goes out again."""
        self.sent, self.read = dict(after), 0
        self.resumed = self.behind = True
        self.news.set()

    def outdated(self, turn: str = "") -> None:
        """There are new rows, of one turn or of any."""
        if self.feed:
            self.feed.stale = True
        elif turn:
            self.stale.add(turn)
        else:
            self.behind = True
        self.news.set()

    async def unsent(self) -> list[str]:
        """All stored events that the tab lacks, in order; from now on they count as sent."""
        wires: list[str] = []
        if not self.resumed:
            return wires
        if self.feed:
            events = await self.feed.read()
            for turn, seq, text, whole in events[self.read :]:
                have = self.sent.get(turn, 0)
                if seq == have + 1 or (whole and seq > have):
                    self.sent[turn] = seq
                    wires.append(text)
            self.read = len(events)
            return wires
        if self.behind or self.stale:
            turns = None if self.behind else self.stale
            self.behind, self.stale = False, set()
            for turn, before, seq, text in await in_thread(rows_after)(
                self.conversation, dict(self.sent), turns
            ):
                if self.sent.get(turn, 0) == before:  # else the client resumed from elsewhere while we looked
                    self.sent[turn] = seq
                    wires.append(text)
        for turn, stored in list(self.logs.items()):
            have = self.sent.get(turn, 0)
            if have < len(stored.wires):
                wires += stored.wires[have:]
                self.sent[turn] = len(stored.wires)
            if stored.closed and stored.closed.done():
                del self.logs[turn]
        return wires


def rows_after(
    conversation: int, sent: dict[str, int], turns: set[str] | None
) -> list[tuple[str, int, int, str]]:
    """(turn, seq before, seq, wire) of the stored events after `sent`, of some turns or of all, by turn and seq.

    Where the events that come next have been pruned, one of type `whole` stands for all of the turn.
    """
    asked = Turn.objects.filter(conversation=conversation)
    if turns is not None:
        asked = asked.filter(uuid__in=turns)
    newest = asked.order_by().annotate(last=Max("events__seq")).values_list("pk", "uuid", "last")
    ends = {pk: last for pk, uuid, last in newest if (last or 0) > sent.get(str(uuid), 0)}
    uuids = {pk: str(uuid) for pk, uuid, _ in newest}
    reached = {pk: sent.get(uuids[pk], 0) for pk in ends}
    found = []
    for pk, seq, kind, data in (
        Event.objects.filter(turn__in=ends)
        .order_by("turn__ordinal", "seq")
        .values_list("turn_id", "seq", "type", "data")
    ):
        before, uuid = reached[pk], uuids[pk]
        if seq <= before:
            continue
        if seq > before + 1:
            found.append(
                (uuid, before, ends[pk], wire(uuid, ends[pk], "whole", encode({"data": wholes([pk])[pk]})))
            )
            reached[pk] = ends[pk]
            continue
        found.append((uuid, before, seq, wire(uuid, seq, kind, encode(data))))
        reached[pk] = seq
    return found


class Audience:
    """All tabs of one process."""

    def __init__(self, owner: str) -> None:
        self.owner = owner
        # What this process's own writer wrote needs no looking for.
        self.own = Q(owner=owner) & (Q(state__in=Turn.UNFINISHED) | Q(changed=F("finished")))
        self.tabs: dict[int, set[Tab]] = {}
        self.feeds: dict[int, Feed] = {}
        self._admitted: set[tuple[int, int]] = set()  # (conversation, person)
        self._checked = 0.0
        self._seen: dict[uuid.UUID, datetime] = {}
        self._check: asyncio.Task[None] | None = None

    def join(self, tab: Tab, logs: list[Log], *, shared: bool = False) -> None:
        """Admit a tab whose person's right was just checked."""
        self.tabs.setdefault(tab.conversation, set()).add(tab)
        self._admitted.add((tab.conversation, tab.user))
        if shared:
            tab.feed = self.feeds.setdefault(tab.conversation, Feed(tab.conversation))
        else:
            tab.logs = {entry.uuid: entry for entry in logs}

    def leave(self, tab: Tab) -> None:
        tabs = self.tabs.get(tab.conversation, set())
        tabs.discard(tab)
        if not tabs:
            self.tabs.pop(tab.conversation, None)
            self.feeds.pop(tab.conversation, None)

    def count(self, conversation: int, user: int) -> int:
        """Tabs that a person has open on a conversation."""
        return sum(tab.user == user for tab in self.tabs.get(conversation, ()))

    def followers(self) -> set[tuple[int, int]]:
        """(conversation, person) for each conversation of several people that somebody has open in a tab."""
        return {(tab.conversation, tab.user) for tabs in self.tabs.values() for tab in tabs if tab.feed}

    def follow(self, entry: Log) -> None:
        """A turn is answered in this process from now on."""
        if feed := self.feeds.get(entry.conversation):
            feed.stale = True
        for tab in self.tabs.get(entry.conversation, ()):
            if tab.feed is None:
                tab.logs[entry.uuid] = entry
            tab.news.set()

    def stored(self, entries: list[Log]) -> None:
        for entry in entries:
            if feed := self.feeds.get(entry.conversation):
                feed.stale = True
            for tab in self.tabs.get(entry.conversation, ()):
                tab.news.set()

    def outdated(self, conversation: int, turn: str = "") -> None:
        """Rows of this conversation were written past this process's own writer."""
        for tab in self.tabs.get(conversation, ()):
            tab.outdated(turn)

    async def allows(self, tab: Tab) -> bool:
        """Whether the tab's person may still see the conversation; looked up for all tabs together, once a second."""
        while time.monotonic() - self._checked > FRESH:
            if self._check is None or self._check.done():
                self._check = asyncio.create_task(self._look_up())
            await asyncio.shield(self._check)
        return (tab.conversation, tab.user) in self._admitted

    async def _look_up(self) -> None:
        """What is admitted now, and whoever joined while the rows were read."""
        asked = {(tab.conversation, tab.user) for tabs in self.tabs.values() for tab in tabs}
        conversations = Conversation.objects.filter(pk__in={conversation for conversation, _ in asked})
        admitted = await in_thread(conversations.admissions)()
        joined = {(tab.conversation, tab.user) for tabs in self.tabs.values() for tab in tabs} - asked
        self._admitted = admitted | joined
        self._checked = time.monotonic()

    async def check(self) -> None:
        """Wake the tabs of people who were shut out."""
        if not self.tabs:
            return
        await self._look_up()
        for tabs in self.tabs.values():
            for tab in tabs:
                if (tab.conversation, tab.user) not in self._admitted:
                    tab.news.set()

    async def look(self) -> None:
        """Find what no wake-up told: rows of other processes."""
        if not self.tabs:
            return

        def moving() -> list[tuple[int, uuid.UUID, str, datetime]]:
            turns = Turn.objects.filter(conversation__in=list(self.tabs)).moving(
                since=timezone.now() - LOOK_BACK
            )
            return list(turns.exclude(self.own).values_list("conversation", "uuid", "state", "changed"))

        seen = {}
        for conversation, turn, state, changed in await in_thread(moving)():
            if state in Turn.UNFINISHED or self._seen.get(turn) != changed:
                self.outdated(conversation, str(turn))
            seen[turn] = changed
        self._seen = seen

    async def listen(self, stop: Any) -> None:
        """Hear of other processes' rows and of stops that arrived there. `stop(turn pk)` stops a turn of ours."""
        layer = shared_layer()
        if layer is None:
            return
        while True:
            try:
                name = await layer.new_channel("lyceum")
                await layer.group_add(GROUP, name)
                while True:
                    message = await layer.receive(name)
                    if message.get("owner") == self.owner:
                        continue
                    for conversation, turn in message.get("turns", ()):
                        self.outdated(conversation, turn)
                    for turn in message.get("stop", ()):
                        stop(turn)
            except Exception:
                log.exception("Listening to the channel layer failed; trying again")
                await asyncio.sleep(LISTEN_AGAIN)


def shared_layer() -> Any:
    """The channel layer, if there is one that other processes share."""
    layer = get_channel_layer()
    return None if isinstance(layer, InMemoryChannelLayer) else layer


async def tell(*, owner: str, **news: list[Any]) -> None:
    """Tell the other processes. Losing this only costs them the seconds until they look for themselves."""
    layer = shared_layer()
    if layer is None:
        return
    try:
        await layer.group_send(GROUP, {"type": "stream.news", "owner": owner, **news})
    except Exception:
        log.exception("The channel layer took no message")
