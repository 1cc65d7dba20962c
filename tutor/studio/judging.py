"""A judge compares two answers to a question, in both orders, because judges favour the one that stands first."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from tutor.llm.client import complete
from tutor.llm.errors import EndpointError
from tutor.llm.models import Endpoint
from tutor.studio.asking import BATCH, batched, go_on, questions_of
from tutor.studio.banks import Asked
from tutor.studio.labelling import AT_ONCE, LONGEST, prompt
from tutor.studio.models import Answer, Comparison, Evaluation, Preference

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "reason": {"type": "string", "maxLength": 300},
        "verdict": {"enum": ["first", "second", "both", "neither"]},
    },
    "required": ["reason", "verdict"],
    "additionalProperties": False,
}


def judge_all(
    evaluation: Evaluation, pairs: Sequence[tuple[str, str]], judge: Endpoint, share: tuple[float, float]
) -> None:
    """Have the judge compare the first answers of each pair of systems, as far as it has not yet.

    What it says in no usable form is left out, and so counted as not judged. Raises EndpointError, Stopped and Taken.
    """
    asked = questions_of(evaluation)
    done = set(evaluation.judged.values_list("number", "system", "against"))
    rows = evaluation.answers.filter(run=0, context=Answer.Context.SEPARATE)
    texts = {(row.number, row.system): row.text for row in rows}
    wanted = [
        (number, ours, theirs)
        for ours, theirs in pairs
        for number in range(len(asked))
        if (number, ours, theirs) not in done and (number, ours) in texts and (number, theirs) in texts
    ]
    for count, batch in enumerate(batched(wanted)):
        go_on(evaluation)
        given = [(asked[n], texts[n, ours], texts[n, theirs]) for n, ours, theirs in batch]
        verdicts = asyncio.run(_compare(judge, given))
        Comparison.objects.bulk_create(
            Comparison(
                evaluation=evaluation,
                number=n,
                system=ours,
                against=theirs,
                forward=both[0],
                backward=both[1],
            )
            for (n, ours, theirs), both in zip(batch, verdicts, strict=True)
            if both is not None
        )
        part = min(1.0, (count + 1) * BATCH / len(wanted))
        evaluation.advance("judge", share[0] + (share[1] - share[0]) * part)


async def _compare(judge: Endpoint, given: Sequence[tuple[Asked, str, str]]) -> list[tuple[str, str] | None]:
    room = asyncio.Semaphore(AT_ONCE)

    async def one(asked: Asked, ours: str, theirs: str) -> tuple[str, str] | None:
        async with room:
            forward = await _verdict(judge, asked, ours, theirs)
            backward = await _verdict(judge, asked, theirs, ours)
        if not forward or not backward:
            return None
        swapped = {"first": Preference.THEIRS, "second": Preference.OURS}
        straight = {"first": Preference.OURS, "second": Preference.THEIRS}
        return str(straight.get(forward, forward)), str(swapped.get(backward, backward))

    return await asyncio.gather(*(one(*row) for row in given))


async def _verdict(judge: Endpoint, asked: Asked, first: str, second: str) -> str:
    """What the judge says; "" where it does so in no form that was asked for. Raises EndpointError."""
    shown = prompt("compare_answers").format(
        question=asked.whole, reference=asked.reference,
        first=first[:LONGEST] or "(nothing)", second=second[:LONGEST] or "(nothing)",
    )  # fmt: skip
    try:
        said = await complete(
            judge, [{"role": "user", "content": shown}], schema=SCHEMA, max_tokens=250, temperature=0.0
        )
    except EndpointError as error:
        if error.kind != "schema":
            raise
        return ""
    return str(said.data["verdict"])
