"""Reads a demo lesson's source, and gives every word of it a believable time.

A source starts with `key: value` lines and an empty line. Then each line is `Speaker: text`; `(2.5)` before it is a
silence in seconds, negative where people talk at once.
"""

from __future__ import annotations

import datetime
import re
import zlib
from dataclasses import dataclass
from pathlib import Path

LESSONS = Path(__file__).parent / "lessons"
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
SAID = re.compile(r"(?:\((?P<pause>-?\d+(?:\.\d+)?)\) )?(?P<speaker>[A-Z][\w.' ]*?): (?P<text>.+)")


@dataclass(frozen=True, slots=True)
class Said:
    """One line of a lesson. Times are milliseconds; `words` are (text, start, end)."""

    speaker: str
    text: str
    start: int
    end: int
    words: tuple[tuple[str, int, int], ...]


@dataclass(frozen=True)
class Lesson:
    """A lesson's source: what is known of it, and what was said."""

    name: str
    title: str
    teacher: str  # as the transcript calls them: "Ms. Okafor"
    students: tuple[str, ...]
    subject: str
    grade: str
    goal: str
    taught: tuple[int, int]  # the weekday, Monday is 0, of a week so many weeks ago
    kind: str  # the file it is brought as: vtt, srt, csv, txt, json
    said: tuple[Said, ...]

    def taught_on(self, today: datetime.date) -> datetime.date:
        """The day, so that the demo's lessons are always recent ones."""
        weekday, weeks = self.taught
        return today - datetime.timedelta(days=today.weekday() - weekday, weeks=weeks)


def read_lesson(path: Path) -> Lesson:
    """The lesson of a source file. Raises ValueError, naming the line, for one that cannot be read."""
    head, _, body = path.read_text(encoding="utf-8").partition("\n\n")
    known = dict(line.split(": ", 1) for line in head.splitlines())
    return Lesson(
        name=path.stem,
        title=known["title"],
        teacher=known["teacher"],
        students=tuple(known["students"].split(", ")),
        subject=known["subject"],
        grade=known["grade"],
        goal=known["goal"],
        taught=_taught(known["taught"]),
        kind=known["format"],
        said=tuple(_timed(body, known["teacher"], len(head.splitlines()) + 1)),
    )


def lessons() -> list[Lesson]:
    """Every demo lesson, by file name."""
    return [read_lesson(path) for path in sorted(LESSONS.glob("*.lesson"))]


def _taught(words: str) -> tuple[int, int]:
    """“Thursday, 2 weeks ago” as weekday and weeks."""
    day, weeks = words.removesuffix(" ago").split(", ")
    return DAYS.index(day), int(weeks.split()[0])


def _timed(body: str, teacher: str, above: int) -> list[Said]:
    said: list[Said] = []
    clock = 0  # when the last speaker stopped
    for number, line in enumerate(body.splitlines(), above + 1):
        found = SAID.fullmatch(line)
        if not found:
            raise ValueError(f"Line {number} is not “Speaker: text”: {line[:60]}")
        speaker, text = found["speaker"], found["text"]
        before = said[-1] if said else None
        start = clock + _pause(found["pause"], before, text, teacher)
        if before:
            start = max(start, before.start + 200)
        words = _words(text, start, speaker, teacher)
        said.append(Said(speaker, text, start, words[-1][2], words))
        clock = max(clock, words[-1][2])
    return said


def _chance(text: str) -> float:
    """A number in [0, 1) that is the same for the same text on every machine."""
    return zlib.crc32(text.encode()) / 2**32


def _pause(written: str | None, before: Said | None, text: str, teacher: str) -> int:
    """Milliseconds of silence before somebody speaks: as written, longer after a teacher's question, else short."""
    if written is not None:
        return round(float(written) * 1000)
    if before is None:
        return 0
    chance = _chance(before.text + text)
    if before.speaker == teacher and before.text.endswith("?"):
        return round(400 + 1100 * chance)
    return round(120 + 480 * chance)


def _words(text: str, start: int, speaker: str, teacher: str) -> tuple[tuple[str, int, int], ...]:
    """Each word with its times: long words take longer, a comma or full stop a breath, and people differ in pace."""
    pace = (270 if speaker == teacher else 310) * (0.9 + 0.2 * _chance(speaker))  # of a middling word
    words, clock = [], float(start)
    for word in text.split():
        end = clock + pace * (0.45 + 0.13 * len(word.strip(".,?!—…")))
        words.append((word, round(clock), round(end)))
        breath = 420 if word[-1] in ".?!" else 230 if word[-1] in ",:;—…" else 25
        clock = end + breath
    return tuple(words)
