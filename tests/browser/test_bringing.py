"""A table is brought, its columns named, and its transcript corrected by keyboard, in a real browser."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from coach.demo.lesson import lessons
from tests.browser.conftest import Lyceum, SignIn
from tests.browser.test_accessibility import findings

pytestmark = [pytest.mark.browser, pytest.mark.model]

LESSON = next(one for one in lessons() if one.kind == "csv")
FILE = Path(__file__).parents[2] / "coach" / "demo" / "built" / f"{LESSON.name}.csv"
PHONE = {"width": 390, "height": 844}


def line(page: Page, number: int) -> Locator:
    return page.locator(".talk-line").nth(number - 1)


def saved(page: Page) -> None:
    expect(page.locator("[data-save-state][data-state=done]")).to_have_text("Saved")


def test_a_lesson_is_brought_and_corrected_by_keyboard(lyceum: Lyceum, sign_in: SignIn) -> None:
    page = sign_in("instructor")
    page.goto(f"{lyceum.url}/coach/new/")
    page.get_by_role("button", name="Bring the lesson").click()
    expect(page.get_by_text("Choose a file, or paste the transcript below.", exact=True)).to_be_visible()
    expect(
        page.get_by_text("Without this agreement the lesson cannot be brought.", exact=True)
    ).to_be_visible()
    assert findings(page) == []

    page.locator("input[type=file]").set_input_files(FILE)
    page.get_by_label("Title").fill(f"A lesson with {LESSON.students[0]}")
    page.get_by_label("Names of the class").fill("\n".join(LESSON.students))
    page.get_by_label(re.compile("Everybody who can be heard")).check()
    page.get_by_role("button", name="Bring the lesson").click()
    expect(page.get_by_role("heading", name="Which column is which?")).to_be_visible()
    expect(page.get_by_label("Who speaks")).to_have_value("Speaker")
    assert findings(page) == []
    page.get_by_role("button", name="Read it like this").click()

    expect(page.get_by_role("heading", name="A lesson with a student")).to_be_visible()
    expect(page.locator(".talk-line")).to_have_count(len(LESSON.said))
    assert findings(page) == []
    page.get_by_role("button", name="These are right").click()
    expect(page.get_by_role("button", name="Make the report")).to_be_visible()

    count = page.locator(".talk-line").count()
    line(page, 1).focus()
    page.keyboard.press("ArrowDown")
    expect(line(page, 2)).to_be_focused()
    page.keyboard.press("1")
    expect(line(page, 2).locator(".talk-speaker")).to_have_text("Teacher")
    page.keyboard.press("Enter")
    page.keyboard.press("Control+a")
    page.keyboard.type(f"Well, {LESSON.students[1]}. Now you try.")
    page.keyboard.press("Enter")
    expect(line(page, 2).locator(".talk-text")).to_have_text(
        re.compile(r"^Well, Student \w\. Now you try\.$")
    )
    expect(line(page, 2)).to_be_focused()
    saved(page)

    page.keyboard.press("Enter")
    for _ in range(len("Now you try.")):
        page.keyboard.press("ArrowLeft")
    page.keyboard.press("Shift+Enter")
    expect(page.locator(".talk-line")).to_have_count(count + 1)
    expect(line(page, 3).locator(".talk-text")).to_have_text("Now you try.")
    expect(line(page, 3)).to_be_focused()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("m")
    expect(page.locator(".talk-line")).to_have_count(count)
    page.keyboard.press("Enter")
    page.keyboard.type(" and this is not kept")
    page.keyboard.press("Escape")
    saved(page)

    page.reload()
    expect(line(page, 2).locator(".talk-text")).to_have_text(
        re.compile(r"^Well, Student \w\. Now you try\.$")
    )
    expect(line(page, 2).locator(".talk-speaker")).to_have_text("Teacher")
    page.set_viewport_size({"width": PHONE["width"], "height": PHONE["height"]})
    line(page, 2).locator(".talk-text").click()
    expect(page.get_by_role("button", name="Cut here")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    page.get_by_role("button", name="Save", exact=True).click()

    page.get_by_label("More").click()
    page.get_by_role("link", name="Who is who").click()
    expect(page.get_by_role("cell", name=LESSON.students[1], exact=True)).to_be_visible()
    page.get_by_role("button", name="Forget the names").click()
    page.get_by_role("dialog").get_by_role("button", name="Forget the names").click()
    expect(page.get_by_text("The names are forgotten.")).to_be_visible()
    page.get_by_label("More").click()
    page.get_by_role("button", name="Delete the lesson").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.get_by_text("The lesson is deleted")).to_be_visible()
