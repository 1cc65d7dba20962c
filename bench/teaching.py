"""The classmate to teach: what it answers untaught, after irrelevant text, after right and after false explanations.

On questions of the demo course with explanations written as a student would say them (tests/data/teaching.jsonl). The numbers
of the decision were chosen on one half; the half kept aside is reported. Beside it the small model as the judge: the option
that the explanations make most probable, less how probable it is without them.
"""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from bench.figures import Figure
from tutor.classrooms.direction import interval
from tutor.classrooms.teaching import IRRELEVANT, answer
from tutor.llm import host
from tutor.llm.client import score
from tutor.llm.models import Endpoint

ROWS = Path(__file__).parents[1] / "tests" / "data" / "teaching.jsonl"
MODEL = "smollm2-135m-instruct"
TASK = "Answer from these explanations only.\n{told}\n\nQuestion: {prompt}"

Row = dict[str, Any]
Judge = Callable[[Row, Sequence[str]], str]


def figures() -> Iterator[Figure]:
    """Both judges under all conditions."""
    rows = [json.loads(line) for line in ROWS.read_text(encoding="utf-8").splitlines()]
    held = [row for row in rows if row["half"] == "held"]
    yield Figure("chance of a guess", sum(1 / len(row["options"]) for row in held) / len(held))
    yield from _judged("words and meaning", rows, held, _by_words, promise=True)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with host.running(f"http://127.0.0.1:{port}/v1") as url:
        endpoint = Endpoint(name="Host", base_url=url, model=MODEL, embedded=True)
        yield from _judged(MODEL, rows, held, lambda row, told: asyncio.run(_by_model(row, told, endpoint)))


def conditions(row: Row, rows: Sequence[Row]) -> dict[str, Sequence[str]]:
    """What the classmate was told, by condition; "taught" is everything on the section."""
    section = [other["explanation"] for other in rows if other["section"] == row["section"]]
    found: dict[str, Sequence[str]] = {
        "untaught": [],
        "after irrelevant text": IRRELEVANT,
        "taught all but this": [told for told in section if told != row["explanation"]],
        "taught": section,
    }
    return found | ({"taught something false": [row["false"]]} if "false" in row else {})


def _judged(
    name: str, rows: Sequence[Row], held: Sequence[Row], judge: Judge, *, promise: bool = False
) -> Iterator[Figure]:
    right: dict[str, list[bool]] = {}
    said: dict[str, list[bool]] = {}
    for row in held:
        for condition, told in conditions(row, rows).items():
            response = judge(row, told)
            right.setdefault(condition, []).append(response == row["answer"])
            said.setdefault(condition, []).append(bool(response))
    for condition, outcomes in right.items():
        share = sum(outcomes) / len(outcomes)
        low, high = interval(sum(outcomes), len(outcomes))
        least = 0.6 if promise and condition == "taught" else None
        most = 0.4 if promise and condition in ("untaught", "after irrelevant text") else None
        yield Figure(f"{name}: right, {condition} (n={len(outcomes)})", share, at_least=least, at_most=most)
        yield Figure(f"{name}: 95 % interval, {condition}, from", low)
        yield Figure(f"{name}: 95 % interval, {condition}, to", high)
        yield Figure(f"{name}: gave an answer, {condition}", sum(said[condition]) / len(outcomes))


def _by_words(row: Row, told: Sequence[str]) -> str:
    return answer(row["prompt"], row["options"], told).response


async def _by_model(row: Row, told: Sequence[str], endpoint: Endpoint) -> str:
    async def likely(texts: Sequence[str]) -> list[float]:
        content = TASK.format(told="\n".join(texts) or "(none)", prompt=row["prompt"])
        return await score(endpoint, [{"role": "user", "content": content}], row["options"])

    after, before = await likely(told), await likely([])
    gain = [a - b for a, b in zip(after, before, strict=True)] if told else before
    options: list[str] = row["options"]
    return options[max(range(len(gain)), key=gain.__getitem__)]
