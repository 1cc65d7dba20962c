"""From what students kept asking at a page to one line of script that answers it, for a person to accept or reject."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import transaction
from django.utils import timezone

from courses.models import Passage
from courses.verification import SUPPORTED
from courses.verification.vectors import vectors_of
from tutor.accounts.models import User
from tutor.chat.finding import Request, look
from tutor.chat.grouping import like
from tutor.classrooms import analytics, publishing, review
from tutor.classrooms.analytics import Cluster
from tutor.classrooms.fitting import finish
from tutor.classrooms.models import Action, Lesson, LessonPage, Line, Proposal
from tutor.llm.models import Endpoint

ENOUGH = 0.5  # probability that the material answers the question
SAYS_IT = 0.9  # cosine from which a line says it already
SAME_POINT = 0.75  # and from which it is better said in its place


class NothingToPropose(Exception):
    """No line can be proposed. The message says why."""


class Decided(Exception):
    """Somebody has accepted or rejected the proposal already."""


def propose(lesson: Lesson, cluster: Cluster) -> Proposal:
    """A line from the material that answers the cluster's question, verified and cited. Raises NothingToPropose.

    Raises EmbeddingError where no model answers.
    """
    assert cluster.page is not None
    course = lesson.course
    passages = Passage.objects.for_agent(course)
    endpoint = Endpoint.objects.for_course(course)
    found = look(Request(course, None, cluster.label, [], endpoint, passages), cluster.label)
    statements = [statement for statement in found.statements if statement.listing is None]
    if found.probability < ENOUGH or not statements:
        raise NothingToPropose(
            "The material does not answer this question. Add material that does, or answer it as staff."
        )
    lines = list(Line.objects.filter(action__page=cluster.page).select_related("action").order_by(*ORDER))
    spoken = [line for line in lines if line.claim]
    for statement in statements:
        text = finish(" ".join(statement.source.lstrip("-•* ").split()))
        [support] = review.support([text], [statement.passage])
        if support.verdict != SUPPORTED or support.passage is None or len(text) > 600:
            continue
        near = _nearest(text, spoken)
        if near is not None and near[1] >= SAYS_IT:
            continue
        replaces = near is not None and near[1] >= SAME_POINT
        with transaction.atomic():
            proposal = Proposal.objects.create(
                page=cluster.page,
                label=cluster.label[:300],
                kind=Proposal.Kind.REPLACE if replaces else Proposal.Kind.ADD,
                line=near[0] if near is not None else None,
                text=text,
                verdict=support.verdict,
                passage=support.passage,
                quote=support.quote,
                start=support.start,
                end=support.end,
                before=cluster.rate,
            )
            proposal.questions.set(cluster.questions)
        return proposal
    raise NothingToPropose("The script says already what the material holds on this question.")


ORDER = ("action__ordinal", "ordinal")


def _nearest(text: str, lines: list[Line]) -> tuple[Line, float] | None:
    """The line that is most like the text."""
    if not lines:
        return None
    near = vectors_of([line.text for line in lines]) @ vectors_of([text])[0]
    best = int(near.argmax())
    return lines[best], float(near[best])


def accept(proposal: Proposal, user: User) -> Lesson:
    """Put the line into the draft of the lesson's next version, which somebody still reviews and publishes.

    Raises Decided.
    """
    with transaction.atomic():
        _decide(proposal, user, Proposal.State.ACCEPTED)
        lesson = _newest(proposal.page.lesson)
        draft = lesson if lesson.status == Lesson.Status.DRAFT else publishing.next_version(lesson, user)
        page = counterpart(proposal.page, draft)
        if page is None:
            raise NothingToPropose("The newest version of the lesson has no such page any more.")
        _write(proposal, page)
        Proposal.objects.filter(pk=proposal.pk).update(draft=draft)
    return draft


def reject(proposal: Proposal, user: User) -> None:
    """Leave the script as it is. Raises Decided."""
    _decide(proposal, user, Proposal.State.REJECTED)


def _decide(proposal: Proposal, user: User, state: str) -> None:
    rows = Proposal.objects.filter(pk=proposal.pk, state=Proposal.State.OPEN)
    if not rows.update(state=state, decided_by=user, decided_at=timezone.now()):
        raise Decided("Somebody has decided on this already.")
    proposal.refresh_from_db()


def _newest(lesson: Lesson) -> Lesson:
    """The version that took the lesson's place in the end."""
    while (newer := lesson.replaced_by.order_by("-pk").first()) is not None:
        lesson = newer
    return lesson


def counterpart(page: LessonPage, lesson: Lesson) -> LessonPage | None:
    """The page of another version that stands for the same stretch of the same material."""
    same = lesson.pages.filter(material=page.material, start=page.start, end=page.end).first()
    return same or lesson.pages.filter(ordinal=page.ordinal, title=page.title).first()


def _write(proposal: Proposal, page: LessonPage) -> None:
    """The line in its place: where the old one stands in this version, else at the end of what is read."""
    lines = Line.objects.filter(action__page=page).select_related("action").order_by(*ORDER)
    old = lines.filter(text=proposal.line.text).first() if proposal.line else None
    if old is not None and proposal.kind == Proposal.Kind.REPLACE:
        line = old
    else:
        before = old or lines.filter(action__kind=Action.Kind.READ).last()
        action = before.action if before else _reading(page)
        ordinal = before.ordinal + 1 if before else 1
        for later in action.lines.filter(ordinal__gte=ordinal).order_by("-ordinal"):
            Line.objects.filter(pk=later.pk).update(ordinal=later.ordinal + 1)
        line = Line(action=action, ordinal=ordinal)
    line.text, line.claim, line.verdict, line.flag = proposal.text, True, proposal.verdict, Line.Flag.NONE
    line.settled_by, line.settled_at = None, None
    line.passage, line.quote = proposal.passage, proposal.quote
    line.start, line.end = proposal.start, proposal.end
    line.save()


def _reading(page: LessonPage) -> Action:
    last = page.actions.order_by("-ordinal").values_list("ordinal", flat=True).first() or 0
    return Action.objects.create(page=page, ordinal=last + 1, kind=Action.Kind.READ)


@dataclass(frozen=True)
class Effect:
    """Like questions for each student who saw the page: before the change, and since. None: nobody has seen it since."""

    before: float
    after: float | None
    students: int  # since


def effect(proposal: Proposal) -> Effect:
    """What came of an accepted proposal, over all published versions that have it."""
    asked, students = 0, 0
    lesson = proposal.draft
    while lesson is not None:
        page = counterpart(proposal.page, lesson)
        if page is not None and lesson.status != Lesson.Status.DRAFT:
            students += analytics.seats(lesson).filter(pages=page).values("user").distinct().count()
            there = list(analytics.questions(lesson).filter(page=page)[: analytics.MOST])
            asked += sum(like(proposal.label, [row.act.turn.question for row in there])) if there else 0
        lesson = lesson.replaced_by.order_by("-pk").first()
    return Effect(proposal.before, asked / students if students else None, students)
