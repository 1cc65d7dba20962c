"""Examples as tokens and labels: loss on the answer only, and not on its wrong steps."""

from __future__ import annotations

from typing import Any

from tutor.studio.training.spec import Row

IGNORED = -100


def encode(tokenizer: Any, row: Row, max_tokens: int) -> dict[str, list[int]] | None:
    """`input_ids` and `labels`, both [tokens]; None where the prompt alone fills `max_tokens`.

    A token belongs to a wrong step when it shares a character with it; such a token is read and not learnt (STeP).
    """
    prompt = [{"role": "system", "content": row.system}, {"role": "user", "content": row.user}]
    start = tokenizer.apply_chat_template(prompt, add_generation_prompt=True, tokenize=False)
    whole = f"{start}{row.answer}{tokenizer.eos_token}"
    encoded = tokenizer(whole, add_special_tokens=False, return_offsets_mapping=True)
    wrong = [(len(start) + a, len(start) + b) for a, b in row.wrong]
    ids, labels = [], []
    for token, (first, last) in zip(encoded["input_ids"], encoded["offset_mapping"], strict=True):
        learnt = last > len(start) and not any(first < b and a < last for a, b in wrong)
        ids.append(token)
        labels.append(token if learnt else IGNORED)
    ids, labels = ids[:max_tokens], labels[:max_tokens]
    return {"input_ids": ids, "labels": labels} if any(label != IGNORED for label in labels) else None
