"""A capable model's judgement of short stretches: one more feature of a rating, never the score itself.

Each claim has to come with words that stand in the lesson, and a second request has to confirm it with words that stand at
the same line; what cannot be proved so is dropped. Where the endpoint fails, ratings go on without.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from coach import words
from coach.instruments.reading import DimensionSpec, Exemplar, InstrumentSpec
from coach.talk import Transcript, Utterance
from tutor.llm.client import Completion, complete
from tutor.llm.errors import EndpointError
from tutor.llm.models import Endpoint, record_usage

if TYPE_CHECKING:
    from coach.rating import Span

logger = logging.getLogger(__name__)

PROMPTS = Path(__file__).with_name("prompts")
LEVELS = {"low": -1.0, "middle": 0.0, "high": 1.0}
WINDOW = 2_400  # characters that are judged at a time
MOST_WINDOWS = 4  # of a span, spread evenly over it
AT_ONCE = 4  # requests
EXEMPLARS = 2  # of a dimension, those most like the stretch
MAX_TOKENS = 900
BAD_ANSWERS = 3  # that are no answers, before the model is asked no more


@dataclass(frozen=True)
class Claim:
    """What the model says of one dimension in one stretch; `quote` stands verbatim at `line`."""

    dimension: str
    level: str
    line: int
    quote: str


def capable_endpoint() -> Endpoint | None:
    """The site's endpoint, if its model is trusted with judging talk; the embedded one is not."""
    endpoint = Endpoint.objects.default()
    return endpoint if endpoint.capable and not endpoint.embedded else None


def judge(
    transcript: Transcript, spec: InstrumentSpec, spans: Sequence[Span], endpoint: Endpoint
) -> list[dict[str, dict[int, float]]]:
    """For each span: dimension → line → level (-1 low, 0 middle, 1 high), of claims that were confirmed.

    Never raises for what the endpoint does: a span of which nothing came back is empty.
    """
    asked = [one for one in spec.dimensions if "judged_by_model" in one.directions]
    if not asked or not len(transcript):
        return [{} for _ in spans]
    asking = _Asking(endpoint, asked)
    found = asyncio.run(asking.all([list(windows(transcript, span)) for span in spans]))
    if asking.prompt_tokens or asking.completion_tokens:
        record_usage(
            None,
            None,
            endpoint,
            prompt_tokens=asking.prompt_tokens,
            completion_tokens=asking.completion_tokens,
            purpose="coaching",
        )
    rows: list[dict[str, dict[int, float]]] = []
    for claims in found:
        row: dict[str, dict[int, float]] = {}
        for claim in claims:
            row.setdefault(claim.dimension, {})[claim.line] = LEVELS[claim.level]
        rows.append(row)
    return rows


def windows(transcript: Transcript, span: Span) -> Iterator[list[Utterance]]:
    """Short stretches of a span, whole lines, spread evenly over it."""
    cut: list[list[Utterance]] = [[]]
    length = 0
    for number in range(span.first_line, span.last_line + 1):
        line = transcript[number]
        if cut[-1] and length + len(line.text) > WINDOW:
            cut.append([])
            length = 0
        cut[-1].append(line)
        length += len(line.text)
    step = max(len(cut) / MOST_WINDOWS, 1)
    for place in range(min(len(cut), MOST_WINDOWS)):
        yield cut[int(place * step)]


class _Asking:
    """The requests of one judging, and when to stop making them."""

    def __init__(self, endpoint: Endpoint, dimensions: Sequence[DimensionSpec]) -> None:
        self.endpoint, self.dimensions = endpoint, {one.name: one for one in dimensions}
        self.prompt_tokens = self.completion_tokens = self.bad = 0
        self.gave_up = False

    async def all(self, spans: Sequence[Sequence[Sequence[Utterance]]]) -> list[list[Claim]]:
        gate = asyncio.Semaphore(AT_ONCE)

        async def one(lines: Sequence[Utterance]) -> list[Claim]:
            async with gate:
                return await self.window(lines)

        found = await asyncio.gather(*(asyncio.gather(*(one(lines) for lines in cut)) for cut in spans))
        return [[claim for claims in span for claim in claims] for span in found]

    async def window(self, lines: Sequence[Utterance]) -> list[Claim]:
        """The confirmed claims about one stretch; [] where the model fails."""
        if self.gave_up:
            return []
        try:
            claims = await self._claims(lines)
            return await self._confirmed(claims, lines) if claims else []
        except EndpointError as error:
            self.prompt_tokens += error.spent[0]
            self.completion_tokens += error.spent[1]
            self.bad += 1
            if error.kind != "schema" or self.bad >= BAD_ANSWERS:
                self.gave_up = True
            # what the endpoint says may repeat the prompt, and with it the lesson
            logger.warning("A stretch is rated without the model's judgement: %s", error.kind)
            return []

    async def _claims(self, lines: Sequence[Utterance]) -> list[Claim]:
        text = " ".join(line.text for line in lines)
        prompt = _prompt(
            "judge.txt",
            dimensions="\n".join(described(one) for one in self.dimensions.values()),
            exemplars="\n\n".join(
                f"{one.title} — {exemplar.level}:\n{exemplar.text}\n({exemplar.why})"
                for one in self.dimensions.values()
                for exemplar in nearest(one.exemplars, text)
            )
            or "none",
            lines=_numbered(lines),
        )
        judgement = {
            "dimension": {"enum": list(self.dimensions)},
            "level": {"enum": [*LEVELS, "none"]},
            "line": {"type": "integer"},
            "quote": {"type": "string", "maxLength": 400},
        }
        answer = await self._ask(prompt, "judgements", judgement)
        claims = {}
        for row in answer:
            line = stands(row["quote"], row["line"], lines)
            if row["level"] in LEVELS and line is not None:
                claims[row["dimension"]] = Claim(row["dimension"], row["level"], line, row["quote"].strip())
        return list(claims.values())

    async def _confirmed(self, claims: Sequence[Claim], lines: Sequence[Utterance]) -> list[Claim]:
        prompt = _prompt(
            "verify.txt",
            dimensions="\n".join(described(self.dimensions[claim.dimension]) for claim in claims),
            claims="\n".join(
                f"{number}. {self.dimensions[claim.dimension].title}: {claim.level}, line {claim.line}: “{claim.quote}”"
                for number, claim in enumerate(claims, 1)
            ),
            lines=_numbered(lines),
        )
        answer = {
            "claim": {"type": "integer"},
            "confirmed": {"type": "boolean"},
            "quote": {"type": "string", "maxLength": 400},
        }
        rows = await self._ask(prompt, "answers", answer)
        kept = {
            row["claim"]
            for row in rows
            if row["confirmed"]
            and 1 <= row["claim"] <= len(claims)
            and stands(row["quote"], claims[row["claim"] - 1].line, lines) == claims[row["claim"] - 1].line
        }
        return [claim for number, claim in enumerate(claims, 1) if number in kept]

    async def _ask(self, prompt: str, name: str, properties: dict[str, Any]) -> list[dict[str, Any]]:
        item = {
            "type": "object",
            "properties": properties,
            "required": list(properties),
            "additionalProperties": False,
        }
        schema = {
            "type": "object",
            "properties": {name: {"type": "array", "items": item, "maxItems": 20}},
            "required": [name],
            "additionalProperties": False,
        }
        answer: Completion = await complete(
            self.endpoint,
            [{"role": "user", "content": prompt}],
            schema=schema,
            max_tokens=MAX_TOKENS,
            temperature=0.0,
        )
        self.prompt_tokens += answer.usage.prompt
        self.completion_tokens += answer.usage.completion
        rows: list[dict[str, Any]] = answer.data[name]
        return rows


def stands(quote: str, line: int, lines: Sequence[Utterance]) -> int | None:
    """The line at which the quote stands word for word: the one that was named, else the only other; None if nowhere."""
    quote = quote.strip()
    if not quote:
        return None
    found = [one.line for one in lines if quote in one.text]
    if line in found:
        return line
    return found[0] if len(found) == 1 else None


def nearest(exemplars: Sequence[Exemplar], text: str, most: int = EXEMPLARS) -> list[Exemplar]:
    """The exemplars most like the text: by shared words, a rare one counting more; always in the same order."""
    sets = [set(words.words(one.text)) for one in exemplars]
    heard = set(words.words(text))
    often: dict[str, int] = {}
    for said in sets:
        for word in said:
            often[word] = often.get(word, 0) + 1
    weights: Mapping[str, float] = {word: math.log(1 + len(sets) / count) for word, count in often.items()}

    def likeness(at: int) -> float:
        shared = sum(weights[word] for word in sets[at] & heard)
        return shared / math.sqrt(sum(weights[word] for word in sets[at]) or 1.0)

    order = sorted(range(len(exemplars)), key=lambda at: (-likeness(at), at))
    return [exemplars[at] for at in sorted(order[:most])]


def described(dimension: DimensionSpec) -> str:
    """A dimension in a few lines, for a prompt."""
    seen = [one for one in dimension.indicators if one.observable]
    ends = "\n".join(f"  · {one.title}: low — {one.low} high — {one.high}" for one in seen)
    return f"- {dimension.name}: {dimension.title}. {' '.join(dimension.description.split())}\n{ends}"


def _numbered(lines: Sequence[Utterance]) -> str:
    return "\n".join(f"{one.line} {one.speaker}: {' '.join(one.text.split())}" for one in lines)


def _prompt(name: str, **parts: str) -> str:
    return (PROMPTS / name).read_text().format(**parts)
