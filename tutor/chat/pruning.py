"""Events of turns that ended long ago go: their message and citations are what lasts.

Each turn's last event stays, so that its number goes on from there when the staff reply. A client that lacks what
went is sent the finished turn instead (see audience.rows_after, feeds.stored_after).
"""

from __future__ import annotations

from datetime import timedelta

from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from tutor.chat.models import Conversation, Event, Message, Turn

KEPT = timedelta(days=7)  # for tabs that sleep with their laptop
A_BATCH = 200  # turns in one transaction: nobody who writes an answer waits long
BATCHES = 500


def prune() -> int:
    """Delete all but the last event of turns in which nothing happened for a week; returns how many rows went."""
    went, upto = 0, 0
    # What a person did in a classroom is in its events alone: those stay. What agents said is in messages, too.
    said = Message.objects.filter(turn=OuterRef("pk"), author=Message.Author.AGENT)
    lasting = Turn.objects.filter(Q(conversation__kind=Conversation.Kind.CHAT) | Exists(said))
    old = lasting.filter(changed__lt=timezone.now() - KEPT).exclude(state__in=Turn.UNFINISHED)
    whole = old.filter(Exists(Event.objects.filter(turn=OuterRef("pk"), seq=1))).order_by("pk")
    for _ in range(BATCHES):
        turns = list(whole.filter(pk__gt=upto).values_list("pk", flat=True)[:A_BATCH])
        if not turns:
            break
        later = Event.objects.filter(turn=OuterRef("turn"), seq__gt=OuterRef("seq"))
        went += Event.objects.filter(Exists(later), turn__in=turns).delete()[0]
        upto = turns[-1]
    return went
