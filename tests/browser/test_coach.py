"""A lesson is brought, its report read on a phone and at a desk, shared, reviewed and signed off, in a real browser."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from coach.demo.lesson import lessons
from tests.browser.conftest import Lyceum, SignIn
from tests.browser.test_accessibility import findings

pytestmark = [pytest.mark.browser, pytest.mark.model]

LESSON = next(one for one in lessons() if one.name.startswith("okafor-3"))
FILE = Path(__file__).parents[2] / "coach" / "demo" / "built" / f"{LESSON.name}.vtt"
TITLE = "Barrels, seen once more"
SCORED = 240_000  # milliseconds that a busy machine may take to score the lesson
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True}


def fits(page: Page) -> bool:
    """Whether nothing stands out of the page to the right."""
    found: bool = page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    return found


def bring(page: Page, lyceum: Lyceum) -> str:
    """Bring the demo's 45 minutes, say that the speakers are right, and wait for the report; returns its address."""
    page.goto(f"{lyceum.url}/coach/new/")
    page.locator("input[type=file]").set_input_files(FILE)
    page.get_by_label("Title").fill(TITLE)
    page.get_by_label("Names of the class").fill("\n".join(LESSON.students))
    page.get_by_label(re.compile("Everybody who can be heard")).check()
    page.get_by_role("button", name="Bring the lesson").click()
    page.get_by_role("button", name="These are right").click()
    page.get_by_role("button", name="Make the report").click()
    expect(page.get_by_role("heading", name="The lesson at a glance")).to_be_visible(timeout=SCORED)
    return page.url


def test_a_report_is_read_shared_reviewed_and_signed_off(lyceum: Lyceum, sign_in: SignIn) -> None:
    teacher = sign_in("instructor")
    teacher.get_by_label("Your account").click()
    teacher.get_by_role("link", name="Coaching").click()
    expect(teacher.get_by_role("heading", name="No lesson yet")).to_be_visible()
    url = bring(teacher, lyceum)
    here = teacher.locator(".lines > li[aria-current=true]")
    talk = teacher.locator(".lines").inner_text()
    for name in ("Hunter", "Tyrese", "Amara", "Okafor", "Mateo"):
        assert name not in talk

    # the timeline, by mouse and by keyboard
    drawing = teacher.locator(".timeline-svg")
    box = drawing.bounding_box()
    assert box is not None
    drawing.click(position={"x": box["width"] * 0.5, "y": 95})
    middle = int((here.get_attribute("id") or "line-0").removeprefix("line-"))
    assert 120 < middle < 330  # of 453 lines
    slider = teacher.get_by_role("slider", name="Line of the lesson")
    slider.focus()
    teacher.keyboard.press("ArrowRight")
    teacher.keyboard.press("Enter")
    expect(here).to_have_attribute("id", f"line-{middle + 1}")
    expect(here).to_be_focused()

    # evidence leads to its words
    quote = teacher.locator(".statement .moment").first
    words = quote.locator("blockquote").inner_text()
    quote.get_by_role("link").click()
    expect(here.locator("mark")).to_have_text(words)
    expect(here).to_be_in_viewport()

    # accept one statement, correct another, without a reload
    teacher.evaluate("window.stays = true")
    first, second = teacher.locator(".statement").nth(0), teacher.locator(".statement").nth(1)
    first.get_by_role("button", name="Accept this finding").click()
    expect(first.get_by_role("button", name="Accept this finding")).to_have_attribute("aria-pressed", "true")
    expect(first).to_contain_text("by you")
    second.get_by_text("Correct", exact=False).first.click()
    second.get_by_label("How it should read").fill("I would call this a wait, not a question.")
    second.get_by_role("button", name="Keep the correction").click()
    expect(second.locator(".corrected")).to_have_text("I would call this a wait, not a question.")
    assert teacher.evaluate("window.stays")

    download = teacher.request.get(url + "report.pdf")
    assert download.body().startswith(b"%PDF")
    teacher.get_by_role("button", name="Share with the coaches").click()
    expect(teacher.get_by_role("button", name="Take it back")).to_be_visible()

    # the same on a phone
    phone = sign_in("instructor", **PHONE)
    phone.goto(url)
    assert fits(phone)
    link = phone.locator(".statement .moment a").first
    link.click()
    pane = phone.locator(".moments")
    expect(pane).to_have_attribute("data-open", "")
    expect(pane.locator("[aria-current=true] mark")).to_be_in_viewport()
    pane.get_by_role("button", name="Close the transcript").click()
    expect(link).to_be_focused()

    # a coach
    coach = sign_in("coach")
    coach.goto(f"{lyceum.url}/coach/review/")
    coach.get_by_role("link", name=TITLE).click()
    expect(coach.get_by_text("Use for evaluating people is off")).to_be_visible()
    assert "Hunter" not in coach.locator("main").inner_text()
    coach.locator(".statement .moment a").first.click()
    coach.get_by_role("button", name="Comment on this line").click()
    expect(coach.get_by_label("Your comment")).to_be_focused()
    coach.keyboard.type("What did you hear Hunter say here?")
    coach.get_by_role("button", name="Comment", exact=True).click()
    expect(coach.locator(".comment-text")).to_contain_text("What did you hear Student")
    due = timezone.localdate() + timedelta(days=21)
    coach.get_by_label("Next visit due").fill(due.isoformat())
    coach.get_by_role("button", name="Plan").click()
    expect(coach.get_by_text("Next visit due on")).to_be_visible()
    coach.get_by_role("button", name="Sign off").click()
    coach.get_by_role("dialog").get_by_role("button", name="Sign off").click()
    expect(coach.get_by_text("The report is signed off.")).to_be_visible()
    coach.goto(f"{lyceum.url}/coach/review/?show=visits")
    expect(coach.get_by_role("link", name=TITLE)).to_be_visible()

    teacher.goto(url)
    expect(teacher.get_by_text("It stays as it is.")).to_be_visible()
    expect(teacher.get_by_role("button", name="Take it back")).to_have_count(0)
    expect(teacher.get_by_role("button", name="Accept this finding")).to_have_count(0)


@pytest.mark.parametrize("colours", ["light", "dark"])
@pytest.mark.parametrize("size", ["desk", "phone"])
def test_the_pages_of_coaching_have_no_serious_findings(
    lyceum: Lyceum, sign_in: SignIn, colours: str, size: str
) -> None:
    options = PHONE if size == "phone" else {}
    found: list[str] = []
    for who, paths in (("teacher", ["", "trends/"]), ("coach", ["review/", "review/overview/"])):
        page = sign_in(who, color_scheme=colours, **options)
        for path in paths:
            page.goto(f"{lyceum.url}/coach/{path}")
            found += findings(page)
            assert fits(page), path
        page.goto(f"{lyceum.url}/coach/{'review/?show=all' if who == 'coach' else ''}")
        page.locator(".lesson-row a").first.click()
        expect(page.get_by_role("heading", name="The lesson at a glance")).to_be_visible()
        for summary in page.locator(".report details > summary").all()[:12]:
            summary.click()
        found += findings(page)
        assert fits(page), page.url
    assert found == []
