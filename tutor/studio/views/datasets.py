"""Datasets: making and importing them, the card, the review by people, export."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Mod
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from courses import access
from courses.models import Material
from tutor.accounts.audit import note
from tutor.chat.views import person
from tutor.jobs import State
from tutor.studio.card import COMPUTED, PEOPLE, TAKEN, agreement, describe
from tutor.studio.evaluating import beat_its_baselines
from tutor.studio.exchange import Unreadable, chat_rows, receive
from tutor.studio.forecast import forecast
from tutor.studio.kinds import CODING, KINDS
from tutor.studio.models import Adapter, Dataset, Evaluation, Example, Exercise, Review, Run
from tutor.studio.running import FEWEST
from tutor.studio.serving import accepted_by, result, shown

WORKING = (State.QUEUED, State.RUNNING)
STAGES = {
    "": "Waiting",
    "survey": "Reading the material",
    "draft": "Drafting questions",
    "check": "Checking them, and running programs",
    "card": "Counting",
}
MADE_BY = {
    TAKEN: "made by templates over statements that the verifier supports",
    COMPUTED: "computed: programs run in the sandbox, problems solved with SymPy",
    PEOPLE: "written by people: students’ questions, the staff’s and the instructors’ own pairs",
}
PAGE = 25
LARGEST_IMPORT = 20 * 1024 * 1024
MOST_KEPT = 5000
DEFAULT_LIMIT = 400
SAMPLED = 8  # one in so many is looked at by two people


@require_GET
def studio(request: HttpRequest, slug: str) -> HttpResponse:
    """What there is: datasets, runs, adapters, evaluations; and what answers for the course."""
    course = access.course_taught(request, slug)
    trial = shown(course)
    context = {
        "section": "studio",
        "datasets": Dataset.objects.filter(course=course),
        "runs": Run.objects.filter(course=course).select_related("dataset", "adapter")[:20],
        "adapters": [
            (adapter, *beat_its_baselines(adapter))
            for adapter in Adapter.objects.filter(course=course, retired_at=None).select_related("run")
        ],
        "evaluations": Evaluation.objects.filter(course=course).select_related("adapter", "dataset")[:20],
        "materials": Material.objects.filter(course=course).released().current(),
        "kinds": list(KINDS),
        "trial": trial,
        "result": result(trial) if trial else {},
        "accepted": accepted_by(trial) if trial else None,
        "leads": course.role_of(request.user) == "instructor",
        "forecast": forecast(course, (), list(KINDS), DEFAULT_LIMIT),
        "coding": True,
        "most": MOST_KEPT,
    }
    return render(request, "studio/studio.html", context)


@require_GET
def expected(request: HttpRequest, slug: str) -> HttpResponse:
    """What making a dataset of what is chosen will take, as a piece of the page."""
    course = access.course_taught(request, slug)
    kinds = [kind for kind in request.GET.getlist("kinds") if kind in KINDS]
    limit = request.GET.get("limit", "")
    most = min(int(limit), MOST_KEPT) if limit.isdigit() and len(limit) < 9 else DEFAULT_LIMIT
    chosen = Material.objects.filter(
        course=course, uuid__in=_uuids(request.GET.getlist("materials"))
    ).released()
    found = forecast(course, list(chosen.values_list("pk", flat=True)), kinds, most)
    return render(request, "studio/_forecast.html", {"forecast": found, "coding": CODING in kinds})


@require_POST
def make(request: HttpRequest, slug: str) -> HttpResponse:
    """Queue a dataset of the chosen materials and kinds."""
    course = access.course_taught(request, slug)
    kinds = [kind for kind in request.POST.getlist("kinds") if kind in KINDS]
    limit = request.POST.get("limit", "")
    if not kinds:
        messages.error(request, "Choose at least one kind of question.")
        return redirect("studio:studio", slug)
    if not limit.isdigit() or not 1 <= int(limit) <= MOST_KEPT:
        messages.error(request, f"Say how many examples to keep: a number from 1 to {MOST_KEPT:,}.")
        return redirect("studio:studio", slug)
    chosen = Material.objects.filter(
        course=course, uuid__in=_uuids(request.POST.getlist("materials"))
    ).released()
    title = request.POST.get("title", "").strip()[:200] or f"Dataset of {timezone.localdate():%-d %B %Y}"
    with transaction.atomic():
        dataset = Dataset.objects.create(
            course=course, title=title, kinds=kinds, limit=int(limit), created_by=person(request)
        )
        dataset.materials.set(chosen)
        dataset.queue()
    note(request, "dataset.made", title, course_id=course.pk)
    return redirect(dataset)


def _uuids(values: list[str]) -> list[str]:
    return [
        value
        for value in values
        if len(value) == 36 and value.count("-") == 4 and value.replace("-", "").isalnum()
    ]


@require_POST
def bring(request: HttpRequest, slug: str) -> HttpResponse:
    """Import the instructor's own pairs: into a dataset of their own, or beside what one holds already."""
    course = access.course_taught(request, slug)
    number = request.POST.get("into", "")
    into = get_object_or_404(Dataset, course=course, pk=int(number)) if number.isdigit() else None
    upload = request.FILES.get("file")
    if upload is None or upload.size is None or upload.size > LARGEST_IMPORT:
        messages.error(request, "Choose a CSV or JSONL file of at most 20 MB.")
        return redirect("studio:studio", slug)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / Path(upload.name or "pairs.csv").name[-80:]
        file.write_bytes(upload.read())
        try:
            dataset, count = receive(course, file, into=into)
        except Unreadable as error:
            messages.error(request, str(error))
            return redirect(into) if into is not None else redirect("studio:studio", slug)
    note(request, "dataset.imported", dataset.title, course_id=course.pk)
    messages.success(
        request, f"{count} pair{'' if count == 1 else 's'} {'was' if count == 1 else 'were'} imported."
    )
    return redirect(dataset)


def _dataset(request: HttpRequest, slug: str, dataset: int) -> Dataset:
    course = access.course_taught(request, slug)
    return get_object_or_404(Dataset.objects.select_related("course"), course=course, pk=dataset)


@require_GET
def dataset(request: HttpRequest, slug: str, dataset: int) -> HttpResponse:
    """The card: what is in it, what it covers, what was dropped; and what to do with it."""
    row = _dataset(request, slug, dataset)
    card = row.card
    heat = [
        {
            "title": entry["title"],
            "pages": [
                {**page, "heat": min(4, (page["examples"] + 1) // 2)} for page in entry.get("pages", [])
            ],
        }
        for entry in card.get("coverage", {}).get("materials", [])
        if "pages" in entry
    ]
    context = {
        "section": "studio",
        "dataset": row,
        "card": card,
        "heat": heat,
        "working": row.state in WORKING,
        "stage": STAGES.get(row.stage, row.stage),
        "reasons": [
            (reason, Example.Reason(reason).label, count) for reason, count in card.get("dropped", {}).items()
        ],
        "trainable": card.get("train", 0) >= FEWEST,
        "leads": row.course.role_of(request.user) == "instructor",
        "made_by": [
            (MADE_BY.get(who, f"{who} wrote"), count) for who, count in card.get("made_by", {}).items()
        ],
        "review": agreement(row),
        "no_exercises": CODING in row.kinds and card.get("exercises", {}).get("count") == 0,
        "kept_so_far": row.examples.kept().count() if row.state in WORKING else 0,
    }
    return render(request, "studio/dataset.html", context)


@require_POST
def act(request: HttpRequest, slug: str, dataset: int) -> HttpResponse:
    """Stop, retry or delete a dataset, or count its card again."""
    row = _dataset(request, slug, dataset)
    match request.POST.get("do"):
        case "stop" if row.state in WORKING:
            Dataset.objects.filter(pk=row.pk).update(stop_requested=True)
            Dataset.objects.filter(pk=row.pk, state=State.QUEUED).update(state=State.STOPPED)
        case "retry" if row.state not in WORKING and row.kinds:
            Dataset.objects.filter(pk=row.pk).update(stop_requested=False)
            row.queue()
        case "count" if row.state not in WORKING:
            row.card = describe(row)
            row.save(update_fields=["card"])
        case "delete" if row.state not in WORKING:
            note(request, "dataset.deleted", row.title, course_id=row.course_id)
            row.delete()
            return redirect("studio:studio", slug)
    return redirect("studio:dataset", slug, dataset)


@require_GET
def export(request: HttpRequest, slug: str, dataset: int) -> HttpResponse:
    """The kept examples as JSONL."""
    row = _dataset(request, slug, dataset)
    body = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in chat_rows(row))
    response = HttpResponse(body, content_type="application/jsonl; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="dataset-{row.pk}.jsonl"'
    return response


@require_GET
def review(request: HttpRequest, slug: str, dataset: int) -> HttpResponse:
    """The examples one by one, with what they rest on: to accept, edit or reject by keys."""
    row = _dataset(request, slug, dataset)
    show, reason = request.GET.get("show", ""), request.GET.get("reason", "")
    rows = row.examples.select_related("exercise").prefetch_related(
        "sources__passage__material", "reviews__person"
    )
    if show == "dropped":
        rows = rows.filter(state=Example.State.DROPPED)
        rows = rows.filter(reason=reason) if reason in Example.Reason.values else rows
    elif show == "all":
        rows = rows.kept()
    elif show == "double":  # the same sample for everybody; what others said of it is not shown
        rows = rows.annotate(turn=Mod("pk", SAMPLED)).filter(turn=0).exclude(reviews__person=person(request))
        rows = rows.exclude(state=Example.State.DROPPED, reviews=None)
    else:
        rows = rows.kept().filter(~Q(reviews__person=person(request)))
    page = Paginator(rows.order_by("pk"), PAGE).get_page(request.GET.get("page"))
    mine = row.examples.filter(reviews__person=person(request)).count()
    context = {
        "section": "studio",
        "dataset": row,
        "page": page,
        "show": show,
        "blind": show == "double",
        "agreement": agreement(row),
        "done": mine,
        "of": row.examples.filter(Q(state=Example.State.KEPT) | Q(reviews__person=person(request)))
        .distinct()
        .count(),
    }
    return render(request, "studio/review.html", context)


@require_POST
def judge(request: HttpRequest, slug: str, dataset: int, example: int) -> HttpResponse:
    """Accept, edit or reject one example. Answers JSON to a script and goes back to the page otherwise."""
    row = _dataset(request, slug, dataset)
    found = get_object_or_404(row.examples, pk=example)
    verdict = request.POST.get("verdict", "")
    question, answer = request.POST.get("question", "").strip(), request.POST.get("answer", "").strip()
    error = _refusal(verdict, question, answer)
    if not error:
        _judged(found, person(request), verdict, question, answer)
    if request.headers.get("accept", "").startswith("application/json"):
        body: dict[str, Any] = {"error": error} if error else {"state": found.state, "verdict": verdict}
        return JsonResponse(body, status=400 if error else 200)
    if error:
        messages.error(request, error)
    return redirect("studio:review", slug, dataset)


def _refusal(verdict: str, question: str, answer: str) -> str:
    if verdict not in Review.Verdict.values:
        return "Accept, edit or reject it."
    if verdict == Review.Verdict.EDIT and not (question and answer):
        return "A question and an answer are needed. To drop it, reject it."
    if len(question) > 4000 or len(answer) > 8000:
        return "At most 4,000 characters of question and 8,000 of answer, please."
    return ""


def _judged(example: Example, who: Any, verdict: str, question: str, answer: str) -> None:
    with transaction.atomic():
        Review.objects.update_or_create(example=example, person=who, defaults={"verdict": verdict})
        example.reviewed_by, example.reviewed_at = who, timezone.now()
        if verdict == Review.Verdict.REJECT:
            example.state, example.reason = Example.State.DROPPED, Example.Reason.REJECTED
        else:
            example.state, example.reason = Example.State.KEPT, ""
        if verdict == Review.Verdict.EDIT and (question, answer) != (example.question, example.answer):
            example.rejected_answer = example.answer if answer != example.answer else example.rejected_answer
            example.question, example.answer = question, answer
            example.wrong_steps = []
            example.exercise = None  # what was verified is another text
        example.save()
        if example.exercise is not None:
            kept = verdict != Review.Verdict.REJECT
            example.exercise.decide(Exercise.Standing.KEPT if kept else Exercise.Standing.REJECTED)
