"""The base model with fresh LoRA factors, on the device that is there."""

from __future__ import annotations

import os
from typing import Any

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import AutoModelForCausalLM, AutoTokenizer, set_seed

from tutor.studio.training.reporting import first
from tutor.studio.training.spec import Spec

LAYERS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]


def load(spec: Spec) -> tuple[PeftModel, Any]:
    """The model in bfloat16 with LoRA on all linear layers of its blocks, and its tokenizer."""
    set_seed(int(spec.settings["seed"]))
    processes = int(os.environ.get("WORLD_SIZE", "1"))
    torch.set_num_threads(int(spec.settings["threads"]) or max(1, (os.cpu_count() or 1) // processes))
    tokenizer = AutoTokenizer.from_pretrained(spec.base)
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    model = AutoModelForCausalLM.from_pretrained(spec.base, dtype=torch.bfloat16)
    model.config.use_cache = False
    config = LoraConfig(
        r=int(spec.settings["rank"]),
        lora_alpha=int(spec.settings["alpha"]),
        lora_dropout=float(spec.settings["dropout"]),
        target_modules=LAYERS,
        task_type="CAUSAL_LM",
    )
    return get_peft_model(model, config), tokenizer


def arguments(spec: Spec) -> dict[str, Any]:
    """What every method's trainer is told, as transformers names it."""
    settings = spec.settings
    return {
        "output_dir": str(spec.folder / "checkpoints"),
        "num_train_epochs": settings["epochs"],
        "max_steps": int(settings["steps"]) or -1,
        "per_device_train_batch_size": int(settings["batch_size"]),
        "gradient_accumulation_steps": int(settings["accumulation"]),
        "learning_rate": settings["learning_rate"],
        "lr_scheduler_type": "cosine",
        "warmup_steps": int(settings["warmup_steps"]),
        "weight_decay": settings["weight_decay"],
        "logging_steps": 1,
        "save_steps": int(settings["checkpoint_steps"]),
        "save_total_limit": 2,
        "seed": int(settings["seed"]),
        "bf16": True,
        "use_cpu": not torch.cuda.is_available(),
        "activation_checkpointing": bool(settings["recompute"]),
        "report_to": [],
        "disable_tqdm": True,
        "dataloader_pin_memory": torch.cuda.is_available(),
    }


def finish(model: PeftModel, before: torch.Tensor, spec: Spec) -> None:
    """Save the adapter. Raises RuntimeError where training moved nothing, which no one should serve."""
    if torch.equal(moved(model), before):
        raise RuntimeError("Training changed no weight. Use more steps or a higher learning rate.")
    if first():
        model.save_pretrained(spec.folder / "adapter")


def moved(model: PeftModel) -> torch.Tensor:
    """One number for each LoRA factor, to see whether they change."""
    factors = [weight.detach().float().sum().cpu() for weight in model.parameters() if weight.requires_grad]
    return torch.stack(factors)
