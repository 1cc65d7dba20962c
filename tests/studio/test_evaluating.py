"""Evaluations against an endpoint that speaks the real protocol, and what may be served after them."""

from __future__ import annotations

import json
import os
import shutil
import signal
import threading
import time
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
import pytest
from django.core.files.base import ContentFile
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.urls import reverse

from courses.ingestion import ingest
from courses.models import Passage, Role
from tests import make
from tests.llm.conftest import unused_port
from tests.llm.scripted import Answer as Says
from tests.llm.scripted import Scripted
from tutor.chat.models import Conversation, Turn
from tutor.llm import catalog
from tutor.llm.models import Endpoint, Usage
from tutor.practice.models import Item
from tutor.studio import banks, bootstrap, comparing, evaluating, serving
from tutor.studio.agent import gives_away
from tutor.studio.asking import BATCH, look, material_of
from tutor.studio.banks import Asked
from tutor.studio.choosing import chances, rotated
from tutor.studio.models import Adapter, Answer, Dataset, Evaluation, Example, Rating, Run, Source
from tutor.studio.running import rows_of
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
        settings.LLM_BASE_URL, settings.LLM_MODEL, settings.LLM_CAPABLE = server.url, "base", False
        yield server


@pytest.fixture
def adapter(vllm: Scripted) -> Adapter:
    course = make.course("Averages")
    dataset = Dataset.objects.create(course=course, title="Pairs", state="done")
    for question, answer in QUESTIONS:
        Example.objects.create(dataset=dataset, kind="own", question=question, answer=answer, held_out=True)
    return Adapter.objects.create(course=course, name="averages-1", base="base", sha256="0")


def chats(server: Scripted) -> list[dict[str, Any]]:
    """What it was asked, without what it was told of adapters."""
    return [record.body for record in server.requests() if "messages" in record.body]


def dataset_of(adapter: Adapter) -> Dataset:
    return Dataset.objects.get(course=adapter.course)


def evaluated(adapter: Adapter, against: tuple[str, ...] = ("base",), **options: Any) -> Evaluation:
    evaluation = evaluating.make(
        adapter, adapter.course, dataset_of(adapter), against, **{"runs": 1, **options}
    )
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
    asked = [body["model"] for body in chats(vllm)]
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
    assert len([record for record in vllm.requests() if "messages" in record.body]) == 2


@pytest.mark.model
def test_every_run_is_asked_and_parts_are_asked_both_together_and_apart(
    vllm: Scripted, adapter: Adapter
) -> None:
    parts = [
        {"question": f"What of {name}?", "answer": "It floats.", "explanation": "It is light."}
        for name in ("wood", "cork", "oil", "ice", "foam")
    ]
    bank = banks.questions(json.dumps({"question": "A tale.", "parts": parts}).encode(), "bank.jsonl")
    evaluation = evaluating.make(
        adapter, adapter.course, None, ["base"], bank=bank, bank_name="bank.jsonl", runs=2
    )
    evaluating.work(evaluation)
    evaluation.refresh_from_db()
    assert evaluation.state == Evaluation.State.DONE, evaluation.error
    bodies = chats(vllm)
    assert len(bodies) == 2 * 2 * 2 * 5  # systems, runs, contexts, parts
    lengths = sorted(
        len(body["messages"]) for body in bodies if body["model"] == "base" and not body["temperature"]
    )
    assert lengths == [2] * 6 + [4, 6, 8, 10]  # the last part is asked after four others and their answers
    assert all(body.get("seed") for body in bodies if body["temperature"])
    rows = {(row["system"], row["context"]): row for row in evaluation.table["labels"]}
    assert set(rows) == {
        (name, how) for name in ("averages-1", "base") for how in ("all", "shared", "separate")
    }
    row = rows["base", "shared"]
    assert (row["questions"], row["answers"]) == (5, 10)
    assert row["incorrect"]["mean"] == row["explanation"]["incorrect"]["mean"] == 1
    assert row["disagree"]["mean"] == 0  # it says the same each time
    assert evaluation.judge == "rule"
    assert evaluation.table["rule"]["pairs"] >= 60
    assert evaluation.table["judged"] == []


@pytest.mark.model
def test_an_evaluation_that_is_stopped_keeps_what_it_has_and_goes_on_from_there(
    vllm: Scripted, adapter: Adapter
) -> None:
    evaluation = evaluated(adapter, runs=2)
    kept = evaluation.answers.filter(run=0, number__lt=3)
    evaluation.answers.exclude(pk__in=kept.values("pk")).delete()
    Evaluation.objects.filter(pk=evaluation.pk).update(state="queued", stop_requested=True)
    evaluation.refresh_from_db()
    evaluating.work(evaluation)
    evaluation.refresh_from_db()
    assert (evaluation.state, evaluation.answers.count()) == (Evaluation.State.STOPPED, 6)
    assert evaluation.table["comparisons"][0]["same"] == 3
    call_command("evaluate", adapter.name, "--resume", str(evaluation.pk), stdout=StringIO())
    assert evaluation.answers.count() == 2 * 2 * len(QUESTIONS)
    with pytest.raises(CommandError, match="is done"):
        call_command("evaluate", adapter.name, "--resume", str(evaluation.pk))


def test_runs_that_differ_count_as_disagreement(adapter: Adapter) -> None:
    evaluation = evaluating.make(adapter, adapter.course, dataset_of(adapter), ["base"], runs=3)
    for number, labels in enumerate([["correct"] * 3, ["correct", "partial", "correct"], ["incorrect"] * 3]):
        for run, label in enumerate(labels):
            Answer.objects.create(
                evaluation=evaluation, number=number, question="?", reference="!", system="base", run=run, text="So.",
                label=label, nearness=0.5, grounded=0.5,
            )  # fmt: skip
    row = comparing.describe(evaluation, ["averages-1", "base"])["labels"][0]
    assert row["disagree"]["mean"] == pytest.approx(1 / 3, abs=1e-3)
    assert row["correct"]["mean"] == pytest.approx(5 / 9, abs=1e-3)
    assert row["partial"]["mean"] == pytest.approx(1 / 9, abs=1e-3)


@pytest.fixture
def judge(transactional_db: None) -> Iterator[Scripted]:
    """A capable endpoint beside the measured one."""
    with Scripted(models=("sage",)) as server:
        server.endpoint(name="Sage", capable=True).save()
        yield server


GRADED = Says('{"reason": "It leaves out half.", "answer": "partial"}', when="You grade")


@pytest.mark.model
@pytest.mark.parametrize(
    ("verdict", "counted"), [("first", "inconsistent"), ("neither", "neither"), ("both", "both")]
)
def test_a_judge_labels_and_compares_in_both_orders(
    vllm: Scripted, judge: Scripted, adapter: Adapter, verdict: str, counted: str
) -> None:
    said = json.dumps({"reason": "So.", "verdict": verdict})
    judge.script(GRADED, Says(said, when="You compare"))
    evaluation = evaluated(adapter)
    assert evaluation.state == Evaluation.State.DONE, evaluation.error
    assert evaluation.judge == "Sage (sage)"
    (row,) = evaluation.table["judged"]
    assert row[counted] == row["questions"] == len(QUESTIONS)
    assert row["first"] == (len(QUESTIONS) if verdict == "first" else 0)
    assert {label["partial"]["mean"] for label in evaluation.table["labels"]} == {1.0}
    assert len(judge.requests()) == len(QUESTIONS) * (2 + 2)  # two answers to label, two orders
    assert not any("measured" in json.dumps(record.body) for record in judge.requests())


@pytest.mark.model
def test_what_a_judge_does_not_say_is_not_made_up(vllm: Scripted, judge: Scripted, adapter: Adapter) -> None:
    judge.script(Says("I would rather not."))
    evaluation = evaluated(adapter)
    assert evaluation.state == Evaluation.State.DONE, evaluation.error
    assert evaluation.table["judged"] == []
    assert evaluation.table["labels"] == []
    assert set(evaluation.table["systems"]) == {"averages-1", "base"}


@pytest.mark.model
def test_a_judge_that_is_the_measured_model_is_named_so(vllm: Scripted, adapter: Adapter) -> None:
    Endpoint.objects.of_settings()
    Endpoint.objects.update(capable=True)
    vllm.script(GRADED, Says('{"reason": "So.", "verdict": "both"}', when="You compare"), Says())
    evaluation = evaluated(adapter)
    assert evaluation.table["judges_itself"] is True


@pytest.mark.model
def test_an_option_is_chosen_over_all_orders_so_that_no_place_helps(vllm: Scripted, adapter: Adapter) -> None:
    vllm.script(Says('{"answer": "b"}'))
    bank = [Asked(f"Which letter {n}?", "b", options=["a", "b", "c"]) for n in range(5)]
    evaluation = evaluating.make(adapter, adapter.course, None, ["base"], bank=bank, runs=1)
    evaluating.work(evaluation)
    evaluation.refresh_from_db()
    assert evaluation.state == Evaluation.State.DONE, evaluation.error
    asked = [body["messages"][-1]["content"] for body in chats(vllm)]
    assert len(asked) == 5 * 3 * 2
    assert {text.split("answers:")[1].split()[1] for text in asked} == {"a", "b", "c"}  # each stood first
    for row in evaluation.table["choice"]:
        assert row["accuracy"]["mean"] == 1
        assert row["chance"] == pytest.approx(1 / 3, abs=1e-3)
        assert row["first"]["mean"] == pytest.approx(1 / 3, abs=1e-3)
    assert evaluation.table["chosen_by"] == "choice"
    assert evaluation.table["systems"] == {}


@pytest.mark.model
async def test_the_host_says_how_probable_each_option_is(host_endpoint: Endpoint) -> None:
    shown = [{"role": "user", "content": "What is the capital of France? Answer with one word."}]
    options = ["Paris", "Xylophone"]
    found = await chances(host_endpoint, shown, options)
    turned = await chances(host_endpoint, shown, rotated(options, 1))
    assert sum(found) == pytest.approx(1)
    assert found[0] > 0.5
    assert turned == pytest.approx(found[::-1], abs=0.05)


@pytest.fixture
def course(vllm: Scripted) -> Any:
    """A course whose material can be found, with quiz items on it."""
    row = make.course("Averages")
    material = make.material(row, title="Averages")
    text = "# Averages\n\n" + "\n\n".join(
        f"## Part {n}\n\n{answer}" for n, (_, answer) in enumerate(QUESTIONS)
    )
    material.file.save("averages.md", ContentFile(text.encode()))
    ingest(material)
    passages = Passage.objects.filter(course=row).order_by("ordinal")
    for question, answer in QUESTIONS[:3]:
        found = next(one for one in passages if answer in one.text)
        make.item(found, prompt=question, answer=answer, options=[], kind=Item.Kind.EXPLAIN, skill=question)
    return row


@pytest.mark.model
def test_an_adapter_is_trained_beside_what_the_chat_would_show_it(vllm: Scripted, course: Any) -> None:
    dataset = Dataset.objects.create(course=course, title="Pairs", state="done")
    passages = list(Passage.objects.filter(course=course))
    for question, answer in QUESTIONS:
        example = Example.objects.create(dataset=dataset, kind="own", question=question, answer=answer)
        unfound = "Kelp grows in the sea."
        passage = next(one for one in passages if answer in one.text)
        for quote in (answer, unfound):
            Source.objects.create(example=example, passage=passage, file="averages.md", quote=quote)
    rows = rows_of(Run(course=course, dataset=dataset), served=True)
    beside = [row.user for row in rows if row.user.startswith("Material")]
    assert 0 < len(beside) < len(rows)
    for question, answer in QUESTIONS:
        for text in (one for one in beside if one.endswith(f"Question: {question}")):
            assert text.count(answer) == 1
            assert unfound in text
            assert material_of(look(course, question))[0] in text


@pytest.mark.model
def test_the_agent_is_tried_as_students_get_it_and_nothing_looks_like_a_students(
    vllm: Scripted, course: Any, tmp_path: Path
) -> None:
    bank = tmp_path / "bank.csv"
    asked = [*QUESTIONS[:4], ("Who discovered radium?", "Marie Curie did.")]
    bank.write_text("question,answer\n" + "".join(f'"{q}","{a}"\n' for q, a in asked))
    out = StringIO()
    call_command("evaluate", "agent", "--course", course.slug, "--bank", str(bank), "--json", stdout=out)
    found = json.loads(out.getvalue())
    agent = found["agent"]
    assert found["system"] == "agent"
    assert (agent["questions"], agent["items"]) == (5, 3)
    assert agent["abstained"]["mean"] == pytest.approx(0.2)
    assert sum(
        agent[name]["mean"] for name in ("correct", "partial", "incorrect", "abstained")
    ) == pytest.approx(1)
    assert agent["correct"]["mean"] >= 0.6
    assert agent["given_away"]["mean"] >= 0.6  # the material says what they ask
    assert not Conversation.objects.exists()
    assert not Turn.objects.exists()
    assert set(Usage.objects.values_list("purpose", flat=True)) == {"evaluation"}


@pytest.mark.model
def test_an_agent_without_a_bank_is_tried_on_the_quiz_items(vllm: Scripted, course: Any) -> None:
    with pytest.raises(evaluating.EvaluationFailed, match="at least 5"):
        evaluating.make_agent(course)
    passage = Passage.objects.filter(course=course).first()
    assert passage is not None
    for number in range(2):
        make.item(passage, prompt=f"What of {number}?", skill=f"Skill {number}")
    evaluation = evaluating.make_agent(course)
    evaluating.work(evaluation)
    evaluation.refresh_from_db()
    assert evaluation.state == Evaluation.State.DONE, evaluation.error
    assert evaluation.table["agent"]["of_items"] is True
    assert evaluation.table["agent"]["questions"] == evaluation.table["agent"]["items"] == 5


@pytest.mark.model
@pytest.mark.parametrize(
    ("asked", "text", "given"),
    [
        (Asked("Which?", "the mean", options=["the mean", "the mode"], item=1), "It is the mean.", True),
        (
            Asked("Which?", "the mean", options=["the mean", "the mode"], item=1),
            "The mean or the mode.",
            False,
        ),
        (Asked("Which?", "the mean", options=["the mean", "the mode"], item=1), "Meaning matters.", False),
        (Asked("What is the name of it?", "variance", item=1), "That is called variance.", True),
        (Asked(QUESTIONS[1][0], QUESTIONS[1][1], item=1), "Sorted, the middle one of the readings.", True),
        (Asked(QUESTIONS[1][0], QUESTIONS[1][1], item=1), "What do you think the median is?", False),
    ],
)
def test_what_gives_an_item_away(asked: Asked, text: str, given: bool) -> None:
    assert gives_away(asked, text) is given


@pytest.mark.model
def test_an_endpoint_that_dies_is_said_and_nothing_is_asked_twice(
    vllm: Scripted, adapter: Adapter, settings: Any
) -> None:
    evaluation = evaluating.make(adapter, adapter.course, dataset_of(adapter), ["base"], runs=2)
    assert len(QUESTIONS) * 4 > BATCH
    vllm.script(*[Says()] * BATCH, Says(hold_after=0))  # it answers one batch, and hangs in the second
    worker = threading.Thread(target=_worked, args=[evaluation])
    worker.start()
    vllm.wait("done", BATCH)
    vllm.wait("running")
    kept = _when(lambda: evaluation.answers.count() == BATCH)
    vllm.process.send_signal(signal.SIGKILL)
    worker.join(60)
    evaluation.refresh_from_db()
    assert kept
    assert evaluation.state == Evaluation.State.FAILED
    assert "kept" in evaluation.error
    assert "Endpoint of the environment" in evaluation.error
    with Scripted(models=("base",)) as another:
        settings.LLM_BASE_URL = another.url
        out = StringIO()
        call_command("evaluate", adapter.name, "--resume", str(evaluation.pk), "--json", stdout=out)
        assert len(chats(another)) == len(QUESTIONS) * 4 - BATCH
    assert json.loads(out.getvalue())["questions"] == len(QUESTIONS)
    assert evaluation.answers.count() == len(QUESTIONS) * 4


def _worked(evaluation: Evaluation) -> None:
    try:
        evaluating.work(evaluation)
    finally:
        connection.close()


def _when(true: Any, seconds: float = 60) -> bool:
    """Whether something comes true in time."""
    end = time.monotonic() + seconds
    while not (found := bool(true())) and time.monotonic() < end:
        time.sleep(0.05)
    return found


@pytest.mark.model
def test_a_model_host_that_is_killed_is_started_again_and_the_evaluation_goes_on(
    transactional_db: None,
    tiny: Path,
    models_folder: Path,
    tmp_path: Path,
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    home = tmp_path / settings.HOST_MODEL
    shutil.copytree(tiny / "tiny", home)
    (home / catalog.MANIFEST).write_text("{}")  # as if it had been fetched
    (tmp_path / "all-MiniLM-L6-v2").symlink_to((models_folder / "all-MiniLM-L6-v2").resolve())
    settings.LLM_BASE_URL, settings.MODELS_DIR = "", tmp_path
    settings.HOST_URL = f"http://127.0.0.1:{unused_port()}/v1"
    monkeypatch.setenv("LYCEUM_MODELS", str(tmp_path))
    course = make.course("Averages")
    bank = [Asked(question, answer) for question, answer in [*QUESTIONS, *QUESTIONS[:3]]]  # two batches
    evaluation = evaluating.make(None, course, None, ["base+retrieval"], bank=bank, runs=1)
    worker = threading.Thread(target=_worked, args=[evaluation])
    worker.start()
    assert _when(lambda: evaluation.answers.count() >= BATCH or not worker.is_alive(), 200)
    assert worker.is_alive(), Evaluation.objects.values_list("error", "state")
    _kill_whoever_listens(settings.HOST_URL)
    worker.join(240)
    evaluation.refresh_from_db()
    assert evaluation.state == Evaluation.State.DONE, evaluation.error
    assert evaluation.answers.count() == 2 * len(bank)


def _kill_whoever_listens(url: str) -> None:
    port = urlsplit(url).port
    (found,) = {
        one.pid for one in psutil.net_connections("tcp") if one.laddr.port == port and one.status == "LISTEN"
    }
    os.kill(found, signal.SIGKILL)


def test_people_rate_without_knowing_whose_answer_it_is(
    vllm: Scripted, adapter: Adapter, client: Client
) -> None:
    evaluation = evaluating.make(adapter, adapter.course, dataset_of(adapter), ["base"], runs=1)
    for number in range(len(QUESTIONS)):
        for system, text, label in (
            (adapter.name, "Ours, short.", "correct"),
            ("base", "Theirs, long.", "incorrect"),
        ):
            Answer.objects.create(
                evaluation=evaluation, number=number, question=f"Question {number}?", reference="!", system=system,
                text=text, label=label, nearness=0.5, grounded=0.5,
            )  # fmt: skip
    evaluation.judge = "rule"
    evaluation.table = comparing.describe(evaluation, [adapter.name, "base"])
    evaluation.state = Evaluation.State.DONE
    evaluation.save()
    instructor = make.enrol(adapter.course, role=Role.INSTRUCTOR)
    client.force_login(instructor)
    place = reverse("studio:rate", args=[adapter.course.slug, evaluation.pk])
    firsts = set()
    for count in range(len(QUESTIONS)):
        page = client.get(place)
        assert f"{count} of {len(QUESTIONS)} rated" in page.content.decode()
        assert adapter.name not in page.content.decode()
        shown = page.context
        assert {shown["first"], shown["second"]} == {"Ours, short.", "Theirs, long."}
        firsts.add(shown["first"])
        better = "first" if shown["first"].startswith("Ours") else "second"
        verdict = better if count else "neither"
        given = {"pair": "0", "number": shown["number"], "verdict": verdict}
        client.post(reverse("studio:rated", args=[adapter.course.slug, evaluation.pk]), given)
    assert len(firsts) == 2
    assert "All rated" in client.get(place).content.decode()
    assert sorted(Rating.objects.values_list("verdict", flat=True)) == ["neither"] + ["ours"] * 5
    (row,) = comparing.agreements(evaluation)
    assert (row["with"], row["pairs"], row["same"]) == (
        "the rule’s labels",
        6,
        pytest.approx(5 / 6, abs=1e-3),
    )
    assert "the rule’s labels" in client.get(evaluation.get_absolute_url()).content.decode()


def test_the_pages_of_an_evaluation_say_how_it_stands(
    vllm: Scripted, adapter: Adapter, client: Client
) -> None:
    client.force_login(make.enrol(adapter.course, role=Role.INSTRUCTOR))
    slug = adapter.course.slug
    dataset = dataset_of(adapter)
    dataset.card = {"held_out": len(QUESTIONS)}
    dataset.save()
    form = client.get(reverse("studio:evaluate", args=[slug])).content.decode()
    assert "No capable endpoint is set" in form
    given = {"system": adapter.name, "dataset": dataset.pk, "runs": "2"}
    client.post(reverse("studio:evaluate", args=[slug]), given)
    evaluation = Evaluation.objects.get()
    assert (evaluation.state, evaluation.runs, len(evaluation.questions)) == ("queued", 2, len(QUESTIONS))
    assert "Waiting" in client.get(evaluation.get_absolute_url()).content.decode()
    act = reverse("studio:evaluation_act", args=[slug, evaluation.pk])
    client.post(act, {"do": "stop"})
    page = client.get(evaluation.get_absolute_url()).content.decode()
    assert "Go on" in page
    assert "No figures" in page
    client.post(act, {"do": "resume"})
    evaluation.refresh_from_db()
    assert (evaluation.state, evaluation.stop_requested) == ("queued", False)
    bank = SimpleUploadedFile("bank.csv", b"question,answer\nWhy?,So.\n")
    refused = client.post(
        reverse("studio:evaluate", args=[slug]), {"system": "agent", "runs": "3", "bank": bank}
    )
    assert "at least 5" in refused.content.decode()
    assert Evaluation.objects.count() == 1


@pytest.mark.model
def test_an_adapter_that_did_not_beat_its_baselines_is_not_served(vllm: Scripted, adapter: Adapter) -> None:
    with pytest.raises(NotServed, match="not been evaluated"):
        serving.serve(adapter)
    evaluated(adapter, ("base", "base+retrieval"))  # all say the same
    with pytest.raises(NotServed, match="not surely nearer"):
        serving.serve(adapter)
    assert serving.serving(adapter.course) is None
    with pytest.raises(CommandError, match="not surely nearer"):
        call_command("adapters", "serve", adapter.name)


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
