"""Wrong answers with what corrects them: flagged by people and corrected by the staff, or planted beside an answer that holds.

An example with a rejected answer serves three methods: its answer is learnt as it stands (SFT), the two are a preference pair
(DPO), and together they are a trajectory (see `prompting.trajectory`).
"""

from __future__ import annotations

from collections.abc import Sequence

from django.db import transaction
from django.db.models import Q

from courses.models import Course, Material, Passage
from courses.sentences import sentences
from courses.verification import SUPPORTED, verify_all
from tutor.chat.models import Conversation, Message, Turn
from tutor.practice.items import Survey
from tutor.practice.models import Item
from tutor.practice.statements import Statement
from tutor.studio.kinds import sentence_of
from tutor.studio.kinds.misconception import wrong_claims
from tutor.studio.leakage import Asked, leaks
from tutor.studio.models import Dataset, Example, Source
from tutor.studio.splitting import held_out

FLAGGED = "an answer that was flagged, and the staff's correction"


def take_corrections(dataset: Dataset) -> int:
    """Add the answers that people flagged and the staff corrected for all to read; returns how many are new.

    Only corrections that are material now: what the staff wrote to one student alone stays there. No person is named.
    """
    course = dataset.course
    chosen = set(dataset.materials.values_list("pk", flat=True))
    answers = Passage.objects.for_agent(course).filter(pinned=True, material__origin=Material.Origin.ANSWER)
    if chosen:
        answers = answers.filter(material__in=chosen)
    flagged = _flagged(course)
    there = set(dataset.examples.values_list("question", flat=True))
    found = []
    for passage in answers.select_related("material").order_by("pk"):
        question = str(passage.material.meta.get("question", ""))
        answer = passage.text.removeprefix(question).strip()
        wrong = next((said for said in flagged.get(question, ()) if not _agrees(said, answer)), "")
        if wrong and answer and question not in there:
            found.append((passage, question, answer, wrong))
    bank = Item.objects.filter(course=course, state=Item.State.READY).values_list("prompt", "answer")
    asked = [Asked(question, answer) for _, question, answer, _ in found]
    leaked = {leak.example for leak in leaks(asked, [Asked(*item) for item in bank])}
    with transaction.atomic():
        for number, (passage, question, answer, wrong) in enumerate(found):
            example = Example.objects.create(
                dataset=dataset,
                kind="correction",
                origin=Example.Origin.STUDENT,
                made_how=FLAGGED,
                question=question,
                answer=answer,
                rejected_answer=wrong,
                state=Example.State.DROPPED if number in leaked else Example.State.KEPT,
                reason=Example.Reason.LEAKED if number in leaked else "",
                held_out=held_out(passage),
            )
            material = passage.material
            Source.objects.create(
                example=example, passage=passage, file=material.filename, anchor=passage.anchor, quote=answer
            )
    return len(found)


def _flagged(course: Course) -> dict[str, list[str]]:
    """The agent's answers that somebody marked, handed to the staff or corrected, newest first, by their question."""
    marked = Turn.objects.filter(
        Q(feedback__up=False)
        | Q(staff_question__isnull=False)
        | Q(pk__in=Message.objects.filter(author=Message.Author.STAFF).values("turn")),
        conversation__course=course,
        conversation__kind=Conversation.Kind.CHAT,
        conversation__deleted=False,
        state=Turn.State.DONE,
        abstained=False,
    )
    said: dict[str, list[str]] = {}
    messages = Message.objects.filter(turn__in=marked.values("pk"), author=Message.Author.AGENT)
    for question, text in messages.order_by("-pk").values_list("turn__question", "text"):
        if text.strip():
            said.setdefault(" ".join(question.split()), []).append(text.strip())
    return said


def _agrees(said: str, correction: str) -> bool:
    """Whether the correction supports all that was said: then nothing in it was wrong."""
    claims = [said[start:end].strip() for start, end in sentences(said)]
    return all(found.verdict == SUPPORTED for found in verify_all(claims, [correction]))


def plant(dataset: Dataset, material: Survey) -> int:
    """Give kept examples that rest on a statement a wrong answer beside theirs, which the material does not support.

    They are misconceptions: its opposite, or what is true of something like it. Returns how many got one.
    """
    by_source: dict[tuple[int, str], list[Statement]] = {}
    for row in material.statements:
        by_source.setdefault((row.passage.pk, row.passage.text[row.start : row.end]), []).append(row)
    examples = dataset.examples.kept().filter(rejected_answer="", wrong_steps=[], reviewed_at=None)
    changed = []
    for example in examples.prefetch_related("sources").order_by("pk"):
        cited = [(source.passage_id or 0, source.quote) for source in example.sources.all()]
        rows = [row for place in cited for row in by_source.get(place, [])]
        example.rejected_answer = _wrong(example, rows, material)
        if example.rejected_answer:
            changed.append(example)
    Example.objects.bulk_update(changed, ["rejected_answer"], batch_size=200)
    return len(changed)


def _wrong(example: Example, rows: Sequence[Statement], material: Survey) -> str:
    """The example's answer with one of its statements turned into a wrong one; "" where none can be."""
    for row in rows:
        right = sentence_of(row)
        if right not in example.answer:
            continue
        claim = next(wrong_claims(row, material), "")
        if claim and example.kind == "misconception":
            return f"{'Yes' if example.answer.startswith('No.') else 'No'}. {claim}"
        if claim:
            return example.answer.replace(right, claim, 1)
    return ""
