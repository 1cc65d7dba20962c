"""WebVTT and SubRip captions that name their speakers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from coach.readers.plain import may_speak
from coach.readers.said import Said, UnreadableTranscript, in_cues, tidy
from courses.readers.captions import cues_of, once
from courses.readers.parts import Part
from courses.readers.speech import LONG_MS, PAUSE_MS, ends_sentence

_PREFIX = re.compile(r"^(?:>>\s*)?([^:：]{1,60}?)\s*[:：]\s*(?=\S)")


def read(path: Path, assets: Path) -> Iterator[Part]:
    """A line for every cue; cues of one speaker that cut a sentence are joined. The times are the cues'."""
    yield from in_cues(joined(_said(path)))


def _said(path: Path) -> list[Said]:
    said: list[Said] = []
    speaker = ""
    for cue in once(cues_of(path)):
        lines = list(cue.lines)
        if cue.voice and not may_speak(cue.voice):  # “Remember: …” was no speaker
            lines[0] = f"{cue.voice}: {lines[0]}"
        elif cue.voice:
            speaker = cue.voice
        share: list[tuple[str, list[str]]] = []
        for line in lines:
            match = _PREFIX.match(line)
            if match and may_speak(match[1]) and (not cue.voice or share):
                speaker, line = match[1].strip(), line[match.end() :]
                share.append((speaker, [line]))
            elif share:
                share[-1][1].append(line)
            else:
                share.append((speaker, [line]))
        for who, words in share:
            if text := tidy(" ".join(words)).removeprefix(">>").strip():
                said.append(Said(who, text, cue.start, cue.end))
    if not said:
        raise UnreadableTranscript("The captions in this file hold no words.")
    return said


def joined(said: list[Said]) -> list[Said]:
    """The lines, those of one speaker put together where a sentence runs on over them without a pause."""
    rows: list[Said] = []
    for row in said:
        last = rows[-1] if rows else None
        if (
            last is not None
            and last.speaker == row.speaker
            and not ends_sentence(last.text.split()[-1])
            and None not in (last.start, last.end, row.start, row.end)
            and 0 <= row.start - last.end <= PAUSE_MS  # type: ignore[operator]
            and row.end - last.start <= LONG_MS  # type: ignore[operator]
        ):
            rows[-1] = Said(row.speaker, f"{last.text} {row.text}", last.start, row.end)
        else:
            rows.append(row)
    return rows
