"""Wrong steps that are read and not learnt (STeP): how probable a planted wrong answer is after training, and what recovers.

Facts that no model knows, each with a planted wrong answer. Three adapters of the default model, same steps and seed: on gold
answers alone; on gold and on trajectories (wrong answer, reflection, right answer) with loss on everything; and the same with the
wrong steps masked. Then: the probability of the planted wrong answer, the share of facts answered rightly, and the share that is
put right when the wrong answer was put into the model's mouth.
"""

from __future__ import annotations

import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer

from bench.figures import Figure
from tutor.llm import catalog
from tutor.studio.training.spec import Row, Spec, resolve

MODEL = "smollm2-135m-instruct"
SYSTEM = "Answer in one short sentence."
FACTS = 24
SETTINGS = {
    "steps": 150, "batch_size": 8, "accumulation": 1, "learning_rate": 2e-3, "rank": 16, "alpha": 32, "dropout": 0,
    "max_tokens": 128,
}  # fmt: skip
SOUNDS = ("ba", "ko", "ri", "mu", "te", "lo", "sa", "ni", "du", "fe", "ga", "po")
COLOURS = ("red", "blue", "green", "white", "black", "brown", "grey", "pink", "gold", "orange")


def figures() -> Iterator[Figure]:
    """The three adapters side by side."""
    facts = _facts()
    gold = [Row(SYSTEM, question, f"It is {right}.") for question, right, _ in facts]
    corrected = [
        Row(
            SYSTEM,
            question,
            f"It is {wrong}. No, that is a mistake: it is {right}.",
            wrong=[[0, len(f"It is {wrong}.")]],
        )
        for question, right, wrong in facts
    ]
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, method, rows in (
            ("gold alone", "sft", gold),
            ("full loss", "sft", gold + corrected),
            ("masked", "reflected", gold + corrected),
        ):
            found[name] = _measured(_trained(Path(folder) / name.replace(" ", "-"), method, rows), facts)
            for what, value in found[name].items():
                yield Figure(f"{name}: {what}", value)
    ratio = (
        found["full loss"]["probability of the wrong answer"]
        / found["masked"]["probability of the wrong answer"]
    )
    yield Figure("wrong answer: full loss over masked", ratio, at_least=300)
    better = (
        found["masked"]["put right after an injected error"]
        - found["gold alone"]["put right after an injected error"]
    )
    yield Figure("recovery: masked less gold alone", better, at_least=0.01)
    same = found["masked"]["answered rightly"] - found["gold alone"]["answered rightly"]
    yield Figure("accuracy: masked less gold alone", same, at_least=0)


def _facts() -> list[tuple[str, str, str]]:
    """Question, right answer, planted wrong answer."""
    chance = random.Random(7)
    names = {"".join(chance.sample(SOUNDS, 3)) for _ in range(FACTS * 2)}
    facts = []
    for name in sorted(names)[:FACTS]:
        right, wrong = chance.sample(COLOURS, 2)
        facts.append((f"Which colour does a {name} have?", right, wrong))
    return facts


def _trained(folder: Path, method: str, rows: list[Row]) -> PeftModel:
    spec = Spec(method, catalog.path(MODEL), folder, rows, resolve(SETTINGS))
    subprocess.run(
        [sys.executable, "-m", "tutor.studio.training", str(spec.write())],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    base = AutoModelForCausalLM.from_pretrained(catalog.path(MODEL), dtype=torch.bfloat16)
    return PeftModel.from_pretrained(base, folder / "adapter").eval()


def _measured(model: PeftModel, facts: list[tuple[str, str, str]]) -> dict[str, float]:
    tokenizer = AutoTokenizer.from_pretrained(catalog.path(MODEL))
    wrong_probability = right = recovered = 0.0
    for question, answer, wrong in facts:
        chat = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": question}]
        prompt = tokenizer.apply_chat_template(chat, add_generation_prompt=True, tokenize=False)
        wrong_probability += _probability(model, tokenizer, prompt, f"It is {wrong}")
        right += answer in _said(model, tokenizer, prompt).split(".")[0]
        recovered += answer in _said(model, tokenizer, f"{prompt}It is {wrong}.")
    return {
        "probability of the wrong answer": wrong_probability / len(facts),
        "answered rightly": right / len(facts),
        "put right after an injected error": recovered / len(facts),
    }


@torch.no_grad()  # type: ignore[untyped-decorator]
def _probability(model: PeftModel, tokenizer: Any, prompt: str, answer: str) -> float:
    """Of the answer as the next words."""
    start = tokenizer(prompt, add_special_tokens=False)["input_ids"]
    whole = tokenizer(prompt + answer, add_special_tokens=False)["input_ids"]
    logits = model(input_ids=torch.tensor([whole])).logits[0].float().log_softmax(-1)
    return float(torch.exp(sum(logits[place - 1, whole[place]] for place in range(len(start), len(whole)))))


@torch.no_grad()  # type: ignore[untyped-decorator]
def _said(model: PeftModel, tokenizer: Any, prompt: str) -> str:
    ids = tokenizer(prompt, add_special_tokens=False, return_tensors="pt")
    out = model.generate(**ids, max_new_tokens=20, do_sample=False, pad_token_id=tokenizer.eos_token_id)
    return str(tokenizer.decode(out[0, ids["input_ids"].shape[1] :], skip_special_tokens=True))
