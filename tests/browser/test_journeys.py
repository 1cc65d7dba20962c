"""What a person does with Lyceum, from signing in to following a citation to its words, in a real browser."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Lyceum, SignIn

pytestmark = [pytest.mark.browser, pytest.mark.model]

ANSWER = 240_000  # milliseconds a small model may take on a busy machine
READ = 90_000  # milliseconds until an uploaded file has been read
SYLLABUS = """# Syllabus of the kiln course

## The third firing

The third firing of the kiln reaches 1240 degrees and lasts nine hours.

## Cooling

The kiln must stay shut for two days after each firing, because a sudden draught cracks the glaze.

$$T(t) = T_0 e^{-kt}$$
"""


def ask(page: Page, question: str) -> Locator:
    """Ask, and wait until the answer has ended; the newest turn."""
    page.get_by_label("Your question").fill(question)
    page.get_by_role("button", name="Send").click()
    turn = page.locator("article.turn").last
    expect(turn.locator(".question-text")).to_have_text(question)
    ended(turn)
    return turn


def ended(turn: Locator) -> None:
    expect(turn).to_have_attribute("data-state", re.compile("done|stopped|failed"), timeout=ANSWER)
    expect(turn).not_to_have_attribute("data-state", "failed")


def test_an_instructor_builds_a_course_and_tries_it_as_a_student(
    lyceum: Lyceum, sign_in: SignIn, tmp_path: Path
) -> None:
    page = sign_in("instructor")
    page.get_by_role("link", name="New course").first.click()
    page.get_by_label("Title").fill("Firing a kiln")
    page.get_by_role("button", name="Create the course").click()
    page.goto(page.url.split("/c/")[0] + "/c/firing-a-kiln/materials/")

    (tmp_path / "syllabus.md").write_text(SYLLABUS)
    (tmp_path / "glossary.txt").write_text(
        "A cone is a small pyramid of clay that bends when the kiln has had enough heat."
    )
    (tmp_path / "broken.pdf").write_bytes(b"%PDF-1.7\nthis is not really a PDF\n" * 40)
    page.locator("#files").set_input_files(
        [tmp_path / name for name in ("syllabus.md", "glossary.txt", "broken.pdf")]
    )

    rows = page.locator("#materials .material-row")
    expect(rows).to_have_count(3)
    syllabus, broken = rows.filter(has_text="syllabus.md"), rows.filter(has_text="broken.pdf")
    for row in (syllabus, rows.filter(has_text="glossary.txt")):
        expect(row).to_have_attribute("data-state", "done", timeout=READ)
        expect(row).to_contain_text(re.compile(r"\d+ passage"))
    expect(broken).to_have_attribute("data-state", "failed", timeout=READ)
    expect(broken.locator(".field-error")).not_to_be_empty()
    expect(broken.get_by_role("button", name="Retry")).to_be_visible()

    syllabus.locator(".material-title").click()
    expect(page.get_by_text("lasts nine hours").first).to_be_visible()

    page.goto(page.url.split("/materials/")[0] + "/materials/")
    page.get_by_role("button", name="Try as a student").click()
    expect(page.get_by_text("You see this course as a student does.")).to_be_visible()
    turn = ask(page, "How long does the third firing last?")
    expect(turn.locator(".answer-text")).to_contain_text("nine hours")
    expect(turn.locator(".cite").first).to_be_visible()
    page.get_by_role("button", name="Back to teaching").click()
    expect(page.get_by_text("You see this course as a student does.")).to_have_count(0)


def test_a_starter_question_is_answered_with_a_citation_that_opens_the_marked_page_of_the_pdf(
    lyceum: Lyceum, sign_in: SignIn
) -> None:
    page = sign_in("student")
    page.goto(lyceum.course)
    turn = ask(page, "What does the standard error describe?")
    expect(turn.locator(".answer-text")).to_contain_text("standard error")
    source = turn.locator(".sources .source").filter(has_text="Lecture 1").first
    expect(source).to_contain_text(re.compile(r"p\. \d+"))
    page_number = int(re.search(r"p\. (\d+)", source.inner_text())[1])  # type: ignore[index]
    source.click()
    viewer = page.get_by_role("complementary", name="Source")
    expect(viewer.locator("[data-mark]").first).to_be_visible()
    expect(viewer.locator(".viewer-place")).to_contain_text(f"p. {page_number}")


def test_a_citation_of_slides_opens_the_slide(lyceum: Lyceum, sign_in: SignIn) -> None:
    page = sign_in("student")
    page.goto(lyceum.course)
    turn = ask(page, "By how much does a moving average divide the noise variance of white noise?")
    source = turn.locator(".sources .source").filter(has_text="Lecture 2").first
    number = re.search(r"slide (\d+)", source.inner_text())
    assert number is not None
    source.click()
    viewer = page.get_by_role("complementary", name="Source")
    marked = viewer.locator(f'.slide[data-slide="{number[1]}"]')
    expect(marked.locator("[data-mark]").first).to_be_visible()
    expect(viewer.locator(".katex").first).to_be_visible()  # formulas of the slides are drawn, not printed


def test_a_citation_of_the_recording_seeks_to_the_second_of_the_words(
    lyceum: Lyceum, sign_in: SignIn
) -> None:
    page = sign_in("student")
    page.goto(lyceum.course)
    turn = ask(page, "What is the breakdown point of the median?")
    source = turn.locator(".sources .source").filter(has_text="recording").first
    source.click()
    viewer = page.get_by_role("complementary", name="Source")
    mark = viewer.locator(".transcript mark[data-mark]").first
    expect(mark).to_be_visible()
    minutes, seconds = viewer.locator(".transcript li:has(mark) .cue-time").first.inner_text().split(":")
    said = 60 * int(minutes) + int(seconds)
    player = viewer.locator("audio, video")
    page.wait_for_function(
        "player => player.readyState >= 1 && !player.seeking && player.currentTime > 0",
        arg=player.element_handle(),
    )
    assert abs(player.evaluate("player => player.currentTime") - said) <= 5
    player.evaluate("player => { player.muted = true; player.play(); }")
    page.wait_for_function(
        "([player, at]) => player.currentTime > at + 0.5", arg=[player.element_handle(), said]
    )


def test_formulas_in_answers_and_sources_are_drawn(lyceum: Lyceum, sign_in: SignIn) -> None:
    page = sign_in("student")
    page.goto(lyceum.course)
    turn = ask(page, "Which rule holds for the uncertainty of sums and differences?")
    turn.locator(".sources .source").filter(has_text="Notes").first.click()
    viewer = page.get_by_role("complementary", name="Source")
    expect(viewer.locator(".katex").first).to_be_visible()
    expect(viewer.locator("table").first).to_be_visible()
    expect(viewer.locator("[data-mark]").first).to_be_visible()
    assert "$" not in viewer.locator(".source-text p").first.inner_text()


def test_an_answer_can_be_stopped_and_asked_again(lyceum: Lyceum, sign_in: SignIn) -> None:
    page = sign_in("student")
    page.goto(lyceum.course)
    page.get_by_label("Your question").fill(
        "Explain exponential smoothing in detail, with its noise and its memory."
    )
    page.get_by_role("button", name="Send").click()
    page.get_by_role("button", name="Stop answering").click()
    turn = page.locator("article.turn").last
    expect(turn).to_have_attribute("data-state", "stopped", timeout=10_000)
    turn.get_by_role("button", name="Answer again").click()
    expect(turn.locator(".versions")).to_contain_text("2/2")
    ended(page.locator("article.turn").last)


def test_a_second_tab_and_a_reload_show_the_same_answer(lyceum: Lyceum, sign_in: SignIn) -> None:
    page = sign_in("student")
    page.goto(lyceum.course)
    page.get_by_label("Your question").fill("What does a median filter do with a single wild sample?")
    page.get_by_role("button", name="Send").click()
    page.wait_for_url("**/conversations/*/")
    second = page.context.new_page()  # opened while the answer is being written
    second.goto(page.url)
    for tab in (page, second):
        ended(tab.locator("article.turn").last)
    words = page.locator(".answer-text").last.inner_text()
    assert words.strip()
    expect(second.locator(".answer-text").last).to_have_text(words, use_inner_text=True)
    page.reload()
    expect(page.locator(".answer-text").last).to_have_text(words, use_inner_text=True)
    expect(page.locator("article.turn")).to_have_count(1)


def test_what_the_material_does_not_say_goes_to_the_staff_and_comes_back(
    lyceum: Lyceum, sign_in: SignIn
) -> None:
    student = sign_in("student")
    student.goto(lyceum.course)
    question = "Which room is the final examination of this course in?"
    turn = ask(student, question)
    expect(turn.locator('.note[data-kind="abstained"]')).to_be_visible()
    turn.get_by_role("button", name="Ask the staff").click()
    student.get_by_label("Anything to add?").fill("I need it for my travel plans.")
    student.get_by_role("button", name="Send to the staff").click()
    expect(turn.get_by_text("The staff has this question.")).to_be_visible()

    staff = sign_in("staff")
    staff.goto(f"{lyceum.course}inbox/")
    card = staff.locator("article.card").filter(has_text=question)
    expect(card).to_contain_text("I need it for my travel plans.")
    card.get_by_label("Your reply").fill("The final examination is in room 4.117 of the north wing.")
    card.get_by_role("button", name="Reply").click()

    expect(turn.locator('.note[data-kind="reply"]')).to_contain_text("room 4.117")  # without a reload
    student.goto(f"{lyceum.course}replies/")
    expect(student.get_by_text("room 4.117").first).to_be_visible()


def test_all_of_it_works_with_the_keyboard_alone(lyceum: Lyceum, sign_in: SignIn) -> None:
    page = sign_in("student")
    page.goto(lyceum.course)
    expect(page.get_by_label("Your question")).to_be_focused()
    page.keyboard.type("What does the sample variance measure?")
    page.keyboard.press("Enter")
    turn = page.locator("article.turn").last
    ended(turn)
    expect(page.get_by_label("Your question")).to_be_focused()
    for _ in range(40):
        page.keyboard.press("Shift+Tab")
        if page.evaluate("document.activeElement.matches('.source')"):
            break
    page.keyboard.press("Enter")
    viewer = page.get_by_role("complementary", name="Source")
    expect(viewer.get_by_role("heading").first).to_be_focused()
    page.keyboard.press("Escape")
    expect(viewer).to_be_hidden()
    assert page.evaluate("document.activeElement.matches('.source, .cite')"), "focus returns to the citation"


def test_history_is_searched_renamed_and_exported(lyceum: Lyceum, sign_in: SignIn) -> None:
    page = sign_in("student")
    page.goto(lyceum.course)
    ask(page, "What is a systematic error?")
    history = page.get_by_role("complementary", name="Your conversations")
    entry = history.locator("li, article").filter(has_text=re.compile("systematic", re.IGNORECASE)).first
    expect(entry).to_be_visible()
    page.get_by_label("Search your conversations").fill("no such conversation anywhere")
    expect(history.get_by_text(re.compile("systematic", re.IGNORECASE))).to_have_count(0)
    page.get_by_label("Search your conversations").fill("systematic")
    expect(history.get_by_text(re.compile("systematic", re.IGNORECASE)).first).to_be_visible()
    exported = page.request.get(f"{page.url}export.md")
    assert exported.ok
    assert "What is a systematic error?" in exported.text()


def test_a_phone_shows_one_thing_at_a_time_without_sideways_scrolling(
    lyceum: Lyceum, sign_in: SignIn
) -> None:
    page = sign_in("student", viewport={"width": 375, "height": 740}, is_mobile=True, has_touch=True)
    page.goto(lyceum.course)
    turn = ask(page, "What does the standard error describe?")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    turn.locator(".sources .source").first.tap()
    viewer = page.get_by_role("complementary", name="Source")
    expect(viewer.locator("[data-mark]").first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    viewer.get_by_role("button", name="Close the source").tap()
    expect(viewer).to_be_hidden()
    page.get_by_role("button", name="Your conversations").tap()
    expect(page.get_by_role("complementary", name="Your conversations")).to_be_visible()
