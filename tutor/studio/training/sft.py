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
    ready = trainer(spec)
    before = moved(ready.model)
    ready.train(resume_from_checkpoint=last(spec.folder))
    finish(ready.model, before, spec)


def trainer(spec: Spec) -> SFTTrainer:
    """Ready to train. With `packing`, examples share rows of `max_tokens`, each seeing itself alone; without, batches are of
    examples alike in length, which wastes little on padding."""
    model, tokenizer = load(spec)
    longest = int(spec.settings["max_tokens"])
    encoded = [encode(tokenizer, row, longest) for row in spec.rows]
    rows = [row for row in encoded if row is not None]
    shape = {"packing": True} if spec.settings["packing"] else {"train_sampling_strategy": "group_by_length"}
    return SFTTrainer(
        model,
        args=SFTConfig(**arguments(spec), **shape, max_length=longest),
        train_dataset=Dataset.from_list(rows),
        processing_class=tokenizer,
        callbacks=[Reporter(spec.folder, sum(len(row["input_ids"]) for row in rows))],
    )
