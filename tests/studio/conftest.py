"""A base model that trains in moments, and a dataset to train it on."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import make
from tutor.llm import catalog
from tutor.studio.models import Dataset, Example


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of models with one base, "tiny": two layers, sixteen wide, never trained."""
    import torch
    from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

    root = tmp_path_factory.mktemp("models")
    home = root / "tiny"
    tokenizer = AutoTokenizer.from_pretrained(catalog.path("smollm2-135m-instruct"))
    torch.manual_seed(1)
    config = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=16, intermediate_size=32, num_hidden_layers=2, num_attention_heads=2,
        num_key_value_heads=1, max_position_embeddings=256, tie_word_embeddings=True, bos_token_id=1, eos_token_id=2,
    )  # fmt: skip
    LlamaForCausalLM(config).to(torch.bfloat16).save_pretrained(home)
    tokenizer.save_pretrained(home)
    return root


@pytest.fixture
def models(tiny: Path, settings: Any, tmp_path: Path) -> Iterator[Path]:
    """The site's models and data are these, for one test."""
    settings.MODELS_DIR = tiny
    settings.DATA_DIR = tmp_path
    yield tiny
    shutil.rmtree(tiny / "adapters", ignore_errors=True)


@pytest.fixture
def dataset(db: None) -> Dataset:
    """Sixteen pairs that people accepted, of a course about averages."""
    dataset = Dataset.objects.create(course=make.course("Averages"), title="Pairs", state="done")
    for number in range(16):
        Example.objects.create(
            dataset=dataset,
            kind="own",
            question=f"What is reading {number}?",
            answer=f"Reading {number} follows reading {number - 1}.",
            rejected_answer="Nobody knows anything about readings.",
        )
    return dataset
