"""Material becomes a dataset, a reviewed one, an adapter, and that adapter answers a student, in a real browser."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import FilePayload, expect

from tests.browser.conftest import Lyceum, SignIn

pytestmark = [pytest.mark.browser, pytest.mark.model]

LONG = 240_000  # milliseconds for what a worker does


@pytest.mark.timeout(900)
def test_material_becomes_an_adapter_that_answers_a_student(lyceum: Lyceum, sign_in: SignIn) -> None:
    teacher = sign_in("instructor")
    teacher.goto(lyceum.course)
    teacher.get_by_role("link", name="Studio").click()
    expect(teacher.get_by_text("No datasets yet")).to_be_visible()
    teacher.get_by_role("button", name="Make a dataset").click()
    teacher.get_by_label("Title").fill("First pairs")
    teacher.get_by_label("Keep at most").fill("24")
    teacher.get_by_role("button", name="Make it").click()
    expect(teacher.get_by_role("heading", name="First pairs")).to_be_visible()
    expect(teacher.get_by_role("link", name="Review")).to_be_visible(timeout=LONG)
    expect(teacher.get_by_text("passages covered")).to_be_visible()

    teacher.get_by_role("link", name="Review").click()
    first, second = teacher.locator(".example").nth(0), teacher.locator(".example").nth(1)
    first.focus()
    teacher.keyboard.press("a")
    expect(first.locator(".verdict")).to_have_text("Accepted")
    expect(second).to_be_focused()
    teacher.keyboard.press("x")
    expect(second.locator(".verdict")).to_have_text("Rejected")
    teacher.locator(".example").nth(2).get_by_role("button", name="Edit").click()
    teacher.locator(".example").nth(2).get_by_label("Answer").fill("An answer in the teacher's own words.")
    teacher.locator(".example").nth(2).get_by_role("button", name="Save").click()
    expect(teacher.locator(".example").nth(2).locator(".verdict")).to_have_text("Changed")

    teacher.get_by_role("link", name="Studio").last.click()
    teacher.get_by_role("button", name="Import pairs").click()
    pairs = "".join(f"What is reading {n}?,Reading {n} follows reading {n - 1}.\n" for n in range(1, 17))
    own: FilePayload = {
        "name": "own.csv",
        "mimeType": "text/csv",
        "buffer": f"question,answer\n{pairs}".encode(),
    }
    teacher.get_by_label("CSV or JSONL").set_input_files(files=[own])
    teacher.get_by_role("button", name="Import", exact=True).click()
    expect(teacher.get_by_text("16 pairs were imported.")).to_be_visible()
    teacher.get_by_text("Every knob").click()
    for name, value in {"steps": "2", "batch_size": "2", "rank": "4", "max_tokens": "160"}.items():
        teacher.get_by_label(name, exact=True).fill(value)
    teacher.get_by_role("button", name="Start the run").click()
    expect(teacher.get_by_role("button", name=re.compile("^Evaluate"))).to_be_visible(timeout=LONG)
    expect(teacher.get_by_text("tokens a second")).to_be_visible()

    teacher.get_by_role("link", name="Studio").last.click()
    teacher.get_by_role("button", name="Let it answer").click()
    expect(teacher.get_by_text("It has not been evaluated.")).to_be_visible()
    teacher.get_by_label("although it did not beat its baselines").check()
    teacher.get_by_role("button", name="Let it answer").click()
    expect(
        teacher.get_by_role("heading", name=re.compile("answers 100 % of the conversations"))
    ).to_be_visible()

    student = sign_in("student")
    student.goto(lyceum.course)
    student.locator("textarea").first.fill("What is the breakdown point of the median?")
    student.keyboard.press("Enter")
    expect(student.get_by_role("button", name="Copy").first).to_be_visible()

    teacher.reload()
    row = teacher.get_by_role("row").filter(has_text="on trial")
    expect(row.get_by_role("cell").nth(1)).to_have_text("1")
    teacher.get_by_role("button", name="Take it back").click()
    expect(teacher.get_by_text("The course's own model answers again.")).to_be_visible()
