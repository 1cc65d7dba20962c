"""`manage.py classroom`: a whole class in this process, without waiting."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from courses.index import pack
from courses.models import Course, Passage
from tests import make
from tests.llm.scripted import Answer, Scripted
from tutor.classrooms import rooms
from tutor.classrooms.models import Classroom, Lesson
from tutor.llm.embeddings import embed

RIGHT = "Their sum divided by their number"


def searchable(course: Course) -> None:
    """Give the passages their vectors."""
    for passage in Passage.objects.filter(course=course):
        passage.vector = pack(embed([passage.text])[0])
        passage.save(update_fields=["vector"])
    course.touch_index()


def lesson() -> Lesson:
    """A published lesson in a course with a student, whose material can be searched."""
    course = make.course("Readings")
    make.enrol(course)
    made = make.lesson(course)
    searchable(course)
    return made


def play(lesson: Lesson, folder: Path, *lines: dict[str, Any]) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Events and decisions, and the summary."""
    script, out = folder / "script.json", StringIO()
    script.write_text(json.dumps(lines))
    call_command("classroom", str(lesson.uuid), script=script, json=True, minutes=1, stdout=out)
    rows = [json.loads(line) for line in out.getvalue().splitlines()]
    return rows[:-1], rows[-1]


@pytest.mark.model
def test_a_class_is_played_with_a_scripted_student(endpoint: Scripted, tmp_path: Path) -> None:
    endpoint.script(Answer("The median is the middle reading."))
    rows, summary = play(
        lesson(),
        tmp_path,
        {"after": {"page": 1}, "do": {"do": "speak", "text": "What is the median?"}},
        {"after": {"event": "quiz"}, "do": {"do": "answer", "response": "The largest one"}},
    )
    assert (summary["state"], summary["failed"], summary["undone"], summary["refused"]) == ("ended", 0, 0, [])
    assert summary["questions"] == {"open": 0, "answered": 1, "escalated": 0}
    acts = [row["act"] for row in rows if row.get("type") == "queued"]
    asked = acts.index("speak")
    assert acts[asked + 1] == "answer"  # before anything else
    assert acts[acts.index("respond") + 1] == "explain"
    assert acts.count("read") >= 4
    assert [row["type"] for row in rows if "type" in row][-1] in ("end", "note")
    assert any("decision" in row for row in rows)


@pytest.mark.model
def test_playing_a_class_leaves_the_others_of_the_site_alone(endpoint: Scripted, tmp_path: Path) -> None:
    made = lesson()
    room = rooms.open(made, make.enrol(made.course), shared=False, mode="continuous")
    rooms.act(room, room.created_by, {"do": "start"})
    before = list(room.acts.values_list("kind", flat=True))
    _, summary = play(made, tmp_path)
    assert summary["state"] == "ended"
    room.refresh_from_db()
    assert (room.state, room.owner) == (Classroom.State.RUNNING, "")
    assert list(room.acts.values_list("kind", flat=True)) == before


@pytest.mark.model
def test_what_the_material_does_not_answer_goes_to_the_staff(endpoint: Scripted, tmp_path: Path) -> None:
    rows, summary = play(
        lesson(),
        tmp_path,
        {"after": {"page": 1}, "do": {"do": "speak", "text": "Who won the football world cup in 1990?"}},
    )
    assert summary["questions"]["escalated"] == 1
    assert summary["state"] == "ended"
    told = [row["state"] for row in rows if row.get("type") == "note" and row.get("kind") == "question"]
    assert told == ["open", "escalated"]


@pytest.mark.model
def test_what_is_too_long_is_refused_in_words_and_the_class_goes_on(
    endpoint: Scripted, tmp_path: Path
) -> None:
    long = "all work and no play " * 3000
    rows, summary = play(lesson(), tmp_path, {"after": {"page": 1}, "do": {"do": "speak", "text": long}})
    assert (summary["state"], summary["undone"]) == ("ended", 0)
    assert [row["refused"] for row in rows if "refused" in row] == summary["refused"]
    assert "62,999 characters" in summary["refused"][0]


@pytest.mark.parametrize(
    ("after", "do", "words"),
    [
        ({"event": "quizz"}, {"do": "hand", "up": True}, "there is no “quizz”"),
        ({"act": "sing"}, {"do": "hand", "up": True}, "there is no “sing”"),
        ({"page": "one"}, {"do": "skip"}, "“after” needs"),
        ({}, {"do": "skip"}, "“after” needs"),
        ({"event": "quiz", "count": "two"}, {"do": "skip"}, "“count”"),
        ({"page": 1}, {"do": "dance"}, "“do” has to be one of"),
    ],
)
def test_a_script_that_cannot_be_played_says_which_line(
    tmp_path: Path, db: None, after: dict[str, Any], do: dict[str, Any], words: str
) -> None:
    made = make.lesson(make.course())
    with pytest.raises(CommandError, match=f"line 2 of the script: .*{words}"):
        play(made, tmp_path, {"after": {"page": 1}, "do": {"do": "skip"}}, {"after": after, "do": do})


def test_a_lesson_that_is_not_there_is_said(db: None) -> None:
    for name in ("lecture-1", "00000000-0000-0000-0000-000000000000"):
        with pytest.raises(CommandError, match=f"There is no lesson {name}"):
            call_command("classroom", name)
