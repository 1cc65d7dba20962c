"""A model's better words for suggestions, asked for over a socket: taken where they hold, and the written ones otherwise."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from coach.diagnosing import strategies
from coach.inventory import Inventory, Move
from coach.novelty import Gate
from coach.rewording import reworded
from coach.suggesting import Draft, write
from coach.targets import Target
from tests.coach.said import talk
from tests.llm.scripted import Answer, Scripted
from tutor.llm.models import Usage

pytestmark = pytest.mark.django_db(transaction=True)  # usage is written from another thread

SAID = "I added the tops and I added the bottoms and got two fifths."
LESSON = Inventory(
    talk(
        ("Teacher", "What is one half plus one third?"),
        ("Student A", SAID),
        ("Teacher", "Not quite. Student B?"),
        ("Student B", "Five sixths."),
    ),
    (Move(2, "student_error", SAID, 0.9),),
)
NEW = Gate("new", "Not done here, and nowhere else in this lesson.")
BETTER = {
    "say": "You added the tops and the bottoms. How did you decide to do that, and where do the fifths come from?",
    "missing": "How the two fifths came about was not asked.",
    "expect": "The steps, and then a pause at the fifths.",
}


@pytest.fixture
def scripted() -> Iterator[Scripted]:
    with Scripted() as server:
        yield server


def drafted(name: str) -> Draft:
    target = Target(2, "student_error", SAID, 3, 3.6, met=False)
    suggested = write(LESSON, target, strategies()[name], NEW)
    assert suggested is not None
    return Draft(target, strategies()[name], NEW, suggested)


@pytest.fixture
def draft() -> Draft:
    return drafted("trace the steps")


def test_better_words_are_taken_and_the_moment_and_the_move_stay(scripted: Scripted, draft: Draft) -> None:
    scripted.script(Answer(json.dumps(BETTER)))
    (found,) = reworded(LESSON, [draft], scripted.endpoint(capable=True))
    assert (found.say, found.missing, found.expect) == tuple(BETTER.values())
    assert (found.line, found.quote, found.move, found.gate) == (2, SAID, "error_probing", NEW.as_json())


def test_the_model_sees_the_moment_and_what_is_meant_and_its_use_is_counted(
    scripted: Scripted, draft: Draft
) -> None:
    scripted.script(Answer(json.dumps(BETTER)))
    reworded(LESSON, [draft], scripted.endpoint(capable=True))
    (request,) = scripted.requests()
    asked = request.body["messages"][-1]["content"]
    assert f"2 Student A: {SAID}" in asked
    assert "3 Teacher: Not quite. Student B?" in asked
    assert draft.strategy.intention in asked
    assert draft.suggested.say in asked
    assert Usage.objects.get().purpose == "coaching"


def test_each_part_that_does_not_hold_keeps_its_written_words(scripted: Scripted, draft: Draft) -> None:
    written = {**BETTER, "say": "How do you know? You said “we always flip the second one”."}  # nobody did
    scripted.script(Answer(json.dumps(written)))
    (found,) = reworded(LESSON, [draft], scripted.endpoint(capable=True))
    assert found.say == draft.suggested.say
    assert found.missing == BETTER["missing"]


@pytest.mark.parametrize(
    "answer",
    [
        Answer(status=400, error="no such model"),
        Answer("I would say: well done!"),
        Answer(json.dumps({"say": BETTER["say"]})),
        Answer(raw="<html>"),
        Answer(json.dumps(BETTER), die_after=1),
    ],
    ids=["refused", "no JSON", "parts missing", "no endpoint", "hung up"],
)
def test_what_an_endpoint_does_wrong_leaves_the_written_words(
    scripted: Scripted, draft: Draft, answer: Answer
) -> None:
    scripted.script(answer)
    assert reworded(LESSON, [draft], scripted.endpoint(capable=True)) == [draft.suggested]


def test_one_suggestion_that_fails_does_not_touch_the_other(scripted: Scripted, draft: Draft) -> None:
    other = drafted("a mistake for everybody")
    scripted.script(
        Answer(status=400, error="no", when=other.strategy.intention),
        Answer(json.dumps(BETTER), when=draft.strategy.intention),
    )
    found = reworded(LESSON, [other, draft], scripted.endpoint(capable=True))
    assert found[0] == other.suggested
    assert found[1].say == BETTER["say"]


def test_what_an_endpoint_says_of_the_prompt_is_not_logged(
    scripted: Scripted, draft: Draft, caplog: pytest.LogCaptureFixture
) -> None:
    scripted.script(Answer(status=400, error=f"cannot read: {SAID}"))
    (found,) = reworded(LESSON, [draft], scripted.endpoint(capable=True))
    assert found == draft.suggested
    logged = [record.getMessage() for record in caplog.records if record.name.startswith("coach")]
    assert len(logged) == 1
    assert "tops" not in logged[0]
