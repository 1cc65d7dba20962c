"""Evaluation: systems answer the same questions, their answers are labelled, judged and compared; or the course's agent is tried.

Every answer and judgement is a row, so that an evaluation that was cut off goes on where it was: the questions are kept as they
stood when it began, and nothing is asked twice.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext

from django.db.models import Q

from courses.models import Course
from tutor.llm.embeddings import EmbeddingError
from tutor.llm.errors import EndpointError
from tutor.llm.host.process import HostFailed, running
from tutor.llm.models import Endpoint
from tutor.practice.models import Item
from tutor.studio import agent, banks
from tutor.studio.asking import BASE, RETRIEVAL, Stopped, Taken, ask_all, batched, go_on, questions_of
from tutor.studio.banks import Asked
from tutor.studio.choosing import choose_all
from tutor.studio.comparing import agreements, describe, pairs
from tutor.studio.judging import judge_all
from tutor.studio.labelling import Labels, by_judge, by_rule, is_same, judge_for, name_of
from tutor.studio.loading import NotLoaded, loaded
from tutor.studio.models import Adapter, Answer, Dataset, Evaluation

logger = logging.getLogger(__name__)

FEWEST = 5  # questions below which nothing is said
MOST_RUNS = 10
ITEMS = 40  # quiz items at most: as multiple choice for models, as pasted questions for the agent
REVIVALS = 2  # times that the embedded host may go away in one evaluation
GONE = {"refused", "connection", "cut", "timeout"}  # kinds of error after which a host may be there again
BETTER = (
    0.5  # share of questions above which, with its whole interval, an adapter is nearer than another system
)


class EvaluationFailed(Exception):
    """Nothing can be measured; the message says what is missing."""


def make(
    adapter: Adapter | None,
    course: Course,
    dataset: Dataset | None,
    against: Sequence[str],
    *,
    limit: int = 0,
    bank: Sequence[Asked] = (),
    bank_name: str = "",
    runs: int = 3,
    seed: int = 7,
) -> Evaluation:
    """An evaluation of an adapter, or of the base, that is ready to be queued or worked on here. Raises EvaluationFailed.

    Its questions are the bank's, or else the held-out part of the dataset; beside the latter, the course's multiple-choice items.
    """
    _check(systems_of(adapter, against), course)
    if bank:
        asked = list(bank[: limit or None])
    elif dataset is not None:
        asked = banks.held_out(dataset)[: limit or None]
        asked += banks.items(course, seed, limit or ITEMS, kind=Item.Kind.CHOICE)
    else:
        raise EvaluationFailed("Say on which questions: a dataset with a held-out part, or a question bank.")
    counted = sum(not one.item for one in asked)
    _enough(counted)
    return Evaluation.objects.create(
        course=course, adapter=adapter, dataset=dataset if not bank else None, against=list(against), limit=limit,
        bank=bank_name[:200], questions=[one.as_row() for one in asked], runs=_runs(runs), seed=seed,
    )  # fmt: skip


def make_agent(
    course: Course,
    dataset: Dataset | None = None,
    *,
    limit: int = 0,
    bank: Sequence[Asked] = (),
    bank_name: str = "",
    seed: int = 7,
) -> Evaluation:
    """An evaluation of the course's agent as it is: on a bank, a held-out part, or else on the quiz items alone, which are always
    pasted as a student would. Raises EvaluationFailed."""
    asked = list(bank) if bank else banks.held_out(dataset) if dataset is not None else []
    asked = asked[: limit or None]
    asked += banks.items(course, seed, limit or ITEMS)
    if not asked:
        raise EvaluationFailed(
            "There is nothing to ask the agent: the course has no quiz items. Give a question bank, or make a dataset."
        )
    _enough(len(asked))
    return Evaluation.objects.create(
        course=course, subject=Evaluation.Subject.AGENT, dataset=dataset if not bank else None, limit=limit,
        bank=bank_name[:200], questions=[one.as_row() for one in asked], runs=1, seed=seed,
    )  # fmt: skip


def systems_of(adapter: Adapter | None, against: Sequence[str]) -> list[str]:
    """The systems that answer: the measured one first, alone and with retrieval, then what it is measured against."""
    own = adapter.name if adapter else BASE
    others = list(against) or ([BASE, BASE + RETRIEVAL] if adapter else [BASE + RETRIEVAL])
    mine = [own, own + RETRIEVAL] if any(name.endswith(RETRIEVAL) for name in others) else [own]
    return list(dict.fromkeys([*mine, *others]))


def _check(systems: Sequence[str], course: Course) -> None:
    known = set(Adapter.objects.filter(course=course, retired_at=None).values_list("name", flat=True)) | {
        BASE
    }
    for name in systems:
        if name.removesuffix(RETRIEVAL) not in known:
            raise EvaluationFailed(
                f"There is no system “{name}”. There are: {', '.join(sorted(known))}, each also with {RETRIEVAL}."
            )


def _enough(count: int) -> None:
    if count < FEWEST:
        raise EvaluationFailed(
            f"Only {count} questions are there to measure with; at least {FEWEST} are needed. Keep more examples, "
            "or give a question bank."
        )


def _runs(runs: int) -> int:
    if not 1 <= runs <= MOST_RUNS:
        raise EvaluationFailed(f"Each question can be asked 1 to {MOST_RUNS} times.")
    return runs


def work(evaluation: Evaluation) -> None:
    """Run a queued evaluation, and say on its row what became of it."""
    if not evaluation.claim():
        return
    with evaluation.heartbeat():
        try:
            evaluate(evaluation)
        except Taken:
            return
        except Stopped:
            evaluation.table = describe(evaluation, systems_of(evaluation.adapter, evaluation.against))
            evaluation._write(
                state=Evaluation.State.STOPPED, stage="", eta_seconds=None, table=evaluation.table
            )
        except (EvaluationFailed, EndpointError, HostFailed, EmbeddingError) as error:
            evaluation.fail(f"{error} What was answered so far was kept.")
        except Exception:
            logger.exception("Evaluation %s failed", evaluation.pk)
            evaluation.fail("Something went wrong while evaluating; answers so far were kept. Retry it.")
        else:
            evaluation.finish()


def evaluate(evaluation: Evaluation) -> None:
    """Ask, label, judge and compare what is still missing, and keep the table on the row.

    An embedded host that goes away is waited for, or started again, some times. Raises EvaluationFailed, EndpointError,
    HostFailed, Stopped and Taken.
    """
    if not evaluation.questions:
        raise EvaluationFailed("This evaluation was made before questions were kept with it. Start another.")
    is_agent = evaluation.subject == Evaluation.Subject.AGENT
    course = evaluation.course
    endpoint = Endpoint.objects.for_course(course) if is_agent else Endpoint.objects.of_settings()
    judge = judge_for(course, endpoint)
    systems = [agent.AGENT] if is_agent else systems_of(evaluation.adapter, evaluation.against)
    if not is_agent:
        _check(systems, course)
    _judged_by(evaluation, name_of(judge))

    def steps() -> None:
        evaluation.advance("answer", max(evaluation.progress, 0.02))
        if is_agent:
            agent.ask_agent(evaluation, endpoint, (0.02, 0.85))
        else:
            ask_all(evaluation, systems, endpoint, (0.02, 0.65))
            choose_all(evaluation, systems, endpoint, (0.65, 0.75))

    names = [name.removesuffix(RETRIEVAL) for name in systems]
    try:
        with loaded(endpoint, list(Adapter.objects.filter(course=course, name__in=names))):
            _with_host(evaluation, endpoint, steps)
    except NotLoaded as error:
        raise EvaluationFailed(str(error)) from None
    _label(evaluation, judge, (0.75 if not is_agent else 0.85, 0.9))
    if judge is not None and not is_agent:
        judge_all(evaluation, pairs(systems), judge, (0.9, 0.97))
    go_on(evaluation)
    evaluation.advance("compare", 0.97)
    evaluation.table = describe(evaluation, systems)
    if judge is not None and is_same(judge, endpoint):
        evaluation.table["judges_itself"] = True
    if evaluation.table.get("choice"):
        evaluation.table["chosen_by"] = "probability" if endpoint.embedded else "choice"
    evaluation._write(table=evaluation.table)


def _with_host(evaluation: Evaluation, endpoint: Endpoint, steps: Callable[[], None]) -> None:
    """Do the steps while the endpoint's host is there; where it goes away, say so, and go on when it is there again."""
    for revival in range(REVIVALS + 1):
        host: AbstractContextManager[object] = (
            running(endpoint.base_url) if endpoint.embedded else nullcontext()
        )
        try:
            with host:
                steps()
        except EndpointError as error:
            if not endpoint.embedded or error.kind not in GONE or revival == REVIVALS:
                raise
            logger.warning("The model host went away in evaluation %s: %s", evaluation.pk, error)
            evaluation.advance("host", evaluation.progress)
        else:
            return


def _judged_by(evaluation: Evaluation, name: str) -> None:
    """Remember what labels. What another one labelled before is labelled again, so that one measure holds for all."""
    if evaluation.judge and evaluation.judge != name:
        evaluation.answers.exclude(context=Answer.Context.CHOICE).update(label="", explanation="")
        evaluation.judged.all().delete()
    if evaluation.judge != name:
        evaluation._write(judge=name)


def _label(evaluation: Evaluation, judge: Endpoint | None, share: tuple[float, float]) -> None:
    """Label what has no label: every answer of every run. What the judge gives no label for stays without one."""
    asked = questions_of(evaluation)
    rows = list(evaluation.answers.filter(label="", abstained=False).exclude(context=Answer.Context.CHOICE))
    for count, batch in enumerate(batched(rows)):
        go_on(evaluation)
        given = [(asked[row.number], row.text) for row in batch]
        labels = _labels(judge, given)
        for row, found in zip(batch, labels, strict=True):
            row.label, row.explanation = found.answer, found.explanation
            if found.reason:
                row.detail = {**row.detail, "reason": found.reason}
        Answer.objects.bulk_update(batch, ["label", "explanation", "detail"])
        part = min(1.0, (count + 1) * len(batch) / max(1, len(rows)))
        evaluation.advance("label", share[0] + (share[1] - share[0]) * part)


def _labels(judge: Endpoint | None, given: Sequence[tuple[Asked, str]]) -> list[Labels]:
    if judge is not None:
        return asyncio.run(by_judge(judge, given))
    return [by_rule(asked, text) for asked, text in given]


def beat_its_baselines(adapter: Adapter) -> tuple[bool, str]:
    """Whether the newest finished evaluation shows the adapter nearer than every baseline and no less grounded; and why not.

    An evaluation against systems of somebody's choice tells nothing about the baselines.
    """
    against_both = Q(against=[]) | Q(against=[BASE, BASE + RETRIEVAL])
    newest = adapter.evaluations.filter(against_both, state=Evaluation.State.DONE).order_by("-pk").first()
    return (False, "It has not been evaluated.") if newest is None else verdict(newest)


def verdict(evaluation: Evaluation) -> tuple[bool, str]:
    """Whether an evaluation shows what it measured nearer than all else and no less grounded; and why not."""
    rows = evaluation.table.get("comparisons", [])
    for row in rows:
        if row["nearer"]["low"] <= BETTER:
            share = f"{row['nearer']['mean']:.0%} of questions"
            return False, f"It is not surely nearer to the reference than {row['against']} ({share})."
        if row["grounded"]["high"] < 0:
            return False, f"Its answers are less grounded than those of {row['against']}."
    return bool(rows), "" if rows else "It was compared with nothing."


def as_json(evaluation: Evaluation) -> str:
    """The table with what it is about."""
    found = {
        "evaluation": evaluation.pk,
        "system": evaluation.measured if evaluation.adapter else evaluation.subject.replace("model", BASE),
        "course": evaluation.course.slug,
        "dataset": evaluation.dataset_id,
        "bank": evaluation.bank or None,
        **evaluation.table,
        "ratings": agreements(evaluation),
    }
    return json.dumps(found, ensure_ascii=False)
