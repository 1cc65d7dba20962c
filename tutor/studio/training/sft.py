"""LoRA fine-tuning on answers, without loss on their wrong steps."""

from __future__ import annotations

from datasets import Dataset
from trl import SFTConfig, SFTTrainer

from tutor.studio.training.checkpoints import last
from tutor.studio.training.encoding import encode
from tutor.studio.training.model import arguments, finish, load, moved
from tutor.studio.training.reporting import Reporter
from tutor.studio.training.spec import Spec


def train(spec: Spec) -> None:
    """Train on `spec.rows` and save the adapter; goes on from the last checkpoint where there is one."""
    model, tokenizer = load(spec)
    longest = int(spec.settings["max_tokens"])
    encoded = [encode(tokenizer, row, longest) for row in spec.rows]
    rows = [row for row in encoded if row is not None]
    before = moved(model)
    # Batches of like length waste little on padding; packing needs an attention that keeps examples apart.
    config = SFTConfig(**arguments(spec), max_length=longest, train_sampling_strategy="group_by_length")
    reporter = Reporter(spec.folder, sum(len(row["input_ids"]) for row in rows))
    trainer = SFTTrainer(
        model,
        args=config,
        train_dataset=Dataset.from_list(rows),
        processing_class=tokenizer,
        callbacks=[reporter],
    )
    trainer.train(resume_from_checkpoint=last(spec.folder))
    finish(model, before, spec)
