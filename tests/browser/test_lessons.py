"""A lesson made, edited and reviewed by its instructor in a real browser, mostly by keyboard."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Lyceum, SignIn
from tests.browser.test_accessibility import findings

pytestmark = [pytest.mark.browser, pytest.mark.model]


def test_a_lesson_is_made_edited_reviewed_by_keys_and_published(lyceum: Lyceum, sign_in: SignIn) -> None:
    page = sign_in("instructor")
    page.goto(f"{lyceum.course}lessons/new/")
    page.get_by_label("Title").fill("Outliers")
    page.get_by_role("checkbox", name="Lecture 3: Outliers").check()
    page.get_by_role("button", name="Make the lesson").click()
    expect(page.get_by_role("heading", name="Outliers", level=1)).to_be_visible()
    publish = page.get_by_role("button", name="Publish")
    expect(publish).to_be_enabled(timeout=60_000)  # every page was written by the worker, and none is flagged
    assert findings(page) == []

    line = page.locator(".script-line").nth(1)
    line.hover()
    line.get_by_role("button", name="Edit").click()
    page.get_by_label("What is said").fill("The moon is made of green cheese.")
    page.keyboard.press("Control+Enter")
    flagged = page.locator('.script-line[data-flag="open"]')
    expect(flagged).to_have_count(1)
    expect(flagged).to_contain_text("Not in the material")
    expect(publish).to_be_disabled()
    assert findings(page) == []

    page.keyboard.press("j")
    expect(flagged).to_have_attribute("data-current", "")
    page.keyboard.press("e")
    page.get_by_label("What is said").fill("An outlier is made of green cheese.")
    page.keyboard.press("Control+Enter")
    expect(flagged).to_contain_text("An outlier is made of green cheese.")
    page.keyboard.press("a")
    expect(flagged).to_have_count(0)
    expect(page.get_by_text("Accepted by Iris Instructor")).to_be_visible()

    page.locator("a.script-cite").first.click()
    expect(page.locator(".lesson-source mark, .lesson-source [data-mark]").first).to_be_visible()
    publish.click()
    expect(page.get_by_text("This version is frozen")).to_be_visible()
    page.get_by_role("button", name="Make a new version").click()
    expect(page.get_by_text("Version 2", exact=True)).to_be_visible()


def test_a_script_fits_a_phone_and_its_citation_opens_the_source(lyceum: Lyceum, sign_in: SignIn) -> None:
    page = sign_in("instructor", viewport={"width": 390, "height": 800})
    page.goto(f"{lyceum.course}lessons/")
    page.get_by_role("link", name="Lecture 1").click()
    expect(page.get_by_role("heading", name="The spread")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.locator("a.script-cite").nth(2).click()
    page.wait_for_url("**/source/**")
