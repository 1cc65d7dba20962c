"""Events of turns that ended long ago go: their message and citations are what lasts.

Each turn's last event stays, so that its number goes on from there when the staff reply. A client that lacks what
went is sent the finished turn instead (see audience.rows_after).
"""

from __future__ import annotations

from datetime import timedelta

from django.db.models import Exists, OuterRef
from django.utils import timezone

from tutor.chat.models import Conversation, Event, Turn

KEPT = timedelta(days=7)  # for tabs that sleep with their laptop
A_BATCH = 200  # turns in one transaction: nobody who writes an answer waits long
BATCHES = 500


def prune() -> int:
    """Delete all but the last event of turns in which nothing happened for a week; returns how many rows went."""
    went, upto = 0, 0
    # What a classroom shows (places, quizzes, notes) is in its events alone: those stay.
    chats = Turn.objects.filter(conversation__kind=Conversation.Kind.CHAT)
    old = chats.filter(changed__lt=timezone.now() - KEPT).exclude(state__in=Turn.UNFINISHED)
    whole = old.filter(Exists(Event.objects.filter(turn=OuterRef("pk"), seq=1))).order_by("pk")
    for _ in range(BATCHES):
        turns = list(whole.filter(pk__gt=upto).values_list("pk", flat=True)[:A_BATCH])
        if not turns:
            break
        later = Event.objects.filter(turn=OuterRef("turn"), seq__gt=OuterRef("seq"))
        went += Event.objects.filter(Exists(later), turn__in=turns).delete()[0]
        upto = turns[-1]
    return went
