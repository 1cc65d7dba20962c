"""Evaluations against an endpoint that speaks the real protocol, and what may be served after them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from courses.models import Course
from tests import make
from tests.llm.scripted import Answer as Says
from tests.llm.scripted import Scripted
from tutor.chat.models import Conversation, Feedback, Signal, Turn
from tutor.llm.models import Endpoint, record_usage
from tutor.studio import bootstrap, evaluating, serving
from tutor.studio.models import Adapter, Answer, Dataset, Evaluation, Example
from tutor.studio.serving import NotServed

QUESTIONS = [
    ("What is the mean?", "The mean is the sum of the readings divided by their number."),
    ("What is the median?", "The median is the middle one of the sorted readings."),
    ("What is an outlier?", "An outlier is a reading that does not come from the process."),
    ("What is white noise?", "White noise has no memory."),
    ("What is a moving average?", "A moving average replaces each sample by the mean of its neighbours."),
    ("What is a median filter?", "A median filter replaces each sample by the median of its neighbours."),
]


@pytest.fixture
def vllm(settings: Any, transactional_db: None) -> Iterator[Scripted]:
    """An endpoint of the environment: the base rambles, the adapter answers in the course's words."""
    with Scripted(models=("base",)) as server:
        settings.LLM_BASE_URL, settings.LLM_MODEL = server.url, "base"
        yield server


@pytest.fixture
def adapter(vllm: Scripted) -> Adapter:
    course = make.course("Averages")
    dataset = Dataset.objects.create(course=course, title="Pairs", state="done")
    for question, answer in QUESTIONS:
        Example.objects.create(dataset=dataset, kind="own", question=question, answer=answer, held_out=True)
    return Adapter.objects.create(course=course, name="averages-1", base="base", sha256="0")


def dataset_of(adapter: Adapter) -> Dataset:
    return Dataset.objects.get(course=adapter.course)


def evaluated(adapter: Adapter, against: tuple[str, ...] = ("base",)) -> Evaluation:
    evaluation = evaluating.make(adapter, adapter.course, dataset_of(adapter), against)
    evaluating.work(evaluation)
    evaluation.refresh_from_db()
    return evaluation


@pytest.mark.model
def test_each_system_answers_each_question_under_its_own_name(vllm: Scripted, adapter: Adapter) -> None:
    evaluation = evaluated(adapter, ("base", "base+retrieval"))
    assert evaluation.state == Evaluation.State.DONE, evaluation.error
    systems = {"averages-1", "averages-1+retrieval", "base", "base+retrieval"}
    assert set(evaluation.table["systems"]) == systems
    assert evaluation.answers.count() == len(QUESTIONS) * len(systems)
    asked = [record.body["model"] for record in vllm.requests() if "messages" in record.body]
    assert (asked.count("averages-1"), asked.count("base")) == (2 * len(QUESTIONS), 2 * len(QUESTIONS))
    assert [(row["system"], row["against"]) for row in evaluation.table["comparisons"]] == [
        ("averages-1", "base"),
        ("averages-1+retrieval", "base+retrieval"),
    ]


@pytest.mark.model
def test_an_evaluation_that_was_cut_off_goes_on_after_the_answers_it_has(
    vllm: Scripted, adapter: Adapter
) -> None:
    first = evaluated(adapter)
    vllm.script(Says(status=500, error="no"))
    Evaluation.objects.filter(pk=first.pk).update(state="queued")
    first.answers.filter(number=3).delete()
    first.refresh_from_db()
    evaluating.work(first)
    first.refresh_from_db()
    assert first.state == Evaluation.State.FAILED
    assert first.error
    vllm.script(Says())
    Evaluation.objects.filter(pk=first.pk).update(state="queued")
    first.refresh_from_db()
    evaluating.work(first)
    first.refresh_from_db()
    assert first.state == Evaluation.State.DONE
    assert len(vllm.requests()) == 2


@pytest.mark.model
def test_an_adapter_that_did_not_beat_its_baselines_is_not_served(vllm: Scripted, adapter: Adapter) -> None:
    with pytest.raises(NotServed, match="not been evaluated"):
        serving.serve(adapter)
    evaluated(adapter)  # both say the same
    with pytest.raises(NotServed, match="not surely nearer"):
        serving.serve(adapter)
    assert serving.serving(adapter.course) is None
    with pytest.raises(CommandError, match="not surely nearer"):
        call_command("adapters", "serve", adapter.name)


def win(adapter: Adapter) -> None:
    """An evaluation in which the adapter was nearer each time."""
    row = {
        "system": adapter.name,
        "against": "base",
        "nearer": {"mean": 0.95, "low": 0.9, "high": 1.0},
        "nearness": {"mean": 0.1, "low": 0.05, "high": 0.15},
        "grounded": {"mean": 0.0, "low": -0.05, "high": 0.05},
        "same": 0,
    }
    Evaluation.objects.create(
        course=adapter.course, adapter=adapter, state="done", table={"comparisons": [row]}
    )


def test_a_served_adapter_is_loaded_by_the_server_and_answers_its_share(
    vllm: Scripted, adapter: Adapter
) -> None:
    win(adapter)
    out = StringIO()
    call_command("adapters", "serve", adapter.name, "--share", "0.5", "--json", stdout=out)
    assert json.loads(out.getvalue())["state"] == "serving"
    loaded = [record for record in vllm.requests() if record.path.endswith("/load_lora_adapter")]
    assert [record.body["lora_name"] for record in loaded] == [adapter.name]
    course = Course.objects.get(pk=adapter.course_id)
    picked = [Endpoint.objects.for_course(course, f"conversation {n}").model for n in range(400)]
    assert 140 < picked.count(adapter.name) < 260
    assert picked == [Endpoint.objects.for_course(course, f"conversation {n}").model for n in range(400)]
    serving.withdraw(course)
    assert Endpoint.objects.for_course(course, "conversation 1").model == "base"


def test_the_result_of_a_trial_counts_what_each_model_was_told(vllm: Scripted, adapter: Adapter) -> None:
    win(adapter)
    trial = serving.serve(adapter)
    asked = [(adapter.name, True, False), (adapter.name, None, False), ("base", False, True)]
    for number, (model, up, abstained) in enumerate(asked):
        endpoint = trial.endpoint if model == adapter.name else Endpoint.objects.of_settings()
        conversation = Conversation.objects.create(course=adapter.course, user=make.enrol(adapter.course))
        turn = Turn.objects.create(
            conversation=conversation,
            ordinal=1,
            question="Why?",
            state="done",
            abstained=abstained,
            usage=record_usage(None, adapter.course_id, endpoint),
        )
        if up is not None:
            Feedback.objects.create(turn=turn, user=conversation.user, up=up)
        if number == 2:
            Signal.objects.create(turn=turn, kind=Signal.Kind.REFORMULATED)
    assert serving.result(trial) == [
        {"model": adapter.name, "tried": True, "turns": 2, "abstained": 0, "up": 1, "down": 0, "again": 0},
        {"model": "base", "tried": False, "turns": 1, "abstained": 1, "up": 0, "down": 1, "again": 1},
    ]


def test_a_retired_adapter_answers_nobody_and_is_never_served_again(vllm: Scripted, adapter: Adapter) -> None:
    win(adapter)
    serving.serve(adapter)
    call_command("adapters", "retire", adapter.name, stdout=StringIO())
    assert serving.serving(adapter.course) is None
    adapter.refresh_from_db()
    with pytest.raises(NotServed, match="retired"):
        serving.serve(adapter)


def test_a_server_that_takes_no_adapters_says_why(vllm: Scripted, adapter: Adapter) -> None:
    win(adapter)
    vllm.script(Says(status=404, error="Not Found"))
    with pytest.raises(NotServed, match="enable-lora"):
        serving.serve(adapter)
    assert serving.serving(adapter.course) is None


def test_too_few_questions_are_said(vllm: Scripted, adapter: Adapter, tmp_path: Path) -> None:
    bank = tmp_path / "bank.csv"
    bank.write_text("question,answer\nWhat is the mean?,The sum over n.\n")
    with pytest.raises(CommandError, match="at least 5"):
        call_command("evaluate", adapter.name, "--bank", str(bank))
    with pytest.raises(CommandError, match="no system"):
        call_command("evaluate", adapter.name, "--dataset", str(dataset_of(adapter).pk), "--against", "gpt")
    assert not Answer.objects.exists()


def test_an_interval_holds_the_mean_and_narrows_with_more_questions() -> None:
    few, many = bootstrap.mean([0.0, 1.0] * 5), bootstrap.mean([0.0, 1.0] * 500)
    assert few["low"] < few["mean"] < few["high"]
    assert many["high"] - many["low"] < (few["high"] - few["low"]) / 3
    assert bootstrap.paired([0.5, 0.7], [0.5, 0.7]) == {"mean": 0.0, "low": 0.0, "high": 0.0}
