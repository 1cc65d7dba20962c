"""Who talks how much."""

from __future__ import annotations

from statistics import median

from coach.measures import COUNTED, About, Figure, Lesson
from coach.talk import Transcript, Voice
from coach.words import count

WORDS_A_MINUTE = 130  # of classroom talk, where a transcript has no times
NOBODY = "Nobody who is marked as {} speaks in this transcript."


def spoken(transcript: Transcript) -> dict[Voice, int] | None:
    """Milliseconds of speech by voice; None where lines do not say when they end."""
    if not transcript.timed or any(one.end is None for one in transcript):
        return None
    times = dict.fromkeys(Voice, 0)
    for one in transcript:
        times[one.voice] += max(0, (one.end or 0) - (one.start or 0))
    return times if sum(times.values()) else None


def talk_ratio(lesson: Lesson) -> Figure:
    """The teacher's share of all talk of teacher and students, by time where there are times, else by words."""
    about = About("Teacher’s share of the talk", "share", "", COUNTED, "")
    if not lesson.teacher or not lesson.students:
        return Figure(None, about, {"why": NOBODY.format("teacher" if not lesson.teacher else "student")})
    said = {voice: sum(count(one.text) for one in lesson.transcript if one.voice == voice) for voice in Voice}
    times = spoken(lesson.transcript)
    amounts = times or said
    teacher = amounts[Voice.TEACHER]
    everybody = teacher + amounts[Voice.STUDENT] + amounts[Voice.GROUP]
    if not everybody:
        return Figure(None, about, {"why": "The lines have no words."})
    detail = {
        "by": "time" if times else "words",
        "teacher_words": said[Voice.TEACHER],
        "student_words": said[Voice.STUDENT],
        "group_words": said[Voice.GROUP],
    }
    if times:
        detail |= {f"{voice.value}_seconds": round(ms / 1000) for voice, ms in times.items() if ms}
    return Figure(teacher / everybody, about, detail)


def teacher_turn_words(lesson: Lesson) -> Figure:
    """The mean number of words in a teacher's turn."""
    return _turn_words(lesson, (Voice.TEACHER,), "Words in a teacher’s turn", "", "teacher")


def student_turn_words(lesson: Lesson) -> Figure:
    """The mean number of words in a student's turn."""
    return _turn_words(lesson, (Voice.STUDENT,), "Words in a student’s turn", "more", "student")


def _turn_words(lesson: Lesson, voices: tuple[Voice, ...], title: str, better: str, who: str) -> Figure:
    about = About(title, "words", better, COUNTED, "")
    lengths = [count(turn.text) for turn in lesson.turns if turn.voice in voices]
    if not lengths:
        return Figure(None, about, {"why": NOBODY.format(who)})
    detail = {"turns": len(lengths), "median": median(lengths), "longest": max(lengths)}
    return Figure(sum(lengths) / len(lengths), about, detail)


def turns_per_minute(lesson: Lesson) -> Figure:
    """How often the speaker changes in a minute; without times, in 130 words."""
    about = About("Turns in a minute", "turns/min", "", COUNTED, "")
    duration = lesson.transcript.duration
    said = sum(count(one.text) for one in lesson.transcript)
    minutes = duration / 60_000 if duration else said / WORDS_A_MINUTE
    if not minutes:
        return Figure(None, about, {"why": "The lines have no words."})
    by = "time" if duration else "words"
    return Figure(
        len(lesson.turns) / minutes,
        about,
        {"by": by, "turns": len(lesson.turns), "minutes": round(minutes, 1)},
    )
