"""axe-core on the main pages, in light and in dark."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Lyceum, SignIn

pytestmark = [pytest.mark.browser, pytest.mark.model]
AXE = (Path(__file__).parent / "vendor" / "axe.min.js").read_text()
PAGES = {
    "student": ["", "c/{course}/", "c/{course}/replies/", "accounts/profile/"],
    "instructor": [
        "courses/new/",
        "c/{course}/",
        "c/{course}/materials/",
        "c/{course}/lessons/",
        "c/{course}/lessons/new/",
        "c/{course}/cast/",
        "c/{course}/people/",
        "c/{course}/questions/",
        "c/{course}/inbox/",
        "c/{course}/settings/",
    ],
    "admin": ["site/", "site/users/", "site/endpoints/", "site/health/"],
}


def findings(page: Page) -> list[str]:
    """Serious and critical findings, in words."""
    page.evaluate(AXE)
    result: dict[str, Any] = page.evaluate(
        "() => axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']})"
    )
    return [
        f"{page.url}: {found['help']}: {node['target']} {node['html'][:160]}"
        for found in result["violations"]
        if found["impact"] in ("serious", "critical")
        for node in found["nodes"]
    ]


@pytest.mark.parametrize("colours", ["light", "dark"])
@pytest.mark.parametrize("who", list(PAGES))
def test_the_main_pages_have_no_serious_findings(
    lyceum: Lyceum, sign_in: SignIn, who: str, colours: str
) -> None:
    page = sign_in(who, color_scheme=colours)
    found = []
    for path in PAGES[who]:
        response = page.goto(f"{lyceum.url}/{path.format(course='signals-noise-and-averages')}")
        assert response is not None
        assert response.ok, f"{path} answered {response.status}"
        found += findings(page)
    assert found == []


@pytest.mark.parametrize("colours", ["light", "dark"])
def test_the_sign_in_page_has_no_serious_findings(page: Page, lyceum: Lyceum, colours: Any) -> None:
    page.emulate_media(color_scheme=colours)
    page.goto(f"{lyceum.url}/accounts/login/")
    assert findings(page) == []


@pytest.mark.parametrize("colours", ["light", "dark"])
def test_a_conversation_with_an_open_source_has_no_serious_findings(
    lyceum: Lyceum, sign_in: SignIn, colours: str
) -> None:
    page = sign_in("student", color_scheme=colours)
    page.goto(lyceum.course)
    page.get_by_label("Your question").fill("What is the moving average of length M?")
    page.keyboard.press("Enter")
    turn = page.locator("article.turn").last
    expect(turn).to_have_attribute("data-state", "done", timeout=240_000)
    turn.locator(".sources .source").first.click()
    expect(page.get_by_role("complementary", name="Source").locator("[data-mark]").first).to_be_visible()
    assert findings(page) == []


HEARD = """() => {
  window.heard = [];
  const live = document.getElementById("live");
  const note = () => { if (live.textContent) window.heard.push(live.textContent); };
  new MutationObserver(note).observe(live, { childList: true, characterData: true, subtree: true });
}"""


def test_what_a_screen_reader_is_told(lyceum: Lyceum, sign_in: SignIn) -> None:
    page = sign_in("student")
    page.goto(lyceum.course)
    page.evaluate(HEARD)
    question = page.get_by_label("Your question")
    question.fill("What is the breakdown point of the median?")
    page.keyboard.press("Enter")
    expect(question).to_be_focused()
    turn = page.locator("article.turn").last
    expect(turn).to_have_attribute("data-state", "done", timeout=240_000)
    page.wait_for_function("() => window.heard.length > 0")
    (heard,) = page.evaluate("() => window.heard")  # once, the finished answer: never its pieces
    assert heard.startswith("Answer: The median has a breakdown point of fifty percent.")
    assert heard.endswith(("1 source.", " sources."))
    expect(question).to_be_focused()
    expect(page.get_by_role("main")).to_match_aria_snapshot("""
      - main:
        - link "Skip to the question box"
        - complementary "Your conversations":
          - link "New conversation"
          - searchbox "Search your conversations"
          - heading "Today" [level=2]
          - list:
            - listitem:
              - link "What is the breakdown point of the median?"
        - region "Conversation":
          - button "Your conversations"
          - heading "What is the breakdown point of the median?" [level=1]
          - article:
            - heading "You asked" [level=2]
            - heading "Course agent" [level=2]
            - paragraph:
              - button /Source 1. Lecture 3.* Supported by the material. Open/
            - heading "Sources" [level=3]
            - list
            - button "Copy with sources"
            - button "A good answer"
            - button "Not a good answer"
            - button "Answer again"
            - button "Edit the question and ask again"
            - button "Ask the staff"
          - textbox "Your question"
          - button "Send"
    """)

    source = turn.locator(".sources .source").first
    source.focus()
    page.keyboard.press("Enter")
    viewer = page.get_by_role("complementary", name="Source")
    expect(viewer.get_by_role("heading", level=2)).to_be_focused()  # what was opened is what is read next
    expect(viewer).to_match_aria_snapshot("""
      - complementary "Source":
        - button "Close the source"
        - heading /Lecture 3/ [level=2]
        - link /Open on its own page/
        - link "Download the original"
    """)
    expect(viewer.locator("[data-mark]").first).to_be_visible()
    page.keyboard.press("Escape")
    expect(source).to_be_focused()

    page.evaluate("() => { window.heard = []; }")
    question.fill("How do I compute the trimmed mean?")
    page.keyboard.press("Enter")
    stop = page.get_by_role("button", name="Stop")
    expect(stop).to_be_visible()
    page.keyboard.press("Escape")
    page.wait_for_function(
        "() => ['Stopped.', 'Answer:'].some((said) => window.heard.some((one) => one.startsWith(said)))"
    )
    expect(question).to_be_focused()


def test_the_materials_page_as_a_tree(lyceum: Lyceum, sign_in: SignIn) -> None:
    page = sign_in("instructor")
    page.goto(f"{lyceum.course}materials/")
    expect(page.get_by_role("banner").get_by_role("navigation", name="Course")).to_be_visible()
    expect(page.get_by_role("main")).to_match_aria_snapshot("""
      - main:
        - heading "Materials" [level=1]
        - button "Try as a student"
        - button /Drop files here, or choose them/
        - checkbox /Answer keys/
        - checkbox /Hide them/
        - region "All materials":
          - heading "All materials" [level=2]
          - list:
            - listitem:
              - link /Lecture 1/
    """)
    nameless = page.evaluate(NAMELESS)
    assert nameless == []


NAMELESS = """() => [...document.querySelectorAll("a, button, summary, input:not([type=hidden]), select, textarea")]
  .filter((one) => one.checkVisibility() && !(one.getAttribute("aria-label") || one.textContent.trim() || one.labels?.length
    || one.getAttribute("aria-labelledby")))
  .map((one) => one.outerHTML.slice(0, 160))"""
