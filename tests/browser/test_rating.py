"""Two people rate a lesson by keyboard without seeing each other, and then see both side by side, in a real browser."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Lyceum, SignIn
from tests.browser.test_accessibility import findings

pytestmark = [pytest.mark.browser, pytest.mark.model]

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True}


def ask_two(page: Page, url: str) -> str:
    """Have the signed-in coach and somebody else rate a shared lesson; returns its title."""
    page.goto(f"{url}/coach/rating/")
    instrument = page.get_by_label("Instrument", exact=True)
    instrument.select_option(instrument.locator("option", has_text="MQI-informed").get_attribute("value"))
    title = page.get_by_label("Lesson").locator("option").first.inner_text()
    page.get_by_role("button", name="Ask them").click()
    expect(page.get_by_text("can rate this lesson now")).to_be_visible()
    return title


def rate_by_keyboard(page: Page, url: str, title: str, keys: str) -> None:
    """Fill in the whole sheet with the same keys for each part, and hand it in."""
    page.goto(f"{url}/coach/rating/")
    page.get_by_role("link", name=f"Rate {title}").click()
    parts = page.locator(".parts a").count()
    for part in range(1, parts + 1):
        expect(page.locator(".parts a[aria-current=page]")).to_contain_text(str(part))
        for key in keys:
            page.keyboard.press(key)
        expect(page.locator("fieldset input:checked")).to_have_count(4)
        page.keyboard.press("Enter")
        expect(page.locator(".parts a[data-done=yes]")).to_have_count(part)
    page.get_by_role("button", name="Hand in").click()
    page.get_by_role("dialog").get_by_role("button", name="Hand in").click()


def test_two_people_rate_a_lesson_blind_and_then_see_both(lyceum: Lyceum, sign_in: SignIn) -> None:
    coach, admin = sign_in("coach"), sign_in("admin")
    title = ask_two(coach, lyceum.url)
    rate_by_keyboard(coach, lyceum.url, title, "231n")
    expect(coach.get_by_text("Ratings are shown when both have handed in.")).to_be_visible()
    rate_by_keyboard(admin, lyceum.url, title, "2312")
    for page in (coach, admin):
        page.goto(f"{lyceum.url}/coach/rating/")
        page.get_by_role("link", name=title).first.click()
        expect(page.locator("tr", has_text="Explanations").first).to_contain_text("same")
        expect(page.locator("tr", has_text="Student questioning").first).to_contain_text("nothing to see")


@pytest.mark.parametrize("colours", ["light", "dark"])
@pytest.mark.parametrize("size", ["desk", "phone"])
def test_the_coaches_pages_have_no_serious_findings(
    lyceum: Lyceum, sign_in: SignIn, colours: str, size: str
) -> None:
    page = sign_in("coach", color_scheme=colours, **(PHONE if size == "phone" else {}))
    found: list[str] = []
    for path in ("instruments/", "instruments/mqi-informed/", "calibration/", "rating/"):
        page.goto(f"{lyceum.url}/coach/{path}")
        found += findings(page)
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), path
    assert found == []
