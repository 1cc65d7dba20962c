"""How one sequence is written: choosing tokens, constraining them, turning them into text, knowing when to stop."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from llguidance import LLMatcher, LLTokenizer
from tokenizers import Tokenizer
from tokenizers.decoders import DecodeStream

from tutor.llm.host.protocol import Sampling


class SchemaUnusable(Exception):
    """No grammar can be made of the JSON schema; the message says why."""


class Grammar:
    """Holds the sequence to a JSON schema, token by token."""

    def __init__(self, tokenizer: LLTokenizer, schema: dict[str, Any] | None) -> None:
        # Without fixed white space a small model can write spaces until it runs out of tokens.
        rule = json.dumps(schema if schema is not None else {"type": "object"})
        compact = {"whitespace_flexible": False, "item_separator": ", ", "key_separator": ": "}
        self.matcher = LLMatcher(tokenizer, LLMatcher.grammar_from_json_schema(rule, defaults=compact))
        if self.matcher.is_error():
            raise SchemaUnusable(f"The JSON schema cannot be used: {self.matcher.get_error()}")

    def constrain(self, logits: torch.Tensor) -> None:
        """Put what the grammar forbids next to minus infinity; logits are [vocabulary]."""
        allowed = np.frombuffer(self.matcher.compute_logit_bias(), np.uint8)[: logits.shape[0]]
        logits[: len(allowed)].masked_fill_(torch.from_numpy(allowed == 0).to(logits.device), float("-inf"))

    def accept(self, token: int) -> None:
        """Go on to the state after the token."""
        self.matcher.consume_token(token)


@dataclass
class Choice:
    """A chosen token with what was asked to know about it."""

    token: int
    logprob: float | None = None
    top: list[tuple[int, float]] = field(default_factory=list)


class Sampler:
    """Chooses one sequence's tokens."""

    def __init__(self, sampling: Sampling, grammar: Grammar | None, device: torch.device) -> None:
        self.how = sampling
        self.grammar = grammar
        self.counts: dict[int, int] = {}
        self.generator = torch.Generator(device)
        if sampling.seed is None:
            self.generator.seed()
        else:
            self.generator.manual_seed(sampling.seed)

    def choose(self, logits: torch.Tensor) -> Choice:
        """The next token for float32 logits [vocabulary], which are changed."""
        how = self.how
        if self.counts and (how.frequency_penalty or how.presence_penalty):
            seen = torch.tensor(list(self.counts), device=logits.device)
            times = torch.tensor(list(self.counts.values()), device=logits.device, dtype=logits.dtype)
            logits[seen] -= how.frequency_penalty * times + how.presence_penalty
        if self.grammar is not None:
            self.grammar.constrain(logits)
        token = int(logits.argmax()) if how.temperature <= 0 else self._sample(logits)
        if self.grammar is not None:
            self.grammar.accept(token)
        self.counts[token] = self.counts.get(token, 0) + 1
        if how.top_logprobs is None:
            return Choice(token)
        logprobs = torch.log_softmax(logits, dim=-1)
        best = logprobs.topk(how.top_logprobs) if how.top_logprobs else None
        top = list(zip(best.indices.tolist(), best.values.tolist(), strict=True)) if best is not None else []
        return Choice(token, float(logprobs[token]), top)

    def _sample(self, logits: torch.Tensor) -> int:
        probabilities = torch.softmax(logits / self.how.temperature, dim=-1)
        if self.how.top_p < 1:
            ordered, order = probabilities.sort(descending=True)
            ordered[ordered.cumsum(0) - ordered > self.how.top_p] = 0
            return int(order[torch.multinomial(ordered, 1, generator=self.generator)])
        return int(torch.multinomial(probabilities, 1, generator=self.generator))


class Text:
    """Tokens become text as they come; what may be the beginning of a stop sequence is held back."""

    def __init__(self, tokenizer: Tokenizer, stop: list[str]) -> None:
        self.tokenizer = tokenizer
        self.stream = DecodeStream(skip_special_tokens=True)
        self.stop = [text for text in stop if text]
        self.held = ""
        self.stopped = False

    def add(self, token: int) -> str:
        """The text that is certain now; `stopped` is set when a stop sequence has been completed."""
        self.held += self.stream.step(self.tokenizer, token) or ""
        found = [at for at in (self.held.find(text) for text in self.stop) if at >= 0]
        if found:
            self.stopped = True
            return self._give(min(found), drop=True)
        return self._give(len(self.held) - self._suspicious())

    def end(self) -> str:
        """What was held back, when the sequence ends without a stop sequence."""
        return self._give(len(self.held))

    def _suspicious(self) -> int:
        """The length of the longest end of the held text that begins a stop sequence."""
        longest = max((len(text) for text in self.stop), default=1) - 1
        ends = range(min(longest, len(self.held)), 0, -1)
        return next((n for n in ends if any(text.startswith(self.held[-n:]) for text in self.stop)), 0)

    def _give(self, length: int, *, drop: bool = False) -> str:
        text, self.held = self.held[:length], "" if drop else self.held[length:]
        return text
