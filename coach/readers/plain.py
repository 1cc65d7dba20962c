"""Plain text: “Speaker: text”, also with times, with the speaker on a line of its own, and over several lines."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from coach.readers.said import Said, UnreadableTranscript, clock, in_cues, milliseconds, tidy
from courses.readers.parts import Part
from courses.readers.text import decode

_STAMP = r"(?:\d{1,2}:)?\d{1,3}:\d{2}(?:[.,]\d{1,3})?"
_LEADING = re.compile(
    rf"^[\[(<]?\s*({_STAMP})\s*(?:(?:-->|–|—|-|to)\s*({_STAMP})\s*)?[\])>]?\s*[-–—|]?\s*(?=\D|$)(.*)$"
)
_PREFIX = re.compile(rf"^([^:：\[\]]{{1,60}}?)\s*(?:[\[(]?({_STAMP})[\])]?)?\s*[:：](?!\d)\s*(.*)$")
_HEADING = re.compile(rf"^([^:：\[\](]{{1,60}}?)\s+[\[(]?({_STAMP})[\])]?\s*$")
_ALONE = re.compile(r"^(?:\d{1,5}[.)\]]?\s+|[-*•]\s+)(?=\S)")
ROLE = re.compile(
    r"(?:the )?(?:teacher|instructor|educator|coach|tutor|student|pupil|learner|child|kid|boy|girl|speaker|participant|"
    r"interviewer|observer|researcher|aide|assistant|ta|t|s|ss|sn|st|sts|sx|tch|stu|class|whole class|all|everyone|everybody|"
    r"group|choral|chorus|students|pupils|kids|children|"
    r"multiple(?: students)?|several(?: students)?|many(?: students)?|some students|unknown|unidentified|inaudible|other|"
    r"video|narrator|announcement|intercom)s?(?: voice| speaker| student)?[ _#-]*(?:\d{1,3}|[a-z]{1,2})?",
    re.IGNORECASE,
)
# words before a colon that begin a sentence, not a turn
_NOT_SPEAKERS = {
    "note", "notes", "remember", "reminder", "example", "question", "answer", "step", "problem", "warning", "hint", "rule",
    "formula", "solution", "definition", "part", "page", "number", "total", "area", "perimeter", "volume", "so", "and", "but",
    "now", "then", "first", "second", "third", "next", "finally", "because", "ok", "okay", "well", "right", "is", "equals",
    "that is", "for example", "in other words", "think", "task", "exercise", "figure", "table", "http", "https", "key",
    "conclusion", "result", "today", "homework", "ratio", "time", "times", "sum", "difference", "x", "y", "n",
}  # fmt: skip
_ABOUT = {
    "date", "grade", "subject", "school", "topic", "lesson", "transcript", "class name", "period", "duration", "title", "file",
    "observer", "course", "unit", "district", "recorded", "recording", "location", "room", "language", "objective",
    "learning objective", "learning goal", "source", "transcribed by", "version", "participants", "speakers", "start time",
    "end time", "length",
}  # fmt: skip


@dataclass(frozen=True)
class _Line:
    """One line of the file, taken apart: `speaker` may turn out to be none, then `whole` is what was said."""

    speaker: str
    text: str
    whole: str
    start: float | None
    end: float | None


def read(path: Path, assets: Path) -> Iterator[Part]:
    """A line for every turn that names its speaker; lines without one go on with the turn above."""
    said, notes = turns(decode(path.read_bytes()).split("\n"))
    yield from in_cues(said, notes)


def turns(lines: Sequence[str]) -> tuple[list[Said], list[str]]:
    """The turns of a text's lines, and notes on what was left out. Raises UnreadableTranscript without any speaker."""
    taken = [_apart(tidy(line)) for line in lines if tidy(line)]
    speakers = _speakers(taken)
    if not speakers:
        raise UnreadableTranscript(no_speakers())
    rows: list[_Line] = []
    before = 0
    for line in taken:
        if line.speaker.lower() in speakers:
            rows.append(line)
        elif rows and not (line.start is not None and not line.whole):
            last = rows[-1]
            rows[-1] = replace(last, text=f"{last.text} {line.whole}".strip())
        elif line.whole:
            before += 1
    said = _timed([row for row in rows if row.text])
    notes = [f"{before} line{'s' * (before > 1)} above the first speaker left out."] if before else []
    return said, notes


def no_speakers() -> str:
    """What to say where nobody is named."""
    return (
        "No speakers were found. Write who speaks before each turn, as in “Teacher: Why is that?” and “Student A: Because…”, or "
        "bring a table with a column for the speaker."
    )


def _apart(line: str) -> _Line:
    line = re.sub(r"\*\*|__", "", line)
    body = _ALONE.sub("", line) if re.match(r"^(?:\d{1,5}[.)\]]?\s+|[-*•]\s+)\S[^:]{0,60}:", line) else line
    start = end = None
    if match := _LEADING.match(body):
        start, end, body = clock(match[1]), clock(match[2] or ""), match[3].strip()
        body = re.sub(r"^[:：]\s*", "", body)
    if (match := _HEADING.match(body)) and start is None and may_speak(match[1]):
        return _Line(bare(match[1]), "", body, clock(match[2]), None)
    if (match := _PREFIX.match(body)) and may_speak(match[1]):
        when = clock(match[2] or "") if match[2] else start
        return _Line(bare(match[1]), match[3].strip(), body, when, end)
    if (
        start is not None
        and body
        and len(body) <= 60
        and may_speak(body)
        and not re.search(r"[.,!?…]$", body)
    ):
        return _Line(bare(body), "", body, start, end)  # the time and the name, and the words below
    return _Line("", "", body, start, end)


def bare(speaker: str) -> str:
    """A speaker without the marks around the name."""
    return speaker.strip(" <>[]*_-–—")


def may_speak(words: str) -> bool:
    """Whether these words can be the name of a speaker: a role, or a few capitalised words."""
    words = bare(words)
    if not words or words.lower() in _NOT_SPEAKERS or words.lower() in _ABOUT or len(words) > 60:
        return False
    if ROLE.fullmatch(words):
        return True
    plain = re.sub(r"\([^)]*\)", "", words)
    tokens = re.findall(r"[^\s,&/]+", plain)
    if not 1 <= len(tokens) <= 6 or re.search(r"[.!?;=+<>{}]", re.sub(r"\b\w{1,4}\.", "", plain)):
        return False
    return all(
        token[0].isupper() or token[0].isdigit() or token.lower() in _PARTICLES for token in tokens
    ) or (len(tokens) <= 2 and all(token.isalpha() for token in tokens))


_PARTICLES = {
    "and",
    "de",
    "la",
    "van",
    "von",
    "der",
    "den",
    "da",
    "dos",
    "di",
    "du",
    "bin",
    "al",
    "el",
    "of",
    "y",
}


def _speakers(lines: Sequence[_Line]) -> set[str]:
    """Who is taken for a speaker, in lower case: roles at once, capitalised names too, other words if they come back."""
    counts = Counter(line.speaker.lower() for line in lines if line.speaker)
    named = {line.speaker.lower() for line in lines if line.speaker and line.speaker[0].isupper()}
    if sum(counts.values()) > 0.8 * len(lines):
        return set(counts)
    return {name for name, count in counts.items() if ROLE.fullmatch(name) or count > 1 or name in named}


def _timed(rows: Sequence[_Line]) -> list[Said]:
    words = sum(len(row.text.split()) for row in rows)
    starts, ends = milliseconds([r.start for r in rows], [r.end for r in rows], words, "seconds")
    return [
        Said(row.speaker, row.text, start, end) for row, start, end in zip(rows, starts, ends, strict=True)
    ]
