"""How much of the talk is in the subject's own words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from coach.measures import About, Figure, Lesson
from coach.talk import Utterance
from coach.words import EVERYDAY, NUMBERS, STOP, SUBJECT, words

OFTEN = 4  # times said by teacher and students together, and by both, to be one of the lesson's own words
SHOWN = 12
PUBLISHED = "No accuracy is published; a word list cannot tell a table of numbers from a table to sit at."
MEASURED = "Counted with our own list of school mathematics and science, and the words this lesson keeps coming back to."


def subject_vocabulary(lesson: Lesson) -> Figure:
    """Subject words in a hundred words of talk. They are those of our list and the lesson's own recurring ones."""
    about = About("Subject words", "in 100 words", "more", PUBLISHED, MEASURED)
    spoken = _plain(lesson.teacher), _plain(lesson.students)
    total = sum(len(row) for row in spoken)
    if not total:
        return Figure(None, about, {"why": "The lines have no words."})
    own = _own(*spoken)
    counts = [Counter(word for word in row if word in SUBJECT or word in own) for row in spoken]
    said = counts[0] + counts[1]
    detail = {
        "words": [
            [word, times] for word, times in sorted(said.items(), key=lambda row: (-row[1], row[0]))[:SHOWN]
        ],
        "own": sorted(own)[:SHOWN],
        "teacher": _per_hundred(counts[0], spoken[0]),
        "students": _per_hundred(counts[1], spoken[1]),
    }
    return Figure(100 * said.total() / total, about, detail)


def _plain(rows: Sequence[Utterance]) -> list[str]:
    return [word for one in rows for word in words(one.text)]


def _own(teacher: Sequence[str], students: Sequence[str]) -> set[str]:
    """Words that teacher and students keep using and that are no everyday words: what this lesson is about."""
    by_teacher, by_students = Counter(teacher), Counter(students)
    return {
        word
        for word, times in by_teacher.items()
        if times + by_students[word] >= OFTEN
        and by_students[word]
        and len(word) > 3
        and word.isalpha()
        and not {word, word.removesuffix("s")} & (STOP | EVERYDAY | set(NUMBERS))
    }


def _per_hundred(counts: Counter[str], spoken: Sequence[str]) -> float | None:
    return round(100 * counts.total() / len(spoken), 2) if spoken else None
