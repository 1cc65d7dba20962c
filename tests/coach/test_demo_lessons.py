"""The demo's lessons: full, ours, read without a complaint, stored without a name, and loaded once."""

from __future__ import annotations

import re
from datetime import date
from functools import cache
from itertools import groupby
from pathlib import Path

import pytest

from coach.demo.build import BUILT, KINDS, filename
from coach.demo.lesson import Lesson, lessons, read_lesson
from coach.demo.loading import TEACHERS
from coach.demo.reviews import REVIEWS
from coach.readers import read, read_transcript
from coach.talk import Transcript, Voice

LESSONS = lessons()
FULL = next(lesson for lesson in LESSONS if lesson.name == "okafor-3-which-barrel-holds-most")
every_lesson = pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.name)


@cache
def kept(lesson: Lesson) -> Transcript:
    """The lesson as Lyceum keeps it, with the roster that its teacher gives."""
    return read_transcript(BUILT / filename(lesson), lesson.students)


def test_six_teachers_teach_them_in_five_kinds_of_file() -> None:
    by_teacher = {
        key: [lesson for lesson in LESSONS if lesson.name.startswith(f"{key}-")] for key in TEACHERS
    }
    assert len(by_teacher) == 6
    assert sum(map(len, by_teacher.values())) == len(LESSONS)
    assert sum(len(own) >= 3 for own in by_teacher.values()) >= 3  # a trend takes three
    assert {lesson.kind for lesson in LESSONS} == set(KINDS)
    assert set(REVIEWS) == {lesson.name for lesson in LESSONS}


def test_the_long_one_is_a_lesson_of_45_minutes() -> None:
    turns = list(groupby(FULL.said, key=lambda said: said.speaker))
    assert len(turns) >= 400
    assert 44 <= FULL.said[-1].end / 60_000 <= 46


def test_its_questions_are_followed_by_pauses_of_all_lengths() -> None:
    pauses = [
        after.start - before.end
        for before, after in zip(FULL.said, FULL.said[1:], strict=False)
        if before.speaker == FULL.teacher and before.text.endswith("?")
    ]
    assert min(pauses) < 700
    assert sum(pause > 3000 for pause in pauses) > 10
    assert max(pauses) > 7000


@every_lesson
def test_a_lesson_is_talk_between_a_teacher_and_students(lesson: Lesson) -> None:
    words = sum(len(said.words) for said in lesson.said)
    teachers = sum(len(said.words) for said in lesson.said if said.speaker == lesson.teacher)
    assert len(lesson.said) >= 60
    assert 0.2 < teachers / words < 0.85
    speaking = {said.speaker for said in lesson.said} - {lesson.teacher, "Students", "Intercom"}
    assert speaking <= set(lesson.students)
    assert len(speaking) >= 8


@every_lesson
def test_its_words_are_said_one_after_the_other(lesson: Lesson) -> None:
    for said in lesson.said:
        assert " ".join(word for word, _, _ in said.words) == said.text
        times = [time for _, start, end in said.words for time in (start, end)]
        assert times == sorted(times)
        assert (said.start, said.end) == (times[0], times[-1])
    starts = [said.start for said in lesson.said]
    assert starts == sorted(starts)


@every_lesson
def test_the_built_file_is_that_of_the_source(lesson: Lesson) -> None:
    assert (BUILT / filename(lesson)).read_text(encoding="utf-8") == KINDS[lesson.kind](lesson), (
        "run make demo-files"
    )


@every_lesson
def test_it_is_read_as_it_was_written(lesson: Lesson) -> None:
    reading = read(BUILT / filename(lesson))
    assert not reading.notes
    said = " ".join(row.text for row in reading.said)
    assert said == " ".join(said.text for said in lesson.said)
    if lesson.kind != "srt":  # subtitles are cut
        assert [row.speaker for row in reading.said] == [said.speaker for said in lesson.said]
    if lesson.kind != "txt":
        assert reading.said[-1].end == lesson.said[-1].end


@every_lesson
def test_no_name_of_the_class_stays(lesson: Lesson) -> None:
    surname = lesson.teacher.split()[-1]
    names = re.compile(rf"\b({'|'.join([*lesson.students, surname])})\b")
    for utterance in kept(lesson):
        assert not names.search(utterance.text), utterance.line
        assert utterance.speaker not in {*lesson.students, lesson.teacher}


def test_a_name_at_the_beginning_of_a_sentence_is_a_name() -> None:
    lesson = next(lesson for lesson in LESSONS if lesson.name == "karimi-1-rows-of-chairs")
    line = next(number for number, said in enumerate(lesson.said, 1) if "Max, tell us" in said.text)
    assert re.search(r"Student [A-Z], tell us your no", kept(lesson)[line].text)


def test_words_that_are_also_names_stay_words() -> None:
    texts = " ".join(utterance.text for utterance in kept(FULL))
    assert "mark that on the number line" in texts
    assert "may I go to the bathroom?" in texts
    assert "will be at the side entrance" in texts
    assert "three sevenths or three fifths" in texts
    assert "Zero point six two five" in texts


@every_lesson
def test_its_speakers_are_told_apart(lesson: Lesson) -> None:
    voices = {utterance.speaker: utterance.voice for utterance in kept(lesson)}
    assert [speaker for speaker, voice in voices.items() if voice == Voice.TEACHER] == ["Teacher"]
    assert sum(voice == Voice.STUDENT for voice in voices.values()) >= 8


@every_lesson
def test_nobody_can_be_reached_through_it(lesson: Lesson) -> None:
    text = " ".join(said.text for said in lesson.said)
    assert not re.search(r"@|https?:|www\.|\d{5,}|\d{3}[ -]\d{4}", text)


def test_its_day_is_always_a_recent_one() -> None:
    assert FULL.taught_on(date(2026, 11, 23)) == date(2026, 11, 12)
    assert FULL.taught_on(date(2027, 3, 7)).strftime("%A") == "Thursday"


def test_a_source_that_says_nothing_is_refused_with_its_line(tmp_path: Path) -> None:
    head = "title: T\nteacher: Ms. A\nstudents: B\nsubject: S\ngrade: G\ngoal: X\ntaught: Monday, 1 week ago\nformat: vtt"
    source = tmp_path / "one.lesson"
    source.write_text(f"{head}\n\nMs. A: Good morning.\nand a line without a speaker\n", encoding="utf-8")
    with pytest.raises(ValueError, match="Line 11 is not"):
        read_lesson(source)
