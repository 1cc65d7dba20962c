"""What the embedded language model makes of an utterance after the one before it: where its middle layers stand when it has
read both, and how much likelier each word became by what was said before.

The second is a sample of the pointwise mutual information that Demszky et al. (2021) measure uptake with.
"""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from coach.classifiers import Pair
from coach.classifiers.encoding import EncoderMissing
from tutor.llm import catalog

MODEL = "smollm2-135m-instruct"
SCENE = "In a mathematics lesson.\n"
BEFORE = "Student:"
TEXT = "Teacher:"
LAYERS = (18, 20)  # of 30; their mean
WIDTH = 576
STATES = 3 * WIDTH  # the mean over the utterance, its end, and where it is about to begin
INFORMATION = 18
MAX_WORDS = 120  # of what was said before
MAX_TOKENS = 160  # of the utterance
BATCH = 8
KEPT = 5_000  # pairs that stay in memory, 3.5 kB each

Halves = NDArray[np.float16]
Floats = NDArray[np.float32]

_lock = threading.Lock()
_kept: OrderedDict[Pair, Halves] = OrderedDict()


def heard(pairs: Sequence[Pair]) -> Halves:
    """What the model makes of each pair, a teacher's text after a student's: [n, STATES + INFORMATION].

    Raises coach.classifiers.encoding.EncoderMissing. Safe to call from several threads; a pair seen lately is not read again.
    """
    with _lock:
        new = [pair for pair in dict.fromkeys(pairs) if pair not in _kept]
        read = dict(zip(new, _listener().read(new), strict=True)) if new else {}
        found = [read[pair] if pair in read else _kept[pair] for pair in pairs]
        _kept.update(read)
        while len(_kept) > KEPT:
            _kept.popitem(last=False)
    return np.stack(found) if found else np.zeros((0, STATES + INFORMATION), np.float16)


class _Listener:
    """The model; a batch of pairs of about the same length a thread, one thread a core."""

    def __init__(self, folder: Path) -> None:
        import torch
        from tokenizers import Tokenizer
        from transformers import AutoModelForCausalLM
        from transformers.utils.logging import disable_progress_bar

        disable_progress_bar()
        self.tokenizer: Any = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self.tokenizer.no_padding()
        # half the memory and a fifth of the time where the processor knows it
        fast = "AVX512" in torch.backends.cpu.get_cpu_capability()
        self.model: Any = AutoModelForCausalLM.from_pretrained(
            folder, dtype=torch.bfloat16 if fast else torch.float32
        ).eval()
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        self.threads = ThreadPoolExecutor(
            cores, thread_name_prefix="listen", initializer=torch.set_num_threads, initargs=(1,)
        )
        self.scene, self.before = self._ids(SCENE), self._ids(BEFORE)
        self.text, self.end = self._ids(TEXT), self._ids("\n")

    def read(self, pairs: Sequence[Pair]) -> list[Halves]:
        order = sorted(range(len(pairs)), key=lambda place: len(pairs[place].before) + len(pairs[place].text))
        batches = [order[start : start + BATCH] for start in range(0, len(order), BATCH)]
        found: list[Halves] = [np.zeros(0, np.float16)] * len(pairs)
        rows = self.threads.map(lambda batch: self._batch([pairs[place] for place in batch]), batches)
        for batch, made in zip(batches, rows, strict=True):
            for place, row in zip(batch, made, strict=True):
                found[place] = row
        return found

    def _ids(self, text: str) -> list[int]:
        ids: list[int] = self.tokenizer.encode(text, add_special_tokens=False).ids
        return ids

    def _batch(self, pairs: Sequence[Pair]) -> list[Halves]:
        import torch

        texts = [self._ids(f" {pair.text}")[:MAX_TOKENS] for pair in pairs]
        befores = [self._ids(f" {' '.join(pair.before.split()[:MAX_WORDS])}") for pair in pairs]
        starts = [[*self.scene, *self.before, *before, *self.end, *self.text] for before in befores]
        with torch.inference_mode():
            states, told = self._pass([[*s, *t, *self.end] for s, t in zip(starts, texts, strict=True)])
            alone_start = [*self.scene, *self.text]
            _, alone = self._pass([[*alone_start, *text] for text in texts], layers=False)
            made = []
            for place, (start, text) in enumerate(zip(starts, texts, strict=True)):
                begin, end = len(start), len(start) + len(text)
                state = states[place].float()
                stands = torch.cat([state[begin:end].mean(0), state[end], state[begin - 1]])
                likely = self._likelihood(told[place, begin - 1 : end - 1], text)
                without = len(alone_start)
                unlikely = self._likelihood(alone[place, without - 1 : without - 1 + len(text)], text)
                made.append(np.concatenate([stands.numpy(), information(likely, unlikely)]))
        return [row.clip(-60_000, 60_000).astype(np.float16) for row in made]

    def _pass(self, rows: Sequence[list[int]], layers: bool = True) -> tuple[Any, Any]:
        """The mean of LAYERS [n, length, WIDTH] (None without layers), and the last layer. No row sees its padding."""
        import torch

        length = max(map(len, rows))
        ids = torch.tensor([row + [0] * (length - len(row)) for row in rows])
        found = self.model.model(input_ids=ids, output_hidden_states=layers, use_cache=False)
        chosen = sum(found.hidden_states[layer] for layer in LAYERS) / len(LAYERS) if layers else None
        return chosen, found.last_hidden_state

    def _likelihood(self, states: Any, text: Sequence[int]) -> Floats:
        """The log-probability of each token [length], given the state before it."""
        logits = self.model.lm_head(states).float()
        chosen = logits.gather(1, logits.new_tensor(text).long()[:, None])[:, 0]
        found: Floats = (chosen - logits.logsumexp(1)).numpy()
        return found


def information(told: Floats, alone: Floats) -> Floats:
    """Figures [INFORMATION] of the log-probabilities of an utterance's tokens, after what was said before and without it."""
    gain = told - alone
    more = np.maximum(gain, 0)
    raw = np.array(
        [
            gain.sum(),
            gain.mean(),
            gain.max(),
            *((gain > nats).sum() for nats in (0.5, 1, 2, 4)),
            (gain < -1).sum(),
            (gain > 2).mean(),
            gain[:8].mean(),
            told.mean(),
            alone.mean(),
            told.sum(),
            len(gain),
            gain[:3].sum(),
            more.sum(),
            more[:15].sum(),
            np.sort(np.append(np.zeros(5), gain))[-5:].mean(),
        ],
        np.float32,
    )
    figures: Floats = np.sign(raw) * np.log1p(np.abs(raw))
    return figures


@cache
def _listener() -> _Listener:
    try:
        return _Listener(catalog.path(MODEL))
    except catalog.ModelMissing as error:
        raise EncoderMissing(str(error)) from error
