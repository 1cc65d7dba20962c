"""A coding exercise: imported and kept by an instructor, solved by a student, in a real browser."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Lyceum, SignIn
from tests.browser.test_accessibility import findings
from tests.studio.test_exercises import ADD

pytestmark = [pytest.mark.browser, pytest.mark.model, pytest.mark.usefixtures("sandboxed")]

EXERCISE = {
    "title": "The sum of two readings",
    "prompt": "Write `add(a, b)`, which gives the sum of two readings.",
    "starter": "def add(a, b):\n    ...\n",
    "solution": ADD,
    "tests": (
        "def test_sums():\n    'Both readings count.'\n    assert add(1, 2) == 3\n"
        "def test_zero():\n    assert add(0, 5) == 5\n"
    ),
}
LOOKS = 12  # times the page is opened again while a worker verifies, 10 seconds apart at most


def verified(page: Page) -> bool:
    """Whether the exercise has been verified after a moment; opens the page again where not."""
    try:
        page.get_by_text("mutants killed").wait_for(timeout=10_000)
    except Exception:  # noqa: BLE001 # Playwright's timeout, whose class its sync interface hides
        page.reload()
        return False
    return True


def test_an_exercise_is_imported_kept_and_solved(lyceum: Lyceum, sign_in: SignIn, tmp_path: Path) -> None:
    file = tmp_path / "exercises.jsonl"
    file.write_text(json.dumps(EXERCISE))
    teacher = sign_in("instructor")
    teacher.goto(f"{lyceum.course}items/")
    teacher.get_by_role("link", name="Coding exercises").click()
    teacher.get_by_role("button", name="Import").click()
    teacher.get_by_label("JSON-lines file").set_input_files(file)
    teacher.locator("dialog").get_by_role("button", name="Import").click()
    expect(teacher.get_by_text("One exercise was imported")).to_be_visible()
    assert any(verified(teacher) for _ in range(LOOKS)), "\n".join(lyceum.lines)
    teacher.get_by_role("button", name="Keep: The sum of two readings").click()
    expect(teacher.get_by_text("is there for students")).to_be_visible()
    assert findings(teacher) == []
    teacher.get_by_role("link", name="The sum of two readings").click()
    expect(teacher.get_by_label("Solution")).to_be_visible()
    assert findings(teacher) == []

    student = sign_in("student")
    student.goto(lyceum.course)
    student.get_by_role("link", name="Exercises").click()
    student.get_by_role("link", name="The sum of two readings").click()
    editor = student.get_by_role("textbox", name="Your program")
    editor.press("Control+a")
    editor.press_sequentially("def add(a, b):\nreturn b")
    assert editor.input_value() == "def add(a, b):\n    return b"  # indented by the editor
    editor.press("Control+Enter")
    expect(student.get_by_role("heading", name="1 of 2 tests passed.")).to_be_visible()
    expect(student.get_by_text("Hint: Both readings count.")).to_be_visible()
    expect(student.get_by_text("== 3")).to_have_count(0)
    assert findings(student) == []
    editor.fill(ADD)
    student.get_by_role("button", name="Run the tests").click()
    expect(student.get_by_role("heading", name="All tests passed.")).to_be_visible()
    student.goto(f"{lyceum.course}exercises/")
    expect(student.get_by_text("Solved")).to_be_visible()
