"""Training methods: one module each, and this dict of them. They run only in a child process of their own (`__main__`).

Each module has `train(spec: Spec, report: Report) -> None`, which leaves a PEFT folder at `spec.folder / "adapter"`.
"""

METHODS = {
    "sft": "tutor.studio.training.sft",
    "dpo": "tutor.studio.training.dpo",
    "reflected": "tutor.studio.training.sft",  # the same loss, without the steps that were marked as wrong
}
