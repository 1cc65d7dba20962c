"""What must hold in every class, whatever people, processes and models do: random interleavings on a clock of ours."""

from __future__ import annotations

import random
from collections import Counter
from datetime import datetime, timedelta
from typing import Any
from unittest import mock

import pytest
from django.db.models import Max
from django.utils import timezone
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from courses.models import Course
from tests import make
from tutor.chat import outcome, staff_questions
from tutor.chat.asking import Refused, ask
from tutor.chat.events import encode, insert
from tutor.chat.models import Conversation, Event, Turn
from tutor.classrooms import director, driving, presence, rooms, stepping
from tutor.classrooms.classmates import LONGEST
from tutor.classrooms.director import CLASSMATES, Choice, Situation
from tutor.classrooms.models import Act, Action, Agent, Classroom, Question
from tutor.classrooms.stepping import SCRIPTED
from tutor.dashboard.questions import asked
from tutor.llm.models import Quota
from tutor.practice import grading, knowledge

PEOPLE = st.integers(0, 2)
SAID = ("What is the median?", "I see.", "Why does it move?", "The mean moves a lot")


class Class(RuleBasedStateMachine):
    """One class of three students; processes drive it, and die."""

    def __init__(self) -> None:
        super().__init__()
        self.now = timezone.now()
        self.clock = mock.patch("django.utils.timezone.now", side_effect=lambda: self.now)
        self.clock.start()
        self.current: Act | None = None
        self.moved = self.failed = False
        self.processes = 1
        self.dice = random.Random(0)

    @initialize(talkativeness=st.sampled_from([0.0, 0.2, 0.5]), mode=st.sampled_from(Classroom.Mode.values))
    def begin(self, talkativeness: float, mode: str) -> None:
        course = make.course()
        self.people = [make.enrol(course) for _ in range(3)]
        self.room = rooms.open(make.lesson(course), self.people[0], shared=True, mode=mode)
        for person in self.people[1:]:
            rooms.join(self.room, person)
        Classroom.objects.filter(pk=self.room.pk).update(talkativeness=talkativeness)
        self.bounds = {agent.pk: talkativeness * agent.talkativeness for agent in self.room.agents.all()}
        self.do(0, do="start")
        self.claim()

    # People

    def do(self, person: int, **fields: Any) -> bool:
        try:
            rooms.act(self.fresh(), self.people[person], fields)
        except rooms.Refused:
            return False
        return True

    @rule(person=PEOPLE, text=st.sampled_from(SAID))
    def speak(self, person: int, text: str) -> None:
        self.do(person, do="speak", text=text)

    @rule(person=PEOPLE, response=st.sampled_from(["Their sum divided by their number", "The largest one"]))
    def respond(self, person: int, response: str) -> None:
        quiz = Act.objects.filter(classroom=self.room, kind="quiz").last()
        if quiz and quiz.action and quiz.action.item:
            self.do(person, do="answer", item=str(quiz.action.item.uuid), response=response)

    @rule(person=PEOPLE)
    def raise_hand(self, person: int) -> None:
        self.do(person, do="hand", up=True)

    @rule(person=PEOPLE)
    def leave(self, person: int) -> None:
        self.do(person, do="leave")

    @rule(person=PEOPLE)
    def be_here(self, person: int) -> None:
        self.do(person, do="here")

    @rule(person=PEOPLE, do=st.sampled_from(["pause", "continue", "continue"]))
    def hold(self, person: int, do: str) -> None:
        self.do(person, do=do)

    @rule(person=PEOPLE, do=st.sampled_from(["skip", "back"]))
    def move(self, person: int, do: str) -> None:
        asked = self.open().exists()
        done = self.do(person, do=do)
        assert not (asked and done), "somebody moved on past an open question"
        self.moved = self.moved or done

    # Processes

    @rule(seed=st.integers(0, 99))
    def step(self, seed: int) -> None:
        room = self.fresh()
        if room.owner != self.owner:
            return
        self.dice = random.Random(seed)
        act = stepping.step(room.pk, self.owner, self.now, self.choose)
        if act is None:
            return
        assert self.current is None, "two acts at once"
        if self.open().exists():
            assert act.kind in ("answer", "call"), f"{act.kind} came before an answer"
        self.current = act

    def choose(self, situation: Situation, course: Course) -> Choice:
        if self.dice.random() < 0.2:
            raise RuntimeError("The director broke down.")
        return director.at_random(situation, self.dice)

    @precondition(lambda self: self.current is not None)
    @rule(
        how=st.sampled_from(["done", "done", "done", "abstained", "failed", "ungrounded"]),
        lines=st.integers(0, 3),
    )
    def finish(self, how: str, lines: int) -> None:
        act, self.current = self.current, None
        assert act is not None
        perform(act, how, lines)
        self.failed = self.failed or how == "failed"

    @precondition(lambda self: self.current is not None)
    @rule()
    def die(self) -> None:
        """The process that drives and speaks is gone; another one finds what it left."""
        self.processes += 1
        self.failed = True
        self.pass_time(20)
        assert outcome.close_dead()
        self.current = None
        self.claim()

    @rule(seconds=st.integers(1, 40))
    def wait(self, seconds: int) -> None:
        self.pass_time(seconds)
        if self.current is not None:  # its process is alive
            Turn.objects.filter(pk=self.current.turn_id).update(lease_until=self.now + timedelta(seconds=15))

    def pass_time(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    @property
    def owner(self) -> str:
        return f"process {self.processes}"

    def claim(self) -> None:
        Classroom.objects.filter(pk=self.room.pk, step_at=None).update(step_at=self.now)
        driving.claim(self.owner, self.now)

    # What holds

    def fresh(self) -> Classroom:
        rows = Classroom.objects.select_related("conversation", "course", "lesson", "page")
        return rows.get(pk=self.room.pk)

    def open(self) -> Any:
        return Question.objects.filter(classroom=self.room, state=Question.State.OPEN)

    @invariant()
    def one_act_at_a_time(self) -> None:
        if hasattr(self, "room"):
            turns = Turn.objects.filter(conversation=self.room.conversation_id).unfinished()
            assert turns.count() == (self.current is not None)

    @invariant()
    def classmates_keep_their_share(self) -> None:
        if not hasattr(self, "room"):
            return
        said = {act.pk: (act.words or 0, act.agent) for act in self.room.acts.select_related("agent")}
        total = sum(words for words, _ in said.values())
        own: Counter[Agent] = Counter()
        for words, agent in said.values():
            if agent and agent.function in CLASSMATES:
                own[agent] += words
        assert own.total() <= self.fresh().talkativeness * total + 1e-9
        for agent, words in own.items():
            assert words <= self.bounds[agent.pk] * total + 1e-9, f"{agent} speaks beyond their share"

    def teardown(self) -> None:
        try:
            if hasattr(self, "room"):
                self.play_to_the_end()
                self.nothing_lost_or_doubled()
        finally:
            self.clock.stop()

    def play_to_the_end(self) -> None:
        """From here on nothing goes wrong: then the class ends by itself."""
        for _ in range(400):
            room = self.fresh()
            if room.state == Classroom.State.ENDED:
                return
            if self.current is not None:
                self.finish("done", 3)
                continue
            self.do(0, do="here")
            if room.state == Classroom.State.PAUSED or (room.waits_for and room.waits_until is None):
                self.do(0, do="continue")
            self.claim()
            self.step(1)
            due = self.fresh().step_at
            if self.current is None and due and due > self.now:
                self.now = due
        raise AssertionError("the class does not end")

    def nothing_lost_or_doubled(self) -> None:
        for turn in Turn.objects.filter(conversation=self.room.conversation_id).annotate(
            last=Max("events__seq")
        ):
            seqs = list(turn.events.order_by("seq").values_list("seq", flat=True))
            assert seqs == list(range(1, len(seqs) + 1))
            assert turn.events.filter(type__in=("end", "stopped", "error")).count() == 1
        assert not self.open().exists()
        if self.moved:
            return
        acts = self.room.acts.filter(kind__in=SCRIPTED).order_by("pk")
        played = list(dict.fromkeys(acts.values_list("action", flat=True)))
        script = Action.objects.filter(page__lesson=self.room.lesson).order_by("page__ordinal", "ordinal")
        assert played == list(script.values_list("pk", flat=True)), "the script was not played in its order"
        notes = Event.objects.filter(turn__act__in=acts, type="note").values_list("data", flat=True)
        read = [note["line"] for note in notes if note.get("kind") == "line"]
        assert len(read) == len(set(read)), "a line was read twice"
        if not self.failed:
            lines = Action.objects.filter(page__lesson=self.room.lesson, kind="read").values_list(
                "lines", flat=True
            )
            assert set(read) == set(lines)


def perform(act: Act, how: str, lines: int) -> None:
    """Do as a process would: take the act, store some events, and its outcome."""
    turn = act.turn
    Turn.objects.filter(pk=turn.pk).update(state=Turn.State.RUNNING)
    said: list[tuple[str, dict[str, Any]]] = [("start", {"model": "m", "query": "q"})]
    if act.kind == Act.Kind.READ:
        assert act.action is not None
        for line in act.action.lines.order_by("ordinal")[act.about["line"] :][: lines or (how != "failed")]:
            said += [("text", {"text": f" {line.text}"}), ("note", {"kind": "line", "line": line.pk})]
    elif how != "abstained":
        said.append(("text", {"text": "word " * LONGEST.get(Act.Kind(act.kind), 12)}))
    else:
        said.append(("note", {"kind": "abstained", "text": ""}))
    if how == "done" and act.kind == Act.Kind.ANSWER:
        material = act.classroom.lesson.materials.get()
        place = {"passage": None, "material": str(material.uuid), "quote": "q", "start": 0, "end": 1}
        said.append(
            (
                "citation",
                {"sentence": 0, "marker": 1, "anchor": {}, "label": "", "verdict": "supported", **place},
            )
        )
    insert((turn.pk, seq, kind, encode(data)) for seq, (kind, data) in enumerate(said, start=2))
    state = Turn.State.FAILED if how == "failed" else Turn.State.DONE
    kind, data = outcome.close(
        turn.pk, turn.owner, state, outcome.Answer.of(said), error="It failed." * (how == "failed")
    )
    insert([(turn.pk, len(said) + 2, kind, encode(data))])


def test_whatever_happens(db: None) -> None:
    run_state_machine_as_test(
        Class,
        settings=settings(
            max_examples=6,
            stateful_step_count=30,
            deadline=None,
            phases=[Phase.explicit, Phase.generate],  # a class is long: shrinking one takes minutes
            suppress_health_check=list(HealthCheck),
        ),
    )


def in_class(mode: str = "continuous") -> tuple[Classroom, datetime]:
    """A class that has begun, driven by "us"."""
    course = make.course()
    room = rooms.open(make.lesson(course), make.enrol(course), shared=False, mode=mode)
    rooms.act(room, room.created_by, {"do": "start"})
    now = timezone.now()
    assert driving.claim("us", now) == [room.pk]
    return room, now


def test_only_the_owner_of_the_lease_steps(db: None) -> None:
    room, now = in_class()
    assert stepping.step(room.pk, "somebody else", now) is None
    assert driving.claim("somebody else", now) == []
    later = now + driving.LEASE + timedelta(seconds=5)
    assert driving.claim("somebody else", later) == [room.pk]
    assert stepping.step(room.pk, "us", later) is None


def test_a_class_in_which_nobody_is_pauses_at_its_place(db: None) -> None:
    room, now = in_class()
    room.seats.update(seen=now - presence.AWAY)
    assert stepping.step(room.pk, "us", now) is None
    room.refresh_from_db()
    assert (room.state, room.step_at) == (Classroom.State.PAUSED, None)
    place = room.action
    rooms.act(room, room.created_by, {"do": "continue"})
    assert stepping.step(room.pk, "us", now) is not None
    room.refresh_from_db()
    assert (room.state, room.action) == (Classroom.State.RUNNING, place)


def test_a_class_that_paused_by_itself_goes_on_for_who_comes_back(db: None) -> None:
    room, now = in_class()
    stranger = make.enrol(room.course)
    room.seats.update(seen=now - presence.AWAY)
    stepping.step(room.pk, "us", now)
    presence.notice({(room.conversation_id, stranger.pk)}, now)
    room.refresh_from_db()
    assert room.state == Classroom.State.PAUSED
    presence.notice({(room.conversation_id, room.created_by_id)}, now)
    room.refresh_from_db()
    assert (room.state, room.step_at) == (Classroom.State.RUNNING, now)
    assert stepping.step(room.pk, "us", now) is not None


def test_what_a_person_paused_stays_paused_until_a_person_continues(db: None) -> None:
    room, now = in_class()
    rooms.act(room, room.created_by, {"do": "pause"})
    presence.notice({(room.conversation_id, room.created_by_id)}, now)
    room.refresh_from_db()
    assert room.state == Classroom.State.PAUSED


def test_what_is_done_while_the_director_chooses_makes_it_choose_again(db: None) -> None:
    room, now = in_class()
    said = ["What is the median?"]

    def slow(situation: Situation, course: Course) -> Choice:
        if said:
            rooms.act(room, room.created_by, {"do": "speak", "text": said.pop()})
        return director.by_rule(situation)

    act = stepping.step(room.pk, "us", now, slow)
    assert act is not None
    assert (act.kind, act.turn.question) == (Act.Kind.ANSWER, "What is the median?")


def test_after_a_pause_the_class_still_waits_for_its_quiz(db: None) -> None:
    room, _ = in_class()
    Classroom.objects.filter(pk=room.pk).update(waits_for=Act.Kind.QUIZ)
    for do in ("pause", "continue"):
        rooms.act(room, room.created_by, {"do": do})
    room.refresh_from_db()
    assert (room.state, room.waits_for) == (Classroom.State.RUNNING, Act.Kind.QUIZ)
    rooms.act(room, room.created_by, {"do": "continue"})  # while it runs: do not wait for us
    room.refresh_from_db()
    assert room.waits_for == ""


def test_a_quiz_that_nobody_answers_still_leaves_room_for_a_classmate(db: None) -> None:
    room, now = in_class()
    quiz = Action.objects.get(page__lesson=room.lesson, kind="quiz")
    seen: list[Situation] = []

    def choose(situation: Situation, course: Course) -> Choice:
        seen.append(situation)
        return director.by_rule(situation)

    Classroom.objects.filter(pk=room.pk).update(action=quiz, page=quiz.page)
    for _ in range(40):
        room.refresh_from_db()
        room.seats.update(seen=now)
        act = stepping.step(room.pk, "us", now, choose)
        if act is not None:
            perform(act, "done", 9)
        elif room.step_at:
            now = max(now, room.step_at)
        Classroom.objects.filter(pk=room.pk).update(lease_until=now + driving.LEASE)
        if any(situation.acts[-1:] == ["quiz"] for situation in seen):
            return
    raise AssertionError("nobody was asked who might speak after the quiz")


def test_a_page_whose_skills_everybody_has_shown_is_left_out(db: None) -> None:
    room, now = in_class()
    first, second = room.lesson.pages.order_by("ordinal")
    item = make.item(second.passages.get(), skill="The median")
    second.skills.add(item.skill)
    for _ in range(8):
        grading.attempt(item, room.created_by, item.answer)
    assert knowledge.shows(room.created_by, item.skill)
    Classroom.objects.filter(pk=room.pk).update(page=first, action=second.actions.order_by("ordinal")[0])
    act = stepping.step(room.pk, "us", now)
    assert act is not None
    assert act.about["notes"] == [
        {"kind": "skipped", "page": 2, "reason": "You have shown what it is about: The median."}
    ]
    room.refresh_from_db()
    assert room.action is None


def test_a_raised_hand_gets_the_floor_and_the_class_waits_for_it(db: None) -> None:
    room, now = in_class()
    rooms.act(room, room.created_by, {"do": "hand", "up": True})
    act = stepping.step(room.pk, "us", now)
    assert act is not None
    assert "you have the floor" in act.about["say"]
    perform(act, "done", 0)
    assert stepping.step(room.pk, "us", now) is None  # it waits
    rooms.act(room, room.created_by, {"do": "speak", "text": "I measured it myself."})
    act = stepping.step(room.pk, "us", now)
    assert act is not None


def test_a_question_beyond_the_quota_goes_to_the_staff_in_the_name_of_who_asked(
    db: None,
) -> None:
    room, now = in_class()
    other = make.enrol(room.course)
    Classroom.objects.filter(pk=room.pk).update(shared=True)
    room.refresh_from_db()
    rooms.join(room, other)
    Quota.objects.create(user=other, tokens_per_day=0)
    rooms.act(room, other, {"do": "speak", "text": "What is the median?"})
    act = stepping.step(room.pk, "us", now)
    assert act is not None
    assert act.kind == Act.Kind.CALL
    handed = staff_questions.waiting(room.course).get()
    assert handed.turn.asker == other
    assert not staff_questions.replies_for(room.created_by, room.course)
    staff_questions.reply(handed, "It is the middle one.", make.enrol(room.course), publish=False)
    assert staff_questions.replies_for(other, room.course).get() == handed
    notes = Event.objects.filter(turn=handed.turn, type="note").values_list("data__kind", flat=True)
    assert "staff_reply" in notes


@pytest.mark.parametrize("over", [False, True])
def test_a_reply_of_the_staff_is_an_act_of_the_class(db: None, over: bool) -> None:
    room, now = in_class()
    teacher = make.enrol(room.course, make.user(name="Ada Teacher"), "staff")
    Quota.objects.create(user=room.created_by, tokens_per_day=0)
    rooms.act(room, room.created_by, {"do": "speak", "text": "What is the median?"})
    assert stepping.step(room.pk, "us", now) is not None
    if over:
        rooms.act(room, room.created_by, {"do": "end"})
    handed = staff_questions.waiting(room.course).get()
    before = Event.objects.latest("pk").pk
    staff_questions.reply(handed, "It is the middle one.", teacher, publish=False)
    act = room.acts.latest("pk")
    assert (act.kind, act.user, act.turn.question) == (Act.Kind.SPEAK, teacher, "It is the middle one.")
    question = room.questions.get()
    assert (question.state, question.answer) == (Question.State.ANSWERED, act)
    own = Event.objects.filter(turn=act.turn, pk__gt=before).order_by("pk")
    assert [event.type for event in own] == ["queued", "note", "end"]
    assert own[0].data["who"]["function"] == "staff"
    assert own[1].data["question"] == str(handed.turn.uuid)
    staff_questions.reply(handed, "Once more.", teacher, publish=False)
    assert room.acts.latest("pk") == act


@pytest.mark.parametrize("do", ["skip", "back"])
def test_moving_while_a_question_is_open_is_refused_in_words(db: None, do: str) -> None:
    room, _ = in_class()
    Classroom.objects.filter(pk=room.pk).update(page=room.lesson.pages.order_by("ordinal")[0])
    rooms.act(room, room.created_by, {"do": "speak", "text": "What is the median?"})
    room.refresh_from_db()
    with pytest.raises(rooms.Refused, match="answered first, then the class can move"):
        rooms.act(room, room.created_by, {"do": do})


def test_what_is_said_in_a_class_is_no_chat_of_anybodys(db: None) -> None:
    room, _ = in_class()
    rooms.act(room, room.created_by, {"do": "speak", "text": "What is the median?"})
    assert not Conversation.objects.of(room.created_by)
    assert not asked(room.course, None)
    assert Conversation.objects.open_to(room.created_by).get() == room.conversation
    with pytest.raises(Refused):
        ask(room.conversation, "What is the median?")
