"""The rules by which a question becomes a turn."""

from __future__ import annotations

import uuid
from datetime import timedelta

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Max
from django.utils import timezone
from django.utils.text import Truncator

from tutor.chat.events import WRITING, encode, insert
from tutor.chat.models import Conversation, Signal, Turn
from tutor.llm.models import Endpoint, Quota, QuotaExceeded

MAX_QUESTION = 4_000  # characters
AT_ONCE = 3  # unfinished turns one person may have
LEASE = timedelta(seconds=15)


class Refused(Exception):
    """The question cannot be asked now. `code` is for the page, the message for the person."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def ask(
    conversation: Conversation,
    question: str,
    *,
    client_id: uuid.UUID | None = None,
    edits: uuid.UUID | None = None,
    regenerates: uuid.UUID | None = None,
    owner: str = "",
) -> Turn:
    """Make the turn, with its first event, for the process `owner` to answer. Raises Refused.

    The same `client_id` gives the same turn again, however often it comes.
    """
    question = question.replace("\0", "").encode("utf-8", "replace").decode().strip()
    current = (
        Conversation.objects.filter(pk=conversation.pk)
        .admitted()
        .select_related("course__endpoint", "user")
        .first()
    )
    if current is None:
        raise Refused("gone", "This conversation is not yours any more. Open the course again.")
    before = current.turns.select_related("usage__endpoint", "edits", "regenerates").filter(
        client_id=client_id
    )
    if client_id and (turn := before.first()):
        return turn
    edited, repeated = _turn(current, edits), _turn(current, regenerates)
    if repeated:
        question = repeated.question
    _check(current, question)
    new = Turn(
        conversation=current,
        client_id=client_id,
        question=question,
        speaker=current.user,
        edits=edited,
        regenerates=repeated,
        owner=owner,
    )
    try:
        with WRITING, transaction.atomic():
            _store(new)
    except QuotaExceeded as error:
        raise Refused("quota", str(error)) from None
    except IntegrityError:  # the same request at the same moment, over another socket
        turn = before.first() if client_id else None
        if turn is None:
            raise
        return turn
    return new


def _store(turn: Turn) -> None:
    conversation = Conversation.objects.select_for_update().get(pk=turn.conversation_id)
    course, user = turn.conversation.course, turn.conversation.user
    answered = conversation.turns.exclude(usage__endpoint=None).order_by("ordinal")
    first = answered.values_list("usage__endpoint_id", flat=True).first()
    endpoint = Endpoint.objects.for_course(course, str(conversation.uuid), first)
    turn.usage = Quota.reserve(user, course.pk, endpoint.max_tokens, endpoint=endpoint)
    turn.ordinal = (conversation.turns.aggregate(last=Max("ordinal"))["last"] or 0) + 1
    turn.changed = timezone.now()
    turn.lease_until = turn.changed + LEASE
    turn.save(force_insert=True)
    insert([(turn.pk, 1, "queued", encode(queued(turn)))])
    if turn.regenerates:
        Signal.objects.create(
            turn=turn.regenerates, kind=Signal.Kind.REGENERATED, data={"by": str(turn.uuid)}
        )
    title = conversation.title or Truncator(" ".join(turn.question.split())).chars(80)
    Conversation.objects.filter(pk=conversation.pk).update(title=title, updated=turn.changed)


def _turn(conversation: Conversation, turn: uuid.UUID | None) -> Turn | None:
    if turn is None:
        return None
    found = conversation.turns.filter(uuid=turn).first()
    if found is None:
        raise Refused("gone", "The question to change is not in this conversation. Reload the page.")
    return found


def _check(conversation: Conversation, question: str) -> None:
    if not question:
        raise Refused("empty", "Write a question first.")
    if len(question) > MAX_QUESTION:
        raise Refused(
            "too_long",
            f"The question has {len(question):,} characters, {MAX_QUESTION:,} are allowed. Shorten it or ask in parts.",
        )
    if conversation.course.archived:
        raise Refused("archived", "This course is archived: you can read what was asked, not ask on.")
    turns = Turn.objects.asked_by(conversation.user)
    if turns.unfinished().count() >= AT_ONCE:
        raise Refused(
            "busy", f"{AT_ONCE} of your questions are being answered. Wait for one of them, or stop it."
        )
    a_minute = settings.QUESTIONS_A_MINUTE
    if turns.filter(created__gte=timezone.now() - timedelta(minutes=1)).count() >= a_minute:
        raise Refused(
            "too_many", f"You asked {a_minute} questions within a minute. Wait a little, then ask again."
        )


def queued(turn: Turn) -> dict[str, object]:
    """Data of a turn's first event."""
    return {
        "question": turn.question,
        "ordinal": turn.ordinal,
        "regenerates": str(turn.regenerates.uuid) if turn.regenerates else None,
        "edits": str(turn.edits.uuid) if turn.edits else None,
        "client_id": str(turn.client_id) if turn.client_id else None,
        "place": 0,
        "at": turn.created.isoformat(),
    }
