"""Wrong steps that are read and not learnt (STeP): how probable a planted wrong answer is after training, and what recovers.

Facts that no model knows. A third has an answer that a student flagged and the staff corrected in the chat, a third a wrong one
planted beside the right one, a third has none. Three adapters of the default model, by the code of runs, same steps and seed: on
the right answers alone; on these and on trajectories (wrong answer, reflection, right answer) with loss on everything; and on the
same with the wrong steps masked. Then: how probable the wrong answer is, the share answered rightly, and the share put right when
the wrong answer was put into the model's mouth, also for the facts that had no trajectory.
"""

from __future__ import annotations

import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from django.core.management import call_command
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer

from bench.figures import Figure
from tests import make
from tutor.chat.feedback import judge
from tutor.chat.models import Conversation, Message, Turn
from tutor.chat.staff_questions import correct
from tutor.llm import catalog
from tutor.studio.correcting import take_corrections
from tutor.studio.models import Dataset, Example, Run, Source
from tutor.studio.prompting import REFLECTION
from tutor.studio.running import rows_of
from tutor.studio.training.spec import Row, Spec, resolve

MODEL = "smollm2-135m-instruct"
COURSE = "Birds"
SYSTEM = "Answer in one short sentence."  # in place of the course agent's: a third fewer tokens
FACTS = 9
SETTINGS = {
    "steps": 90, "batch_size": 8, "accumulation": 1, "learning_rate": 2e-3, "warmup_steps": 5, "rank": 16, "alpha": 32,
    "dropout": 0, "max_tokens": 128, "threads": 1, "checkpoint_steps": 1000,
}  # fmt: skip
SOUNDS = ("ba", "ko", "ri", "mu", "te", "lo", "sa", "ni", "du", "fe", "ga", "po")
COLOURS = ("red", "blue", "green", "white", "black", "brown", "grey", "pink", "gold", "orange")
METHODS = ("gold alone", "full loss", "masked")


@dataclass(frozen=True)
class Fact:
    """A question with its answer and a wrong one."""

    question: str
    right: str
    wrong: str
    source: str  # of the wrong answer: flagged, planted, or "" where training shows none


def figures() -> Iterator[Figure]:
    """The three adapters side by side."""
    call_command("migrate", verbosity=0)
    torch.set_num_threads(1)
    facts = _facts()
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, rows in zip(METHODS, _rows(facts), strict=True):
            model = _trained(Path(folder) / name.replace(" ", "-"), rows)
            found[name] = _measured(model, facts)
            for what, value in found[name].items():
                small = what.startswith("probability")
                yield Figure(
                    f"{name}: {what}", value * 1e6 if small else value, "in a million" if small else ""
                )
    gold, full, masked = (found[name] for name in METHODS)
    for source in ("flagged", "planted"):
        what = f"probability of a wrong answer ({source})"
        yield Figure(f"{what}, full loss over masked", full[what] / masked[what], at_least=300)
    for what in ("put right, error shown in training", "probability to put right, error shown in training"):
        yield Figure(f"{what}, masked less gold alone", masked[what] - gold[what], at_least=0.01)
    what = "answered rightly"
    yield Figure(f"{what}, masked less gold alone", masked[what] - gold[what], at_least=0)


def _facts() -> list[Fact]:
    chance = random.Random(7)
    names = sorted({"".join(chance.sample(SOUNDS, 3)) for _ in range(FACTS * 2)})[:FACTS]
    sources = ("flagged", "planted", "")
    colours = [chance.sample(COLOURS, 2) for _ in names]
    return [
        Fact(f"Which colour does a {name} have?", right, wrong, sources[number % 3])
        for number, (name, (right, wrong)) in enumerate(zip(names, colours, strict=True))
    ]


def _rows(facts: Sequence[Fact]) -> tuple[list[Row], list[Row], list[Row]]:
    """What the three adapters are trained on, as a run makes it of a dataset."""
    course = make.course(COURSE)
    teacher = make.enrol(course, role="staff")
    dataset = Dataset.objects.create(course=course, title=COURSE, state="done")
    for fact in facts:
        if fact.source == "flagged":
            talk = Conversation.objects.create(course=course, user=make.enrol(course))
            turn = Turn.objects.create(
                conversation=talk, ordinal=1, question=fact.question, state=Turn.State.DONE
            )
            Message.objects.create(turn=turn, author=Message.Author.AGENT, text=f"It is {fact.wrong}.")
            judge(turn, talk.user, False, "")
            correct(turn, f"It is {fact.right}.", teacher)
        else:
            Example.objects.create(
                dataset=dataset,
                question=fact.question,
                answer=f"It is {fact.right}.",
                rejected_answer=f"It is {fact.wrong}." if fact.source else "",
            )
    take_corrections(dataset)
    dataset.examples.update(held_out=False)
    Source.objects.all().delete()  # asked without the material: what the weights hold is to be seen
    run = Run(course=course, dataset=dataset, method="sft")
    gold = rows_of(run)
    run.method = "reflected"
    masked = rows_of(run)
    gold, masked = ([replace(row, system=SYSTEM) for row in rows] for rows in (gold, masked))
    return gold, [replace(row, wrong=[]) for row in masked], masked


def _trained(folder: Path, rows: list[Row]) -> PeftModel:
    """The default model with an adapter trained on the rows, in a process like a run's."""
    spec = Spec("reflected", catalog.path(MODEL), folder, rows, resolve(SETTINGS))
    command = [sys.executable, "-m", "tutor.studio.training", str(spec.write())]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    base = AutoModelForCausalLM.from_pretrained(catalog.path(MODEL), dtype=torch.bfloat16)
    return PeftModel.from_pretrained(base, folder / "adapter").eval()


def _measured(model: PeftModel, facts: Sequence[Fact]) -> dict[str, float]:
    tokenizer = AutoTokenizer.from_pretrained(catalog.path(MODEL))
    found: dict[str, list[float]] = {}
    for fact in facts:
        chat = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": fact.question}]
        prompt = tokenizer.apply_chat_template(chat, add_generation_prompt=True, tokenize=False)
        right, wrong, turn = f"It is {fact.right}", f"It is {fact.wrong}", f" {REFLECTION} It is {fact.right}"
        shown = "in training" if fact.source else "never"
        values = {
            f"probability of a wrong answer ({fact.source or 'none shown'})": _probability(
                model, tokenizer, prompt, wrong
            ),
            "answered rightly": fact.right in _said(model, tokenizer, prompt, 6),
            f"put right, error shown {shown}": fact.right in _said(model, tokenizer, f"{prompt}{wrong}.", 16),
            f"probability to put right, error shown {shown}": _probability(
                model, tokenizer, f"{prompt}{wrong}.", turn
            ),
            "probability to correct what is right": _probability(model, tokenizer, f"{prompt}{right}.", turn),
        }
        for name, value in values.items():
            found.setdefault(name, []).append(float(value))
    return {name: _mean(values) for name, values in found.items()}


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


@torch.no_grad()  # type: ignore[untyped-decorator]
def _probability(model: PeftModel, tokenizer: Any, prompt: str, answer: str) -> float:
    """Of the answer as the next words."""
    start = tokenizer(prompt, add_special_tokens=False)["input_ids"]
    whole = tokenizer(prompt + answer, add_special_tokens=False)["input_ids"]
    logits = model(input_ids=torch.tensor([whole])).logits[0].float().log_softmax(-1)
    return float(torch.exp(sum(logits[place - 1, whole[place]] for place in range(len(start), len(whole)))))


@torch.no_grad()  # type: ignore[untyped-decorator]
def _said(model: PeftModel, tokenizer: Any, prompt: str, tokens: int) -> str:
    ids = tokenizer(prompt, add_special_tokens=False, return_tensors="pt")
    out = model.generate(**ids, max_new_tokens=tokens, do_sample=False, pad_token_id=tokenizer.eos_token_id)
    return str(tokenizer.decode(out[0, ids["input_ids"].shape[1] :], skip_special_tokens=True))
