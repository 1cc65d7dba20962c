"""The figures of a lesson, and why there is none."""

from __future__ import annotations

import pytest

from coach.inventory import inventory
from coach.measures import MEASURES, Figure, measure
from coach.talk import Transcript, Utterance, Voice, Word
from coach.timeline import timeline
from tests.coach.said import talk

pytestmark = [pytest.mark.model, pytest.mark.django_db]

SAID = [
    ("Teacher", "Which fraction is bigger, one half or one third?"),
    ("Student A", "One half, because the pieces of a third are smaller."),
    ("Teacher", "Why are they smaller?"),
    ("Student B", "You cut the same thing into more pieces."),
    ("Teacher", "Good. What is a half of ten?"),
    ("Student A", "Five."),
]


def figures(transcript: Transcript) -> dict[str, Figure]:
    return dict(measure(transcript, inventory(transcript)))


def test_every_measure_says_what_it_is_and_how_good() -> None:
    found = figures(talk(*SAID))
    assert list(found) == list(MEASURES)
    for figure in found.values():
        assert figure.about.title
        assert figure.about.unit
        assert figure.about.better in ("more", "less", "")
        assert figure.value is not None or figure.detail["why"]


def test_talk_is_shared_out_by_words_without_times_and_by_time_with_them() -> None:
    by_words = figures(talk(*SAID))["talk_ratio"]
    assert by_words.detail["by"] == "words"
    assert by_words.value == pytest.approx(20 / 39)
    times = [(0, 3000), (3000, 6000), (6000, 7000), (7000, 9000), (9000, 11000), (11000, 12000)]
    by_time = figures(talk(*SAID, times=times))["talk_ratio"]
    assert by_time.detail["by"] == "time"
    assert by_time.value == pytest.approx(0.5)


def test_questions_are_counted_by_kind() -> None:
    found = figures(talk(*SAID))
    assert found["questions_open"].value == pytest.approx(1 / 3)
    assert found["questions_closed"].detail["counts"] == {
        "open": 1,
        "closed": 2,
        "procedural": 0,
        "rhetorical": 0,
    }


def test_waiting_is_measured_between_the_words() -> None:
    times = [(0, 3000), (5000, 9000), (9500, 11000), (15000, 17000), (17500, 19000), (19500, 20000)]
    found = figures(talk(*SAID, times=times))
    assert found["wait_time_1"].value == pytest.approx((2 + 4 + 0.5) / 3)
    assert found["wait_time_1"].detail["at_least_3"] == 1
    assert found["wait_time_2"].value == pytest.approx(0.5)


def test_word_times_go_before_line_times() -> None:
    asked = Utterance(
        1, "Teacher", Voice.TEACHER, "How many?", 0, 5000, (Word("How", 0, 300), Word("many?", 300, 900))
    )
    told = Utterance(2, "Student A", Voice.STUDENT, "Four.", 5000, 6000, (Word("Four.", 5400, 5900),))
    assert figures(Transcript((asked, told)))["wait_time_1"].value == pytest.approx(4.5)


@pytest.mark.parametrize(
    ("times", "why"),
    [
        (None, "has no times"),
        (
            [(0, 2000), (2000, 4000), (4000, 5000), (5000, 8000), (8000, 9000), (9000, 9500)],
            "hidden in the lines",
        ),
    ],
)
def test_no_wait_time_where_the_transcript_cannot_tell(times: list[tuple[int, int]] | None, why: str) -> None:
    found = figures(talk(*SAID, times=times))["wait_time_1"]
    assert found.value is None
    assert why in found.detail["why"]


def test_the_words_of_the_subject_are_the_lists_and_the_lessons_own() -> None:
    said = [("Teacher", "The lever has a fulcrum."), ("Student A", "The fulcrum is here.")] * 4
    found = figures(talk(*said))["subject_vocabulary"]
    assert "fulcrum" in found.detail["own"]
    assert found.value == pytest.approx(100 * 8 / 36)


def test_a_lesson_without_students_has_no_figures_about_them() -> None:
    found = figures(talk(*[("Teacher", "Write it down, please.")] * 3))
    assert found["talk_ratio"].value is None
    assert found["student_reasoning"].value is None
    assert found["uptake"].value is None


def test_the_timeline_joins_what_belongs_together_and_shows_silence() -> None:
    times = [(0, 1000), (1200, 2000), (2100, 3000), (9000, 10000)]
    said = [("Teacher", "One."), ("Teacher", "Two."), ("Student A", "Three."), ("Teacher", "Four.")]
    assert [(one.kind, one.start, one.end, one.line) for one in timeline(talk(*said, times=times))] == [
        ("teacher", 0, 2000, 1),
        ("student", 2100, 3000, 3),
        ("silence", 3000, 9000, 3),
        ("teacher", 9000, 10000, 4),
    ]
