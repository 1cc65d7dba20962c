"""Writing one page of a lesson: what the teacher shows, points at, says and asks, in order, each claim with its citation."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from django.db import transaction

from courses.models import Extract, Passage
from courses.verification import SUPPORTED
from tutor.classrooms import review, transitions, writing_by_model
from tutor.classrooms.fitting import listed
from tutor.classrooms.models import Action, Lesson, LessonPage, Line
from tutor.classrooms.phrasing import Said, say
from tutor.classrooms.planning import STOPPED
from tutor.classrooms.reading import blocks_of, passages_of
from tutor.jobs import MAX_ATTEMPTS, State
from tutor.practice.items import make
from tutor.practice.models import Item

logger = logging.getLogger(__name__)

ENOUGH = 3  # supported claims from which a page is worth a quiz item
A_READING = 3  # sentences said while one region is pointed at
FAILED = (
    "This page could not be written; the worker's log has the details. Redo it, or write its script by hand."
)
GONE = "The material of this page was deleted. Remove the page, or make the lesson anew from other material."


class Unwritable(Exception):
    """The page cannot be written, and trying again would not help. The message says why."""


class Stopped(Exception):
    """Somebody stopped the making of the lesson, or took this page over."""


@dataclass
class Step:
    """An action in the making."""

    kind: str
    lines: list[Said] = field(default_factory=list)
    region: tuple[int, int] | None = None
    item: Item | None = None


def work(page: LessonPage) -> None:
    """Do the job of a queued page. The outcome is on its row; a page that fails three times is failed in words."""
    if page.lesson.stop_requested:
        LessonPage.objects.filter(pk=page.pk, state=State.QUEUED).update(state=State.STOPPED, error=STOPPED)
        return
    if not page.claim():
        return
    page = LessonPage.objects.select_related("lesson__course", "material").get(pk=page.pk)
    try:
        with page.heartbeat():
            write(page)
    except Stopped:
        LessonPage.objects.filter(pk=page.pk, state=State.RUNNING, attempts=page.attempts).update(
            state=State.STOPPED, error=STOPPED, eta_seconds=None
        )
    except Unwritable as reason:
        page.fail(str(reason))
    except Exception:
        logger.exception("Writing page %s failed", page.pk)
        if page.attempts < MAX_ATTEMPTS:
            page.queue()
        else:
            page.fail(FAILED)


def write(page: LessonPage) -> None:
    """Write a page's description and actions, in place of those it had. Raises Unwritable or Stopped."""
    material = page.material
    if material is None:
        raise Unwritable(GONE)
    extract = Extract.objects.filter(material=material).first()
    passages = passages_of(material, page.start, page.end)
    if extract is None or not passages:
        raise Unwritable(
            f"“{material.title}” holds no text at this place any more. Read it again, then redo the page."
        )
    _go_on(page, "write", 0.1)
    page.note = ""
    drafted = writing_by_model.draft(page, extract, passages)
    names = (material.title, page.lesson.course.title, page.lesson.title)
    span = (page.start, page.end)
    said = drafted or say(extract.text, blocks_of(extract, *span), page.title, span, names)
    _go_on(page, "verify", 0.5)
    checked = check(said, passages)
    steps = arrange(page, [one for one, _ in checked])
    claims = [one.text for one, found in checked if found is not None and found.verdict == SUPPORTED]
    _go_on(page, "describe", 0.8)
    items = _items(page, passages) if len(claims) >= ENOUGH and page.ordinal > 1 else []
    if items:
        at = len(steps) - (1 if steps and steps[-1].kind == Action.Kind.DISCUSS else 0)
        lead = Said(transitions.before_quiz(page), claim=False)
        steps[at:at] = [Step(Action.Kind.QUIZ, [lead], item=item) for item in items]
    page.description = describe(page, [one for one, _ in checked], claims, steps)
    _store(page, steps, dict(checked), passages, items)


def check(said: Sequence[Said], passages: Sequence[Passage]) -> list[tuple[Said, review.Support | None]]:
    """Each sentence with what it rests on: said the speaker's way where that is supported, else in the material's words."""
    said = [replace(one, claim=one.claim and review.claims(one.text)) for one in said]
    claims = [one for one in said if one.claim]
    found = dict(zip(claims, review.support([one.text for one in claims], passages), strict=True))
    again = [one for one in claims if found[one].verdict != SUPPORTED and one.plain not in ("", one.text)]
    plain = dict(zip(again, review.support([one.plain for one in again], passages), strict=True))
    checked: list[tuple[Said, review.Support | None]] = []
    for one in said:
        if one in plain and plain[one].verdict == SUPPORTED:
            checked.append((Said(one.plain, True, one.region), plain[one]))
        else:
            checked.append((one, found.get(one)))
    return checked


def arrange(page: LessonPage, said: Sequence[Said]) -> list[Step]:
    """The actions of a page: it is shown and led up to, each place is pointed at while its sentences are read."""
    steps = [Step(Action.Kind.SHOW)]
    if "start_ms" not in page.anchor:  # a recording has its own words for that
        steps.append(Step(Action.Kind.READ, [Said(transitions.opening(page), claim=False)]))
    place: tuple[int, int] | None = None
    for one in said:
        if one.ask:
            steps.append(Step(Action.Kind.ASK, [one]))
            continue
        last = steps[-1]
        near = last.kind == Action.Kind.READ and place is not None and len(last.lines) < A_READING
        if one.region is None or (near and _together(place, one.region)):
            if last.kind != Action.Kind.READ:
                steps.append(Step(Action.Kind.READ))
            steps[-1].lines.append(one)
            if one.region is not None and place is not None:
                place = (min(place[0], one.region[0]), max(place[1], one.region[1]))
                _point(steps, place)
            continue
        place = one.region
        steps += [Step(Action.Kind.POINT, region=place), Step(Action.Kind.READ, [one])]
    if transitions.ends_section(page):
        steps.append(Step(Action.Kind.DISCUSS, [Said(transitions.discussion(page), claim=False)]))
    return steps


def _together(place: tuple[int, int] | None, region: tuple[int, int]) -> bool:
    """Whether two places are so near that pointing from one to the other would only be restless."""
    return place is not None and region[0] - place[1] <= 2 and region[1] - place[0] <= 400


def _point(steps: list[Step], region: tuple[int, int]) -> None:
    for step in reversed(steps):
        if step.kind == Action.Kind.POINT:
            step.region = region
            return


def describe(page: LessonPage, said: Sequence[Said], claims: Sequence[str], steps: Sequence[Step]) -> str:
    """Two or three sentences on what the page holds: its subject, and its first and last claim."""
    text = " ".join(one.text for one in said)
    held = [
        name
        for name, there in (
            ("a figure", "figure" in text or "picture on the page" in text),
            ("a table", "table on the page" in text),
            ("code", "code on the page" in text),
            ("a question for the class", any(one.ask for one in said)),
            ("a quiz", any(step.kind == Action.Kind.QUIZ for step in steps)),
        )
        if there
    ]
    first = f"This page is about “{page.title}”" + (f", with {listed(held)}." if held else ".")
    return " ".join([first, *claims[:1], *(claims[-1:] if len(claims) > 2 else [])])


def _items(page: LessonPage, passages: Sequence[Passage]) -> list[Item]:
    """A quiz item on the page, where its propositions give one. Without one the page still has its script."""
    try:
        return list(make(page.lesson.course, passages, 1))
    except Exception:
        logger.exception("No item could be made for page %s", page.pk)
        page.note = f"{page.note} No quiz item could be made; the worker's log has the details.".strip()[:400]
        return []


def _go_on(page: LessonPage, stage: str, progress: float) -> None:
    """Say how far the page is. Raises Stopped where nobody wants it any more."""
    wanted = LessonPage.objects.filter(pk=page.pk, state=State.RUNNING, attempts=page.attempts)
    if not wanted.filter(lesson__stop_requested=False, lesson__status=Lesson.Status.DRAFT).exists():
        raise Stopped
    page.advance(stage, progress)


def _store(
    page: LessonPage,
    steps: Sequence[Step],
    support: dict[Said, review.Support | None],
    passages: Sequence[Passage],
    items: Sequence[Item],
) -> None:
    """Put the new script in place of the old one, and end the job, in one transaction."""
    with transaction.atomic():
        mine = LessonPage.objects.filter(pk=page.pk, state=State.RUNNING, attempts=page.attempts)
        if not mine.select_for_update().exists():
            raise Stopped
        page.actions.all().delete()
        for ordinal, step in enumerate(steps, 1):
            region = {"start": step.region[0], "end": step.region[1]} if step.region else {}
            action = Action.objects.create(
                page=page, ordinal=ordinal, kind=step.kind, region=region, item=step.item
            )
            lines = []
            for number, one in enumerate(step.lines, 1):
                line = Line(action=action, ordinal=number, text=one.text[:2000], claim=one.claim)
                review.apply(line, support.get(one))
                lines.append(line)
            Line.objects.bulk_create(lines)
        page.save(update_fields=["description", "note"])
        page.passages.set(passages)
        page.skills.set({item.skill_id for item in items})
        page.finish()
