"""Verifying stored exercises, and bringing them in from files."""

from __future__ import annotations

import json
import logging
from typing import Any

from django.db import transaction

from courses.models import Course, Passage
from courses.search import search
from tutor.accounts.models import User
from tutor.llm.embeddings import EmbeddingError
from tutor.llm.models import Endpoint
from tutor.studio.exercises.repairing import may_repair, repaired
from tutor.studio.exercises.running import LARGEST, Language
from tutor.studio.exercises.verifying import Exercise as Given
from tutor.studio.exercises.verifying import verify
from tutor.studio.models import Exercise
from tutor.studio.sandbox import SandboxMissing

logger = logging.getLogger(__name__)

CITED = 2  # passages that a new exercise is shown with
NEAR = 0.35  # cosine below which a passage is about something else
MOST = 500  # exercises of one file


class Unreadable(ValueError):
    """A file of exercises that cannot be taken; the message names the line and says what to do."""


def work(row: Exercise) -> None:
    """Verify a queued exercise, repaired if that was asked for, and say on its row what became of it."""
    if not row.claim():
        return
    with row.heartbeat():
        given = Given(str(row.uuid), row.solution, row.tests, Language(row.language), row.prompt)
        endpoint = Endpoint.objects.for_course(row.course) if row.repair else None
        try:
            if endpoint is not None and may_repair(endpoint):
                given, result = repaired(given, endpoint, course_id=row.course_id)
            else:
                result = verify(given)
            _cite(row)
        except SandboxMissing as error:
            row.fail(str(error))
            return
        except Exception:
            logger.exception("Exercise %s could not be verified", row.pk)
            row.fail("Something went wrong while verifying this exercise. Verify it again.")
            return
        found: dict[str, Any] = {
            "passed": result.passed, "mutants": result.mutants, "killed": result.killed, "versions": result.attempts,
            "refusal": result.error, "survivors": list(result.survivors), "repair": False,
        }  # fmt: skip
        if given.solution != row.solution or given.tests != row.tests:
            found |= {
                "solution": given.solution,
                "tests": given.tests,
                "made_how": f"{row.made_how}, repaired by {endpoint}"[:120],
            }
        as_it_was = {"state": Exercise.State.RUNNING, "solution": row.solution, "tests": row.tests}
        if Exercise.objects.filter(pk=row.pk, **as_it_was).update(**found):  # else it was edited meanwhile
            row.finish()


def _cite(row: Exercise) -> None:
    """The passages that the task is about, found by its words, unless there are some."""
    if row.passages.exists():
        return
    try:
        hits = search(
            row.course,
            f"{row.title}. {row.prompt}"[:600],
            passages=Passage.objects.for_agent(row.course),
            k=CITED,
        )
    except EmbeddingError as error:
        logger.warning("No passages for exercise %s: %s", row.pk, error)
        return
    row.passages.set([hit.passage for hit in hits if hit.similarity >= NEAR])


def receive(course: Course, text: str, by: User) -> list[Exercise]:
    """The exercises of a JSON-lines file as proposed rows, each queued to be verified; all or none. Raises Unreadable.

    A line is {"solution", "tests"} with any of "title", "prompt", "language", "starter", "hint".
    """
    rows = []
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip():
            rows.append(proposed(course, number, line, by))
    if not rows:
        raise Unreadable(
            "The file holds no exercises. Give one JSON object a line, with prompt, solution and tests."
        )
    if len(rows) > MOST:
        raise Unreadable(
            f"The file holds {len(rows)} exercises, and at most {MOST} are taken at once. Split it."
        )
    with transaction.atomic():
        for row in rows:
            row.verify()
    return rows


def proposed(course: Course, number: int, line: str, by: User | None) -> Exercise:
    """The exercise of a line of a file, not stored yet. Raises Unreadable."""
    try:
        given = json.loads(line)
    except ValueError as error:
        raise Unreadable(f"Line {number} is not JSON: {error}. Nothing was taken.") from error
    names = ("solution", "tests", "prompt", "title", "starter", "hint", "language")
    if not isinstance(given, dict) or not all(isinstance(given.get(name, ""), str) for name in names):
        raise Unreadable(
            f"Line {number} is not an object whose {', '.join(names)} are texts. Nothing was taken."
        )
    values = {name: given.get(name, "").replace("\0", "") for name in names}
    if not values["solution"].strip() or not values["tests"].strip():
        raise Unreadable(f"Line {number} needs solution and tests. Nothing was taken.")
    if values["language"] and values["language"] not in list(Language):
        raise Unreadable(
            f"Line {number} is in {values['language'][:40]}; python and verilog are known. Nothing was taken."
        )
    if any(len(value) > LARGEST for value in values.values()):
        raise Unreadable(
            f"A text of line {number} has over {LARGEST // 1000} thousand characters. Nothing was taken."
        )
    title = values["title"] or values["prompt"].partition("\n")[0] or f"Exercise {given.get('id', number)}"
    values |= {
        "title": title[:120],
        "language": values["language"] or Language.PYTHON,
        "hint": values["hint"][:2000],
    }
    values["prompt"] = values["prompt"][:8000] or title
    return Exercise(course=course, created_by=by, made_how="imported", **values)
