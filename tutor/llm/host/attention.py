"""Attention over the cache for many sequences in one forward pass.

Tokens of all sequences are packed into one row of length T: first one token for each sequence that is writing, then the
pieces of prompts being read. Registered with transformers under NAME, so that its decoder models run unchanged.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface

from tutor.llm.host.cache import Cache

NAME = "lyceum"


@dataclass
class Piece:
    """Part of a prompt: tokens [offset, offset + count) of the pack stand at [start, start + count) of the row."""

    row: int
    start: int
    offset: int
    count: int
    mask: torch.Tensor  # [count, start + count], additive


@dataclass
class Plan:
    """What one forward pass holds."""

    cache: Cache
    rows: torch.Tensor  # [n] of the writing sequences
    positions: torch.Tensor  # [n]
    low: int  # their rows lie in [low, high)
    high: int
    longest: int
    mask: torch.Tensor | None  # [high - low, 1, 1, longest], additive
    pieces: list[Piece] = field(default_factory=list)


def plan(
    cache: Cache, writing: list[tuple[int, int]], reading: list[tuple[int, int, int]], dtype: torch.dtype
) -> Plan:
    """Plan a pass for `writing` [(row, position)] and `reading` [(row, start, count)]."""
    device = cache.keys[0].device
    rows = torch.tensor([row for row, _ in writing], dtype=torch.long)
    positions = torch.tensor([position for _, position in writing], dtype=torch.long)
    made = Plan(cache, rows.to(device), positions.to(device), 0, 0, 0, None)
    if writing:
        made.low, made.high = int(rows.min()), int(rows.max()) + 1
        made.longest = int(positions.max()) + 1
        ends = torch.zeros(made.high - made.low, dtype=torch.long)
        ends[rows - made.low] = positions
        hidden = torch.arange(made.longest)[None, :] > ends[:, None]
        mask = torch.zeros(hidden.shape, dtype=dtype).masked_fill_(hidden, float("-inf"))
        made.mask = mask[:, None, None, :].to(device)
    offset = len(writing)
    for row, start, count in reading:
        later = torch.ones(count, start + count, dtype=torch.bool).triu_(start + 1)
        mask = torch.zeros(later.shape, dtype=dtype).masked_fill_(later, float("-inf")).to(device)
        made.pieces.append(Piece(row, start, offset, count, mask))
        offset += count
    return made


def attend(
    module: torch.nn.Module,
    query: torch.Tensor,  # [1, heads, T, size]
    key: torch.Tensor,  # [1, key heads, T, size]
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    scaling: float | None = None,
    *,
    plan: Plan,
    **ignored: Any,
) -> tuple[torch.Tensor, None]:
    """Store the new keys and values, attend over each sequence's own; returns [1, T, heads, size]."""
    keys, values = plan.cache.keys[module.layer_idx], plan.cache.values[module.layer_idx]
    heads, tokens, size = query.shape[1:]
    groups = heads // key.shape[1]
    out = query.new_empty(tokens, heads, size)
    n = len(plan.rows)
    if n:
        # Heads that share keys become query positions of one head: four times quicker here than repeating the keys.
        keys[plan.rows, :, plan.positions] = key[0, :, :n].transpose(0, 1)
        values[plan.rows, :, plan.positions] = value[0, :, :n].transpose(0, 1)
        span = plan.high - plan.low
        asked = query[0, :, :n].transpose(0, 1).reshape(n, -1, groups, size)
        if span != n:
            spread = query.new_zeros(span, *asked.shape[1:])
            spread[plan.rows - plan.low] = asked
            asked = spread
        found = scaled_dot_product_attention(
            asked,
            keys[plan.low : plan.high, :, : plan.longest],
            values[plan.low : plan.high, :, : plan.longest],
            attn_mask=plan.mask.expand(span, 1, groups, plan.longest) if plan.mask is not None else None,
            scale=scaling,
        )
        out[:n] = (found if span == n else found[plan.rows - plan.low]).reshape(n, heads, size)
    for piece in plan.pieces:
        new = slice(piece.offset, piece.offset + piece.count)
        end = piece.start + piece.count
        keys[piece.row, :, piece.start : end] = key[0, :, new]
        values[piece.row, :, piece.start : end] = value[0, :, new]
        found = scaled_dot_product_attention(
            query[:, :, new],
            keys[piece.row, :, None, :end].expand(-1, groups, -1, -1).reshape(1, heads, end, size),
            values[piece.row, :, None, :end].expand(-1, groups, -1, -1).reshape(1, heads, end, size),
            attn_mask=piece.mask,
            scale=scaling,
        )
        out[new] = found[0].transpose(0, 1)
    return out[None], None


AttentionInterface.register(NAME, attend)
