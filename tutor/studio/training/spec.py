"""What a run is told: every knob with its bounds, the presets, and the file that the child process reads. No torch here."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

# name -> (default, least, most, what it is)
KNOBS: dict[str, tuple[float | int, float, float, str]] = {
    "epochs": (3, 0.01, 50, "times each example is seen"),
    "steps": (0, 0, 1_000_000, "optimiser steps in all; 0: as the epochs say"),
    "learning_rate": (5e-4, 1e-7, 1e-1, "at its highest"),
    "warmup_steps": (10, 0, 100_000, "steps until the learning rate is at its highest"),
    "weight_decay": (0.01, 0, 1, "pull of the weights towards zero"),
    "batch_size": (4, 1, 1024, "examples in one pass on one device"),
    "accumulation": (2, 1, 1024, "passes to one optimiser step"),
    "max_tokens": (512, 32, 32_768, "tokens of an example; what is longer is cut"),
    "packing": (0, 0, 1, "1: short examples share rows of max_tokens, of which batch_size counts; for GPUs"),
    "recompute": (
        0,
        0,
        1,
        "1: compute activations again in the backward pass: slower by a third, much less memory",
    ),
    "rank": (16, 1, 512, "LoRA's rank"),
    "alpha": (32, 1, 1024, "LoRA's scale, divided by the rank"),
    "dropout": (0.05, 0, 0.9, "of LoRA's input"),
    "beta": (0.1, 0.001, 10, "DPO: how far it may leave the base"),
    "seed": (7, 0, 2**31 - 1, "of shuffling and initial weights"),
    "checkpoint_steps": (
        50,
        1,
        1_000_000,
        "steps between checkpoints, from which a run goes on after a crash",
    ),
    "threads": (0, 0, 1024, "of a processor; 0: all"),
}
WHOLE = {name for name, (default, *_) in KNOBS.items() if isinstance(default, int)} - {"epochs"}
PRESETS: dict[str, dict[str, float | int]] = {
    "quick": {"epochs": 1},
    "balanced": {},
    "thorough": {"epochs": 6, "learning_rate": 3e-4},
    "ai-university": {  # the published recipe
        "epochs": 5, "learning_rate": 5e-5, "accumulation": 2, "rank": 45, "alpha": 65, "warmup_steps": 100, "max_tokens": 700,
    },
}  # fmt: skip


class UnknownKnob(ValueError):
    """A setting that does not exist or is out of its bounds; the message says what would do."""


def resolve(given: Mapping[str, Any], preset: str = "balanced") -> dict[str, float | int]:
    """All knobs: the defaults, changed by the preset, changed by what was given. Raises UnknownKnob."""
    if preset not in PRESETS:
        raise UnknownKnob(f"There is no preset “{preset}”. There are: {', '.join(PRESETS)}.")
    settings: dict[str, float | int] = {name: default for name, (default, *_) in KNOBS.items()} | PRESETS[
        preset
    ]
    for name, text in given.items():
        if name not in KNOBS:
            raise UnknownKnob(f"There is no setting “{name}”. There are: {', '.join(KNOBS)}.")
        _, least, most, what = KNOBS[name]
        try:
            value = float(text)
        except (TypeError, ValueError):
            raise UnknownKnob(f"“{name}” ({what}) has to be a number, not “{text}”.") from None
        if not least <= value <= most or (name in WHOLE and value != int(value)):
            kind = "a whole number" if name in WHOLE else "a number"
            raise UnknownKnob(f"“{name}” ({what}) has to be {kind} from {least:g} to {most:g}, not {text}.")
        settings[name] = int(value) if name in WHOLE else value
    return settings


@dataclass(frozen=True)
class Row:
    """One example as messages; `wrong` are [start, end) offsets in `answer` that no loss is taken on."""

    system: str
    user: str
    answer: str
    rejected: str = ""
    wrong: list[list[int]] = field(default_factory=list)


@dataclass(frozen=True)
class Spec:
    """All that the child process needs. `folder` holds this file, checkpoints, the adapter, and a file `stop` to stop it."""

    method: str
    base: Path
    folder: Path
    rows: list[Row]
    settings: dict[str, float | int]

    def write(self) -> Path:
        """Into its folder; returns the file."""
        self.folder.mkdir(parents=True, exist_ok=True)
        file = self.folder / "spec.json"
        plain = asdict(self) | {"base": str(self.base), "folder": str(self.folder)}
        file.write_text(json.dumps(plain), encoding="utf-8")
        return file

    @classmethod
    def read(cls, file: Path) -> Spec:
        """What `write` wrote; a knob that is newer than the run is at its default."""
        plain = json.loads(file.read_text(encoding="utf-8"))
        rows = [
            Row(**{name: row[name] for name in (one.name for one in fields(Row))}) for row in plain["rows"]
        ]
        settings = {name: default for name, (default, *_) in KNOBS.items()} | plain["settings"]
        return cls(plain["method"], Path(plain["base"]), Path(plain["folder"]), rows, settings)
