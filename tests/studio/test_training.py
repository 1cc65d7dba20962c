"""Training: the very child process of a run, on a tiny model with the default model's tokenizer."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from tests import make
from tutor.llm import catalog
from tutor.studio import running
from tutor.studio.models import Adapter, Dataset, Run
from tutor.studio.running import RunFailed, RunStopped
from tutor.studio.training.encoding import IGNORED, encode
from tutor.studio.training.spec import PRESETS, Row, Spec, UnknownKnob, resolve

QUICK = [
    "--set",
    "batch_size=4",
    "max_tokens=96",
    "rank=4",
    "threads=1",
    "warmup_steps=0",
    "learning_rate=0.01",
]


def train(dataset: Dataset, *more: str) -> dict[str, Any]:
    out = StringIO()
    call_command("train", str(dataset.pk), "--base", "tiny", *QUICK, *more, "--json", stdout=out)
    return dict(json.loads(out.getvalue()))


@pytest.mark.model
@pytest.mark.django_db(transaction=True)
def test_a_run_leaves_an_adapter_that_learnt_and_the_figures_of_each_step(
    dataset: Dataset, models: Path
) -> None:
    said = train(dataset, "--steps", "6")
    run = Run.objects.get(pk=said["run"])
    assert (run.state, run.step, run.steps) == (Run.State.DONE, 6, 6)
    assert said["last_loss"] < said["first_loss"]
    points = list(run.points.all())
    assert [point.step for point in points] == [1, 2, 3, 4, 5, 6]
    assert all(point.tokens_per_second > 0 and point.memory_mb > 0 for point in points)
    folder = models / "adapters" / said["adapter"]
    assert (folder / "adapter_config.json").is_file()
    assert Adapter.objects.get(name=said["adapter"]).run == run


@pytest.mark.model
@pytest.mark.django_db(transaction=True)
def test_preferences_train_too(dataset: Dataset, models: Path) -> None:
    said = train(dataset, "--method", "dpo", "--steps", "3")
    assert (models / "adapters" / said["adapter"] / "adapter_model.safetensors").is_file()


@pytest.mark.model
@pytest.mark.django_db(transaction=True)
def test_a_run_whose_process_was_killed_says_so_and_goes_on_from_its_checkpoint(
    dataset: Dataset, models: Path
) -> None:
    knobs = {"steps": 8, "checkpoint_steps": 2, "batch_size": 4, "max_tokens": 96, "rank": 4, "threads": 1}
    run = running.start(dataset, "sft", knobs, base="tiny")
    children: list[int] = []
    start = subprocess.Popen

    def spawn(*args: Any, **options: Any) -> Any:
        child = start(*args, **options)
        children.append(child.pid)
        return child

    def kill(said: dict[str, Any]) -> None:
        if said.get("step") == 5:
            os.kill(children[-1], signal.SIGKILL)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(subprocess, "Popen", spawn)
        with pytest.raises(RunFailed, match="killed"):
            running.train(run, kill)
    assert not Adapter.objects.exists()
    resumed: list[int] = []
    running.train(run, lambda said: resumed.append(said["resumed"]) if "resumed" in said else None)
    assert resumed == [4]
    assert [point.step for point in run.points.all()] == [1, 2, 3, 4, 5, 6, 7, 8]
    whole = running.start(dataset, "sft", knobs, base="tiny")
    running.train(whole)
    assert (
        len(set(Adapter.objects.values_list("sha256", flat=True))) == 1
    )  # order, optimiser and dropout went on
    assert Adapter.objects.count() == 2


SHORT = """
import resource, runpy, sys
import tutor.studio.training.sft
had = int(next(line for line in open("/proc/self/status") if line.startswith("VmSize")).split()[1]) * 1024
resource.setrlimit(resource.RLIMIT_AS, (had + 2**25, had + 2**25))
runpy.run_module("tutor.studio.training", run_name="__main__")
"""


@pytest.mark.model
@pytest.mark.django_db(transaction=True)
def test_where_memory_runs_out_the_run_says_what_to_change_and_its_worker_lives(
    dataset: Dataset, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset.examples.update(answer="A reading follows another one. " * 60)
    knobs = {"steps": 2, "batch_size": 16, "threads": 1}
    run = running.start(dataset, "sft", knobs, base="tiny")
    monkeypatch.setattr(running, "_command", lambda file, *_: [sys.executable, "-c", SHORT, str(file)])
    running.work(run)
    run.refresh_from_db()
    assert run.state == Run.State.FAILED
    assert "Memory ran out" in run.error
    assert "batch_size" in run.error


@pytest.mark.model
@pytest.mark.django_db(transaction=True)
def test_a_run_stops_when_a_person_asks_and_keeps_its_checkpoint(
    dataset: Dataset, models: Path, tmp_path: Path
) -> None:
    knobs = {
        "steps": 100_000,
        "checkpoint_steps": 50_000,
        "batch_size": 4,
        "max_tokens": 96,
        "rank": 4,
        "threads": 1,
    }
    run = running.start(dataset, "sft", knobs, base="tiny")
    asked = threading.Event()

    def stop(said: dict[str, Any]) -> None:
        if said.get("step", 0) >= 2 and not asked.is_set():
            asked.set()
            Run.objects.filter(pk=run.pk).update(stop_requested=True)

    with pytest.raises(RunStopped):
        running.train(run, stop)
    run.refresh_from_db()
    assert 2 <= run.step < 100_000
    assert list((tmp_path / run.folder / "checkpoints").glob("checkpoint-*"))


@pytest.mark.model
def test_loss_is_on_the_answer_alone_and_not_on_its_wrong_step() -> None:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(catalog.path("smollm2-135m-instruct"))
    answer = "It is 7. No, that is wrong: it is 8."
    plain, masked = (
        encode(tokenizer, Row("Be brief.", "What is 5 + 3?", answer, wrong=wrong), 200)
        for wrong in ([], [[0, 8]])
    )
    assert plain is not None
    assert masked is not None
    assert plain["input_ids"] == masked["input_ids"]

    def learnt(encoded: dict[str, list[int]]) -> str:
        return str(tokenizer.decode([label for label in encoded["labels"] if label != IGNORED]))

    assert learnt(plain) == answer + tokenizer.eos_token
    assert learnt(masked).strip() == "No, that is wrong: it is 8." + tokenizer.eos_token


def spec(tiny: Path, folder: Path, **knobs: int | float) -> Spec:
    """A trajectory, two plain answers of different lengths."""
    rows = [
        Row("Be brief.", "What is 5 + 3?", "It is 7. No, that is wrong: it is 8.", wrong=[[0, 8]]),
        Row("Be brief.", "What is 2 + 2?", "It is 4."),
        Row(
            "Be brief.",
            "What is a sum of two numbers?",
            "It is what one gets by adding the second to the first.",
        ),
    ]
    given = {
        "rank": 4,
        "dropout": 0,
        "threads": 1,
        "max_tokens": 256,
        "steps": 2,
        "batch_size": 3,
        "accumulation": 1,
    }
    return Spec("reflected", tiny / "tiny", folder, rows, resolve(given | knobs))


@pytest.mark.model
@pytest.mark.parametrize("packing", [0, 1])
def test_the_loss_is_the_mean_over_the_learnt_tokens_of_each_example_by_itself(
    tiny: Path, tmp_path: Path, packing: int
) -> None:
    import torch

    from tutor.studio.training import sft

    told = spec(tiny, tmp_path, packing=packing)
    trainer = sft.trainer(told)
    model = trainer.model.float().eval()
    total, learnt = 0.0, 0
    for row in told.rows:
        encoded = encode(trainer.processing_class, row, 256)
        assert encoded is not None
        with torch.no_grad():
            logits = model(input_ids=torch.tensor([encoded["input_ids"]]), use_cache=False).logits[0]
        labels = torch.tensor(encoded["labels"])
        total += float(
            torch.nn.functional.cross_entropy(logits[:-1], labels[1:], ignore_index=IGNORED, reduction="sum")
        )
        learnt += int((labels[1:] != IGNORED).sum())
    (batch,) = trainer.get_train_dataloader()
    assert batch["input_ids"].shape[0] == (1 if packing else 3)
    with torch.no_grad(), torch.autocast("cpu", enabled=False):
        loss = trainer.compute_loss(model, dict(batch))
    assert float(loss) == pytest.approx(total / learnt, rel=1e-4)


@pytest.mark.model
def test_several_processes_train_one_adapter_and_one_of_them_speaks(tiny: Path, tmp_path: Path) -> None:
    file = spec(tiny, tmp_path, batch_size=1).write()
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"]
    child = subprocess.run(
        [*command, "-m", "tutor.studio.training", str(file)], capture_output=True, text=True, check=False
    )
    assert child.returncode == 0, child.stderr
    said = [json.loads(line) for line in child.stdout.splitlines() if line.startswith('{"')]
    assert [line["step"] for line in said if "step" in line] == [1, 2]
    assert said[-1]["done"]
    assert (tmp_path / "adapter" / "adapter_model.safetensors").is_file()


def test_a_prompt_that_fills_the_room_is_left_out() -> None:
    class Letters:
        eos_token = "."

        def apply_chat_template(self, messages: Any, **_: Any) -> str:
            return "".join(message["content"] for message in messages)

        def __call__(self, text: str, **_: Any) -> dict[str, Any]:
            return {
                "input_ids": [ord(c) for c in text],
                "offset_mapping": [(n, n + 1) for n in range(len(text))],
            }

    assert encode(Letters(), Row("ab", "cd", "ef"), 4) is None


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_is_within_the_bounds(name: str) -> None:
    assert resolve(resolve({}, name), name) == resolve({}, name)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"rnak": 4}, "There is no setting"),
        ({"rank": "many"}, "has to be a number"),
        ({"rank": 0}, "from 1 to 512"),
        ({"rank": 2.5}, "whole"),
    ],
)
def test_a_setting_that_cannot_be_is_refused_in_words(given: dict[str, Any], says: str) -> None:
    with pytest.raises(UnknownKnob, match=says):
        resolve(given)


def test_too_few_examples_are_refused_before_anything_starts(db: None) -> None:
    dataset = Dataset.objects.create(course=make.course(), title="Nothing", state="done")
    with pytest.raises(CommandError, match="at least 8 examples"):
        call_command("train", str(dataset.pk))
    with pytest.raises(CommandError, match="pairs of a wrong answer"):
        call_command("train", str(dataset.pk), "--method", "dpo")
    assert not Run.objects.exists()


def test_a_base_that_is_not_there_is_refused_and_no_path_leads_out_of_the_models(dataset: Dataset) -> None:
    for base in ("nowhere", "../nowhere", "/etc"):
        with pytest.raises(RunFailed):
            running.start(dataset, "sft", {}, base=base)
    assert not Run.objects.exists()
