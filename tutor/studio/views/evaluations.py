"""Evaluations: what was measured, with intervals, and what may be done about it."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_POST

from courses import access
from courses.models import Course
from tutor.chat.views import person
from tutor.jobs import State
from tutor.studio import evaluating, serving
from tutor.studio.models import Adapter, Dataset, Evaluation

WORKING = (State.QUEUED, State.RUNNING)
SAMPLES = 12  # answers shown side by side
STAGES = {"": "Waiting", "answer": "Answering", "compare": "Comparing"}


def evaluate_adapter(
    request: HttpRequest, course: Course, adapter: Adapter, dataset: Dataset | None
) -> HttpResponse:
    """Queue an evaluation of an adapter on its own dataset's held-out part."""
    try:
        evaluation = evaluating.make(adapter, course, dataset, [])
    except evaluating.EvaluationFailed as error:
        messages.error(request, str(error))
        return redirect("studio:studio", course.slug)
    Evaluation.objects.filter(pk=evaluation.pk).update(created_by=person(request))
    evaluation.queue()
    return redirect(evaluation)


@require_GET
def evaluation(request: HttpRequest, slug: str, evaluation: int) -> HttpResponse:
    """The table with intervals, what it says, and answers side by side."""
    course = access.course_taught(request, slug)
    row = get_object_or_404(
        Evaluation.objects.select_related("adapter", "dataset", "course"), course=course, pk=evaluation
    )
    systems = list(row.table.get("systems", {}))
    samples: dict[int, dict[str, Any]] = {}
    for answer in row.answers.filter(number__lt=SAMPLES):
        sample = samples.setdefault(
            answer.number, {"question": answer.question, "reference": answer.reference, "answers": []}
        )
        sample["answers"].append(answer)
    better, why = evaluating.beat_its_baselines(row.adapter) if row.adapter else (False, "")
    context = {
        "section": "studio",
        "evaluation": row,
        "working": row.state in WORKING,
        "stage": STAGES.get(row.stage, row.stage),
        "systems": [(name, row.table["systems"][name]) for name in systems],
        "samples": list(samples.values()),
        "better": better,
        "why": why,
        "trial": serving.serving(course),
        "leads": course.role_of(request.user) == "instructor",
    }
    return render(request, "studio/evaluation.html", context)


@require_POST
def evaluation_act(request: HttpRequest, slug: str, evaluation: int) -> HttpResponse:
    """Retry an evaluation that failed; it goes on after the answers it has."""
    course = access.course_led(request, slug)
    row = get_object_or_404(Evaluation, course=course, pk=evaluation)
    if row.state == State.FAILED:
        row.queue()
    return redirect(row)
