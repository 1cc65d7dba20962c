"""Quiz questions made of the material, tried by a student, objected to and decided, in a real browser."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Lyceum, SignIn

pytestmark = [pytest.mark.browser, pytest.mark.model]

LOOKS = 12  # times the page is opened again while a worker makes the questions, 10 seconds apart at most


def made(page: Page) -> bool:
    """Whether the questions on the median are there after a moment; opens the page again where not."""
    try:
        page.get_by_role("cell", name="median", exact=True).first.wait_for(timeout=10_000)
    except Exception:  # noqa: BLE001 # Playwright's timeout, whose class its sync interface hides
        page.reload()
        return False
    return True


def test_a_student_practises_objects_and_is_heard(lyceum: Lyceum, sign_in: SignIn) -> None:
    teacher = sign_in("instructor")
    teacher.goto(f"{lyceum.course}lessons/")
    teacher.get_by_role("link", name="Quiz questions").click()
    teacher.get_by_role("button", name="Make questions").click()
    expect(teacher.get_by_text("Questions are being made")).to_be_visible()
    assert any(made(teacher) for _ in range(LOOKS)), "\n".join(lyceum.lines)

    student = sign_in("student")
    student.goto(lyceum.course)
    student.get_by_role("link", name="What you know").click()
    student.get_by_role("link", name="Practise median", exact=True).click()
    student.get_by_role("link", name="Read it up first").click()
    expect(student.locator("mark")).to_be_visible()
    response = student.get_by_role("radio")
    if response.count():
        response.first.check()
    else:
        student.locator("[name=response]").last.fill("minus seven")
    student.get_by_role("button", name="Answer").click()
    expect(student.get_by_text("You answered:")).to_be_visible()
    student.locator(".practice-quote a").click()
    expect(student.locator("mark").first).to_be_visible()  # the viewer, at the words
    student.go_back()
    student.get_by_role("link", name="I disagree").click()
    card = student.locator("li.card", has_text="median").filter(has=student.locator(".practice-tries"))
    expect(card).to_contain_text("one question about “median”")
    expect(card).to_contain_text("with help")
    card.get_by_text("The answer this rests on").click()
    tried = card.locator(".practice-tries li").first
    tried.get_by_text("I disagree").click()
    tried.get_by_label("What is wrong").fill("I only wanted to see the page.")
    tried.get_by_role("button", name="Send").click()
    expect(student.get_by_text("The course staff will look at it")).to_be_visible()

    teacher.goto(f"{lyceum.course}disputes/")
    expect(teacher.get_by_text("I only wanted to see the page.")).to_be_visible()
    teacher.get_by_label("Your reply").fill("So it does not count.")
    teacher.get_by_role("button", name="Uphold").click()
    expect(teacher.get_by_text("The student reads your reply")).to_be_visible()

    student.reload()
    card = student.locator("li.card", has_text="You have not been asked about “median” yet.")
    card.get_by_text("The answer this rests on").click()
    expect(student.get_by_text("So it does not count.")).to_be_visible()
