"""The embedded model: one thread that reads and writes all sequences together, a forward pass at a time.

Every pass takes the next token of each sequence that is writing and a piece of the prompts still to be read, so that a long
prompt delays nobody for long, and whoever leaves is gone at the next pass.
"""

from __future__ import annotations

import logging
import os
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from llguidance import LLTokenizer
from transformers import AutoModelForCausalLM, AutoTokenizer

from tutor.llm.host import adapters
from tutor.llm.host.attention import NAME, plan
from tutor.llm.host.cache import Cache, Row
from tutor.llm.host.writing import Choice, Sampler, Text

log = logging.getLogger(__name__)

ROWS = 24  # sequences whose keys and values are kept, running or not
RUNNING = 16  # sequences in a pass; more wait
CAPACITY = 4096  # tokens a sequence
PIECE = 512  # tokens of prompts read in a pass when nobody is writing
PIECE_BESIDE = 128  # and when somebody is
MAX_THREADS = 8  # so small a model gains nothing from more


@dataclass
class Output:
    """What a pass brought for one sequence."""

    text: str = ""
    choices: list[Choice] = field(default_factory=list)
    finish: str | None = None  # stop | length
    error: str = ""
    scores: list[float] = field(default_factory=list)


@dataclass(eq=False)
class Sequence:
    """One request, from its prompt to its end. `emit` is called on the engine's thread."""

    prompt: list[int]
    emit: Callable[[Output], None]
    max_tokens: int = 1
    sampler: Sampler | None = None
    text: Text | None = None
    adapter: str = ""
    score_from: int | None = None  # score the prompt's tokens from here on, write nothing
    gone: bool = False  # set from any thread: nobody waits for it any more
    written: int = 0
    reused: int = 0  # prompt tokens found in the cache
    row: Row | None = None
    next: list[int] = field(
        default_factory=list
    )  # tokens to feed: the rest of the prompt, or the last one chosen
    scores: list[float] = field(default_factory=list)


class Engine:
    """Loads a model and runs sequences on it."""

    def __init__(self, folder: Path, adapters_folder: Path) -> None:
        self.name = folder.name
        self.adapters_folder = adapters_folder
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.dtype = torch.bfloat16
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        self.threads = min(cores, MAX_THREADS)
        torch.set_num_threads(1)  # loading is many small steps: threads would only wait for each other
        self.tokenizer = AutoTokenizer.from_pretrained(folder)
        self.grammar_tokenizer = LLTokenizer(
            self.tokenizer.backend_tokenizer.to_str(), eos_token=self.tokenizer.eos_token_id
        )
        self.model = AutoModelForCausalLM.from_pretrained(folder, dtype=self.dtype, attn_implementation=NAME)
        self.model.eval().to(self.device)
        self.spans = adapters.Spans()
        self.layers = adapters.wrap(self.model, self.spans)
        config = self.model.config
        self.capacity = min(CAPACITY, config.max_position_embeddings)
        self.cache = Cache(config, ROWS, self.capacity, self.device, self.dtype)
        ends = self.model.generation_config.eos_token_id
        self.ends = set(ends if isinstance(ends, list) else [ends])
        self.waiting: deque[Sequence] = deque()
        self.running: list[Sequence] = []
        self.loaded: dict[str, adapters.Adapter] = {}
        self.tasks: deque[Callable[[], None]] = deque()  # to be done between passes
        self.wake = threading.Condition()
        self.stopping = False
        self.thread = threading.Thread(target=self._loop, name="engine", daemon=True)

    def start(self) -> None:
        """Begin to serve."""
        self.thread.start()

    def stop(self) -> None:
        """End after the pass that is running."""
        with self.wake:
            self.stopping = True
            self.wake.notify()
        self.thread.join(timeout=10)

    def submit(self, sequence: Sequence) -> None:
        """Queue a sequence; may be called from any thread."""
        with self.wake:
            self.waiting.append(sequence)
            self.wake.notify()

    def models(self) -> list[str]:
        """The names that can be asked for: the model and the adapters that stand in their folder."""
        return [self.name, *adapters.names(self.adapters_folder)]

    def adapter(self, name: str) -> str:
        """Make an adapter ready, in its newest version, and return the key for Sequence.adapter.

        Sequences that run on an older version keep it. Blocks; raises AdapterUnusable.
        """
        folder = self.adapters_folder / name
        try:
            key = f"{name}@{adapters.stamp(folder)}"
        except OSError as error:
            raise adapters.AdapterUnusable(f"The adapter {name} has no weights: {error}") from error
        if key not in self.loaded:
            made = adapters.load(folder, key, self.layers, self.cache.keys[0])
            done = threading.Event()

            def attach() -> None:
                in_use = {sequence.adapter for sequence in (*self.running, *self.waiting)}
                for old in [old for old in self.loaded if old.startswith(f"{name}@") and old not in in_use]:
                    adapters.detach(self.loaded.pop(old), self.layers)
                self.loaded[key] = made
                adapters.attach(made, self.layers)
                done.set()

            with self.wake:
                self.tasks.append(attach)
                self.wake.notify()
            done.wait()
        return key

    def _loop(self) -> None:
        torch.set_num_threads(self.threads)
        with torch.inference_mode():
            while True:
                with self.wake:
                    self.wake.wait_for(lambda: self.stopping or self.waiting or self.running or self.tasks)
                    if self.stopping:
                        return
                    while self.tasks:
                        self.tasks.popleft()()
                    self._admit()
                self._drop_the_gone()
                if not self.running:
                    continue
                try:
                    self._pass()
                except Exception:
                    log.exception("A forward pass failed")
                    for sequence in list(self.running):
                        self._finish(
                            sequence, Output(error="The model failed on this request; its log says more.")
                        )

    def _admit(self) -> None:
        while self.waiting and len(self.running) < RUNNING:
            sequence = self.waiting.popleft()
            if sequence.gone:
                continue
            sequence.row = self.cache.take(sequence.adapter, sequence.prompt, below=sequence.score_from)
            sequence.reused = len(sequence.row.tokens)
            sequence.next = sequence.prompt[sequence.reused :]
            self.running.append(sequence)

    def _drop_the_gone(self) -> None:
        for sequence in [sequence for sequence in self.running if sequence.gone]:
            self._finish(sequence, None)

    def _finish(self, sequence: Sequence, output: Output | None) -> None:
        self.running.remove(sequence)
        assert sequence.row is not None
        self.cache.release(sequence.row)
        if output is not None:
            sequence.emit(output)

    def _pass(self) -> None:
        writing = sorted((s for s in self.running if s.written), key=lambda s: s.row.index)  # type: ignore[union-attr]
        budget = PIECE_BESIDE if writing else PIECE
        reading: list[tuple[Sequence, int]] = []
        for sequence in self.running:
            count = min(len(sequence.next), budget) if not sequence.written else 0
            if count:
                reading.append((sequence, count))
                budget -= count
        logits = self._forward(writing, reading)
        at = 0
        for sequence in writing:
            self._write(sequence, logits[at])
            at += 1
        for sequence, count in reading:
            at = self._read(sequence, count, logits, at)

    def _forward(self, writing: list[Sequence], reading: list[tuple[Sequence, int]]) -> torch.Tensor:
        """Float32 logits [those that matter, vocabulary]: of each written token, then of what `_wanted` says."""
        rows = [(s.row.index, len(s.row.tokens)) for s in writing if s.row]
        pieces = [(s.row.index, len(s.row.tokens), count) for s, count in reading if s.row]
        tokens = [s.next[0] for s in writing]
        positions = [position for _, position in rows]
        wanted = list(range(len(writing)))
        owners = [s.adapter for s in writing]
        for (sequence, count), (_, start, _) in zip(reading, pieces, strict=True):
            wanted += [len(tokens) + place for place in self._wanted(sequence, count)]
            tokens += sequence.next[:count]
            positions += range(start, start + count)
            owners += [sequence.adapter] * count
        self.spans.by_adapter = {
            name: torch.tensor([i for i, owner in enumerate(owners) if owner == name], device=self.device)
            for name in set(owners) - {""}
        }
        output: Any = self.model(
            input_ids=torch.tensor([tokens], device=self.device),
            position_ids=torch.tensor([positions], device=self.device),
            plan=plan(self.cache, rows, pieces, self.dtype),
            use_cache=False,
            logits_to_keep=torch.tensor(wanted or [0], device=self.device),
        )
        for sequence in writing:
            self._fed(sequence, 1)
        for sequence, count in reading:
            self._fed(sequence, count)
        logits: torch.Tensor = output.logits[0].float()
        return logits

    def _fed(self, sequence: Sequence, count: int) -> None:
        assert sequence.row is not None
        sequence.row.tokens += sequence.next[:count]
        del sequence.next[:count]

    def _wanted(self, sequence: Sequence, count: int) -> range:
        """Places in the piece about to be read whose logits are needed."""
        assert sequence.row is not None
        start = len(sequence.row.tokens)
        if sequence.score_from is not None:  # the logits before each scored token
            return range(
                max(sequence.score_from - 1 - start, 0), min(count, len(sequence.prompt) - 1 - start)
            )
        return range(count - 1, count) if count == len(sequence.next) else range(0)

    def _read(self, sequence: Sequence, count: int, logits: torch.Tensor, at: int) -> int:
        """Take in what a piece of the prompt brought; returns where the next sequence's logits begin."""
        assert sequence.row is not None
        start = len(sequence.row.tokens) - count
        if sequence.score_from is None:
            if sequence.next:
                return at
            self._write(sequence, logits[at])
            return at + 1
        first = max(sequence.score_from - 1 - start, 0)
        places = range(first, min(count, len(sequence.prompt) - 1 - start))
        for place in places:
            following = sequence.prompt[start + place + 1]
            sequence.scores.append(float(torch.log_softmax(logits[at], dim=-1)[following]))
            at += 1
        if not sequence.next:
            self._finish(sequence, Output(finish="stop", scores=sequence.scores))
        return at

    def _write(self, sequence: Sequence, logits: torch.Tensor) -> None:
        assert sequence.sampler is not None
        assert sequence.text is not None
        try:
            choice = sequence.sampler.choose(logits)
        except Exception:  # a grammar that has gone astray ends its own request only
            log.exception("A token could not be chosen")
            self._finish(sequence, Output(error="No next token could be chosen; the host's log says more."))
            return
        sequence.written += 1
        if choice.token in self.ends:
            self._finish(sequence, Output(sequence.text.end(), finish="stop"))
            return
        output = Output(sequence.text.add(choice.token), [choice])
        assert sequence.row is not None
        full = len(sequence.row.tokens) + 1 >= self.capacity
        if sequence.text.stopped:
            output.finish = "stop"
        elif sequence.written >= sequence.max_tokens or full:
            output.text += sequence.text.end()
            output.finish = "length"
        if output.finish:
            self._finish(sequence, output)
        else:
            sequence.next = [choice.token]
            sequence.emit(output)
