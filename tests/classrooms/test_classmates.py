"""What classmates say: with a capable model in its words, checked; without one in the material's, and jokes by nobody's."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from django.utils import timezone

from courses.models import Course
from tests import make
from tests.classrooms.test_classroom_command import searchable
from tests.classrooms.test_stepping import perform
from tests.llm.scripted import Answer, Scripted
from tutor.chat import outcome
from tutor.chat.models import Turn
from tutor.classrooms import acts, cast, classmates, director, driving, rooms, speech, stepping
from tutor.classrooms.director import Choice, Situation
from tutor.classrooms.models import Act, Agent, Classroom
from tutor.llm.models import Endpoint, Usage

pytestmark = pytest.mark.model
Kind = Act.Kind

MATERIAL = "One wild reading moves the mean."


@pytest.fixture
def room(endpoint: Scripted) -> Iterator[Classroom]:
    """A class whose classmates may say as much as they like."""
    course = make.course("Readings")
    student = make.enrol(course)
    lesson = make.lesson(course)
    searchable(course)
    cast.of(course)
    Agent.objects.filter(course=course).update(talkativeness=1)
    room = rooms.open(lesson, student, shared=False, mode=Classroom.Mode.CONTINUOUS)
    Classroom.objects.filter(pk=room.pk).update(talkativeness=1)
    rooms.act(room, student, {"do": "start"})
    driving.claim("us", timezone.now())
    yield room
    Turn.objects.unfinished().update(state=Turn.State.STOPPED)  # nobody performs them


def until(room: Classroom, kind: str, page: int = 1) -> Act:
    """Play the script until somebody may do `kind` on a page or later; gives that act, not performed yet."""

    def choose(situation: Situation, course: Course) -> Choice:
        legal = director.legal(situation)
        wanted = [kind, situation.next] if situation.page >= page else [situation.next]
        acts = [candidate.act for candidate in legal]
        best = next((acts.index(one) for one in wanted if one in acts), 0)
        return Choice(best, legal, "rule", "what the test wants")

    now = timezone.now()
    for _ in range(60):
        rooms.act(room, room.created_by, {"do": "continue"})  # waits for nobody
        act = stepping.step(room.pk, "us", now, choose)
        if act is None:
            continue
        if act.kind == kind:
            return act
        perform(act, "done", 9)
    raise AssertionError(f"nobody could {kind}")


def said(act: Act) -> list[dict[str, Any]]:
    """What comes of an act, without waiting."""

    async def events() -> list[dict[str, Any]]:
        async def at_once(_: float) -> None: ...

        return [event async for event in speech.perform(act, at_once)]

    return asyncio.run(events())


def text(events: list[dict[str, Any]]) -> str:
    return "".join(event["text"] for event in events if event["type"] == "text")


def quotes(events: list[dict[str, Any]]) -> list[str]:
    return [event["quote"].rstrip(".") for event in events if event["type"] == "citation"]


def test_a_capable_model_writes_a_note_of_which_only_what_the_material_says_is_kept(
    endpoint: Scripted, room: Classroom
) -> None:
    endpoint.script(Answer(f"{MATERIAL} The median was invented in 1795 by a baker."))
    act = until(room, Kind.NOTE)
    events = said(act)
    assert text(events) == MATERIAL
    assert quotes(events) == [MATERIAL.rstrip(".")]
    assert room.notes.get().text == MATERIAL
    assert events[-1]["usage"]["completion_tokens"] > 0
    asked = endpoint.requests()[0].body["messages"]
    assert act.agent is not None
    assert act.agent.name in asked[0]["content"]
    assert MATERIAL in asked[1]["content"]


def test_a_capable_model_is_given_what_was_read_before_when_it_connects(
    endpoint: Scripted, room: Classroom
) -> None:
    endpoint.script(Answer(f"So that is the difference! {MATERIAL}"))
    events = said(until(room, Kind.REMARK))
    assert text(events) == f"So that is the difference! {MATERIAL}"
    assert [event["verdict"] for event in events if event["type"] == "verdict"] == ["supported"]
    material = endpoint.requests()[0].body["messages"][1]["content"]
    assert MATERIAL in material
    assert "The median is the middle reading." in material


def test_a_model_wonders_only_about_what_the_material_answers(endpoint: Scripted, room: Classroom) -> None:
    endpoint.script(Answer("That is odd. Which reading is the median?"))
    act = until(room, Kind.WONDER, page=2)
    assert text(said(act)) == "Which reading is the median?"
    endpoint.script(Answer("Who won the football match in Lisbon?"))
    assert text(said(act)) == "What is the median?"  # what the material itself answers


@pytest.mark.parametrize("answer", [Answer(status=401, error="no"), Answer("The moon is made of cheese.")])
def test_where_the_model_has_nothing_that_can_be_said_the_material_speaks(
    endpoint: Scripted, room: Classroom, answer: Answer
) -> None:
    endpoint.script(answer)
    events = said(until(room, Kind.NOTE))
    assert "cheese" not in text(events)
    assert quotes(events)[0] in text(events)


def test_a_joke_is_never_left_to_a_model(endpoint: Scripted, room: Classroom) -> None:
    act = until(room, Kind.JOKE)
    assert "the mean" in text(said(act))
    assert (endpoint.requests(), act.turn.usage) == ([], None)


def test_the_same_joke_is_not_made_twice(endpoint: Scripted, room: Classroom) -> None:
    first = until(room, Kind.JOKE)
    told = text(said(first))
    say(first, told)
    second = until(room, Kind.JOKE)
    assert first.page != second.page
    assert text(said(second)) not in ("", told)


def say(act: Act, words: str) -> None:
    """Store an act whole, with these words."""
    Turn.objects.filter(pk=act.turn_id).update(state=Turn.State.RUNNING)
    answer = outcome.Answer(text=words)
    outcome.close(act.turn_id, act.turn.owner, Turn.State.DONE, answer)


class TestWithoutACapableModel:
    @pytest.fixture(autouse=True)
    def weak(self, room: Classroom) -> None:
        Endpoint.objects.update(capable=False)

    def test_a_remark_puts_two_sentences_of_the_material_next_to_each_other(self, room: Classroom) -> None:
        act = until(room, Kind.REMARK)
        events = said(act)
        assert quotes(events) == [MATERIAL.rstrip("."), "One wild reading does not move the median"]
        assert all(quote in text(events) for quote in quotes(events))
        assert act.turn.usage is None

    def test_a_question_of_a_classmate_is_answered_by_the_teacher_next(self, room: Classroom) -> None:
        act = until(room, Kind.WONDER, page=2)
        asked = text(said(act))
        assert asked == "What is the median?"
        say(act, asked)
        answer = stepping.step(room.pk, "us", timezone.now())
        assert answer is not None
        assert (answer.kind, answer.turn.question, answer.about) == (Kind.ANSWER, asked, {"wonder": act.pk})
        assert answer.agent is not None
        assert answer.agent.function == "teaching"
        assert not room.questions.exists()  # no person's, so nobody's place is held up by it

    def test_nothing_is_reserved_for_it(self, room: Classroom) -> None:
        until(room, Kind.NOTE)
        assert not Usage.objects.exists()


@pytest.mark.parametrize("kind", [Kind.REMARK, Kind.WONDER, Kind.JOKE, Kind.NOTE])
def test_nobody_says_more_in_one_act_than_their_share_was_asked_for(
    endpoint: Scripted, room: Classroom, kind: str
) -> None:
    endpoint.script(Answer(f"{MATERIAL} " * 30))
    spoken = text(said(until(room, kind, 2 if kind in (Kind.REMARK, Kind.WONDER) else 1)))
    assert 0 < len(spoken.split()) <= classmates.LONGEST[Kind(kind)]


def test_a_note_stands_by_itself_and_a_condition_is_worth_a_remark(db: None) -> None:
    room = rooms.open(
        make.lesson(course := make.course()), make.enrol(course), shared=False, mode="continuous"
    )
    page = room.lesson.pages.first()
    assert page is not None
    read = page.actions.filter(kind=Kind.READ).last()
    assert read is not None
    read.lines.update(text="It does not move.")
    passage = page.passages.get()
    for number, words in enumerate(
        ("Here are five readings of one coin.", "The mean is only fair to equals."), 9
    ):
        read.lines.create(ordinal=number, text=words, verdict="supported", passage=passage, start=passage.start,
                          end=passage.start + 9, quote=passage.text[:9])  # fmt: skip
    Classroom.objects.filter(pk=room.pk).update(page=page)
    room.refresh_from_db()
    assert classmates.to_note(room) is None  # nothing was read yet
    acts.of_agent(room, room.agents.get(function="teaching"), Kind.READ, action=read)
    line = classmates.to_note(room)
    assert line is not None
    assert line.text == "The mean is only fair to equals."
    assert [one.text for one in classmates.remark(room)][1] == "“The mean is only fair to equals.”"
    Turn.objects.unfinished().update(state=Turn.State.STOPPED)
