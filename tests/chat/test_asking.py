"""When a question becomes a turn, and what is said when it does not."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from django.conf import settings
from django.utils import timezone

from courses.models import Enrolment
from tests import make
from tutor.chat.asking import AT_ONCE, MAX_QUESTION, Refused, ask
from tutor.chat.models import Conversation, Turn
from tutor.llm.models import Quota, Usage

pytestmark = pytest.mark.django_db


@pytest.fixture
def talk() -> Conversation:
    course = make.course()
    return Conversation.objects.create(course=course, user=make.enrol(course))


def refusal(talk: Conversation, question: str = "Why?") -> str:
    before = Turn.objects.count()
    with pytest.raises(Refused) as refused:
        ask(talk, question)
    assert Turn.objects.count() == before
    assert len(str(refused.value)) > 20
    return refused.value.code


def test_a_question_becomes_a_turn_with_its_first_event(talk: Conversation) -> None:
    turn = ask(talk, "  What is\0 heat?  ", owner="here")
    assert (turn.question, turn.ordinal, turn.state, turn.owner) == ("What is heat?", 1, "queued", "here")
    event = turn.events.get()
    assert (event.seq, event.type, event.data["question"]) == (1, "queued", "What is heat?")
    assert ask(talk, "And work?").ordinal == 2
    talk.refresh_from_db()
    assert talk.title == "What is heat?"


def test_a_long_first_question_gives_a_short_title(talk: Conversation) -> None:
    ask(talk, "word " * 60)
    talk.refresh_from_db()
    assert len(talk.title) <= 80
    assert talk.title.startswith("word word")


def test_the_same_request_is_the_same_turn(talk: Conversation) -> None:
    request = uuid.uuid4()
    assert ask(talk, "Why?", client_id=request) == ask(talk, "Why?", client_id=request)
    assert Turn.objects.count() == 1
    assert Usage.objects.count() == 1


def test_what_is_refused(talk: Conversation) -> None:
    assert refusal(talk, " \n ") == "empty"
    assert refusal(talk, "x" * (MAX_QUESTION + 1)) == "too_long"
    talk.course.archived = True
    talk.course.save()
    assert refusal(talk) == "archived"


def test_who_left_the_course_cannot_ask(talk: Conversation) -> None:
    Enrolment.objects.all().delete()
    assert refusal(talk) == "gone"


def test_a_deleted_conversation_takes_no_question(talk: Conversation) -> None:
    Conversation.objects.update(deleted=True)
    assert refusal(talk) == "gone"


def test_nobody_has_more_than_a_few_answers_at_once(talk: Conversation) -> None:
    for _ in range(AT_ONCE):
        ask(talk, "Why?")
    assert refusal(talk) == "busy"
    Turn.objects.update(state=Turn.State.DONE)
    ask(talk, "Why?")


def test_nobody_asks_without_pause(talk: Conversation) -> None:
    for _ in range(settings.QUESTIONS_A_MINUTE):
        ask(talk, "Why?")
        Turn.objects.update(state=Turn.State.DONE)
    assert refusal(talk) == "too_many"
    Turn.objects.update(created=timezone.now() - timedelta(minutes=2))
    ask(talk, "Why?")


def test_a_used_up_quota_refuses_and_reserves_nothing(talk: Conversation) -> None:
    Quota.objects.create(course_id=talk.course_id, tokens_per_day=10)
    ask(talk, "Why?")  # what is left covers a part of it; the reservation is all of it
    assert refusal(talk) == "quota"
    assert Usage.objects.count() == 1


def test_only_a_turn_of_the_conversation_can_be_changed(talk: Conversation) -> None:
    other = Conversation.objects.create(course=talk.course, user=talk.user)
    turn = ask(other, "Elsewhere?")
    with pytest.raises(Refused):
        ask(talk, "Why?", edits=turn.uuid)
    again = ask(other, "", regenerates=turn.uuid)
    assert (again.question, again.regenerates) == ("Elsewhere?", turn)
