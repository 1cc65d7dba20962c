"""Recordings: what speech recognition heard, with a guess at who spoke.

Telling voices apart in a room full of children fails more often than it helps, so this does not try: after a pause the
talk may have changed hands, and a short answer after a question is taken for a student's. A person corrects it.
"""

from __future__ import annotations

from collections.abc import Sequence

from coach.readers.said import Said

HANDOVER_MS = 700  # a shorter pause is one person's breath
ANSWER_WORDS = 25  # more words than this are rarely an answer
GUESS = (
    "Who speaks was guessed from pauses and questions: after a question, a short answer was taken for a student’s. Please check "
    "each line below, and correct words that were misheard; children’s speech is recognised poorly."
)


def guessed(said: Sequence[Said]) -> list[Said]:
    """The sentences of a recording with “Teacher” or “Student” as their speaker."""
    rows: list[Said] = []
    speaker, asked, words = "Teacher", False, 0
    for row in said:
        last = rows[-1] if rows else None
        paused = last is None or row.start is None or last.end is None or row.start - last.end >= HANDOVER_MS
        count = len(row.text.split())
        if speaker == "Student" and (row.text.endswith("?") or words + count > ANSWER_WORDS or paused):
            speaker, words = "Teacher", 0
        if asked and paused and count <= ANSWER_WORDS and not row.text.endswith("?"):
            speaker, words = "Student", 0
        words += count
        asked = speaker == "Teacher" and row.text.endswith("?")
        rows.append(Said(speaker, row.text, row.start, row.end, row.words))
    return rows
