"""What students do with answers. Later learning rests on these rows, so they are kept from the first day."""

from __future__ import annotations

import logging
import re
from datetime import timedelta
from typing import Any

import numpy as np

from tutor.accounts.models import User
from tutor.chat.models import Conversation, Feedback, Signal, Turn
from tutor.llm.embeddings import EmbeddingError, embed

log = logging.getLogger(__name__)

FROM_PAGES = (Signal.Kind.CITATION_OPENED, Signal.Kind.COPIED, Signal.Kind.ABANDONED)
A_TURN = 40  # signals one turn may gather
WITHIN = timedelta(minutes=15)
BEFORE = 3  # turns looked back
COSINE, OVERLAP = 0.75, 0.6  # from here on two questions are one, put differently

# Words that say nothing about what a question is about.
EMPTY = frozenset(
    re.findall(
        r"\w+",
        "a about an and are as at be been but by can could do does did explain for from had has have how i if in is it its me "
        "my of on or please should so tell than that the their them then there these they this those to was we were what "
        "when where which who why will with would you your",
    )
)


def notice(conversation: Conversation, turn: Any, kind: str, data: dict[str, Any]) -> bool:
    """Keep a signal that the page sent. False if it is none that a page may send, or the turn has plenty."""
    if kind not in FROM_PAGES:
        return False
    row = conversation.turns.filter(uuid=turn).first()
    if row is None or row.signals.count() >= A_TURN:
        return False
    Signal.objects.create(turn=row, kind=kind, data=data)
    return True


def judge(turn: Turn, user: User, up: bool, reason: str) -> Feedback:
    """A thumb, up or down; a later one replaces it."""
    feedback, _ = Feedback.objects.update_or_create(
        turn=turn, user=user, defaults={"up": up, "reason": reason}
    )
    Signal.objects.create(turn=turn, kind=Signal.Kind.THUMB, data={"up": up})
    return feedback


def words(question: str) -> set[str]:
    """What a question is about, roughly: its words without the empty ones and without plural and verb endings."""
    found = (word for word in re.findall(r"[^\W_]+", question.lower()) if word not in EMPTY)
    return {re.sub(r"(?<=\w{3})(ing|ed|es|s)$", "", word) for word in found}


def find_reformulation(pk: int) -> Turn | None:
    """See whether a finished turn asks again what a recent one of its conversation asked, and keep that."""
    turn = Turn.objects.select_related("edits").get(pk=pk)
    if turn.regenerates_id:
        return None
    earlier = turn.edits or _closest(turn)
    if earlier is None:
        return None
    Turn.objects.filter(pk=pk).update(reformulates=earlier)
    Signal.objects.create(turn=earlier, kind=Signal.Kind.REFORMULATED, data={"by": str(turn.uuid)})
    return earlier


def _closest(turn: Turn) -> Turn | None:
    recent = list(
        Turn.objects.filter(
            conversation=turn.conversation_id, ordinal__lt=turn.ordinal, created__gte=turn.created - WITHIN
        ).order_by("-ordinal")[:BEFORE]
    )
    about = words(turn.question)
    if not recent or not about:
        return None
    overlaps = [len(about & (other := words(row.question))) / (len(about | other) or 1) for row in recent]
    best = int(np.argmax(overlaps))
    if overlaps[best] >= OVERLAP:
        return recent[best]
    try:
        vectors = embed([turn.question, *(row.question for row in recent)])
    except EmbeddingError as error:
        log.warning("Questions are compared by their words only: %s", error)
        return None
    cosines = vectors[1:] @ vectors[0]
    best = int(np.argmax(cosines))
    return recent[best] if cosines[best] >= COSINE else None
