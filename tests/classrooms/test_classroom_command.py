"""`manage.py classroom`: a whole class in this process, without waiting."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from courses.index import pack
from courses.models import Course, Passage
from tests import make
from tests.llm.scripted import Answer, Scripted
from tutor.classrooms.models import Lesson
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
    assert rows[-1]["type"] in ("end", "note")
    assert any("decision" in row for row in rows)


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
