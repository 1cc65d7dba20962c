"""What the child process says while it trains: one JSON object a line on its standard output; of several, the first speaks."""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from pathlib import Path
from typing import Any

import torch
from transformers import TrainerCallback


def first() -> bool:
    """Whether this is the only process of the run, or the first of those that torchrun started."""
    return os.environ.get("RANK", "0") == "0"


def say(**values: Any) -> None:
    """One line for the parent."""
    sys.stdout.write(json.dumps(values) + "\n")
    sys.stdout.flush()


def memory_mb() -> float:
    """The most memory this process had: of the card where there is one, else of the machine."""
    if torch.cuda.is_available():
        return float(torch.cuda.max_memory_allocated()) / 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


class Reporter(TrainerCallback):  # type: ignore[misc]  # transformers is not followed by mypy here
    """Says each step's loss, rate and speed, and stops at the next step when a file `stop` appears in the run's folder."""

    def __init__(self, folder: Path, tokens: int) -> None:
        self.folder, self.tokens = folder, tokens  # tokens of one epoch
        self.began = self.stamp = time.monotonic()
        self.epoch = 0.0

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Training proper begins: loading does not count."""
        self.began = self.stamp = time.monotonic()
        self.epoch = state.epoch or 0.0
        if first():
            say(steps=state.max_steps, device=str(args.device), resumed=state.global_step)

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> Any:
        """Look whether somebody wants it to stop; then a checkpoint is written first."""
        if self._wanted(args.device):
            control.should_training_stop = control.should_save = True
        return control

    def _wanted(self, device: Any) -> bool:
        """Whether the file is there: as the first process sees it, for all must stop at the same step."""
        there = (self.folder / "stop").exists()
        if not torch.distributed.is_initialized():
            return there
        flag = torch.tensor([there], dtype=torch.int32, device=device)
        torch.distributed.broadcast(flag, 0)
        return bool(flag.item())

    def on_log(
        self, args: Any, state: Any, control: Any, logs: dict[str, float] | None = None, **_: Any
    ) -> None:
        """A step's figures."""
        if not first() or not logs or "loss" not in logs:
            return
        now = time.monotonic()
        seen = (state.epoch or 0.0) - self.epoch
        say(
            step=state.global_step,
            loss=logs["loss"],
            learning_rate=logs.get("learning_rate", 0.0),
            tokens_per_second=round(seen * self.tokens / max(1e-9, now - self.stamp), 1),
            memory_mb=round(memory_mb(), 1),
            seconds=round(now - self.began, 2),
        )
        self.stamp, self.epoch = now, state.epoch or 0.0
