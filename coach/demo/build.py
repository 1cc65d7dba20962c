"""Builds the files that the demo brings, each of the kind its lesson names: `make demo-files`."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

from coach.demo.lesson import Lesson, Said, lessons

BUILT = Path(__file__).parent / "built"


def clock(milliseconds: int, point: str = ".") -> str:
    """00:12:03.400"""
    seconds, rest = divmod(milliseconds, 1000)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}{point}{rest:03}"


def vtt(lesson: Lesson) -> str:
    """Captions with voice tags, one cue a line, as video meetings export them."""
    cues = (
        f"{clock(said.start)} --> {clock(said.end)}\n<v {said.speaker}>{said.text}</v>\n"
        for said in lesson.said
    )
    return "WEBVTT\n\n" + "\n".join(cues)


def srt(lesson: Lesson) -> str:
    """Subtitles: short cues that cut long sentences, the name in front."""
    cues = (cue for said in lesson.said for cue in _short(said))
    return "\n".join(
        f"{number}\n{clock(start, ',')} --> {clock(end, ',')}\n{text}\n"
        for number, (text, start, end) in enumerate(cues, 1)
    )


def _short(said: Said, most: int = 24) -> list[tuple[str, int, int]]:
    """A line as cues of at most so many words; the name stands in each."""
    pieces = [said.words[i : i + most] for i in range(0, len(said.words), most)]
    return [
        (f"{said.speaker}: {' '.join(word for word, _, _ in piece)}", piece[0][1], piece[-1][2])
        for piece in pieces
    ]


def table(lesson: Lesson) -> str:
    """A CSV with a header."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["Start", "End", "Speaker", "Text"])
    for said in lesson.said:
        writer.writerow([clock(said.start), clock(said.end), said.speaker, said.text])
    return out.getvalue()


def plain(lesson: Lesson) -> str:
    """“Speaker: text”, without times."""
    return "\n".join(f"{said.speaker}: {said.text}" for said in lesson.said) + "\n"


def words(lesson: Lesson) -> str:
    """JSON with word times in seconds, as speech recognition gives it."""
    segments = [
        {
            "speaker": said.speaker,
            "start": said.start / 1000,
            "end": said.end / 1000,
            "text": said.text,
            "words": [
                {"word": text, "start": start / 1000, "end": end / 1000} for text, start, end in said.words
            ],
        }
        for said in lesson.said
    ]
    return json.dumps({"segments": segments}, ensure_ascii=False, indent=1) + "\n"


KINDS: dict[str, Callable[[Lesson], str]] = {
    "vtt": vtt,
    "srt": srt,
    "csv": table,
    "txt": plain,
    "json": words,
}


def filename(lesson: Lesson) -> str:
    """What its built file is called."""
    return f"{lesson.name}.{lesson.kind}"


def build() -> None:
    """Write every lesson's file into `built/`."""
    BUILT.mkdir(exist_ok=True)
    for lesson in lessons():
        (BUILT / filename(lesson)).write_text(KINDS[lesson.kind](lesson), encoding="utf-8")


if __name__ == "__main__":
    build()
