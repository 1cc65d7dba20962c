"""LoRA training on a GPU, weights of 1B and 8B drawn by chance: tokens a second, share of the matrix rate, memory.

`python -m bench cards`. The trainer is the one of runs, on rows of 2,048 tokens. A frozen weight costs 4 operations a token
(forward, and the gradient of what went in; none for itself), attention 12 · hidden for each layer, token and token before it;
what is recomputed counts once. Without a GPU it says so and measures nothing.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch
from transformers import AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM, TrainerCallback

from bench.figures import Figure
from tutor.llm import catalog
from tutor.studio.training import sft
from tutor.studio.training.spec import Row, Spec, resolve

TOKENS = 2048
STEPS, WARM = 12, 4
SIZES = {
    "1B": (4, 0, {"hidden_size": 2048, "intermediate_size": 8192, "num_hidden_layers": 16}),
    "8B": (2, 1, {"hidden_size": 4096, "intermediate_size": 14336, "num_hidden_layers": 32}),
}  # rows in a batch, recompute, shape; after Llama 3


def figures() -> Iterator[Figure]:
    """Both sizes, where there is a card."""
    if not torch.cuda.is_available():
        print(
            "No GPU here: nothing was measured. Run `python -m bench cards` on a machine with one.",
            file=sys.stderr,
        )
        return
    rate = matrix_rate()
    yield Figure(f"matrix rate of {torch.cuda.get_device_name()}, bfloat16", rate / 1e12, "TFLOP/s")
    for name, (batch, recompute, shape) in SIZES.items():
        config = LlamaConfig(
            **shape, vocab_size=128_256, num_attention_heads=32, num_key_value_heads=8, tie_word_embeddings=name == "1B",
            max_position_embeddings=TOKENS,
        )  # fmt: skip
        torch.cuda.reset_peak_memory_stats()
        speed, operations = measured(config, batch, recompute)
        yield Figure(f"{name}, {batch} rows of {TOKENS} tokens", speed, "tokens/s")
        share = speed * operations / rate
        yield Figure(f"{name}, share of the matrix rate", share, at_least=0.45 if name == "1B" else None)
        yield Figure(f"{name}, memory", torch.cuda.max_memory_allocated() / 2**20, "MB")
        torch.cuda.empty_cache()


def matrix_rate() -> float:
    """Floating-point operations a second of a large bfloat16 product, the best of ten."""
    n = 8192
    one, two = (torch.randn(n, n, device="cuda", dtype=torch.bfloat16) for _ in range(2))
    best = 0.0
    for _ in range(10):
        torch.cuda.synchronize()
        began = time.perf_counter()
        for _ in range(10):
            one @ two
        torch.cuda.synchronize()
        best = max(best, 10 * 2 * n**3 / (time.perf_counter() - began))
    return best


def measured(config: LlamaConfig, batch: int, recompute: int) -> tuple[float, float]:
    """Tokens a second, and the operations that a token needs."""

    def drawn(*_: Any, dtype: torch.dtype, **__: Any) -> LlamaForCausalLM:
        with torch.device("cuda" if torch.cuda.is_available() else "cpu"):
            return LlamaForCausalLM(config).to(dtype)

    given = {
        "steps": STEPS, "batch_size": batch, "accumulation": 1, "max_tokens": TOKENS, "recompute": recompute, "dropout": 0,
        "checkpoint_steps": 1_000_000,
    }  # fmt: skip
    rows = [
        Row("Be brief.", f"Text {number}?", "A token is a piece of a word. " * TOKENS)
        for number in range(STEPS * batch)
    ]
    steps = Steps()
    with (
        tempfile.TemporaryDirectory() as folder,
        patch.object(AutoModelForCausalLM, "from_pretrained", drawn),
    ):
        spec = Spec("sft", catalog.path("smollm2-135m-instruct"), Path(folder), rows, resolve(given))
        trainer = sft.trainer(spec)
        weights = sum(
            weight.numel() for name, weight in trainer.model.named_parameters() if "embed_tokens" not in name
        )
        if config.tie_word_embeddings:
            weights += config.vocab_size * config.hidden_size
        trainer.add_callback(steps)
        trainer.train()
    attention = 12 * config.hidden_size * config.num_hidden_layers * TOKENS / 2
    return batch * TOKENS * (len(steps.ends) - 1 - WARM) / (
        steps.ends[-1] - steps.ends[WARM]
    ), 4 * weights + attention


class Steps(TrainerCallback):  # type: ignore[misc]  # transformers is not followed by mypy here
    """When each step ended, with all that the card had to do for it."""

    def __init__(self) -> None:
        self.ends: list[float] = []

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        self.ends.append(time.perf_counter())
