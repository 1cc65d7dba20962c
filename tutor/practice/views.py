"""Practising, what a student knows, and what those who teach make of both. Thin: authorise, call, render."""

from __future__ import annotations

import uuid
from collections import defaultdict
from dataclasses import dataclass
from datetime import timedelta

from django.contrib import messages
from django.core.paginator import Paginator
from django.db import transaction
from django.db.models import Avg, Count, Max, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from courses import access
from courses.models import Course
from tutor.accounts.models import User
from tutor.practice import disputes as objections
from tutor.practice import grading
from tutor.practice import knowledge as learner
from tutor.practice.forms import ItemForm
from tutor.practice.models import Attempt, Dispute, Item, Skill
from tutor.practice.tasks import make_items as make_items_task

A_PAGE = 50
FRESH = timedelta(hours=20)  # as long as this, what feedback said of an item is help with its next try


def person(request: HttpRequest) -> User:
    """The caller: nobody comes here who is not signed in (LoginRequiredMiddleware)."""
    assert isinstance(request.user, User)
    return request.user


@dataclass(frozen=True)
class Try:
    """An attempt as its person is shown it."""

    attempt: Attempt
    dispute: Dispute | None
    counts: bool
    url: str  # of the passage; "" where the person may not read it any more


@dataclass(frozen=True)
class Card:
    """A skill on the page of what a person knows."""

    known: learner.Known
    askable: bool
    dispute: Dispute | None  # of all that is said of the skill
    tries: list[Try]  # latest first


# For students --------------------------------------------------------------------------------------------------------


@require_GET
def knowledge(request: HttpRequest, slug: str) -> HttpResponse:
    """What the caller's attempts say about each skill, with the attempts."""
    course = access.course_for(request, slug)
    user = person(request)
    cards = _cards(user, course)
    groups = [
        (title, words, [card for card in cards if card.known.group == group])
        for group, title, words in (
            ("shown", "Shown", "Answered rightly, without help, more than once. A class may skip these."),
            ("shaky", "Shaky", "Asked, but not yet shown."),
            ("open", "Not yet asked", "Nothing is known about these."),
        )
    ]
    return render(request, "practice/knowledge.html", {"groups": groups, "any": bool(cards)})


def _cards(user: User, course: Course) -> list[Card]:
    askable = Item.objects.askable(course)
    skills = set(askable.values_list("skill", flat=True))
    readable = set(askable.values_list("passage", flat=True))
    tries: dict[int, list[Attempt]] = defaultdict(list)
    for row in Attempt.objects.of(user, course).order_by("-pk"):
        tries[row.item.skill_id].append(row)
    latest: dict[tuple[int, int | None], Dispute] = {}
    for dispute in objections.of_course(course).filter(user=user):
        latest.setdefault((dispute.skill_id, dispute.attempt_id), dispute)
    return [
        Card(
            known=known,
            askable=known.skill.pk in skills,
            dispute=latest.get((known.skill.pk, None)),
            tries=[
                Try(
                    row,
                    latest.get((known.skill.pk, row.pk)),
                    row in known.attempts,
                    row.item.source_url if row.item.passage_id in readable else "",
                )
                for row in tries[known.skill.pk]
            ],
        )
        for known in learner.of(user, course)
    ]


@require_POST
def disagree(request: HttpRequest, slug: str, skill: int) -> HttpResponse:
    """Object to what is said about a skill, or to how one attempt was graded."""
    course = access.course_for(request, slug)
    user = person(request)
    row = get_object_or_404(course.skills, pk=skill)
    attempt = None
    if number := request.POST.get("attempt", ""):
        tries = Attempt.objects.of(user, course).filter(item__skill=row)
        attempt = get_object_or_404(tries, pk=number if number.isdecimal() and len(number) < 18 else 0)
    elif not Attempt.objects.of(user, course).filter(item__skill=row).exists():
        messages.error(request, "Nothing is said about this skill yet, so there is nothing to object to.")
        return redirect("practice:knowledge", slug)
    try:
        objections.object_to(row, user, request.POST.get("text", ""), attempt)
    except objections.Refused as error:
        messages.error(request, str(error))
    else:
        messages.success(request, "The course staff will look at it. What they decide stands here.")
    return redirect(f"{reverse('practice:knowledge', args=[slug])}#skill-{row.pk}")


@require_http_methods(["GET", "POST"])
def practice(request: HttpRequest, slug: str, skill: int) -> HttpResponse:
    """One item of a skill after another, each with its feedback and the words that settle it.

    ?item= asks that one; ?help= shows its passage before the answer; ?done= shows what an attempt was worth.
    """
    course = access.course_for(request, slug)
    user = person(request)
    row = get_object_or_404(course.skills, pk=skill)
    askable = Item.objects.askable(course).filter(skill=row)
    if request.method == "POST":
        return _respond(request, get_object_or_404(askable, uuid=_uuid(request.POST.get("item"))))
    context = {"skill": row, "total": askable.count()}
    done = request.GET.get("done", "")
    if done.isdecimal() and len(done) < 18:
        attempt = get_object_or_404(Attempt.objects.of(user, course).filter(item__skill=row), pk=done)
        context |= {"attempt": attempt, "item": attempt.item, "known": _known(user, row)}
        if askable.filter(pk=attempt.item_id).exists():
            context |= {"around": around(attempt.item)}
        context["left"] = askable.exclude(attempts__user=user).count()
        return render(request, "practice/feedback.html", context)
    wanted = request.GET.get("item")
    item = get_object_or_404(askable, uuid=_uuid(wanted)) if wanted else next_item(user, course, row)
    if item is None:
        return render(request, "practice/nothing.html", {**context, "known": _known(user, row)})
    return _ask(request, context, item, show="help" in request.GET)


def _ask(
    request: HttpRequest,
    context: dict[str, object],
    item: Item,
    *,
    show: bool = False,
    refused: str = "",
    response: str = "",
) -> HttpResponse:
    if show:
        request.session[_help_key(item)] = True
    helped = bool(request.session.get(_help_key(item)))
    context |= {
        "item": item,
        "skill": item.skill,
        "refused": refused,
        "response": response[: grading.LONGEST],
    }
    context |= {"helped": helped, "around": around(item) if helped else None, "longest": grading.LONGEST}
    return render(request, "practice/question.html", context, status=400 if refused else 200)


def _respond(request: HttpRequest, item: Item) -> HttpResponse:
    user = person(request)
    response = request.POST.get("response", "")
    recent = item.attempts.filter(user=user, created__gt=timezone.now() - FRESH).exists()
    helped = recent or bool(request.session.get(_help_key(item)))
    try:
        attempt = grading.attempt(item, user, response, "practice", helped=helped)
    except grading.Refused as error:
        return _ask(request, {}, item, refused=str(error), response=response)
    request.session.pop(_help_key(item), None)
    here = reverse("practice:practice", args=[item.course.slug, item.skill_id])
    return redirect(f"{here}?done={attempt.pk}")


def _help_key(item: Item) -> str:
    return f"practice-help-{item.pk}"


def _known(user: User, skill: Skill) -> learner.Known:
    rows = Attempt.objects.of(user, skill.course).counting().filter(item__skill=skill)
    return learner.known(skill, list(rows))


def next_item(user: User, course: Course, skill: Skill) -> Item | None:
    """What to ask next: what was never asked, then what was answered longest ago and not rightly; None if all is done."""
    last = Max("attempts__pk", filter=Q(attempts__user=user))
    rows = list(Item.objects.askable(course).filter(skill=skill).annotate(last=last).order_by("pk"))
    latest: dict[int, int | None] = {item.pk: item.last for item in rows}  # type: ignore[attr-defined] # annotated
    new = next((item for item in rows if latest[item.pk] is None), None)
    if new is not None:
        return new
    wrong = (
        Attempt.objects.filter(pk__in=[pk for pk in latest.values() if pk])
        .exclude(outcome=Attempt.Outcome.RIGHT)
        .order_by("pk")
    )
    first = wrong.values_list("item", flat=True).first()
    return next((item for item in rows if item.pk == first), None)


def around(item: Item) -> dict[str, str]:
    """The quote with the text of its passage on both sides."""
    passage = item.passage
    if passage is None:
        return {"before": "", "quote": item.quote, "after": "", "url": "", "label": ""}
    start, end = item.start - passage.start, item.end - passage.start
    return {
        "before": passage.text[:start],
        "quote": passage.text[start:end],
        "after": passage.text[end:],
        "url": item.source_url,
        "label": item.source_label,
    }


def _uuid(text: str | None) -> uuid.UUID:
    """The identifier; one that nothing has where the text is none."""
    try:
        return uuid.UUID(text or "")
    except ValueError:
        return uuid.UUID(int=0)


# For those who teach -------------------------------------------------------------------------------------------------


@require_GET
def items(request: HttpRequest, slug: str) -> HttpResponse:
    """The course's items, with how often they were tried and what share of the tries was right."""
    course = access.course_taught(request, slug)
    rows = (
        course.items.quiz()
        .select_related("skill", "passage__material__course")
        .annotate(tries=Count("attempts"), share=Avg("attempts__score"))
        .order_by("skill__name", "pk")
    )
    show = request.GET.get("show", "")
    rows = rows.filter(state=show) if show in Item.State.values else rows.exclude(state=Item.State.RETIRED)
    if skill := request.GET.get("skill", ""):
        rows = rows.filter(skill=int(skill) if skill.isdecimal() and len(skill) < 18 else 0)
    context = {
        "page": Paginator(rows, A_PAGE).get_page(request.GET.get("page")),
        "show": show,
        "counts": dict(
            course.items.quiz().values_list("state").annotate(count=Count("pk")).order_by("state")
        ),
        "waiting": objections.of_course(course).filter(upheld=None).count(),
        "has_material": course.passages.exists(),
    }
    return render(request, "practice/items.html", context)


@require_POST
def make_items(request: HttpRequest, slug: str) -> HttpResponse:
    """Have items made of all the material, in the background."""
    course = access.course_taught(request, slug)
    transaction.on_commit(lambda: make_items_task.delay(course.pk))
    messages.success(request, "Questions are being made of the material. Open this page again in a minute.")
    return redirect("practice:items", slug)


@require_http_methods(["GET", "POST"])
def edit_item(request: HttpRequest, slug: str, item: uuid.UUID) -> HttpResponse:
    """Change an item's words."""
    course = access.course_taught(request, slug)
    row = get_object_or_404(
        course.items.quiz().select_related("skill", "passage__material__course"), uuid=item
    )
    form = ItemForm(request.POST or None, instance=row)
    if request.method == "POST" and form.is_valid():
        form.save()
        messages.success(request, "Saved. What was answered before keeps its grade.")
        return redirect("practice:items", slug)
    return render(request, "practice/item.html", {"item": row, "form": form, "around": around(row)})


@require_POST
def set_state(request: HttpRequest, slug: str, item: uuid.UUID) -> HttpResponse:
    """Approve an item or retire it."""
    course = access.course_taught(request, slug)
    row = get_object_or_404(course.items.quiz(), uuid=item)
    state = request.POST.get("state", "")
    if state not in (Item.State.READY, Item.State.RETIRED):
        messages.error(request, "A question is either approved or retired.")
    else:
        Item.objects.filter(pk=row.pk).update(state=state)
        said = "is asked from now on" if state == Item.State.READY else "is not asked any more"
        messages.success(request, f"“{row}” {said}.")
    return redirect(f"{reverse('practice:items', args=[slug])}?show={row.state}")


@require_GET
def disputes(request: HttpRequest, slug: str) -> HttpResponse:
    """Students' objections: those that wait, then those that were decided."""
    course = access.course_taught(request, slug)
    rows = objections.of_course(course)
    waiting = list(rows.filter(upheld=None).order_by("pk"))
    for row in waiting:
        tries = Attempt.objects.of(row.user, course).filter(item__skill=row.skill)
        row.tries = [row.attempt] if row.attempt else list(tries)  # type: ignore[attr-defined]
    context = {"waiting": waiting, "decided": rows.exclude(upheld=None).order_by("-decided")[:A_PAGE]}
    return render(request, "practice/disputes.html", context)


@require_POST
def decide(request: HttpRequest, slug: str, dispute: int) -> HttpResponse:
    """Uphold or reject an objection, with a reply."""
    course = access.course_taught(request, slug)
    row = get_object_or_404(Dispute, pk=dispute, skill__course=course)
    verdict = request.POST.get("verdict", "")
    if verdict not in ("uphold", "reject"):
        messages.error(request, "Uphold the objection or reject it.")
        return redirect("practice:disputes", slug)
    try:
        first = objections.decide(
            row, person(request), upheld=verdict == "uphold", reply=request.POST.get("reply", "")
        )
    except objections.Refused as error:
        messages.error(request, str(error))
    else:
        if first:
            messages.success(request, "Decided. The student reads your reply on their page.")
        else:
            messages.warning(request, "Somebody else has decided already.")
    return redirect("practice:disputes", slug)
