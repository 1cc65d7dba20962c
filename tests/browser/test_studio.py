"""Material becomes a dataset, a reviewed one, an adapter, and that adapter answers a student, in a real browser."""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import FilePayload, Page, expect

from tests.browser.conftest import Lyceum, SignIn
from tests.test_whole import children

pytestmark = [pytest.mark.browser, pytest.mark.model]

LONG = 400_000  # milliseconds for what a worker does on a busy machine
STEPS = 30
KNOBS = {
    "steps": str(STEPS),
    "batch_size": "2",
    "accumulation": "1",
    "rank": "4",
    "max_tokens": "96",
    "checkpoint_steps": "3",
    "threads": "1",
}
BANK = """question,answer
What is the mean of some readings?,The mean is the sum of the readings divided by their number.
What is the median of some readings?,The median is the middle one of the sorted readings.
What does a moving average do?,A moving average replaces each sample by the mean of its neighbours.
What is the breakdown point of the median?,The breakdown point of the median is one half.
What does an outlier do to the mean?,A single outlier can move the mean as far as it likes.
"""


def file(name: str, text: str) -> FilePayload:
    return {"name": name, "mimeType": "text/csv", "buffer": text.encode()}


def asked(lyceum: Lyceum, expression: str) -> Any:
    """What a line of Python says about the site's rows."""
    code = f"from tutor.chat.models import Turn; from tutor.studio.models import Adapter, Run; print({expression})"
    return lyceum.manage("shell", "--no-imports", "-c", code).strip()


def trainer(lyceum: Lyceum) -> int:
    """The process id of the site's training worker."""
    return next(
        pid for pid in children(lyceum.pid) if b"trainer@" in Path(f"/proc/{pid}/cmdline").read_bytes()
    )


@pytest.mark.timeout(1500)
def test_material_becomes_an_adapter_that_answers_a_student(lyceum: Lyceum, sign_in: SignIn) -> None:
    teacher = sign_in("instructor")
    makes_a_dataset(lyceum, teacher)
    reviews_it(teacher)
    trains_on_it(teacher)
    loses_the_worker(lyceum, teacher)
    evaluates_it(teacher)
    name = asked(lyceum, "Adapter.objects.get().name")
    serves_it(teacher, name)

    student = sign_in("student")
    student.goto(lyceum.course)
    student.locator("textarea").first.fill("What is the breakdown point of the median?")
    student.keyboard.press("Enter")
    expect(student.get_by_role("button", name="Copy").first).to_be_visible()
    assert asked(lyceum, "Turn.objects.latest('pk').model") == name

    teacher.reload()
    expect(teacher.get_by_text("1 and 0 answers in 1 and 0 conversations")).to_be_visible()
    teacher.get_by_role("button", name="Take it back").click()
    expect(teacher.get_by_text("The course's own model answers again.")).to_be_visible()
    expect(
        teacher.get_by_role("heading", name=re.compile("answered 100 % of the conversations"))
    ).to_be_visible()


def makes_a_dataset(lyceum: Lyceum, teacher: Page) -> None:
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


def reviews_it(teacher: Page) -> None:
    teacher.get_by_role("link", name="Review").click()
    first, second, third = (teacher.locator(".example").nth(number) for number in range(3))
    first.focus()
    teacher.keyboard.press("a")
    expect(first.locator(".verdict")).to_have_text("Accepted")
    expect(second).to_be_focused()
    teacher.keyboard.press("x")
    expect(second.locator(".verdict")).to_have_text("Rejected")
    third.get_by_role("button", name="Edit").click()
    third.get_by_label("Answer").fill("An answer in the teacher's own words.")
    third.get_by_role("button", name="Save").click()
    expect(third.locator(".verdict")).to_have_text("Changed")
    teacher.get_by_role("link", name="First pairs").click()


def trains_on_it(teacher: Page) -> None:
    """With a knob that cannot be first, which is said and loses nothing."""
    teacher.get_by_role("link", name="Train on it").click()
    expect(teacher.get_by_text("It runs on this machine's processor")).to_be_visible()
    teacher.get_by_text("Every knob").click()
    for name, value in KNOBS.items():
        teacher.get_by_label(name, exact=True).fill(value)
    expect(teacher.get_by_text(re.compile(f"^{STEPS} steps, about .* tokens: about"))).to_be_visible()
    teacher.get_by_label("dropout", exact=True).fill("2")
    teacher.get_by_role("button", name="Start the run").click()
    expect(teacher.get_by_text("has to be a number from 0 to 0.9").first).to_be_visible()
    expect(teacher.get_by_label("rank", exact=True)).to_have_value("4")
    teacher.get_by_label("dropout", exact=True).fill("")
    teacher.get_by_role("button", name="Start the run").click()


def loses_the_worker(lyceum: Lyceum, teacher: Page) -> None:
    """In the middle of the run, which goes on from its checkpoint when `manage.py serve` has started another."""
    expect(teacher.get_by_text(re.compile(rf"step ([4-9]|1\d) of {STEPS}"))).to_be_visible(timeout=LONG)
    os.kill(trainer(lyceum), signal.SIGKILL)
    expect(teacher.get_by_role("button", name=re.compile("^Evaluate"))).to_be_visible(timeout=LONG)
    expect(teacher.get_by_text(re.compile("It was cut off, and went on from"))).to_be_visible()
    expect(teacher.get_by_role("img", name=re.compile("^Loss over the steps"))).to_be_visible()
    assert asked(lyceum, "[point.step for point in Run.objects.get().points.all()]") == str(
        [*range(1, STEPS + 1)]
    )


def evaluates_it(teacher: Page) -> None:
    teacher.get_by_role("link", name="Studio").last.click()
    teacher.get_by_role("link", name="Evaluate").click()
    teacher.get_by_label(re.compile("against the base and the base with retrieval")).check()
    teacher.get_by_label("Or a question bank of your own").set_input_files(files=[file("bank.csv", BANK)])
    teacher.get_by_label("Answers to each question").fill("1")
    teacher.get_by_role("button", name="Start").click()
    expect(teacher.get_by_text("Answers side by side")).to_be_visible(timeout=LONG)


def serves_it(teacher: Page, name: str) -> None:
    """Which takes the teacher's word, where a few steps did not make it better."""
    teacher.get_by_role("link", name="Studio").last.click()
    card = teacher.get_by_role("article").filter(has_text=name)
    anyway = card.get_by_label("although it did not beat its baselines")
    if anyway.count():
        card.get_by_role("button", name="Let it answer").click()
        expect(teacher.get_by_text(f"“{name}” did not beat its baselines.")).to_be_visible()
        anyway.check()
    card.get_by_role("button", name="Let it answer").click()
    expect(
        teacher.get_by_role("heading", name=re.compile("answers 100 % of the conversations"))
    ).to_be_visible()
