"""Evaluations: starting one, what was measured, with intervals, and rating answers blind."""

from __future__ import annotations

import hashlib
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from courses import access
from courses.models import Course
from tutor.accounts.audit import note
from tutor.chat.views import person
from tutor.jobs import State
from tutor.llm.models import Endpoint
from tutor.practice.models import Item
from tutor.studio import banks, comparing, evaluating, serving
from tutor.studio.agent import AGENT
from tutor.studio.asking import BASE
from tutor.studio.labelling import RULE, judge_for, measured
from tutor.studio.models import Adapter, Answer, Dataset, Evaluation, Preference, Rating

WORKING = (State.QUEUED, State.RUNNING)
SAMPLES = 12  # questions whose answers are shown side by side
LARGEST_BANK = 5 * 1024 * 1024  # bytes
STAGES = {
    "": "Waiting", "answer": "Answering", "host": "The model host went away: waiting for it", "label": "Labelling",
    "choose": "Choosing among options", "judge": "The judge compares", "compare": "Counting",
}  # fmt: skip


@require_http_methods(["GET", "POST"])
def begin(request: HttpRequest, slug: str) -> HttpResponse:
    """The form, and what it starts: an evaluation of the agent, the base or an adapter, on chosen questions."""
    course = access.course_led(request, slug)
    if request.method == "POST":
        try:
            return redirect(_begun(request, course))
        except (evaluating.EvaluationFailed, banks.Unreadable) as error:
            messages.error(request, str(error))
    judge = judge_for(course, Endpoint.objects.of_settings())
    context = {
        "section": "studio",
        "adapters": Adapter.objects.filter(course=course, retired_at=None),
        "datasets": [row for row in Dataset.objects.filter(course=course) if row.card.get("held_out")],
        "items": Item.objects.askable(course).count(),
        "judge": judge,
        "rule": measured(),
        "fewest": evaluating.FEWEST,
        "most_runs": evaluating.MOST_RUNS,
        "system": request.POST.get("system") or request.GET.get("system") or AGENT,
    }
    return render(request, "studio/evaluation_new.html", context)


def _begun(request: HttpRequest, course: Course) -> Evaluation:
    """The evaluation that the form asks for, queued. Raises EvaluationFailed and Unreadable."""
    system, runs = request.POST.get("system", ""), request.POST.get("runs", "3")
    bank, named = _bank(request)
    number = request.POST.get("dataset", "")
    dataset = Dataset.objects.filter(course=course, pk=int(number)).first() if number.isdigit() else None
    if not runs.isdigit():
        raise evaluating.EvaluationFailed("Say how often to ask each question: a whole number.")
    if system == AGENT:
        row = evaluating.make_agent(course, dataset, bank=bank, bank_name=named)
    else:
        adapter = Adapter.objects.filter(course=course, retired_at=None, name=system).first()
        if adapter is None and system != BASE:
            raise evaluating.EvaluationFailed("Choose what to evaluate.")
        row = evaluating.make(adapter, course, dataset, [], bank=bank, bank_name=named, runs=int(runs))
    return _queued(request, row)


def _bank(request: HttpRequest) -> tuple[list[banks.Asked], str]:
    upload = request.FILES.get("bank")
    if upload is None:
        return [], ""
    if upload.size is None or upload.size > LARGEST_BANK:
        raise banks.Unreadable("A question bank may have at most 5 MB.")
    name = (upload.name or "bank.csv")[-200:]
    return banks.questions(upload.read(), name), name


def _queued(request: HttpRequest, row: Evaluation) -> Evaluation:
    row.created_by = person(request)
    row.save(update_fields=["created_by"])
    row.queue()
    note(request, "evaluation.started", row, course_id=row.course_id, measured=row.measured)
    return row


def evaluate_adapter(
    request: HttpRequest, course: Course, adapter: Adapter, dataset: Dataset | None
) -> HttpResponse:
    """Queue an evaluation of an adapter on its own dataset's held-out part."""
    try:
        return redirect(_queued(request, evaluating.make(adapter, course, dataset, [])))
    except evaluating.EvaluationFailed as error:
        messages.error(request, str(error))
        return redirect("studio:studio", course.slug)


@require_GET
def evaluation(request: HttpRequest, slug: str, evaluation: int) -> HttpResponse:
    """The tables with intervals, what they say, and answers side by side."""
    course = access.course_taught(request, slug)
    rows = Evaluation.objects.select_related("adapter", "dataset", "course")
    row = get_object_or_404(rows, course=course, pk=evaluation)
    better, why = evaluating.verdict(row)
    table = row.table
    context = {
        "section": "studio",
        "evaluation": row,
        "job": row,
        "table": table,
        "working": row.state in WORKING,
        "stage": STAGES.get(row.stage, row.stage),
        "systems": [{"name": name, **found} for name, found in table.get("systems", {}).items()],
        "labels": [{**found, "bar": _bar(found)} for found in table.get("labels", [])],
        "agent": _agent(table.get("agent", {})),
        "by_rule": row.judge == RULE,
        "samples": _samples(row),
        "better": better,
        "why": why,
        "rateable": _rateable(row),
        "agreements": comparing.agreements(row),
        "trial": serving.serving(course),
        "leads": course.role_of(request.user) == "instructor",
    }
    return render(request, "studio/evaluation.html", context)


def _bar(found: dict[str, Any], names: tuple[str, ...] = ("correct", "partial", "incorrect")) -> list[Any]:
    """The pieces of a bar of shares: name, start and width in percent."""
    pieces, start = [], 0.0
    for name in names:
        width = 100 * found[name]["mean"]
        pieces.append({"name": name, "start": f"{start:.2f}", "width": f"{width:.2f}"})
        start += width
    return pieces


def _agent(found: dict[str, Any]) -> dict[str, Any]:
    if "questions" not in found:
        return found
    names = ("correct", "partial", "incorrect", "abstained")
    said = ("Right", "Partly right", "Confidently wrong", "Said nothing: “The material does not say”")
    rows = [{"name": name, "said": words, **found[name]} for name, words in zip(names, said, strict=True)]
    return {**found, "bar": _bar(found, names), "rows": rows}


def _samples(row: Evaluation) -> list[dict[str, Any]]:
    """Questions with each system's first answer; of the agent what went wrong first."""
    rows = row.answers.filter(run=0).exclude(context=Answer.Context.SHARED)
    if row.subject == Evaluation.Subject.AGENT:
        wrong = {"incorrect": 0, "partial": 1}
        found = sorted(rows, key=lambda one: (not one.detail.get("gives_away"), wrong.get(one.label, 2)))
        return [_sample(one, [one]) for one in found[:SAMPLES]]
    samples: dict[tuple[int, str], list[Answer]] = {}
    for one in rows:
        samples.setdefault((one.number, one.context), []).append(one)
    return [_sample(some[0], some) for some in list(samples.values())[:SAMPLES]]


def _sample(one: Answer, answers: list[Answer]) -> dict[str, Any]:
    return {"question": one.question, "reference": one.reference, "answers": answers}


@require_POST
def evaluation_act(request: HttpRequest, slug: str, evaluation: int) -> HttpResponse:
    """Stop an evaluation, or go on with one that failed or was stopped, after the answers it has."""
    course = access.course_led(request, slug)
    row = get_object_or_404(Evaluation, course=course, pk=evaluation)
    mine = Evaluation.objects.filter(pk=row.pk)
    if request.POST.get("do") == "stop" and row.state in WORKING:
        mine.update(stop_requested=True)
        mine.filter(state=State.QUEUED).update(state=State.STOPPED)
    elif request.POST.get("do") != "stop" and row.state in (State.FAILED, State.STOPPED):
        mine.update(stop_requested=False, attempts=0)
        row.refresh_from_db()
        row.queue()
    return redirect(row)


# Blind ratings -------------------------------------------------------------------------------------------------------


def _rateable(row: Evaluation) -> list[dict[str, str]]:
    """The pairs of systems whose answers people may compare."""
    if row.subject == Evaluation.Subject.AGENT or not row.table:
        return []
    return [{"system": one["system"], "against": one["against"]} for one in row.table.get("comparisons", [])]


@require_GET
def rate(request: HttpRequest, slug: str, evaluation: int) -> HttpResponse:
    """The next question that this person has not rated: two answers side by side, without names, in an order of chance."""
    course = access.course_taught(request, slug)
    row = get_object_or_404(Evaluation, course=course, pk=evaluation)
    pairs = _rateable(row)
    if not pairs:
        messages.error(request, "There are no two systems' answers to compare yet.")
        return redirect(row)
    at = request.GET.get("pair", "0")
    number = int(at) if at.isdigit() and int(at) < len(pairs) else 0
    context = {
        "section": "studio",
        "evaluation": row,
        "pairs": range(len(pairs)),
        "pair": number,
        **_next(row, pairs[number], request.user),
    }
    return render(request, "studio/evaluation_rate.html", context)


def _next(row: Evaluation, pair: dict[str, str], who: Any) -> dict[str, Any]:
    """The next two answers to rate with how many are done. Where both say the same there is nothing to rate."""
    rows = row.answers.filter(run=0, context=Answer.Context.SEPARATE)
    ours = {one.number: one for one in rows.filter(system=pair["system"])}
    theirs = {one.number: one for one in rows.filter(system=pair["against"])}
    numbers = [n for n in sorted(set(ours) & set(theirs)) if ours[n].text != theirs[n].text]
    done = set(row.ratings.filter(person=who, **pair).values_list("number", flat=True))
    left = sorted((n for n in numbers if n not in done), key=lambda n: _chance(row, pair, who, n, "order"))
    found: dict[str, Any] = {"to_rate": len(numbers), "rated": len(done & set(numbers)), "question": None}
    if not left:
        return found
    number = left[0]
    shown = [ours[number].text, theirs[number].text]
    if _swapped(row, pair, who, number):
        shown.reverse()
    return found | {
        "question": ours[number].question,
        "reference": ours[number].reference,
        "number": number,
        "first": shown[0],
        "second": shown[1],
    }


def _chance(row: Evaluation, pair: dict[str, str], who: Any, number: int, what: str) -> int:
    """The same draw whenever it is asked for, and none that the page could tell."""
    key = f"{row.pk}:{pair['system']}:{pair['against']}:{who.pk}:{number}:{what}"
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:4], "big")


def _swapped(row: Evaluation, pair: dict[str, str], who: Any, number: int) -> bool:
    return _chance(row, pair, who, number, "side") % 2 == 1


@require_POST
def rated(request: HttpRequest, slug: str, evaluation: int) -> HttpResponse:
    """Keep what a person says of two answers: first, second, both or neither."""
    course = access.course_taught(request, slug)
    row = get_object_or_404(Evaluation, course=course, pk=evaluation)
    pairs = _rateable(row)
    at, number, verdict = (request.POST.get(name, "") for name in ("pair", "number", "verdict"))
    sides = ["first", "second", "both", "neither"]
    known = at.isdigit() and int(at) < len(pairs) and number.isdigit() and verdict in sides
    if not known or not row.answers.filter(number=int(number), system=pairs[int(at)]["system"]).exists():
        return JsonResponse({"error": "Say which of the two answers is better."}, status=400)
    pair = pairs[int(at)]
    ours = "second" if _swapped(row, pair, request.user, int(number)) else "first"
    meant = verdict if verdict in Preference.values else "ours" if verdict == ours else "theirs"
    Rating.objects.update_or_create(
        evaluation=row,
        number=int(number),
        system=pair["system"],
        against=pair["against"],
        person=person(request),
        defaults={"verdict": meant},
    )
    place = reverse("studio:rate", args=[slug, row.pk])
    return redirect(f"{place}?pair={at}#rate")
