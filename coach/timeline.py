"""The lesson's timeline: who speaks when, and where nobody does."""

from __future__ import annotations

from collections.abc import Iterator

from coach.scored import Stretch
from coach.talk import Transcript
from coach.words import count

SILENCE = 3_000  # milliseconds without speech that are shown


def timeline(transcript: Transcript) -> list[Stretch]:
    """The stretches in order, those of one kind that follow each other joined. Without times, positions are counted words."""
    joined: list[Stretch] = []
    for one in _pieces(transcript):
        last = joined[-1] if joined else None
        if last is not None and last.kind == one.kind and one.start - last.end < SILENCE:
            joined[-1] = Stretch(last.kind, last.start, max(last.end, one.end), last.line)
        elif one.end > one.start:
            joined.append(one)
    return joined


def _pieces(transcript: Transcript) -> Iterator[Stretch]:
    if not transcript.timed:
        said = 0
        for one in transcript:
            length = max(count(one.text), 1)
            yield Stretch(one.voice.value, said, said + length, one.line)
            said += length
        return
    rows = list(transcript)
    latest, line = rows[0].start or 0, 1
    for index, one in enumerate(rows):
        following = rows[index + 1].start if index + 1 < len(rows) else None
        start = one.start or 0
        if start - latest >= SILENCE and index:
            yield Stretch("silence", latest, start, line)
        known = one.end if one.end is not None else following  # else until the next begins
        end = known if known is not None else start + 1000
        yield Stretch(one.voice.value, start, max(start, end), one.line)
        latest, line = max(latest, end), one.line
