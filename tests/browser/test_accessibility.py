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
