"""Training methods: one module each, and this dict of them. They run only in a child process of their own (`__main__`).

Each module has `train(spec: Spec) -> None`, which leaves a PEFT folder at `spec.folder / "adapter"`.
"""

METHODS = {
    "sft": "tutor.studio.training.sft",
    "dpo": "tutor.studio.training.dpo",
    "reflected": "tutor.studio.training.sft",  # the same loss; its rows have wrong steps, which are never learnt
}
