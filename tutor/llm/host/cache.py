"""Keys and values of every sequence, kept in rows so that a later prompt with the same beginning starts warm."""

from __future__ import annotations

import itertools
import math
import mmap
from dataclasses import dataclass, field
from typing import Any

import torch

REUSE_FROM = 16  # tokens; a shorter common beginning is not worth a copy


@dataclass(eq=False)
class Row:
    """One sequence's place. A free row keeps its tokens until it is taken, for their beginning may come again."""

    index: int
    adapter: str = ""
    tokens: list[int] = field(default_factory=list)  # those whose keys and values stand in the row
    busy: bool = False
    used: int = 0  # larger is more recent

    def common(self, adapter: str, prompt: list[int]) -> int:
        """How many tokens at the beginning are the prompt's own."""
        if adapter != self.adapter:
            return 0
        pairs = zip(self.tokens, prompt, strict=False)
        return sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], pairs))


class Cache:
    """Keys and values, [rows, key heads, capacity, head size] a layer.

    Allocated at once, but the operating system gives memory only to what has been written.
    """

    def __init__(
        self, config: Any, rows: int, capacity: int, device: torch.device, dtype: torch.dtype
    ) -> None:
        head_size = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
        shape = (rows, config.num_key_value_heads, capacity, head_size)
        self.keys = [_zeros(shape, device, dtype) for _ in range(config.num_hidden_layers)]
        self.values = [_zeros(shape, device, dtype) for _ in range(config.num_hidden_layers)]
        self.rows = [Row(index) for index in range(rows)]
        self.capacity = capacity
        self.clock = itertools.count(1)

    def take(self, adapter: str, prompt: list[int], below: int | None = None) -> Row:
        """A free row that holds as much of the prompt's beginning as any row has.

        At least one token is left to read, or all from the one before `below` on.
        """
        free = [row for row in self.rows if not row.busy]
        common = {row: row.common(adapter, prompt) for row in self.rows}
        warmest = max(self.rows, key=lambda row: (common[row], not row.busy, row.used))
        kept = min(common[warmest], len(prompt) - 1 if below is None else below - 1)
        if kept < REUSE_FROM:
            kept = 0
        # The warmest row itself, where little of it is lost; else a copy into the row that has been idle for longest.
        row = warmest
        if warmest.busy or kept < len(warmest.tokens) // 2:
            row = min(free, key=lambda row: (row is warmest, row.used))
            if kept and row is not warmest:
                for layer in (*self.keys, *self.values):
                    layer[row.index, :, :kept] = layer[warmest.index, :, :kept]
        row.adapter, row.tokens, row.busy = adapter, prompt[:kept], True
        row.used = next(self.clock)
        return row

    def release(self, row: Row) -> None:
        """The sequence has ended; its tokens stay until the row is needed."""
        row.busy = False
        row.used = next(self.clock)


def _zeros(shape: tuple[int, ...], device: torch.device, dtype: torch.dtype) -> torch.Tensor:
    """Zeros, because what a mask hides must still be a number; on a CPU without touching the memory."""
    if device.type != "cpu":
        return torch.zeros(shape, device=device, dtype=dtype)
    memory = mmap.mmap(-1, math.prod(shape) * dtype.itemsize)
    if hasattr(mmap, "MADV_NOHUGEPAGE"):  # else one token makes a row's 2 MB real, and all rows 2 GB
        memory.madvise(mmap.MADV_NOHUGEPAGE)
    return torch.frombuffer(memory, dtype=dtype).view(shape)
