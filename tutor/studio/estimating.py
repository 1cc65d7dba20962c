"""How long a run will take, and on what: said before it starts, without torch, which no web process loads."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import Any

from django.core.cache import cache

from tutor.llm import catalog
from tutor.studio.models import Dataset, Run
from tutor.studio.running import cards, rows_of

CHARACTERS = 4  # a token, about
CPU_RATE = 2e4  # millions of parameters × tokens a second on a core: it reads 360 with 135 million, and training costs 2.4 times
LOADING = 25  # seconds until the first step
MACHINE = "studio:machine"  # where the cache has what the newest `train` worker found


@dataclass(frozen=True)
class Machine:
    """What a `train` worker has to train on."""

    cards: tuple[str, ...]
    cores: int

    def __str__(self) -> str:
        if len(self.cards) > 1:
            return f"{len(self.cards)} × {self.cards[0]}, through torchrun"
        return self.cards[0] if self.cards else f"this machine's processor, {self.cores} cores"


@dataclass(frozen=True)
class Estimate:
    """Seconds, steps and tokens of a run; `seconds` is None where nothing was timed on such a machine."""

    seconds: float | None
    steps: int
    tokens: int
    timed: bool  # by an earlier run here


def look() -> None:
    """Remember what this machine has to train on, where the pages find it."""
    cache.set(MACHINE, (tuple(cards()), os.cpu_count() or 1), timeout=None)


def machine() -> Machine | None:
    """What the newest `train` worker has; None before one has started."""
    found = cache.get(MACHINE)
    return Machine(*found) if found else None


def bases() -> list[str]:
    """The models that can be trained: folders of causal language models under the models."""
    found = []
    for file in sorted(catalog.root().glob("*/config.json")):
        try:
            kinds = json.loads(file.read_text(encoding="utf-8")).get("architectures") or []
        except (OSError, ValueError):
            continue
        if any(str(kind).endswith("ForCausalLM") for kind in kinds):
            found.append(file.parent.name)
    return found


def estimate(dataset: Dataset, method: str, base: str, knobs: dict[str, Any]) -> Estimate:
    """How long such a run takes: by the newest run of this base and method, else by the size of the model on a processor."""
    rows = rows_of(Run(course=dataset.course, dataset=dataset, method=method))
    most = knobs["max_tokens"]
    lengths = [
        min(most, sum(map(len, (row.system, row.user, row.answer, row.rejected))) / CHARACTERS)
        for row in rows
    ]
    found = machine()
    at_once = knobs["batch_size"] * knobs["accumulation"] * max(1, len(found.cards) if found else 1)
    steps = int(knobs["steps"] or max(1, -(-len(rows) // at_once)) * knobs["epochs"])
    tokens = sum(lengths) / max(1, len(lengths)) * steps * at_once
    alike = Run.objects.filter(state=Run.State.DONE, base=base, method=method)
    if found is not None:
        alike = alike.filter(device__startswith=found.cards[0] if found.cards else "CPU")
    timed = next(
        (run.summary["tokens_per_second"] for run in alike[:5] if run.summary.get("tokens_per_second")), 0
    )
    cores = knobs["threads"] or (found.cores if found else os.cpu_count() or 1)
    speed = timed or (0 if found is not None and found.cards else cores * CPU_RATE / _millions(base))
    return Estimate(LOADING + tokens / speed if speed else None, steps, round(tokens), bool(timed))


def _millions(base: str) -> float:
    """A model's parameters, by its weights in two bytes each."""
    size = sum(file.stat().st_size for file in (catalog.root() / base).glob("*.safetensors"))
    return max(1.0, size / 2e6)


def words(estimate: Estimate) -> str:
    """An estimate as a sentence."""
    steps = f"{estimate.steps:,} step{'' if estimate.steps == 1 else 's'}, about {estimate.tokens:,} tokens"
    if estimate.seconds is None:
        return f"{steps}. No run was timed on this machine yet; after the first steps the page says how long it takes."
    by = (
        "by an earlier run here" if estimate.timed else "by the size of the model; nothing was timed here yet"
    )
    return f"{steps}: about {span(estimate.seconds)} ({by})."


def span(seconds: float) -> str:
    """A length of time in words: "40 seconds", "12 minutes", "3.5 hours"."""
    if seconds < 90:
        return f"{max(1, round(seconds))} seconds"
    return f"{round(seconds / 60)} minutes" if seconds < 5400 else f"{seconds / 3600:.1f} hours"
