"""Signals of what students do with answers, and which question asks again what an earlier one asked."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from django.utils import timezone

from tests import make
from tutor.chat import feedback
from tutor.chat.asking import ask
from tutor.chat.models import Conversation, Feedback, Signal, Turn

pytestmark = pytest.mark.django_db


@pytest.fixture
def talk() -> Conversation:
    course = make.course()
    return Conversation.objects.create(course=course, user=make.enrol(course))


def asked(
    talk: Conversation, question: str, *, edits: uuid.UUID | None = None, regenerates: uuid.UUID | None = None
) -> Turn:
    turn = ask(talk, question, edits=edits, regenerates=regenerates)
    Turn.objects.filter(pk=turn.pk).update(state=Turn.State.DONE)
    return turn


def test_pages_can_report_what_happens_on_them_and_nothing_else(talk: Conversation) -> None:
    turn = asked(talk, "Why?")
    assert feedback.notice(talk, turn.uuid, "citation_opened", {"marker": 1})
    assert not feedback.notice(talk, turn.uuid, "thumb", {"up": True})
    assert not feedback.notice(talk, turn.uuid, "nonsense", {})
    assert not feedback.notice(talk, uuid.uuid4(), "copied", {})
    other = Conversation.objects.create(course=talk.course, user=make.enrol(talk.course))
    assert not feedback.notice(other, turn.uuid, "copied", {})
    assert [(signal.kind, signal.data) for signal in Signal.objects.all()] == [
        ("citation_opened", {"marker": 1})
    ]


def test_one_turn_gathers_only_so_many_signals(talk: Conversation) -> None:
    turn = asked(talk, "Why?")
    kept = [feedback.notice(talk, turn.uuid, "copied", {}) for _ in range(feedback.A_TURN + 5)]
    assert kept.count(True) == feedback.A_TURN


def test_a_later_thumb_replaces_the_first(talk: Conversation) -> None:
    turn = asked(talk, "Why?")
    feedback.judge(turn, talk.user, True, "")
    feedback.judge(turn, talk.user, False, "wrong sign")
    given = Feedback.objects.get()
    assert (given.up, given.reason) == (False, "wrong sign")
    assert Signal.objects.filter(kind=Signal.Kind.THUMB).count() == 2


@pytest.mark.model
@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("What is the standard error?", "what does standard error mean", True),
        (
            "How do I compute the standard error of a mean?",
            "How is a mean's standard error calculated?",
            True,
        ),
        ("What is an outlier?", "Define outliers", True),
        ("What is an outlier?", "Why?", False),
        ("What is the standard error?", "Where does heat flow?", False),
        ("What is the mean?", "And how does one smooth a signal?", False),
    ],
)
def test_a_question_put_differently_is_found(talk: Conversation, first: str, second: str, same: bool) -> None:
    one = asked(talk, first)
    two = asked(talk, second)
    assert feedback.find_reformulation(two.pk) == (one if same else None)
    two.refresh_from_db()
    assert two.reformulates == (one if same else None)
    assert one.signals.filter(kind=Signal.Kind.REFORMULATED).exists() == same


def test_an_edit_is_a_reformulation_and_a_regeneration_is_none(talk: Conversation) -> None:
    one = asked(talk, "What is heat?")
    edit = asked(talk, "Something else entirely", edits=one.uuid)
    again = asked(talk, "", regenerates=edit.uuid)
    assert feedback.find_reformulation(edit.pk) == one
    assert feedback.find_reformulation(again.pk) is None


def test_long_after_it_is_a_new_question(talk: Conversation) -> None:
    one = asked(talk, "What is heat?")
    Turn.objects.filter(pk=one.pk).update(created=timezone.now() - timedelta(hours=1))
    two = asked(talk, "What is heat?")
    assert feedback.find_reformulation(two.pk) is None
