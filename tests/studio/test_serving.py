"""Adapters in front of a course: who may, which conversations, what the server is told, and what came of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from courses.models import Course
from tests import make
from tests.llm.scripted import Answer as Says
from tests.llm.scripted import Scripted
from tutor.accounts.models import AuditEntry
from tutor.chat import asking
from tutor.chat.models import Conversation, Feedback, Signal, Turn
from tutor.llm.models import Endpoint, record_usage
from tutor.studio import serving
from tutor.studio.loading import loaded
from tutor.studio.models import Adapter, Evaluation
from tutor.studio.serving import NotServed

WON: dict[str, Any] = {
    "against": "base",
    "nearer": {"mean": 0.95, "low": 0.9, "high": 1.0},
    "nearness": {"mean": 0.1, "low": 0.05, "high": 0.15},
    "grounded": {"mean": 0.0, "low": -0.05, "high": 0.05},
    "same": 0,
}


@pytest.fixture
def vllm(settings: Any, transactional_db: None) -> Iterator[Scripted]:
    """An endpoint of the environment that takes adapters."""
    with Scripted(models=("base",)) as server:
        settings.LLM_BASE_URL, settings.LLM_MODEL = server.url, "base"
        yield server


@pytest.fixture
def adapter(vllm: Scripted) -> Adapter:
    """An adapter that nobody has evaluated."""
    return Adapter.objects.create(course=make.course("Averages"), name="averages-1", base="base", sha256="0")


def win(adapter: Adapter, against: tuple[str, ...] = ()) -> None:
    """An evaluation in which the adapter was nearer each time, than its baselines where nothing else is said."""
    table = {"comparisons": [WON | {"system": adapter.name}]}
    Evaluation.objects.create(
        course=adapter.course, adapter=adapter, state="done", table=table, against=list(against)
    )


def told(server: Scripted, what: str) -> list[str]:
    return [record.body["lora_name"] for record in server.requests() if record.path == f"/v1/{what}"]


def answered(conversation: Conversation, endpoint: Endpoint, **values: Any) -> Turn:
    usage = record_usage(None, conversation.course_id, endpoint)
    ordinal = conversation.turns.count() + 1
    return Turn.objects.create(
        **{
            "conversation": conversation,
            "ordinal": ordinal,
            "question": "Why?",
            "state": "done",
            "usage": usage,
            **values,
        }
    )


def conversation(course: Course) -> Conversation:
    return Conversation.objects.create(course=course, user=make.enrol(course))


def test_a_served_adapter_is_loaded_by_the_server_and_answers_its_share(
    vllm: Scripted, adapter: Adapter
) -> None:
    win(adapter)
    out = StringIO()
    call_command("adapters", "serve", adapter.name, "--share", "0.5", "--json", stdout=out)
    assert json.loads(out.getvalue())["state"] == "serving"
    assert told(vllm, "load_lora_adapter") == [adapter.name]
    course = Course.objects.get(pk=adapter.course_id)
    picked = [Endpoint.objects.for_course(course, f"conversation {n}").model for n in range(400)]
    assert 140 < picked.count(adapter.name) < 260
    assert picked == [Endpoint.objects.for_course(course, f"conversation {n}").model for n in range(400)]


def test_what_is_taken_back_answers_nobody_and_leaves_the_server(vllm: Scripted, adapter: Adapter) -> None:
    win(adapter)
    serving.serve(adapter)
    assert serving.withdraw(adapter.course) == adapter.name
    assert Endpoint.objects.for_course(adapter.course, "conversation 1").model == "base"
    assert told(vllm, "unload_lora_adapter") == [adapter.name]
    assert serving.withdraw(adapter.course) == ""


def test_a_server_that_does_not_unload_keeps_nobody_from_taking_an_adapter_back(
    vllm: Scripted, adapter: Adapter
) -> None:
    win(adapter)
    serving.serve(adapter)
    vllm.script(Says(status=500, error="cuda error"))
    assert serving.withdraw(adapter.course) == adapter.name
    assert serving.serving(adapter.course) is None
    assert "cuda error" in AuditEntry.objects.get(action="adapter.not_unloaded").data["error"]


def test_a_conversation_stays_with_the_model_that_answered_it_first(vllm: Scripted, adapter: Adapter) -> None:
    win(adapter)
    begun_before, begun_tried = conversation(adapter.course), conversation(adapter.course)
    answered(begun_before, Endpoint.objects.of_settings())
    trial = serving.serve(adapter)
    answered(begun_tried, trial.endpoint)
    for share in (1.0, 0.01):
        serving.serve(adapter, share=share)
        asked = [asking.ask(row, "And then?", owner="test").usage for row in (begun_before, begun_tried)]
        assert [usage.endpoint.model for usage in asked if usage and usage.endpoint] == ["base", adapter.name]
    serving.withdraw(adapter.course)
    usage = asking.ask(begun_tried, "And then?", owner="test").usage
    assert usage is not None
    assert usage.endpoint == Endpoint.objects.of_settings()


def test_the_result_of_a_trial_has_shares_with_intervals_and_says_what_is_decided(
    vllm: Scripted, adapter: Adapter
) -> None:
    win(adapter)
    trial = serving.serve(adapter, share=0.5)
    assert serving.result(trial) == {}
    own = Endpoint.objects.of_settings()
    for number in range(24):
        liked, disliked = conversation(adapter.course), conversation(adapter.course)
        good = answered(liked, trial.endpoint)
        Feedback.objects.create(turn=good, user=liked.user, up=True)
        bad = answered(disliked, own, state="stopped" if number % 2 else "done")
        Feedback.objects.create(turn=bad, user=disliked.user, up=False)
        Signal.objects.create(turn=bad, kind=Signal.Kind.REFORMULATED)
        Signal.objects.create(turn=bad, kind=Signal.Kind.REGENERATED)
    answered(conversation(adapter.course), own, abstained=True)
    found = serving.result(trial)
    assert found["answers"] == {"tried": 24, "own": 25}
    up, again, abstained, stopped = found["measures"]
    assert (up["tried"]["mean"], up["own"]["mean"], up["tried"]["of"], up["says"]) == (1, 0, 24, "better")
    assert up["tried"]["low"] < 0.9 < up["own"]["high"] + up["difference"]["mean"]
    assert (again["own"]["mean"], again["says"]) == (24 / 25, "better")
    assert (stopped["own"]["mean"], stopped["tried"]["mean"], stopped["says"]) == (12 / 25, 0, "better")
    assert (abstained["own"]["of"], abstained["says"]) == (13, "not decided")
    assert abstained["difference"]["low"] < abstained["difference"]["mean"] < abstained["difference"]["high"]


def test_beating_another_adapter_is_not_beating_the_baselines(vllm: Scripted, adapter: Adapter) -> None:
    win(adapter, against=("averages-0",))
    with pytest.raises(NotServed, match="not been evaluated"):
        serving.serve(adapter)


def test_one_who_did_not_beat_its_baselines_is_served_on_a_named_persons_word_alone(
    vllm: Scripted, adapter: Adapter
) -> None:
    with pytest.raises(NotServed, match="not been evaluated"):
        serving.serve(adapter)
    with pytest.raises(NotServed, match="name them"):
        serving.serve(adapter, anyway=True)
    with pytest.raises(CommandError, match="--by"):
        call_command("adapters", "serve", adapter.name, "--anyway")
    student = make.enrol(adapter.course)
    with pytest.raises(CommandError, match="does not teach"):
        call_command("adapters", "serve", adapter.name, "--anyway", "--by", student.email)
    teacher = make.enrol(adapter.course, role="instructor")
    call_command("adapters", "serve", adapter.name, "--anyway", "--by", teacher.email, stdout=StringIO())
    entry = AuditEntry.objects.get(action="adapter.served")
    assert (entry.actor, entry.data["although"]) == (teacher, "It has not been evaluated.")
    trial = serving.serving(adapter.course)
    assert trial is not None
    assert serving.accepted_by(trial) == entry
    client = Client()
    client.force_login(teacher)
    page = client.get(reverse("studio:studio", args=[adapter.course.slug]))
    assert "It did not beat its baselines" in page.content.decode()


def test_a_retired_adapter_answers_nobody_and_is_never_served_again(vllm: Scripted, adapter: Adapter) -> None:
    win(adapter)
    serving.serve(adapter)
    call_command("adapters", "retire", adapter.name, stdout=StringIO())
    assert serving.serving(adapter.course) is None
    assert told(vllm, "unload_lora_adapter") == [adapter.name]
    adapter.refresh_from_db()
    with pytest.raises(NotServed, match="retired"):
        serving.serve(adapter)


def test_an_adapter_that_is_evaluated_is_loaded_for_that_long_unless_it_serves(
    vllm: Scripted, adapter: Adapter
) -> None:
    home = Endpoint.objects.of_settings()
    with loaded(home, [adapter]):
        assert (told(vllm, "load_lora_adapter"), told(vllm, "unload_lora_adapter")) == ([adapter.name], [])
    assert told(vllm, "unload_lora_adapter") == [adapter.name]
    win(adapter)
    serving.serve(adapter)
    with loaded(home, [adapter]):
        pass
    assert told(vllm, "unload_lora_adapter") == [adapter.name]


def test_a_server_that_takes_no_adapters_says_why(vllm: Scripted, adapter: Adapter) -> None:
    win(adapter)
    vllm.script(Says(status=404, error="Not Found"))
    with pytest.raises(NotServed, match="enable-lora"):
        serving.serve(adapter)
    assert serving.serving(adapter.course) is None
    vllm.process.terminate()
    vllm.process.wait()
    with pytest.raises(NotServed, match="Check that the server runs"):
        serving.serve(adapter)


def test_an_adapter_that_the_model_host_cannot_serve_is_refused(db: None) -> None:
    adapter = Adapter.objects.create(course=make.course(), name="gone-1", base="elsewhere", sha256="0")
    win(adapter)
    with pytest.raises(NotServed, match="not at"):
        serving.serve(adapter)


def test_adapters_are_named_by_the_command_and_an_unknown_one_is_said(adapter: Adapter) -> None:
    out = StringIO()
    call_command("adapters", "list", "--json", stdout=out)
    listed = [json.loads(line) for line in out.getvalue().splitlines()]
    assert [(row["adapter"], row["state"], row["beat_its_baselines"]) for row in listed] == [
        (adapter.name, "ready", False)
    ]
    for action in ("serve", "retire"):
        with pytest.raises(CommandError, match="There is no adapter “gpt”"):
            call_command("adapters", action, "gpt")
