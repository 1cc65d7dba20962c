"""Every event once and in order: over cuts, tabs, reloads, stops, deaths and floods, on a real ASGI server."""

from __future__ import annotations

import asyncio
import random
import uuid

import pytest
import websockets
from django.conf import settings
from django.utils import timezone

from courses.models import Enrolment
from tests import make
from tests.chat.site import QUESTION, Site, Tab, conversation, course_on_heat
from tests.llm.scripted import Answer, Scripted
from tutor.chat import history
from tutor.chat.consumers import TABS
from tutor.chat.messages import BURST
from tutor.chat.models import Event, Message, Signal, Turn
from tutor.llm.models import Quota, Usage

WORDS = " ".join(f"word{i}" for i in range(60))


def only_turn() -> Turn:
    return Turn.objects.get()


async def test_an_answer_streams_and_is_kept(endpoint: Scripted, site: Site) -> None:
    endpoint.script(Answer("Heat flows from hot to cold.", delay=0.05))
    talk = conversation()
    async with site.tab(talk) as tab:
        await tab.ask("Where does heat flow?")
        await tab.finish()
    assert [tab.events[0]["type"], tab.events[-1]["type"]] == ["queued", "end"]
    assert tab.events[0]["question"] == "Where does heat flow?"
    assert tab.text() == "Heat flows from hot to cold."
    turn = only_turn()
    assert turn.state == Turn.State.DONE
    assert turn.messages.get().text == tab.text()
    assert tab.events[-1]["message"] == turn.messages.get().pk
    assert [event.seq for event in turn.events.all()] == list(range(1, len(tab.events) + 1))
    talk.refresh_from_db()
    assert talk.title == "Where does heat flow?"
    used = Usage.objects.get()
    assert used.completion_tokens == tab.events[-1]["usage"]["completion_tokens"] > 0


@pytest.mark.parametrize("seed", range(4))
async def test_a_tab_that_is_cut_at_random_events_misses_and_repeats_nothing(
    endpoint: Scripted, site: Site, seed: int
) -> None:
    endpoint.script(Answer(WORDS, delay=0.01))
    dice = random.Random(seed)
    talk = conversation()
    async with site.tab(talk) as steady, site.tab(talk) as shaky:
        await shaky.ask(QUESTION)
        while not shaky.events or shaky.events[-1]["type"] != "end":
            for _ in range(dice.randint(1, 6)):
                if (await shaky.next())["type"] == "end":
                    break
            await shaky.cut()
            await asyncio.sleep(dice.random() * 0.05)
            await shaky.open()
        await steady.finish()
    assert shaky.events == steady.events
    assert shaky.text() == WORDS


async def test_a_tab_opened_in_the_middle_gets_the_whole_turn(endpoint: Scripted, site: Site) -> None:
    endpoint.script(Answer(WORDS, hold_after=20))
    talk = conversation()
    async with site.tab(talk) as first:
        await first.ask(QUESTION)
        await first.until("text")
        async with site.tab(talk) as second:
            await second.until("text")
            endpoint.release()
            await second.finish()
            await first.finish()
            assert second.events == first.events
    assert second.text() == WORDS


async def test_a_page_that_shows_finished_turns_gets_only_what_comes_after(
    endpoint: Scripted, site: Site
) -> None:
    talk = conversation()
    async with site.tab(talk) as tab:
        await tab.ask(QUESTION)
        await tab.finish()
    turns, after = history.finished(talk)
    assert turns[0]["answer"]["text"] == tab.text()
    assert after == tab.after
    reloaded = site.tab(talk)
    reloaded.after = after
    async with reloaded:
        await reloaded.ask(QUESTION)
        await reloaded.finish()
    assert {event["turn"] for event in reloaded.events} == {str(talk.turns.get(ordinal=2).uuid)}


async def test_asking_twice_with_one_id_asks_once(endpoint: Scripted, site: Site) -> None:
    talk = conversation()
    async with site.tab(talk) as one, site.tab(talk) as two:
        client_id = await one.ask(QUESTION)
        await two.ask(QUESTION, client_id=client_id)
        await one.ask(QUESTION, client_id=client_id)
        await one.finish()
        await two.finish()
        await one.ask(QUESTION, client_id=client_id)  # long after
        await one.ask("Where does heat flow?")
        await one.finish(2)
    assert talk.turns.count() == 2
    assert len(endpoint.requests()) == 2


async def test_stop_reaches_the_endpoint_and_keeps_what_was_said(endpoint: Scripted, site: Site) -> None:
    endpoint.script(Answer(WORDS, hold_after=10))
    talk = conversation()
    async with site.tab(talk) as tab:
        await tab.ask(QUESTION)
        event = await tab.until("text")
        await tab.send(type="stop", turn=event["turn"])
        endpoint.wait("disconnected", seconds=2)
        await tab.finish()
    assert tab.events[-1]["type"] == "stopped"
    turn = only_turn()
    assert turn.state == Turn.State.STOPPED
    assert turn.messages.get().text == tab.text()
    assert turn.signals.get().kind == Signal.Kind.STOPPED


async def test_a_stop_right_after_the_question_ends_it_too(endpoint: Scripted, site: Site) -> None:
    endpoint.script(Answer(WORDS, delay=0.01))
    talk = conversation()
    async with site.tab(talk) as tab:
        for number in range(1, 6):
            await tab.ask(QUESTION)
            event = await tab.until("queued")
            await tab.send(type="stop", turn=event["turn"])
            await tab.finish(number)
            assert tab.events[-1]["type"] == "stopped"
    assert set(Turn.objects.values_list("state", flat=True)) == {"stopped"}


async def test_a_stop_at_another_process_reaches_the_endpoint(endpoint: Scripted, site: Site) -> None:
    endpoint.script(Answer(WORDS, hold_after=10))
    talk = conversation()
    with Site() as other:
        async with site.tab(talk) as here, other.tab(talk) as there:
            await here.ask(QUESTION)
            event = await there.until("text")
            await there.send(type="stop", turn=event["turn"])
            endpoint.wait("disconnected", seconds=2)
            await here.finish()
            await there.finish()
            assert there.events == here.events
    assert here.events[-1]["type"] == "stopped"


@pytest.mark.services
@pytest.mark.skipif(not settings.REDIS_URL, reason="is about the layer that processes share: set REDIS_URL")
async def test_another_process_is_woken_through_the_channel_layer(endpoint: Scripted, site: Site) -> None:
    endpoint.script(Answer(WORDS, delay=0.02))
    talk = conversation()
    with Site() as other:
        async with site.tab(talk) as here, other.tab(talk) as there:
            await here.ask(QUESTION)
            await asyncio.gather(here.finish(), there.finish())
    assert there.events == here.events
    # Looks at the database every two seconds alone would have brought it in one or two pieces.
    moments = {round(at, 1) for at in there.times}
    assert len(moments) > 5


async def test_a_turn_whose_process_died_is_closed_by_another(endpoint: Scripted, site: Site) -> None:
    endpoint.script(Answer(WORDS, hold_after=10))
    talk = conversation()
    with Site() as mortal:
        tab = mortal.tab(talk)
        await tab.open()
        await tab.ask(QUESTION)
        await tab.until("text")
        mortal.kill()
    while True:  # what was on its way
        try:
            await tab.next()
        except websockets.ConnectionClosed:
            break
    Turn.objects.update(lease_until=timezone.now())  # the fifteen seconds of its lease are over
    survivor = site.tab(talk)
    survivor.after, survivor.events = tab.after, tab.events
    async with survivor:
        end = await survivor.until("error")
    assert end["code"] == "lost"
    assert "Ask again" in end["message"]
    turn = only_turn()
    assert turn.state == Turn.State.FAILED
    assert turn.messages.get().text == survivor.text()


async def test_a_server_that_stops_lets_answers_finish_or_says_that_it_stopped(endpoint: Scripted) -> None:
    endpoint.script(Answer("short answer", delay=0.3, when="Be short"), Answer(WORDS, hold_after=10))
    short, long = conversation(), conversation()
    with Site() as ending:
        async with ending.tab(short) as quick, ending.tab(long) as slow:
            await quick.ask(f"{QUESTION} Be short.")
            await slow.ask(QUESTION)
            await quick.until("start")
            await slow.until("text")
            await asyncio.to_thread(ending.stop)
    assert short.turns.get().state == Turn.State.DONE
    stopped = long.turns.get()
    assert stopped.state == Turn.State.FAILED
    assert "restarted" in stopped.error
    assert stopped.messages.get().text.startswith("word0 ")


async def test_an_endpoint_that_fails_is_told_in_words(endpoint: Scripted, site: Site) -> None:
    endpoint.script(Answer(status=401, error="no such key"))
    talk = conversation()
    async with site.tab(talk) as tab:
        await tab.ask(QUESTION)
        await tab.finish()
    assert tab.events[-1]["type"] == "error"
    assert tab.events[-1]["code"] == "endpoint"
    assert only_turn().error == tab.events[-1]["message"] != ""


async def test_who_may_connect(endpoint: Scripted, site: Site) -> None:
    talk = conversation()
    outsider, classmate, teacher = (
        make.user(),
        make.enrol(talk.course),
        make.enrol(talk.course, role="instructor"),
    )
    for stranger in (outsider, classmate, teacher):
        tab = site.tab(talk, stranger)
        await tab.open()
        assert await tab.closed() == 4403
    tab = site.tab(talk, signed_in=False)
    await tab.open()
    assert await tab.closed() == 4401
    other_page = site.tab(talk, origin="http://evil.example")
    with pytest.raises(websockets.InvalidStatus):
        await other_page.open()
    assert not Turn.objects.exists()


async def test_leaving_the_course_ends_the_stream(endpoint: Scripted, site: Site) -> None:
    endpoint.script(Answer(WORDS, hold_after=10))
    talk = conversation()
    async with site.tab(talk) as tab:
        await tab.ask(QUESTION)
        await tab.until("text")
        Enrolment.objects.filter(course=talk.course).delete()
        assert await tab.closed() == 4403
    endpoint.release()
    again = site.tab(talk)
    await again.open()
    assert await again.closed() == 4403


async def test_a_used_up_quota_is_said(endpoint: Scripted, site: Site) -> None:
    talk = conversation()
    Quota.objects.create(user=talk.user, tokens_per_day=5)
    Usage.objects.create(user=talk.user, course_id=talk.course_id, model="m", completion_tokens=6)
    async with site.tab(talk) as tab:
        client_id = await tab.ask("More?")
        refusal = await tab.next()
    assert (refusal["turn"], refusal["code"], refusal["client_id"]) == (None, "quota", client_id)
    assert "midnight" in refusal["message"]
    assert not Turn.objects.exists()


async def test_questions_are_limited(endpoint: Scripted, site: Site) -> None:
    talk = conversation()
    async with site.tab(talk) as tab:
        await tab.ask("x" * 4001)
        await tab.ask("   ")
        assert [(await tab.next())["code"] for _ in range(2)] == ["too_long", "empty"]
        for i in range(settings.QUESTIONS_A_MINUTE):
            await tab.ask(f"Question {i}?")
            await tab.finish(i + 1)
        await tab.ask("One more?")
        await tab.until(lambda event: event["turn"] is None)
    assert tab.refusals[-1]["code"] == "too_many"


@pytest.mark.parametrize(
    "frame",
    [
        "",
        "{",
        "[]",
        '"ask"',
        '{"type": "dance"}',
        '{"type": "ask", "question": 7, "client_id": "a2c6f7de-7b1c-4a0e-8d2f-6f2f5e1f0a11"}',
        '{"type": "ask", "question": "no id"}',
        '{"type": "stop", "turn": {"$ne": ""}}',
        '{"type": "resume", "after": {"x": 1}}',
        '{"type": "resume", "after": {"a2c6f7de-7b1c-4a0e-8d2f-6f2f5e1f0a11": -1}}',
        "[" * 30_000,
        b"\x00\x01",
    ],
)
async def test_nonsense_closes_only_the_socket_it_came_over(
    endpoint: Scripted, site: Site, frame: str | bytes
) -> None:
    talk = conversation()
    async with site.tab(talk) as good, site.tab(talk) as bad:
        await bad.socket.send(frame)
        assert await bad.closed() == 4400
        await good.ask("Still there?")
        await good.finish()
    assert good.events[-1]["type"] == "end"


async def test_asking_before_resuming_is_refused(endpoint: Scripted, site: Site) -> None:
    tab = site.tab(conversation())
    await tab.open(resume=False)
    await tab.ask("Too early?")
    assert await tab.closed() == 4400
    assert not Turn.objects.exists()


async def test_oversized_and_flooding_clients_are_refused(endpoint: Scripted, site: Site) -> None:
    talk = conversation()
    async with site.tab(talk) as huge, site.tab(talk) as flood:
        await huge.ask("x" * 40_000)
        assert await huge.closed() == 1009
        for _ in range(BURST + 20):
            await flood.send(type="stop", turn=str(uuid.uuid4()))
        assert await flood.closed() == 4429
    assert not Turn.objects.exists()


async def test_a_conversation_takes_only_so_many_sockets(endpoint: Scripted, site: Site) -> None:
    talk = conversation()
    tabs = [site.tab(talk) for _ in range(TABS + 1)]
    for tab in tabs:
        await tab.open()
    assert await tabs[-1].closed() == 4429
    await tabs[0].ask(QUESTION)
    await tabs[0].finish()
    for tab in tabs[:-1]:
        await tab.socket.close()


async def test_a_tab_that_does_not_read_holds_up_nobody(endpoint: Scripted, site: Site) -> None:
    long = ["```\n", *(f"{i} {'x' * 1000}\n" for i in range(400)), "```"]
    endpoint.script(Answer(pieces=long, delay=0.002))
    talk = conversation()
    async with site.tab(talk) as reader:
        sleeper = site.tab(talk)
        sleeper.socket = await websockets.connect(
            sleeper.url,
            additional_headers=sleeper.headers,
            origin=websockets.Origin(sleeper.origin),
            max_queue=1,
        )
        await sleeper.send(type="resume", after={})
        await reader.ask(QUESTION)
        await reader.finish(seconds=60)
        await sleeper.finish(seconds=60)
        await sleeper.socket.close()
    assert sleeper.events == reader.events
    assert reader.text() == "".join(long)


async def test_many_streams_at_once(endpoint: Scripted, site: Site) -> None:
    endpoint.script(Answer(WORDS, delay=0.01))
    course = course_on_heat()
    talks = [conversation(course=course) for _ in range(25)]

    async def watch(tab: Tab) -> None:
        async with tab:
            await tab.ask(QUESTION)
            await tab.finish(seconds=60)

    tabs = [site.tab(talk) for talk in talks]
    await asyncio.gather(*map(watch, tabs))
    assert [tab.text() for tab in tabs] == [WORDS] * 25
    assert Turn.objects.filter(state=Turn.State.DONE).count() == 25
    assert Event.objects.count() == sum(len(tab.events) for tab in tabs)


async def test_the_queue_is_fair_and_says_the_place(
    transactional_db: None, scripted: Scripted, site: Site
) -> None:
    scripted.endpoint(capable=True, is_default=True, embedded=True).save()
    scripted.script(Answer("done", hold_after=0))
    course = course_on_heat()
    greedy = make.enrol(course)
    first = [conversation(course=course) for _ in range(3)]
    greedy_talks = [conversation(course=course, user=greedy) for _ in range(3)]
    late = conversation(course=course)
    tabs = [site.tab(talk) for talk in (*first, *greedy_talks, late)]
    for tab in tabs:
        await tab.open()
    for tab in tabs[:4]:
        await tab.ask(QUESTION)
        await tab.until("start")
    for tab in tabs[4:]:
        await tab.ask(QUESTION)
        await tab.until("queued")
    # Four run. Two more of the greedy one wait, and so does the one who came last: before the greedy one's.
    assert (await tabs[6].until(lambda event: event.get("place", 0) > 0))["place"] == 1
    assert (await tabs[5].until(lambda event: event.get("place") == 3))["place"] == 3
    await tabs[5].send(type="stop", turn=tabs[5].events[0]["turn"])  # whoever waits can leave the queue
    await tabs[5].until("stopped")
    scripted.release()
    for i in (0, 1, 2, 3, 4, 6):
        await tabs[i].finish()
        await tabs[i].socket.close()
    states = list(Turn.objects.order_by("pk").values_list("state", flat=True))
    assert states == ["done"] * 5 + ["stopped", "done"]


async def test_one_turn_of_a_conversation_at_a_time(endpoint: Scripted, site: Site) -> None:
    endpoint.script(Answer("first answer", hold_after=1))
    talk = conversation()
    async with site.tab(talk) as tab:
        await tab.ask(QUESTION)
        await tab.until("text")
        await tab.ask(QUESTION)
        await tab.until(lambda event: event["type"] == "queued" and event["ordinal"] == 2)
        endpoint.release()
        await tab.finish(2)
    second = tab.events[-1]["turn"]
    starts = [i for i, event in enumerate(tab.events) if event["type"] == "start" and event["turn"] == second]
    ends = [i for i, event in enumerate(tab.events) if event["type"] == "end" and event["turn"] != second]
    assert ends < starts


async def test_regenerating_and_editing_are_versions_of_a_turn(endpoint: Scripted, site: Site) -> None:
    talk = conversation()
    async with site.tab(talk) as tab:
        await tab.ask("What is heat?")
        await tab.finish()
        first = tab.events[0]["turn"]
        await tab.ask("ignored", regenerates=first)
        await tab.finish(2)
        second = tab.events[-1]["turn"]
        await tab.ask("What is work?", edits=second)
        await tab.finish(3)
        await tab.ask("Why?", edits=str(uuid.uuid4()))
        await tab.until(lambda event: event["turn"] is None)
    assert tab.refusals[-1]["code"] == "gone"
    one, two, three = talk.turns.order_by("ordinal")
    assert (two.question, two.regenerates, three.edits) == (one.question, one, two)
    assert [turn.pk for turn in history.branch(talk.turns.order_by("ordinal"))] == [three.pk]
    assert history.dialogue(three) == []
    assert one.signals.get().kind == Signal.Kind.REGENERATED
    assert Message.objects.count() == 3
