"""LoRA adapters: PEFT folders under <models>/adapters/<name>, loaded while the host runs, many in one forward pass."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch.nn.functional import linear

SMALL = 8  # tokens in a pass up to which 8 bits are quicker (measured: 24 against 45 ms for one)
TYPICAL = 32  # tokens in a pass that the blocked order is made for


class AdapterUnusable(Exception):
    """The adapter's folder cannot be served; the message says why."""


@dataclass(frozen=True)
class Pair:
    """The two factors of one layer's change: x -> scale * (x A^T) B^T; A is [rank, in], B is [out, rank]."""

    down: torch.Tensor
    up: torch.Tensor


@dataclass
class Spans:
    """Which tokens of the pass belong to which adapter; shared by all layers."""

    by_adapter: dict[str, torch.Tensor] = field(default_factory=dict)


class HostLinear(torch.nn.Module):  # type: ignore[misc]  # torch is not followed by mypy here
    """A linear layer with the adapters' changes for the tokens they own.

    On a CPU its weight [out, in] is kept in 8 bits for few tokens and, for more, in the blocked order that oneDNN
    computes in, which it would otherwise bring about anew in each pass.
    """

    def __init__(self, base: torch.nn.Linear, spans: Spans, *, shared: bool) -> None:
        super().__init__()
        self.weight, self.bias, self.spans = base.weight, base.bias, spans
        self.shape = tuple(base.weight.shape)
        self.pairs: dict[str, Pair] = {}
        self.eight: tuple[torch.Tensor, torch.Tensor] | None = None
        self.blocked: torch.Tensor | None = None
        weight = base.weight.detach()
        if weight.device.type == "cpu" and weight.dtype == torch.bfloat16 and base.bias is None:
            self.eight = in_eight_bits(weight)
            self.blocked = None if shared else _blocked(weight)
        if self.blocked is not None:
            self.weight = None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.eight is not None and x.shape[-2] <= SMALL:
            y = torch._weight_int8pack_mm(x.reshape(-1, x.shape[-1]), *self.eight).view(*x.shape[:-1], -1)
        elif self.blocked is not None:
            y = torch.ops.mkldnn._linear_pointwise(x, self.blocked, None, "none", [], "")
        else:
            y = linear(x, self.weight, self.bias)
        for name, where in self.spans.by_adapter.items():
            pair = self.pairs.get(name)
            if pair is not None:
                y[:, where] += linear(linear(x[:, where], pair.down), pair.up)
        return y


def _blocked(weight: torch.Tensor) -> torch.Tensor | None:
    """The weight in oneDNN's order, None where torch was built without it."""
    try:
        return torch.ops.mkldnn._reorder_linear_weight(weight, TYPICAL)
    except (AttributeError, RuntimeError):
        return None


def in_eight_bits(weight: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The weight [out, in] as int8 with one scale an output."""
    wide = weight.detach().float()
    scale = wide.abs().amax(dim=1, keepdim=True).clamp_min_(1e-12) / 127
    return wide.div_(scale).round_().to(torch.int8), scale.squeeze(1).to(weight.dtype)


def wrap(model: torch.nn.Module, spans: Spans) -> dict[str, HostLinear]:
    """Put a HostLinear in place of each linear layer; returns them by the name PEFT gives them."""
    wrapped = {}
    embedded = model.get_input_embeddings().weight
    for name, module in list(model.named_modules()):
        if type(module) is torch.nn.Linear:
            parent, _, attribute = name.rpartition(".")
            wrapped[name] = HostLinear(module, spans, shared=module.weight is embedded)
            setattr(model.get_submodule(parent), attribute, wrapped[name])
    return wrapped


@dataclass(frozen=True)
class Adapter:
    """A loaded adapter; the key tells its versions apart."""

    key: str
    pairs: dict[str, Pair]  # by layer


def names(folder: Path) -> list[str]:
    """The adapters that stand in the folder."""
    return sorted(file.parent.name for file in folder.glob("*/adapter_config.json"))


def stamp(folder: Path) -> float:
    """Changes whenever the adapter's weights do."""
    return (folder / "adapter_model.safetensors").stat().st_mtime


def load(folder: Path, key: str, layers: dict[str, HostLinear], like: torch.Tensor) -> Adapter:
    """Read a PEFT LoRA folder for a model with these layers, to the device and type of `like`; raises AdapterUnusable."""
    try:
        config: dict[str, Any] = json.loads((folder / "adapter_config.json").read_text())
        tensors = load_file(folder / "adapter_model.safetensors")
    except (OSError, ValueError) as error:
        raise AdapterUnusable(f"The adapter {folder.name} cannot be read: {error}") from error
    for setting, reason in (
        ("use_dora", "DoRA"),
        ("alora_invocation_tokens", "activated LoRA"),
        ("modules_to_save", "full layers"),
    ):
        if config.get(setting):
            raise AdapterUnusable(
                f"The adapter {folder.name} uses {reason}, which the host does not serve; merge it first."
            )
    if config.get("peft_type") != "LORA" or config.get("bias", "none") != "none":
        raise AdapterUnusable(
            f"The adapter {folder.name} is not a plain LoRA adapter; merge it into a model first."
        )
    pairs = {}
    for factor in [factor for factor in tensors if factor.endswith(".lora_A.weight")]:
        layer = factor.removeprefix("base_model.model.").removesuffix(".lora_A.weight")
        down, up = tensors[factor], tensors[factor.replace(".lora_A.", ".lora_B.")]
        own = layers.get(layer)
        if (
            layer == "lm_head"
        ):  # it sees only the tokens whose logits are wanted, so its spans would be others
            raise AdapterUnusable(
                f"The adapter {folder.name} changes lm_head, which the host does not serve."
            )
        if own is None or (up.shape[0], down.shape[1]) != own.shape:
            raise AdapterUnusable(
                f"The adapter {folder.name} was trained on another model: {layer} does not fit."
            )
        rank = down.shape[0]
        alpha = _pattern(config.get("alpha_pattern"), layer, config["lora_alpha"])
        scale = alpha / rank**0.5 if config.get("use_rslora") else alpha / rank
        pairs[layer] = Pair(down.to(like), (up.float() * scale).to(like))
    if not pairs:
        raise AdapterUnusable(f"The adapter {folder.name} changes no layer of this model.")
    return Adapter(key, pairs)


def _pattern(patterns: dict[str, float] | None, layer: str, default: float) -> float:
    return next((value for name, value in (patterns or {}).items() if layer.endswith(name)), default)


def attach(adapter: Adapter, layers: dict[str, HostLinear]) -> None:
    """Serve the adapter from the next pass on."""
    for layer, pair in adapter.pairs.items():
        layers[layer].pairs[adapter.key] = pair


def detach(adapter: Adapter, layers: dict[str, HostLinear]) -> None:
    """Forget the adapter."""
    for layer in adapter.pairs:
        layers[layer].pairs.pop(adapter.key, None)
