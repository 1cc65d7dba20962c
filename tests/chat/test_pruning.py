"""Events that nobody needs any more go; whoever comes back still gets the whole answer."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta

import pytest
from django.utils import timezone

from tests import make
from tests.chat.site import QUESTION, Site, conversation
from tests.llm.scripted import Answer, Scripted
from tutor.chat import history, pruning, staff_questions
from tutor.chat.models import Event, Turn
from tutor.chat.threads import in_thread

ANSWER = "Heat flows by itself from a hot body to a cold one. The rate grows with the difference."


def age() -> None:
    """All turns ended long ago."""
    Turn.objects.update(changed=timezone.now() - pruning.KEPT - timedelta(hours=1))


async def test_a_client_that_comes_back_late_gets_the_finished_turn(endpoint: Scripted, site: Site) -> None:
    endpoint.script(Answer(ANSWER, delay=0.02))
    talk = conversation()
    teacher = make.enrol(talk.course, make.user(name="Ada Teacher"), role="staff")
    early, late, never = site.tab(talk), site.tab(talk), site.tab(talk)
    async with early:
        async with late:
            await early.ask(QUESTION)
            await late.until("text")
            await late.cut()  # the laptop is closed in the middle of the answer
        await early.finish()
    assert late.after != early.after
    turn = Turn.objects.get()
    page = history.finished(talk)
    assert page[0][0]["answer"]["citations"]

    age()
    gone = pruning.prune()
    assert gone == len(early.events) - 1
    assert [event.seq for event in turn.events.all()] == [len(early.events)]
    assert pruning.prune() == 0
    assert history.finished(talk) == page

    for tab in (late, never):
        async with tab:
            event = json.loads(await asyncio.wait_for(tab.socket.recv(), 10))
            assert (event["type"], event["seq"]) == ("whole", len(early.events))
            assert event["data"] == page[0][0]
            tab.after[event["turn"]] = event["seq"]
    # the numbers go on from there, for those who have it and for those who have not
    async with early, late:
        await in_thread(staff_questions.correct)(turn, "It needs a difference of temperature.", teacher)
        for tab in (early, late):
            event = await tab.until("note")
            assert (event["kind"], event["seq"]) == ("staff_reply", page[1][event["turn"]] + 1)
    async with early:
        await early.ask(QUESTION)  # a new turn streams as ever, and the old one is not sent again
        await early.finish(2)
    assert early.events[-1]["turn"] == str(talk.turns.get(ordinal=2).uuid)


async def test_only_what_ended_long_ago_goes_a_batch_at_a_time(
    endpoint: Scripted, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pruning, "A_BATCH", 1)
    talk = conversation()
    async with site.tab(talk) as tab:
        for number in range(1, 4):
            await tab.ask(QUESTION)
            await tab.finish(number)
    count = Event.objects.count()
    assert pruning.prune() == 0  # they ended just now
    age()
    Turn.objects.filter(ordinal=2).update(state=Turn.State.RUNNING)  # somebody's clock is wrong, or it hangs
    assert pruning.prune() > 0
    assert [turn.events.count() > 1 for turn in talk.turns.order_by("ordinal")] == [False, True, False]
    assert Event.objects.count() < count
