"""Talk written down in a test: `talk(("Teacher", "…"), ("Student A", "…"))`."""

from __future__ import annotations

from collections.abc import Iterable

from coach.talk import Transcript, Utterance, Voice

VOICES = {"Teacher": Voice.TEACHER, "Students": Voice.GROUP, "Visitor": Voice.OTHER}


def talk(*said: tuple[str, str], times: Iterable[tuple[int, int]] | None = None) -> Transcript:
    """A transcript of these lines; `times` are start and end of each, in milliseconds."""
    spans = list(times) if times is not None else [None] * len(said)
    return Transcript(
        tuple(
            Utterance(
                line,
                speaker,
                VOICES.get(speaker, Voice.STUDENT),
                text,
                *(span or (None, None)),
            )
            for line, ((speaker, text), span) in enumerate(zip(said, spans, strict=True), 1)
        )
    )
