"""Making a dataset: drafts of all kinds in turn over all passages, each checked before it is kept."""

from __future__ import annotations

import logging
import re
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice, zip_longest

import numpy as np
from django.db import transaction
from numpy.typing import NDArray

from courses.models import Course, Passage
from courses.sentences import sentences
from courses.verification import SUPPORTED, verify_all
from courses.verification.vectors import vectors_of
from tutor.chat.models import Conversation, Message, Turn
from tutor.chat.starters import answered
from tutor.practice.items import Survey
from tutor.practice.models import Item
from tutor.practice.statements import Statement
from tutor.studio.card import describe
from tutor.studio.correcting import plant, take_corrections
from tutor.studio.exercises.deriving import derived, traced
from tutor.studio.kinds import CODING, KINDS, Draft, Quoted, drafts_of
from tutor.studio.kinds.reading import studied
from tutor.studio.leakage import Asked, leaks
from tutor.studio.models import Dataset, Example, Exercise, Source
from tutor.studio.splitting import held_out
from tutor.studio.writing import writer, written

logger = logging.getLogger(__name__)

Vector = NDArray[np.float32]
BATCH = 24  # drafts that are checked together
TOO_NEAR = 0.9  # cosine from which two questions of a dataset are one
DRAFTS_OF_A_STATEMENT = 0.5  # as the modules of a textbook and the demo course gave them
STUDENTS = 500  # the newest answers to students that are looked at
CORRECTING = ("misconception",)  # the question says what is not in the material, and the answer what is
PLAIN = ("No.", "Yes.")  # sentences that say nothing by themselves


class Stopped(Exception):
    """A person asked to stop; what was kept so far stays."""


def work(dataset: Dataset) -> None:
    """Make the examples of a queued dataset, and say on its row what became of it."""
    if not dataset.claim():
        return
    with dataset.heartbeat():
        try:
            make(dataset)
        except Stopped:
            dataset.card = describe(dataset)
            dataset.save(update_fields=["card"])
            dataset._write(state=Dataset.State.STOPPED, stage="", eta_seconds=None)
        except Exception:
            logger.exception("Dataset %s could not be made", dataset.pk)
            dataset.fail(
                "Something went wrong while making this dataset; its examples so far were kept. Retry it."
            )
        else:
            dataset.finish()


def make(dataset: Dataset) -> None:
    """Draft, check and keep examples until the limit is reached or nothing more can be asked. Raises Stopped.

    What an earlier attempt made by machine is made again; people's own examples and edits stay.
    """
    course = dataset.course
    dataset.advance("survey", 0.02)
    material = studied(course)
    dataset.examples.filter(origin=Example.Origin.MADE, reviewed_at=None).delete()
    take_corrections(dataset)
    checks = Checks(course, list(dataset.examples.kept().values_list("question", flat=True)))
    kept = dataset.examples.kept().count()
    drafts = _pool(dataset, material)
    weighed, began, before = 0, time.monotonic(), kept
    while kept < dataset.limit and (batch := list(islice(drafts, BATCH))):
        _end_if_stopped(dataset)
        kept += _keep(dataset, checks.weigh(batch), dataset.limit - kept)
        weighed += len(batch)
        expected = max(weighed + BATCH, DRAFTS_OF_A_STATEMENT * len(material.statements))
        each = (time.monotonic() - began) / weighed
        left = (expected - weighed) * each
        if kept > before:
            left = min(left, (dataset.limit - kept) * each * weighed / (kept - before))
        dataset.advance("check", 0.05 + 0.9 * max(kept / dataset.limit, weighed / expected), left)
    plant(dataset, material)
    dataset.advance("card", 0.97)
    dataset.card = describe(dataset)
    dataset.save(update_fields=["card"])


def _end_if_stopped(dataset: Dataset) -> None:
    """Raises Stopped where a person asked for it."""
    if Dataset.objects.filter(pk=dataset.pk, stop_requested=True).exists():
        raise Stopped


def _pool(dataset: Dataset, material: Survey) -> Iterator[Draft]:
    """The students' own questions, then the drafts of each kind in turn, spread over passages and over skills.

    No draft rests on passages of both sides of the split: it would carry what is held out into training.
    """
    chosen = set(dataset.materials.values_list("pk", flat=True))
    by_passage: dict[int, list[Statement]] = {}
    for row in material.statements:
        if not chosen or row.passage.material_id in chosen:
            by_passage.setdefault(row.passage.pk, []).append(row)
    kinds = [kind for kind in dataset.kinds or KINDS if kind in KINDS]
    streams = [_of_students(dataset.course, chosen)]
    for number, kind in enumerate(kinds):
        dataset.advance("draft", 0.02 + 0.03 * number / len(kinds))
        _end_if_stopped(dataset)
        passages = [drafts_of(kind, material, rows) for rows in by_passage.values()]
        spread = [draft for turn in zip_longest(*passages) for draft in turn if draft is not None]
        streams.append(_by_skill(spread))
    if "apply" in kinds:
        streams.append(traced(dataset.course, chosen))
    if CODING in kinds:
        streams.append(derived(dataset.course, chosen))
    endpoint = writer(dataset.course)
    if endpoint is not None:
        streams.append(written(dataset, endpoint, kinds))
    for turn in zip_longest(*streams):
        yield from (draft for draft in turn if draft is not None and is_of_one_side(draft))


def is_of_one_side(draft: Draft) -> bool:
    """Whether all passages of a draft are held out, or none is."""
    return len({held_out(source.passage) for source in draft.sources}) == 1


def _by_skill(drafts: Sequence[Draft]) -> Iterator[Draft]:
    """The same in an order in which each skill comes once before any comes again."""
    times: Counter[str] = Counter()
    ranked = []
    for draft in drafts:
        times[draft.skill] += bool(draft.skill)
        ranked.append((times[draft.skill], draft))
    return (draft for _, draft in sorted(ranked, key=lambda pair: pair[0]))


def _of_students(course: Course, chosen: set[int]) -> Iterator[Draft]:
    """What students asked and the agent answered with citations to material that students may read."""
    readable = Passage.objects.for_agent(course)
    answers = Message.objects.filter(
        author=Message.Author.AGENT,
        turn__conversation__course=course,
        turn__conversation__kind=Conversation.Kind.CHAT,
        turn__state=Turn.State.DONE,
        turn__abstained=False,
    ).select_related("turn__conversation__user")
    for message in answers.order_by("-pk")[:STUDENTS]:
        cited = message.citations.filter(passage__in=readable, verdict=SUPPORTED).select_related(
            "passage__material"
        )
        sources = tuple(
            Quoted(row.passage, row.start - row.passage.start, row.end - row.passage.start)
            for row in cited
            if row.passage is not None and (not chosen or row.passage.material_id in chosen)
        )
        if sources and not names_somebody(message.turn):
            answer = " ".join(dict.fromkeys(" ".join(source.text.split()) for source in sources))
            yield Draft(
                "student", message.turn.question, answer, sources, "a student's question and its citations"
            )


def names_somebody(turn: Turn) -> bool:
    """Whether a question holds its asker's name, an address or a long number: then it is nobody else's to read."""
    who = turn.conversation.user
    names = re.findall(r"\w{3,}", who.name) if who is not None else []
    told = re.search(r"\S@\S|\d{6,}", turn.question) is not None
    return told or any(re.search(rf"\b{re.escape(name)}\b", turn.question, re.IGNORECASE) for name in names)


class Weighed:
    """A draft with what the checks say of it."""

    def __init__(
        self, draft: Draft, reason: str = "", detail: str = "", support: float | None = None
    ) -> None:
        self.draft, self.reason, self.detail, self.support = draft, reason, detail, support


class Checks:
    """What an example must pass: supported, new, not in the quiz bank, answerable from the material."""

    def __init__(self, course: Course, questions: Sequence[str]) -> None:
        self.course = course
        bank = Item.objects.filter(course=course, state=Item.State.READY).values_list("prompt", "answer")
        self.bank = [Asked(prompt, answer) for prompt, answer in bank]
        self.kept: list[tuple[str, Vector]] = []
        if questions:
            self.kept = list(zip(questions, vectors_of(list(questions)), strict=True))

    def weigh(self, drafts: Sequence[Draft]) -> list[Weighed]:
        """The drafts, in order, each with the first reason against it."""
        asked = [Asked(draft.question, draft.answer) for draft in drafts]
        leaked = {leak.example: self.bank[leak.item].question for leak in leaks(asked, self.bank)}
        vectors = vectors_of([draft.question for draft in drafts])
        return [
            self._weigh(draft, vector, leaked.get(number, ""))
            for number, (draft, vector) in enumerate(zip(drafts, vectors, strict=True))
        ]

    def _weigh(self, draft: Draft, vector: Vector, item: str) -> Weighed:
        if draft.failed:
            return Weighed(draft, Example.Reason.FAILED, draft.failed)
        support, weakest = (1.0, "") if draft.computed else supported(draft)
        if support is None:
            return Weighed(draft, Example.Reason.UNSUPPORTED, weakest)
        if item:
            return Weighed(draft, Example.Reason.LEAKED, item, support)
        if twin := self._twin(draft, vector):
            return Weighed(draft, Example.Reason.DUPLICATE, twin, support)
        if not (draft.computed or draft.kind in CORRECTING) and not answered(
            self.course, draft.question, draft.sources[0].passage
        ):
            return Weighed(draft, Example.Reason.UNANSWERABLE, "", support)
        self.kept.append((draft.question, vector))
        return Weighed(draft, support=support)

    def _twin(self, draft: Draft, vector: Vector) -> str:
        """The question that asks the same, or "". Programs and formulas that differ in a number are near each other and are not
        the same."""
        if draft.computed:
            return next((asked for asked, _ in self.kept if asked == draft.question), "")
        near, asked = max(((float(vector @ other), asked) for asked, other in self.kept), default=(0.0, ""))
        return asked if near >= TOO_NEAR else ""


def supported(draft: Draft) -> tuple[float | None, str]:
    """The lowest score over the answer's sentences, or None and the first sentence that its passages do not support."""
    said = [draft.answer[start:end].strip() for start, end in sentences(draft.answer)]
    texts = list(dict.fromkeys(source.passage.text for source in draft.sources))
    claims = [text for text in said if text not in PLAIN and not _is_working(text, draft)]
    lowest = 1.0
    for claim, verdict in zip(claims, verify_all(claims, texts), strict=True):
        if verdict.verdict != SUPPORTED and not _is_of_source(claim, draft):
            return None, claim
        lowest = min(lowest, verdict.score)
    return lowest, ""


def _is_working(sentence: str, draft: Draft) -> bool:
    """The line of a worked problem that SymPy has checked."""
    return draft.kind == "problem" and sentence.startswith("So it is ")


def _is_of_source(claim: str, draft: Draft) -> bool:
    """A term given as the answer ("Median."), which the quotes name."""
    return (
        len(claim.split()) <= 4
        and claim.rstrip(".").lower() in " ".join(q.text for q in draft.sources).lower()
    )


def _exercise(dataset: Dataset, row: Weighed) -> Exercise:
    """The exercise of a draft, proposed; the one that is there if the course has it already."""
    program, draft = row.draft.program, row.draft
    assert program is not None
    there = dataset.course.exercises.filter(
        prompt=draft.question, solution=program.given.solution, tests=program.given.tests
    )
    if (known := there.first()) is not None:
        return known
    result = program.result
    made = Exercise.objects.create(
        course=dataset.course,
        title=program.title[:120],
        language=program.given.language,
        prompt=draft.question,
        starter=program.starter,
        solution=program.given.solution,
        tests=program.given.tests,
        hint=program.hint,
        state=Exercise.State.DONE,
        passed=result.passed,
        mutants=result.mutants,
        killed=result.killed,
        versions=result.attempts,
        survivors=list(result.survivors),
        made_how=draft.made_how,
        created_by=dataset.created_by,
    )
    made.passages.set([source.passage for source in draft.sources])
    return made


def _keep(dataset: Dataset, weighed: Sequence[Weighed], room: int) -> int:
    """Store the examples, kept and dropped; returns how many were kept."""
    kept = 0
    with transaction.atomic():
        for row in weighed:
            if not row.reason and kept >= room:
                break
            kept += not row.reason
            origin = Example.Origin.STUDENT if row.draft.kind == "student" else Example.Origin.MADE
            example = Example.objects.create(
                dataset=dataset,
                kind=row.draft.kind,
                origin=origin,
                made_how=row.draft.made_how,
                question=row.draft.question,
                answer=row.draft.answer,
                state=Example.State.DROPPED if row.reason else Example.State.KEPT,
                reason=row.reason,
                detail=row.detail[:300],
                held_out=any(held_out(source.passage) for source in row.draft.sources),
                support=row.support,
                skill=row.draft.skill[:120],
                exercise=_exercise(dataset, row) if row.draft.program and not row.reason else None,
            )
            Source.objects.bulk_create(
                Source(
                    example=example,
                    passage=source.passage,
                    file=source.passage.material.filename,
                    anchor=source.passage.anchor,
                    quote=source.text,
                )
                for source in row.draft.sources
            )
    return kept
