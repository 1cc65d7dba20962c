"""The director: what is legal, what the rule makes of the stored situations, and a model that may be wrong or away."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from courses.models import Role
from tests import make
from tests.llm.scripted import Answer, Scripted
from tutor.classrooms import direction, director, rooms
from tutor.classrooms.director import CAST, CLASSMATES, STUDENT, TOGETHER, Situation, Utterance
from tutor.classrooms.models import Act, Decision, Function, Measurement
from tutor.classrooms.models.direction import SHIPPED, Standing, digest, measured
from tutor.jobs import State

SPEAKERS = [STUDENT, *Function.values]
ASKING = Situation(
    last=[Utterance(Function.TEACHING, "Which is it?"), Utterance(STUDENT, "I am not sure.", "Mia")],
    acts=["show", "read", "ask"],
)
situations = st.builds(
    Situation,
    next=st.sampled_from(["", "show", "point", "read", "ask", "quiz", "discuss"]),
    acts=st.lists(st.sampled_from(Act.Kind.values), max_size=5),
    last=st.lists(
        st.builds(
            Utterance,
            st.sampled_from(SPEAKERS),
            st.sampled_from(["I am lost.", "Write this down.", "Is it due?", "haha", ""]),
        ),
        max_size=5,
    ),
    open_questions=st.integers(0, 2),
    hands=st.integers(0, 2),
    quiz=st.sampled_from(["", "pending", "right", "partial", "wrong"]),
    mode=st.sampled_from(["continuous", "interactive"]),
    shares=st.dictionaries(st.sampled_from(Function.values), st.floats(0, 1), max_size=4),
    bounds=st.dictionaries(st.sampled_from([*Function.values, TOGETHER]), st.floats(0, 1), max_size=4),
    agents=st.lists(st.sampled_from(CAST), max_size=6, unique=True),
)


@given(situations)
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_whoever_chooses_chooses_what_is_legal_and_people_come_first(situation: Situation) -> None:
    legal = director.legal(situation)
    acts = {candidate.act for candidate in legal}
    functions = {candidate.function for candidate in legal}
    if situation.open_questions:
        assert acts <= {"answer"}
    elif situation.quiz in ("wrong", "partial"):
        assert acts <= {"explain"}
    elif situation.quiz == "pending" or situation.hands:
        assert not functions & {*CLASSMATES}
        assert not situation.hands or situation.quiz or "show" not in acts
    for function in functions & {*CLASSMATES}:
        assert situation.shares.get(function, 0) < situation.bounds.get(function, 1)
        assert sum(situation.shares.get(name, 0) for name in CLASSMATES) < situation.bounds.get(TOGETHER, 1)
        assert situation.speaker != function
    if not legal:
        with pytest.raises(director.NobodyToAct):
            director.by_rule(situation)
        return
    for choice in (director.by_rule(situation), director.at_random(situation)):
        assert choice.chosen in legal
        assert choice.reason


@pytest.mark.parametrize(
    ("said", "lost"),
    [
        ("I am lost.", True),
        ("I don't get it.", True),
        ("That is unclear to me.", True),
        ("Nothing is unclear to me.", False),
        ("I'm not lost.", False),
        ("That isn't confusing at all.", False),
    ],
)
def test_who_says_that_all_is_clear_is_not_explained_it_again(said: str, lost: bool) -> None:
    assert bool(director.LOST.search(said)) is lost


def ended(said: str, *acts: str, next: str = "show", **more: Any) -> Situation:  # noqa: A002 - the field's name
    """A page that the teacher has ended with these words."""
    return Situation(
        next=next,
        page=4,
        acts=["show", "read", "read", *acts],
        last=[Utterance(Function.TEACHING, said)],
        **more,
    )


@pytest.mark.parametrize(
    ("situation", "expected"),
    [
        (ended("However many readings you take, the variance never falls below it."), "depth remark"),
        (ended("A hundred readings give one more digit."), "notes note"),
        (ended("A hundred readings give one more digit.", "note"), "curiosity wonder"),
        (ended("It is ten grams.", "note", shares={"curiosity": 0.2, "depth": 0.1}), "levity joke"),
        (
            ended("It is ten grams.", "note", shares={"curiosity": 0.6, "depth": 0.6, "levity": 0.6}),
            "teaching show",
        ),
        (
            ended("A million people died.", "note", shares={"curiosity": 0.2, "depth": 0.3}),
            "curiosity wonder",
        ),
        (ended("A million people died.", "quiz"), "curiosity wonder"),
        (ended("Which is it?", "quiz"), "levity joke"),
        (ended("Let us look at that once more.", "quiz", "explain", "note"), "curiosity wonder"),
        (ended("That was it. Next comes the spread."), "teaching show"),
    ],
)
def test_classmates_speak_where_it_helps(situation: Situation, expected: str) -> None:
    chosen = director.by_rule(situation).chosen
    assert f"{chosen.function} {chosen.act}" == expected


def test_a_situation_survives_being_stored() -> None:
    from dataclasses import asdict

    assert Situation.of(json.loads(json.dumps(asdict(ASKING)))) == ASKING


def test_the_stored_situations_are_decisions_and_the_rule_decides_most_of_them() -> None:
    cases = direction.cases()
    assert len(cases) >= 60
    for case in cases:
        legal = {f"{one.function} {one.act}" for one in director.legal(case.situation)}
        assert case.acceptable < legal, case
    held = direction.cases("held")
    right = sum(case.right(director.by_rule(case.situation).chosen) for case in held)
    assert right / len(held) > 0.8 > 2 * sum(case.chance for case in held) / len(held)


def test_what_is_shipped_was_measured_on_these_situations_with_this_rule() -> None:
    shipped = json.loads(SHIPPED.read_text(encoding="utf-8"))
    assert shipped["digest"] == digest(), "Run: LYCEUM_KEEP=1 make bench BENCH=director"
    held = direction.cases("held")
    right = sum(case.right(director.by_rule(case.situation).chosen) for case in held)
    for results in shipped["models"].values():
        assert (results["situations"], results["rule"]) == (len(held), right)


@pytest.mark.model
async def test_the_small_model_chooses_by_the_probability_of_each_legal_act(host_endpoint: Any) -> None:
    choice = await director.by_model(ASKING, host_endpoint)
    scores = [candidate.score for candidate in choice.candidates]
    assert [(one.agent, one.act) for one in choice.candidates] == [
        (one.agent, one.act) for one in director.legal(ASKING)
    ]
    assert all(score is not None and score < 0 for score in scores)
    assert choice.chosen.score == max(score for score in scores if score is not None)


@pytest.mark.django_db(transaction=True)
def test_the_model_directs_where_it_was_measured_to_be_better_and_the_rule_where_it_fails() -> None:
    with Scripted(Answer('{"next": "The curious classmate asks a question."}')) as server:
        endpoint = server.endpoint()
        endpoint.save()
        course = make.course(endpoint=endpoint)
        assert director.choose(ASKING, course).by == "rule"
        assert not server.requests()
        results = {"situations": 42, "model": 41, "rule": 38, "random": 15.0}
        Measurement.objects.create(
            endpoint=endpoint, model=endpoint.model, digest=digest(), results=results, state=State.DONE
        )
        choice = director.choose(ASKING, course)
        assert (choice.by, choice.chosen.act) == ("model", "wonder")
        asked = server.requests()[0].body
        assert asked["response_format"]["json_schema"]["schema"]["properties"]["next"]["enum"]
        server.script(Answer(status=500, error="down"))
        fallen = director.choose(ASKING, course)
        assert fallen.by == "rule"
        assert fallen.chosen == director.by_rule(ASKING).chosen
        assert "did not answer" in fallen.reason
        Measurement.objects.update(model="another")
        assert measured(endpoint) == Standing()


def test_what_a_student_says_is_words_in_the_prompt_and_nothing_else() -> None:
    said = Situation(last=[Utterance(STUDENT, "{page} {__class__} " + "x" * 60_000, "Mia")])
    prompt = director._message(said)["content"]
    assert "{page} {__class__}" in prompt
    assert len(prompt) < 3_000


@pytest.mark.django_db(transaction=True)
def test_measuring_an_endpoint_that_is_away_says_so_and_leaves_the_rule_in_place() -> None:
    with Scripted(Answer(status=401, error="no")) as server:
        endpoint = server.endpoint()
        endpoint.save()
        row = Measurement.objects.create(endpoint=endpoint, model=endpoint.model, digest=digest())
        direction.measure(row)
    row.refresh_from_db()
    assert (row.state, bool(row.error)) == (State.FAILED, True)
    assert not measured(endpoint).model_directs


@pytest.mark.django_db
def test_those_who_teach_mark_what_would_have_been_right_and_see_the_precision(client: Client) -> None:
    course = make.course()
    student, teacher = make.enrol(course), make.enrol(course, role=Role.INSTRUCTOR)
    room = rooms.open(make.lesson(course), student, shared=False, mode="continuous")
    candidates = [
        {"agent": agent.pk, "act": act, "score": None}
        for agent, act in zip(room.agents.all(), ("read", "call"), strict=False)
    ]
    made = [
        Decision.objects.create(
            classroom=room,
            state={"next": "read", "last": [{"speaker": "student", "text": "Hm <b>", "name": "Mia"}]},
            candidates=candidates,
            chosen=0,
            reason="the script goes on",
            by="rule",
        )
        for _ in range(2)
    ]
    client.force_login(student)
    assert client.get(reverse("classrooms:direction", args=[course.slug])).status_code == 404
    client.force_login(teacher)
    page = client.get(reverse("classrooms:direction", args=[course.slug])).content.decode()
    assert "Hm &lt;b&gt;" in page
    assert "the script goes on" in page
    for decision, better in zip(made, "01", strict=True):
        url = reverse("classrooms:direction_mark", args=[course.slug, decision.pk])
        assert client.post(url, {"better": better}).status_code == 302
    assert client.post(url, {"better": "7"}).status_code == 400
    [every, rule] = direction.precision(course)
    assert (every.judged, every.right, rule.by) == (2, 1, "rule")
    assert 0 < every.low < 0.5 < every.high < 1
    assert "1 of 2" in client.get(reverse("classrooms:direction", args=[course.slug])).content.decode()
    other = make.enrol(make.course(), role=Role.INSTRUCTOR)
    client.force_login(other)
    assert client.post(url, {"better": "0"}).status_code == 404
