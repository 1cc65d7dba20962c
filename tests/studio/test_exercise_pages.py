"""Exercises on the pages: staff write, verify and keep; students solve; nobody sees more than they should."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from courses.models import Course, Role
from tests import make
from tests.llm.scripted import Scripted
from tests.studio.test_exercises import ADD, ADD_TESTS, COUNTER, COUNTER_BENCH, WEAKER, written
from tutor.jobs import State
from tutor.practice import knowledge
from tutor.practice.models import Attempt, Item, Skill
from tutor.studio.exercises import attempting, keeping
from tutor.studio.exercises.verifying import verify
from tutor.studio.models import Exercise, ExerciseAttempt
from tutor.studio.sandbox import SandboxMissing

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("sandboxed")]

HINTED = """
def test_sums():
    'Both numbers count.'
    assert add(1, 2) == 3
def test_zero():
    assert add(0, 5) == 5
"""


@pytest.fixture(autouse=True)
def no_encoder(monkeypatch: pytest.MonkeyPatch) -> None:
    """Which passages are shown beside a task has a test of its own, with the model."""
    monkeypatch.setattr(keeping, "search", lambda *_, **__: [])


def an_exercise(course: Course, **fields: Any) -> Exercise:
    given = {
        "title": "Adding",
        "prompt": "Write add(a, b).",
        "solution": ADD,
        "tests": HINTED,
        "starter": "def add(a, b):\n    ...\n",
    }
    return Exercise.objects.create(course=course, **(given | fields))


def kept(course: Course, **fields: Any) -> Exercise:
    row = an_exercise(course, **fields)
    keeping.work(row)
    row.refresh_from_db()
    row.decide(Exercise.Standing.KEPT)
    return row


def signed_in(person: Any) -> Client:
    client = Client()
    client.force_login(person)
    return client


def handed_in(client: Client, row: Exercise, code: str) -> dict[str, Any]:
    """What the page is told of a program, once the worker has run it."""
    url = row.get_absolute_url()
    response = client.post(f"{url}try/", json.dumps({"code": code}), content_type="application/json")
    assert response.status_code == 201, response.content
    attempt = ExerciseAttempt.objects.get(uuid=response.json()["attempt"])
    attempting.work(attempt)
    found: dict[str, Any] = client.get(f"/c/{row.course.slug}/exercises/tries/{attempt.uuid}/").json()
    return found


def test_what_staff_write_is_verified_and_kept_by_a_person(django_capture_on_commit_callbacks: Any) -> None:
    course = make.course()
    client = signed_in(make.enrol(course, role=Role.STAFF))
    form = {
        "title": "Adding",
        "language": "python",
        "prompt": "Write add.",
        "solution": ADD,
        "tests": ADD_TESTS,
    }
    client.post(f"/c/{course.slug}/exercises/bank/new/", form)
    row = Exercise.objects.get()
    assert (row.state, row.passed) == (State.QUEUED, None)
    act = f"/c/{course.slug}/exercises/bank/{row.uuid}/act/"
    client.post(act, {"act": "kept"})
    row.refresh_from_db()
    assert row.standing == "proposed"
    keeping.work(row)
    page = client.get(f"/c/{course.slug}/exercises/bank/").content.decode()
    assert "Tests passed, 3 of 3 mutants killed" in page
    client.post(act, {"act": "kept"})
    assert Exercise.objects.kept().get() == row


def test_a_weak_exercise_cannot_be_kept_and_its_page_says_why() -> None:
    course = make.course()
    client = signed_in(make.enrol(course, role=Role.INSTRUCTOR))
    row = an_exercise(course, tests="assert isinstance(add(1, 2), int)")
    keeping.work(row)
    page = client.get(f"/c/{course.slug}/exercises/bank/{row.uuid}/").content.decode()
    assert "The tests notice only 0 of 3 wrong solutions" in page
    assert "another answer" in page
    client.post(f"/c/{course.slug}/exercises/bank/{row.uuid}/act/", {"act": "kept"})
    assert not Exercise.objects.kept().exists()


def test_another_solution_or_other_tests_take_a_kept_exercise_back() -> None:
    course = make.course()
    client = signed_in(make.enrol(course, role=Role.INSTRUCTOR))
    row = kept(course)
    url = f"/c/{course.slug}/exercises/bank/{row.uuid}/"
    form = {
        "title": "Sums",
        "language": "python",
        "prompt": row.prompt,
        "solution": row.solution.replace("\n", "\r\n"),  # as browsers send it
        "tests": row.tests,
    }
    client.post(url, form)
    assert Exercise.objects.kept().get().title == "Sums"
    client.post(url, {**form, "tests": WEAKER["types"]})
    row.refresh_from_db()
    assert (row.standing, row.passed, row.state) == ("proposed", None, State.QUEUED)


def test_what_is_edited_while_it_is_verified_is_not_taken_for_verified(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    row = an_exercise(make.course())

    def edited_meanwhile(given: Any) -> Any:
        Exercise.objects.filter(pk=row.pk).update(tests="assert True")
        return verify(given)

    monkeypatch.setattr(keeping, "verify", edited_meanwhile)
    keeping.work(row)
    row.refresh_from_db()
    assert row.passed is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "Choose a JSON-lines file"),
        ("{}\n", "Line 1 needs solution and tests"),
        ("not json", "Line 1 is not JSON"),
        ('{"solution": "x", "tests": "y", "language": "cobol"}', "python and verilog are known"),
        ('{"solution": "x", "tests": "y"}\n{"solution": 3}', "Line 2 is not an object"),
    ],
)
def test_a_file_is_taken_whole_or_not_at_all(text: str, words: str) -> None:
    course = make.course()
    client = signed_in(make.enrol(course, role=Role.INSTRUCTOR))
    file = SimpleUploadedFile("exercises.jsonl", text.encode())
    page = client.post(
        f"/c/{course.slug}/exercises/bank/import/", {"file": file}, follow=True
    ).content.decode()
    assert words in page
    assert not Exercise.objects.exists()


def test_a_file_is_imported_as_proposals() -> None:
    course = make.course()
    client = signed_in(make.enrol(course, role=Role.INSTRUCTOR))
    rows = [
        {"prompt": "Add two numbers.\nBoth may be negative.", "solution": ADD, "tests": ADD_TESTS},
        {
            "title": "Counter",
            "language": "verilog",
            "prompt": "Count to nine.",
            "solution": COUNTER,
            "tests": COUNTER_BENCH,
        },
    ]
    file = SimpleUploadedFile("exercises.jsonl", "".join(json.dumps(row) + "\n" for row in rows).encode())
    client.post(f"/c/{course.slug}/exercises/bank/import/", {"file": file})
    found = list(Exercise.objects.order_by("pk"))
    assert [row.title for row in found] == ["Add two numbers.", "Counter"]
    for row in found:
        keeping.work(row)
        row.refresh_from_db()
        assert row.passed, row.refusal


def test_a_student_sees_what_is_kept_and_neither_solution_nor_tests() -> None:
    course = make.course()
    client = signed_in(make.enrol(course))
    row = kept(course, solution=f"# the secret way\n{ADD}", hint="Think of plus.")
    an_exercise(course, title="Not yet decided")
    listed = client.get(f"/c/{course.slug}/exercises/").content.decode()
    assert "Adding" in listed
    assert "Not yet decided" not in listed
    page = client.get(row.get_absolute_url()).content.decode()
    assert "Write add(a, b)." in page
    assert "Tests passed, 3 of 3 mutants killed" in page
    for hidden in ("secret way", "test_sums", "assert", "Think of plus", "Both numbers count"):
        assert hidden not in page


def test_a_failing_test_yields_its_hint_and_nothing_of_the_tests() -> None:
    course = make.course()
    client = signed_in(make.enrol(course))
    found = handed_in(client, kept(course), "def add(a, b):\n    print('a is', a)\n    return b\n")
    assert found["state"] == "done"
    assert found["passed"] is False
    assert [(row["name"], row["passed"]) for row in found["results"]] == [("sums", False), ("zero", True)]
    assert found["hint"] == "Both numbers count."
    assert found["printed"] == "a is 1\na is 0\n"
    assert "== 3" not in json.dumps(found)


def test_an_error_of_the_program_is_told_in_words() -> None:
    course = make.course()
    client = signed_in(make.enrol(course))
    row = kept(course, tests=ADD_TESTS, hint="Think of plus.")
    assert "SyntaxError" in handed_in(client, row, "def add(a, b)\n    return a")["trouble"]
    broken = handed_in(client, row, "def add(a, b):\n    return a / 0\n")
    assert broken["results"][0]["note"] == "The solution raised ZeroDivisionError: division by zero"
    assert broken["hint"] == "Think of plus."
    assert "tried to start a process" in handed_in(client, row, "import os\nos.fork()\n")["trouble"]


def test_a_first_try_and_a_first_success_count_for_the_skill() -> None:
    course = make.course()
    student = make.enrol(course)
    client = signed_in(student)
    row = kept(course, skill=Skill.objects.create(course=course, name="Addition"))
    for code in ("def add(a, b):\n    return b\n", "def add(a, b):\n    return a\n", ADD, ADD):
        handed_in(client, row, code)
    tries = list(Attempt.objects.of(student, course))
    assert [(one.outcome, one.score, one.helped) for one in tries] == [
        ("partial", 0.5, False),
        ("right", 1.0, True),
    ]
    assert [(known.skill.name, len(known.attempts)) for known in knowledge.of(student, course)] == [
        ("Addition", 2)
    ]
    assert not Item.objects.askable(course).exists()


def test_an_exercise_that_is_taken_back_is_not_there_for_students() -> None:
    course = make.course()
    client = signed_in(make.enrol(course))
    row = kept(course, skill=Skill.objects.create(course=course, name="Addition"))
    row.decide(Exercise.Standing.REJECTED)
    assert client.get(row.get_absolute_url()).status_code == 404
    assert (
        client.post(f"{row.get_absolute_url()}try/", "{}", content_type="application/json").status_code == 404
    )
    assert Item.objects.get().state == Item.State.RETIRED


def test_an_attempt_is_its_person_s_own() -> None:
    course = make.course()
    row = kept(course)
    attempt = attempting.hand_in(row, make.enrol(course), ADD)
    url = f"/c/{course.slug}/exercises/tries/{attempt.uuid}/"
    assert signed_in(make.enrol(course)).get(url).status_code == 404
    assert signed_in(make.enrol(course, role=Role.INSTRUCTOR)).get(url).status_code == 404


@pytest.mark.parametrize(
    "body", ["", "[]", '{"code": 3}', '{"code": "  "}', '{"code": "%s"}' % ("x" * 70_000)]
)
def test_what_is_no_program_is_refused(body: str) -> None:
    course = make.course()
    client = signed_in(make.enrol(course))
    response = client.post(f"{kept(course).get_absolute_url()}try/", body, content_type="application/json")
    assert response.status_code == 400
    assert response.json()["error"].endswith(".")


def test_one_person_cannot_keep_the_workers_busy() -> None:
    course = make.course()
    client = signed_in(make.enrol(course))
    url = f"{kept(course).get_absolute_url()}try/"
    codes = [
        client.post(url, json.dumps({"code": ADD}), content_type="application/json").status_code
        for _ in range(11)
    ]
    assert codes == [201] * 10 + [429]


def test_without_a_sandbox_an_attempt_fails_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_: Any) -> None:
        raise SandboxMissing("Install bubblewrap.")

    course = make.course()
    client, row = signed_in(make.enrol(course)), kept(course)
    monkeypatch.setattr(attempting, "run", missing)
    found = handed_in(client, row, ADD)
    assert found["state"] == "failed"
    assert "administrator" in found["error"]


@pytest.mark.django_db(transaction=True)
def test_a_capable_endpoint_repairs_what_is_there() -> None:
    course = make.course()
    row = an_exercise(course, solution="def add(a, b):\n    return a - b\n", tests=ADD_TESTS, repair=True)
    with Scripted(written(ADD, ADD_TESTS)) as server:
        server.endpoint(capable=True, is_default=True).save()
        keeping.work(row)
    row.refresh_from_db()
    assert row.passed
    assert (row.versions, row.solution) == (2, ADD)
    assert "repaired by" in row.made_how
