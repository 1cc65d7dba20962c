"""Evaluation: an adapter and its base answer the same questions, alone and with the same retrieval, and are compared.

Nearness is the cosine of answer and reference (AI-University's figure); grounded is the share of sentences that our verifier
supports by the passages a search for the question finds. Every answer is a row, so that an evaluation that was cut off goes on
where it was.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from courses.models import Course, Passage
from courses.sentences import sentences
from courses.verification import SUPPORTED, verify_all
from courses.verification.vectors import vectors_of
from tutor.chat import finding
from tutor.chat.finding import Found
from tutor.llm.client import Message, complete
from tutor.llm.errors import EndpointError
from tutor.llm.host.process import HostFailed, running
from tutor.llm.models import Endpoint
from tutor.studio import bootstrap
from tutor.studio.exchange import Unreadable, pairs
from tutor.studio.models import Adapter, Answer, Dataset, Evaluation
from tutor.studio.prompting import closed, opened

logger = logging.getLogger(__name__)

RETRIEVAL = "+retrieval"
BASE = "base"
AT_ONCE = 8  # requests to the endpoint
LONGEST = 160  # tokens of an answer
BATCH = 16  # questions between two looks at the row
FEWEST = 5  # questions below which nothing is said
EVIDENCE = 6  # passages that an answer's sentences are held against
BETTER = (
    0.5  # share of questions above which, with its whole interval, an adapter is nearer than another system
)


class EvaluationFailed(Exception):
    """Nothing can be measured; the message says what is missing."""


@dataclass(frozen=True)
class Asked:
    """A question with the answer that a system should come near."""

    question: str
    reference: str


def systems_of(adapter: Adapter | None, against: Sequence[str]) -> list[str]:
    """The systems that answer: the measured one first, alone and with retrieval, then what it is measured against."""
    own = adapter.name if adapter else BASE
    others = list(against) or ([BASE, BASE + RETRIEVAL] if adapter else [BASE + RETRIEVAL])
    mine = [own, own + RETRIEVAL] if any(name.endswith(RETRIEVAL) for name in others) else [own]
    return list(dict.fromkeys([*mine, *others]))


def work(evaluation: Evaluation) -> None:
    """Run a queued evaluation, and say on its row what became of it."""
    if not evaluation.claim():
        return
    with evaluation.heartbeat():
        try:
            questions = questions_of(evaluation)
            evaluate(evaluation, questions)
        except (EvaluationFailed, EndpointError, HostFailed) as error:
            evaluation.fail(str(error))
        except Exception:
            logger.exception("Evaluation %s failed", evaluation.pk)
            evaluation.fail("Something went wrong while evaluating; answers so far were kept. Retry it.")
        else:
            evaluation.finish()


def questions_of(evaluation: Evaluation) -> list[Asked]:
    """The held-out examples of the evaluation's dataset. Raises EvaluationFailed."""
    if evaluation.dataset is None:
        raise EvaluationFailed(
            "The dataset of this evaluation was deleted. Choose another, or give a question bank."
        )
    rows = evaluation.dataset.examples.held_out().order_by("pk").values_list("question", "answer")
    found = [Asked(question, answer) for question, answer in rows]
    return found[: evaluation.limit] if evaluation.limit else found


def bank(file: Path) -> list[Asked]:
    """The questions of a bank (CSV or JSONL with a question and an answer a row). Raises EvaluationFailed."""
    try:
        return [Asked(row["question"], row["answer"]) for row in pairs(file.read_bytes(), file.name)]
    except (OSError, Unreadable) as error:
        raise EvaluationFailed(str(error)) from None


def evaluate(evaluation: Evaluation, questions: Sequence[Asked]) -> dict[str, Any]:
    """Have every system answer every question, and compare. Returns the table, which is kept on the row too."""
    if len(questions) < FEWEST:
        raise EvaluationFailed(
            f"Only {len(questions)} questions are there to measure with; at least {FEWEST} are needed. Keep more examples, "
            "or give a question bank."
        )
    endpoint = Endpoint.objects.of_settings()
    systems = systems_of(evaluation.adapter, evaluation.against)
    _check(systems, evaluation.course)
    evaluation.advance("answer", 0.02)
    if endpoint.embedded:
        with running(endpoint.base_url):
            _answer(evaluation, questions, systems, endpoint)
    else:
        _answer(evaluation, questions, systems, endpoint)
    evaluation.advance("compare", 0.97)
    table = compare(evaluation, systems)
    evaluation.table = table
    evaluation.save(update_fields=["table"])
    return table


def _check(systems: Sequence[str], course: Course) -> None:
    known = set(Adapter.objects.filter(course=course, retired_at=None).values_list("name", flat=True)) | {
        BASE
    }
    for name in systems:
        if name.removesuffix(RETRIEVAL) not in known:
            raise EvaluationFailed(
                f"There is no system “{name}”. There are: {', '.join(sorted(known))}, each also with {RETRIEVAL}."
            )


def _answer(
    evaluation: Evaluation, questions: Sequence[Asked], systems: Sequence[str], endpoint: Endpoint
) -> None:
    done = set(evaluation.answers.values_list("number", "system"))
    for start in range(0, len(questions), BATCH):
        batch = list(enumerate(questions))[start : start + BATCH]
        missing = [
            (number, asked, name) for number, asked in batch for name in systems if (number, name) not in done
        ]
        if missing:
            found = {number: look(evaluation.course, asked.question) for number, asked in batch}
            texts = asyncio.run(_complete(evaluation.course, endpoint, missing, found))
            rows = [
                _measured(evaluation, number, asked, name, text, found[number])
                for (number, asked, name), text in zip(missing, texts, strict=True)
            ]
            Answer.objects.bulk_create(rows)
        evaluation.advance("answer", 0.02 + 0.95 * min(1.0, (start + BATCH) / len(questions)))


def look(course: Course, question: str) -> Found:
    """What the chat would find for the question: the same retrieval for every system."""
    passages = Passage.objects.for_agent(course)
    request = finding.Request(
        course=course, user=None, question=question, history=[], endpoint=Endpoint(), passages=passages
    )
    return finding.look(request, question)


async def _complete(
    course: Course, endpoint: Endpoint, wanted: Sequence[tuple[int, Asked, str]], found: dict[int, Found]
) -> list[str]:
    room = asyncio.Semaphore(AT_ONCE)

    async def one(number: int, asked: Asked, name: str) -> str:
        async with room:
            model = name.removesuffix(RETRIEVAL)
            answer = await complete(
                endpoint,
                _messages(course, asked, found[number], name.endswith(RETRIEVAL)),
                model="" if model == BASE else model,
                max_tokens=LONGEST,
                temperature=0.0,
            )
            return answer.text.strip()

    return await asyncio.gather(*(one(*row) for row in wanted))


def _messages(course: Course, asked: Asked, found: Found, retrieval: bool) -> list[Message]:
    if not retrieval:
        return closed(course.title, asked.question)
    material = [statement.text for statement in found.statements] or [
        hit.passage.text for hit in found.hits[:1]
    ]
    return opened(material, asked.question)


def _measured(
    evaluation: Evaluation, number: int, asked: Asked, system: str, text: str, found: Found
) -> Answer:
    own, reference = vectors_of([text or " ", asked.reference])
    said = [text[start:end].strip() for start, end in sentences(text)]
    evidence = [hit.passage.text for hit in found.hits[:EVIDENCE]]
    verdicts = verify_all(said, evidence) if said and evidence else []
    grounded = sum(verdict.verdict == SUPPORTED for verdict in verdicts) / max(1, len(said))
    return Answer(
        evaluation=evaluation, number=number, question=asked.question, reference=asked.reference, system=system, text=text,
        nearness=float(own @ reference), grounded=grounded,
    )  # fmt: skip


def compare(evaluation: Evaluation, systems: Sequence[str]) -> dict[str, Any]:
    """Per system nearness and grounded share with intervals; per comparison how often the measured system is nearer."""
    by_system: dict[str, dict[int, Answer]] = {name: {} for name in systems}
    for answer in evaluation.answers.filter(system__in=systems):
        by_system[answer.system][answer.number] = answer
    numbers = sorted(set.intersection(*(set(rows) for rows in by_system.values())))
    table: dict[str, Any] = {"questions": len(numbers), "systems": {}, "comparisons": []}
    for name, rows in by_system.items():
        table["systems"][name] = {
            "nearness": bootstrap.mean([rows[number].nearness for number in numbers]),
            "grounded": bootstrap.mean([rows[number].grounded for number in numbers]),
            "words": round(sum(len(rows[number].text.split()) for number in numbers) / len(numbers), 1),
        }
    own = systems[0].removesuffix(RETRIEVAL)
    for other in systems:
        mine = own + RETRIEVAL if other.endswith(RETRIEVAL) else own
        if other.removesuffix(RETRIEVAL) == own or mine not in by_system:
            continue
        ours, theirs = by_system[mine], by_system[other]
        nearer = [float(ours[number].nearness > theirs[number].nearness) for number in numbers]
        table["comparisons"].append(
            {
                "system": mine,
                "against": other,
                "nearer": bootstrap.mean(nearer),
                "same": sum(ours[number].text == theirs[number].text for number in numbers),
                "nearness": bootstrap.paired(
                    [ours[number].nearness for number in numbers],
                    [theirs[number].nearness for number in numbers],
                ),
                "grounded": bootstrap.paired(
                    [ours[number].grounded for number in numbers],
                    [theirs[number].grounded for number in numbers],
                ),
            }
        )
    return table


def beat_its_baselines(adapter: Adapter) -> tuple[bool, str]:
    """Whether the newest finished evaluation shows the adapter nearer than every baseline and no less grounded; and why not."""
    newest = adapter.evaluations.filter(state=Evaluation.State.DONE).order_by("-pk").first()
    if newest is None:
        return False, "It has not been evaluated."
    for row in newest.table.get("comparisons", []):
        if row["nearer"]["low"] <= BETTER:
            return (
                False,
                f"It is not surely nearer to the reference than {row['against']} ({row['nearer']['mean']:.0%} of questions).",
            )
        if row["grounded"]["high"] < 0:
            return False, f"Its answers are less grounded than those of {row['against']}."
    return bool(newest.table.get("comparisons")), "" if newest.table.get(
        "comparisons"
    ) else "It was compared with nothing."


def as_json(evaluation: Evaluation) -> str:
    """The table with what it is about."""
    return json.dumps(
        {
            "evaluation": evaluation.pk,
            "system": evaluation.adapter.name if evaluation.adapter else BASE,
            "dataset": evaluation.dataset_id,
            "bank": evaluation.bank or None,
            **evaluation.table,
        },
        ensure_ascii=False,
    )


def make(
    adapter: Adapter | None,
    course: Course,
    dataset: Dataset | None,
    against: Sequence[str],
    *,
    limit: int = 0,
) -> Evaluation:
    """An evaluation that is ready to be queued or worked on here. Raises EvaluationFailed."""
    systems = systems_of(adapter, against)
    _check(systems, course)
    return Evaluation.objects.create(
        course=course, adapter=adapter, dataset=dataset, against=list(against), limit=limit
    )
