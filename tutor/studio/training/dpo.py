"""Direct preference optimisation on pairs of a better and a worse answer; the base without the adapter is the reference."""

from __future__ import annotations

from datasets import Dataset
from trl import DPOConfig, DPOTrainer

from tutor.studio.training.checkpoints import last
from tutor.studio.training.model import arguments, finish, load, moved
from tutor.studio.training.reporting import Reporter
from tutor.studio.training.spec import Spec


def train(spec: Spec) -> None:
    """Train on the rows that have a rejected answer, and save the adapter."""
    model, tokenizer = load(spec)
    rows = [
        {
            "prompt": [{"role": "system", "content": row.system}, {"role": "user", "content": row.user}],
            "chosen": [{"role": "assistant", "content": row.answer}],
            "rejected": [{"role": "assistant", "content": row.rejected}],
        }
        for row in spec.rows
        if row.rejected
    ]
    before = moved(model)
    config = DPOConfig(
        **arguments(spec), max_length=int(spec.settings["max_tokens"]), beta=spec.settings["beta"]
    )
    tokens = sum(
        len(tokenizer(row.user + row.answer + row.rejected)["input_ids"]) for row in spec.rows if row.rejected
    )
    trainer = DPOTrainer(
        model, args=config, train_dataset=Dataset.from_list(rows), processing_class=tokenizer,
        callbacks=[Reporter(spec.folder, tokens)],
    )  # fmt: skip
    trainer.train(resume_from_checkpoint=last(spec.folder))
    finish(model, before, spec)
