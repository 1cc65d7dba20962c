"""Answering without a socket, and closing what dead servers left."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from tests.chat.site import QUESTION, conversation
from tests.llm.scripted import Answer, Scripted
from tutor.chat import outcome, turns
from tutor.chat.asking import ask
from tutor.chat.events import append, encode, insert
from tutor.chat.models import Message, Turn
from tutor.chat.tasks import close_dead_turns


@pytest.mark.model
def test_a_command_answers_with_the_same_events(endpoint: Scripted) -> None:
    endpoint.script(Answer("Heat flows from hot to cold."))
    turn = turns.run(ask(conversation(), QUESTION))
    assert turn.state == Turn.State.DONE
    assert turn.messages.get().text == "Heat flows from hot to cold."
    kinds = [event.type for event in turn.events.all()]
    assert kinds[:2] == ["queued", "start"]
    assert kinds[-1] == "end"
    assert turn.seconds["total"] > 0


def test_a_turn_is_closed_only_after_its_lease(transactional_db: None) -> None:
    turn = ask(conversation(), QUESTION, owner="dead")
    insert(
        [
            (turn.pk, 2, "start", encode({"model": "m", "query": "q"})),
            (turn.pk, 3, "text", encode({"text": "Half an"})),
        ]
    )
    assert outcome.close_dead() == []
    Turn.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    close_dead_turns()
    close_dead_turns()
    turn.refresh_from_db()
    assert (turn.state, turn.error, turn.model) == (Turn.State.FAILED, outcome.LOST, "m")
    assert Message.objects.get().text == "Half an"
    last = turn.events.order_by("-seq")[0]
    assert (last.seq, last.type, last.data["code"]) == (4, "error", "lost")


def test_a_turn_that_was_closed_takes_nothing_from_its_late_owner(transactional_db: None) -> None:
    turn = ask(conversation(), QUESTION, owner="slow")
    Turn.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    outcome.close_dead()
    with pytest.raises(outcome.Lost):
        turns.take(turn)
    with pytest.raises(outcome.Lost):
        outcome.close(turn.pk, "slow", Turn.State.DONE, outcome.Answer(text="late"))
    with transaction.atomic():
        assert append(turn, "note", {"kind": "staff_reply", "text": "Here."}) == 3
