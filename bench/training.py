"""What a run costs beside a bare trl loop: tokens a second on the same data in the same batches, in turn, one core each.

Ours is all of it: the row in the database, the heart-beat, a child process that says each step, each step kept as a point. The
bare loop is trl's trainer in a process of its own, with its own defaults for what it logs. The processor's time stands beside the
clock's: on a busy machine it is the one to believe.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
from django.core.management import call_command

from bench.figures import Figure
from tests import make
from tutor.llm import catalog
from tutor.studio.models import Dataset, Example, Run
from tutor.studio.running import rows_of, start, train
from tutor.studio.training.spec import Spec

MODEL = "smollm2-135m-instruct"
ROUNDS, STEPS, WARM = 2, 10, 2  # the first steps of a process are slow
SETTINGS = {"steps": STEPS, "batch_size": 4, "accumulation": 1, "threads": 1, "checkpoint_steps": 1000}
BARE = """
import json, sys
from pathlib import Path
import torch
from datasets import Dataset
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM, AutoTokenizer, TrainerCallback, set_seed
from trl import SFTConfig, SFTTrainer
from tutor.studio.training.encoding import encode
from tutor.studio.training.model import LAYERS, arguments
from tutor.studio.training.spec import Spec

class Step(TrainerCallback):
    def on_step_end(self, args, state, control, **more):
        print(json.dumps({"step": state.global_step}), flush=True)

spec = Spec.read(Path(sys.argv[1]))
set_seed(int(spec.settings["seed"]))
torch.set_num_threads(int(spec.settings["threads"]))
tokenizer = AutoTokenizer.from_pretrained(spec.base)
model = AutoModelForCausalLM.from_pretrained(spec.base, dtype=torch.bfloat16)
lora = LoraConfig(r=int(spec.settings["rank"]), lora_alpha=int(spec.settings["alpha"]),
    lora_dropout=spec.settings["dropout"], target_modules=LAYERS, task_type="CAUSAL_LM")
rows = Dataset.from_list([encode(tokenizer, row, int(spec.settings["max_tokens"])) for row in spec.rows])
same = {name: value for name, value in arguments(spec).items() if name not in ("logging_steps", "save_steps")}
config = SFTConfig(**same, save_strategy="no", train_sampling_strategy="group_by_length")
SFTTrainer(get_peft_model(model, lora), args=config, train_dataset=rows, processing_class=tokenizer, callbacks=[Step()]).train()
"""


def figures() -> Iterator[Figure]:
    """Both in turn."""
    call_command("migrate", verbosity=0)
    run = _run()
    ours, bare = Clock(), Clock()
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(ROUNDS):
            again = Run.objects.create(
                course=run.course, dataset=run.dataset, method=run.method, base=run.base, knobs=run.knobs
            )
            again.claim()
            with again.heartbeat():
                train(again, lambda said: ours.take(said.get("step")))
            again.finish()
            spec = Spec("sft", catalog.path(MODEL), Path(folder), rows_of(run), run.knobs)
            command = [sys.executable, "-c", BARE, str(spec.write())]
            with subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
            ) as child:
                assert child.stdout is not None
                for line in child.stdout:
                    bare.take(json.loads(line)["step"] if line.startswith('{"step"') else None)
    tokens = float(again.points.order_by("-step").values_list("tokens_per_second", flat=True)[0])
    yield Figure("tokens a second as the run's page shows them", tokens, "tokens/s")
    yield Figure("a step of a run", ours.seconds, "s")
    yield Figure("a step of a bare trl loop", bare.seconds, "s")
    yield Figure(
        "speed of a run in shares of the bare loop's, by the clock", bare.seconds / ours.seconds, at_least=0.9
    )
    yield Figure("the same by the processor's time", bare.processor / ours.processor, at_least=0.9)


def _run() -> Run:
    """A run on answers of different lengths, ready to work on."""
    dataset = Dataset.objects.create(course=make.course("Averages"), title="Lengths", state="done")
    for number in range(4 * STEPS):
        words = " and then reading " * (1 + number % 7)
        Example.objects.create(
            dataset=dataset, question=f"What is reading {number}?", answer=f"It is{words}{number}."
        )
    return start(dataset, "sft", SETTINGS)


class Clock:
    """Time between a process's steps: by the clock, and of the processor for it and for us who listen."""

    def __init__(self) -> None:
        self.spent: list[tuple[float, float]] = []
        self.before: tuple[float, float] | None = None

    def take(self, step: int | None) -> None:
        """A step has been said."""
        if step is None:
            return
        children = psutil.Process().children(recursive=True)
        busy = sum(sum(one.cpu_times()[:2]) for one in children if one.is_running())
        now = time.perf_counter(), busy + time.process_time()
        if self.before is not None and step > WARM:
            self.spent.append((now[0] - self.before[0], now[1] - self.before[1]))
        self.before = now

    @property
    def seconds(self) -> float:
        return self._typical(0)

    @property
    def processor(self) -> float:
        return self._typical(1)

    def _typical(self, which: int) -> float:
        values = sorted(pair[which] for pair in self.spent)
        return values[len(values) // 2]
