"""Multiple choice by the probability of each option, with every option in every place, so that no place is favoured."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence

from tutor.chat.finding import Found
from tutor.llm.client import Message, complete, score
from tutor.llm.errors import EndpointError
from tutor.llm.models import Endpoint
from tutor.studio.asking import AT_ONCE, BASE, BATCH, RETRIEVAL, batched, go_on, look, messages, questions_of
from tutor.studio.banks import Asked
from tutor.studio.models import Answer, Evaluation, Label


def choose_all(
    evaluation: Evaluation, systems: Sequence[str], endpoint: Endpoint, share: tuple[float, float]
) -> None:
    """Have every system choose for the questions with options, as far as it has not. Raises EndpointError, Stopped and Taken."""
    asked = [(number, one) for number, one in enumerate(questions_of(evaluation)) if one.options]
    done = set(evaluation.answers.filter(context=Answer.Context.CHOICE).values_list("number", "system"))
    wanted = [(number, one, name) for number, one in asked for name in systems if (number, name) not in done]
    for count, batch in enumerate(batched(wanted)):
        go_on(evaluation)
        found = {number: look(evaluation.course, one.question) for number, one, _ in batch}
        chances = asyncio.run(_choose(evaluation, endpoint, batch, found))
        Answer.objects.bulk_create(
            _row(evaluation, number, one, name, given)
            for (number, one, name), given in zip(batch, chances, strict=True)
        )
        part = min(1.0, (count + 1) * BATCH / len(wanted))
        evaluation.advance("choose", share[0] + (share[1] - share[0]) * part)


async def _choose(
    evaluation: Evaluation,
    endpoint: Endpoint,
    wanted: Sequence[tuple[int, Asked, str]],
    found: dict[int, Found],
) -> list[list[list[float]]]:
    room = asyncio.Semaphore(AT_ONCE)

    async def one(number: int, asked: Asked, name: str, turn: int) -> list[float]:
        async with room:
            options = rotated(asked.options, turn)
            listed = "\n".join(f"- {option}" for option in options)
            question = f"{asked.whole}\nChoose one of these answers:\n{listed}"
            shown = messages(evaluation.course, question, found[number], name.endswith(RETRIEVAL))
            model = name.removesuffix(RETRIEVAL)
            return await chances(endpoint, shown, options, model="" if model == BASE else model)

    async def all_turns(number: int, asked: Asked, name: str) -> list[list[float]]:
        turns = range(len(asked.options))
        return await asyncio.gather(*(one(number, asked, name, turn) for turn in turns))

    return await asyncio.gather(*(all_turns(*row) for row in wanted))


def rotated(options: Sequence[str], turn: int) -> list[str]:
    """The options from another one on: over all turns each stands in each place once."""
    return [*options[turn:], *options[:turn]]


async def chances(
    endpoint: Endpoint, shown: Sequence[Message], options: Sequence[str], *, model: str = ""
) -> list[float]:
    """The probability of each option, as the embedded host's log-probabilities a token have it (they sum to 1).

    Elsewhere nobody says them: the endpoint chooses, and what it chose has probability 1. Raises EndpointError.
    """
    if endpoint.embedded:
        scores = await score(endpoint, shown, options, model=model)
        top = max(scores)
        weights = [math.exp(value - top) for value in scores]
        return [weight / sum(weights) for weight in weights]
    schema = {
        "type": "object",
        "properties": {"answer": {"enum": list(options)}},
        "required": ["answer"],
        "additionalProperties": False,
    }
    try:
        said = await complete(endpoint, shown, schema=schema, model=model, max_tokens=80, temperature=0.0)
    except EndpointError as error:
        if error.kind != "schema":
            raise
        return [0.0 for _ in options]  # it chose none of them
    return [float(option == said.data["answer"]) for option in options]


def _row(
    evaluation: Evaluation, number: int, asked: Asked, name: str, turns: Sequence[Sequence[float]]
) -> Answer:
    """The choice over all turns: the option that is the most probable on average. `turns` are by place."""
    count = len(asked.options)
    mean = [
        sum(turns[turn][(place - turn) % count] for turn in range(count)) / count for place in range(count)
    ]
    best = max(range(count), key=mean.__getitem__)
    chosen = asked.options[best] if mean[best] > 0 else ""
    first = sum(chosen_first(turn) for turn in turns) / count
    return Answer(
        evaluation=evaluation, number=number, question=asked.whole, reference=asked.reference, system=name,
        context=Answer.Context.CHOICE, text=chosen,
        label=Label.CORRECT if chosen == asked.reference else Label.INCORRECT,
        detail={"options": asked.options, "probability": [round(value, 4) for value in mean], "first": first},
    )  # fmt: skip


def chosen_first(by_place: Sequence[float]) -> bool:
    """Whether the option in the first place was the most probable."""
    return by_place[0] > 0 and by_place[0] == max(by_place)
