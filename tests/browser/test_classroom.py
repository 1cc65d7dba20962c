"""A class in a real browser: a student sits in, asks, answers, leaves and comes back; another joins and sees the same."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import PASSWORDS, Lyceum, SignIn
from tests.browser.test_accessibility import findings

pytestmark = [pytest.mark.browser, pytest.mark.model]

ANSWER = 240_000  # milliseconds a small model may take on a busy machine
SECOND_STUDENT = """
from courses.models import Course, Enrolment
from tutor.accounts.models import User
from allauth.account.models import EmailAddress
user = User.objects.create_user("second@lyceum.example", "demo-second", name="Second Student")
EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
Enrolment.objects.create(course=Course.objects.get(slug="signals-noise-and-averages"), user=user, role="student")
"""
RIGHT_ANSWER = "from tutor.practice.models import Item; print(Item.objects.filter(prompt={prompt!r}).latest('pk').answer)"


def said(page: Page, kind: str) -> Locator:
    return page.locator(f'article.act[data-act="{kind}"]')


def ask(page: Page, question: str) -> Locator:
    """Ask by keyboard; the act in which it was asked."""
    box = page.get_by_label("Say something, or ask a question")
    box.focus()
    page.keyboard.insert_text(question)
    page.keyboard.press("Control+Enter")
    expect(box).to_have_value("")
    expect(box).to_be_focused()
    return said(page, "speak").filter(has_text=question)


def answer(page: Page, card: Locator, response: str) -> None:
    """Answer a quiz question by keyboard."""
    card.locator("input:not([disabled])").first.focus()
    if card.get_by_role("radio").count():
        options = [text.strip() for text in card.locator(".choice").all_inner_texts()]
        card.get_by_role("radio").nth(options.index(response)).focus()
        page.keyboard.press("Space")
    else:
        page.keyboard.insert_text(response)
    page.keyboard.press("Enter")


def test_a_class_from_the_first_word_to_the_last(lyceum: Lyceum, sign_in: SignIn) -> None:
    lyceum.manage("shell", "--verbosity", "0", "-c", SECOND_STUDENT)
    PASSWORDS["second"] = "demo-second"
    page = sign_in("student")
    page.get_by_role("link", name="Signals, noise and averages").click()
    page.get_by_role("link", name="Classrooms").click()
    assert findings(page) == []
    page.get_by_role("button", name=re.compile("Enter Lecture 1")).press("Enter")
    page.get_by_role("radio", name=re.compile("Together")).check()
    page.get_by_text("Classmates: Mina").click()
    page.get_by_role("checkbox", name=re.compile("Juno")).uncheck()
    page.get_by_label("How much they say").select_option("Little")
    page.get_by_role("button", name="Enter the class").press("Enter")
    expect(page.locator("[data-part=faces]")).not_to_contain_text("Juno")

    page.locator("[data-part=prompt]").get_by_role("button", name="Begin").press("Enter")
    expect(page.locator("[data-part=count]")).to_have_text(re.compile(r"Page 1 of \d+"))
    expect(said(page, "read").first).not_to_be_empty()

    box = page.get_by_label("Say something, or ask a question")
    box.fill("all work and no play " * 3000)
    expect(page.get_by_text("62,999 characters; 4,000 fit")).to_be_visible()
    expect(page.get_by_role("button", name="Ask a question")).to_be_disabled()
    box.fill("")

    asked = ask(page, "What does the standard error describe?")
    expect(asked.locator(".asked")).to_contain_text("Answered", timeout=ANSWER)
    asked.get_by_role("button", name="To the answer").press("Enter")
    cite = said(page, "answer").locator(".cite").first
    cite.press("Enter")
    expect(page.locator(".stage [data-mark]").first).to_be_visible()
    page.get_by_role("button", name="Back to the class").press("Enter")
    expect(cite).to_be_focused()

    second = ask(page, "Who won the football world cup in 1974?")
    expect(second.locator(".asked")).to_contain_text("With the course staff", timeout=ANSWER)
    page.get_by_role("tab", name=re.compile("Questions")).click()
    expect(page.locator("#panel-questions li")).to_have_count(2)
    page.get_by_role("tab", name="Dialogue").click()

    for number, is_right in enumerate((False, True)):
        card = page.locator("form.quiz").nth(number)
        expect(card).to_be_visible(timeout=ANSWER)
        prompt = card.locator(".quiz-prompt").inner_text()
        right = lyceum.manage("shell", "--verbosity", "0", "-c", RIGHT_ANSWER.format(prompt=prompt)).strip()
        options = [text.strip() for text in card.locator(".choice").all_inner_texts()]
        answer(page, card, right if is_right else next((one for one in options if one != right), "none"))
        expect(card.locator(".quiz-result strong")).to_have_text("Right" if is_right else "Not right")
        expect(page.get_by_label("Say something, or ask a question")).to_be_focused()
        if not is_right:
            expect(said(page, "explain").first).to_contain_text("Let us look at that once more")

    expect(page.locator("[data-part=log] .act-text sub").first).to_have_text(
        "i"
    )  # x_i, as it stands in the file

    where = page.locator("[data-part=count]").inner_text()
    page.locator(".stage").get_by_role("button", name="Skip").press("Enter")
    expect(page.locator("[data-part=count]")).not_to_have_text(where)
    page.locator(".stage").get_by_role("button", name="Pause").press("Enter")
    expect(page.locator("#room")).to_have_attribute("data-state", "paused")
    expect(page.locator(".act .writing")).to_have_count(0)
    assert findings(page) == []
    place = page.locator("[data-part=count]").inner_text()
    told = page.locator("[data-part=log]").inner_text()

    page.get_by_role("link", name="Leave").press("Enter")
    expect(page.get_by_role("heading", name="Open now")).to_be_visible()
    room = page.get_by_role("link", name=re.compile("Go on where it was.*Lecture 1"))
    address = room.get_attribute("href")
    room.press("Enter")
    expect(page.locator("[data-part=count]")).to_have_text(place)
    expect(page.locator("[data-part=log]")).to_contain_text(told.splitlines()[-1])

    other = sign_in("second")
    other.goto(f"{lyceum.url}{address}")
    other.get_by_role("button", name="Join the class").press("Enter")
    expect(other.locator("[data-part=count]")).to_have_text(place)
    ids = "nodes => nodes.map(node => node.id)"
    expect(page.locator("[data-part=log]")).to_contain_text("Second Student came in.")
    expect(other.locator("[data-part=log]")).to_contain_text("You came in.")
    assert other.locator("[data-part=log] > li").evaluate_all(ids) == page.locator(
        "[data-part=log] > li"
    ).evaluate_all(ids)
    expect(other.locator("form.quiz .quiz-result strong")).to_have_count(0)  # one's result is one's own
    box = other.get_by_label("Say something, or ask a question")
    box.fill("I have the same doubt.")
    other.get_by_role("button", name="Say").click()
    expect(said(page, "speak").last).to_contain_text("I have the same doubt.")

    page.get_by_role("tab", name=re.compile("Here")).click()
    page.get_by_role("button", name="End the class for good").click()
    page.get_by_role("button", name="End it").click()
    for screen in (page, other):
        expect(screen.get_by_role("heading", name="The class is over")).to_be_visible()
    expect(other.get_by_role("link", name="What you know").last).to_be_visible()
    assert findings(page) == []


@pytest.mark.parametrize("colours", ["light", "dark"])
def test_a_phone_shows_the_page_the_dialogue_and_the_composer_at_once(
    lyceum: Lyceum, sign_in: SignIn, colours: str
) -> None:
    page = sign_in(
        "student", viewport={"width": 390, "height": 844}, color_scheme=colours, reduced_motion="reduce"
    )
    page.goto(f"{lyceum.course}classrooms/")
    page.get_by_role("button", name=re.compile("Enter Lecture 1")).click()
    page.get_by_role("button", name="Enter the class").click()
    expect(said(page, "read").first).not_to_be_empty()
    for part in (
        page.locator(".stage [data-mark]").first,
        page.locator("article.act:visible").last,
        page.locator("#say"),
    ):
        expect(part).to_be_in_viewport()
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    page.get_by_role("button", name="More controls").click()
    sheet = page.get_by_role("dialog", name="The class")
    sheet.get_by_role("button", name="Faster").click()
    expect(sheet.locator("[data-show=pace]")).to_have_text("1.25×")
    assert findings(page) == []
