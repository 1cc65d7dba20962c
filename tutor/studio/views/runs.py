"""Runs, and adapters in front of the course."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_POST

from courses import access
from tutor.accounts.audit import note
from tutor.chat.views import person
from tutor.jobs import State
from tutor.studio import serving
from tutor.studio.models import Adapter, Dataset, Run
from tutor.studio.running import RunFailed, start
from tutor.studio.training.spec import KNOBS, UnknownKnob
from tutor.studio.views.evaluations import evaluate_adapter

WORKING = (State.QUEUED, State.RUNNING)
WIDTH, HEIGHT = 640, 200  # of a chart's drawing
POINTS = 400  # in a chart at most
STAGES = {
    "": "Waiting", "load": "Loading the model", "train": "Training", "save": "Saving",
}  # fmt: skip


@require_POST
def train(request: HttpRequest, slug: str, dataset: int) -> HttpResponse:
    """Queue a run on a dataset."""
    course = access.course_led(request, slug)
    row = get_object_or_404(Dataset, course=course, pk=dataset)
    given = {name: request.POST[name] for name in KNOBS if request.POST.get(name, "").strip()}
    try:
        run = start(row, request.POST.get("method", ""), given, preset=request.POST.get("preset", "balanced"))
    except (RunFailed, UnknownKnob) as error:
        messages.error(request, str(error))
        return redirect(row)
    Run.objects.filter(pk=run.pk).update(created_by=person(request))
    run.queue()
    note(request, "run.started", run, course_id=course.pk, method=run.method)
    return redirect(run)


@require_GET
def run(request: HttpRequest, slug: str, run: int) -> HttpResponse:
    """One run as it goes: loss, learning rate, speed, memory, time left, with the table behind the chart."""
    course = access.course_taught(request, slug)
    row = get_object_or_404(Run.objects.select_related("dataset", "adapter"), course=course, pk=run)
    points = list(row.points.all())
    shown = points[:: max(1, len(points) // POINTS)]
    context = {
        "section": "studio",
        "run": row,
        "working": row.state in WORKING,
        "stage": STAGES.get(row.stage, row.stage),
        "latest": points[-1] if points else None,
        "loss": _line([point.step for point in shown], [point.loss for point in shown]),
        "rate": _line([point.step for point in shown], [point.learning_rate for point in shown]),
        "table": points[:: max(1, len(points) // 40)],
        "adapter": getattr(row, "adapter", None),
        "leads": course.role_of(request.user) == "instructor",
        "others": Run.objects.filter(course=course, state=State.DONE).exclude(pk=row.pk)[:5],
    }
    return render(request, "studio/run.html", context)


def _line(xs: list[int], ys: list[float]) -> dict[str, Any]:
    """A polyline's points, and the ends of its axes."""
    if len(xs) < 2:
        return {}
    top, first, last = max(ys) or 1.0, xs[0], xs[-1]
    places = (
        f"{(x - first) / (last - first) * WIDTH:.1f},{HEIGHT - y / top * HEIGHT:.1f}"
        for x, y in zip(xs, ys, strict=True)
    )
    return {
        "points": " ".join(places),
        "top": top,
        "first": first,
        "last": last,
        "width": WIDTH,
        "height": HEIGHT,
    }


@require_POST
def run_act(request: HttpRequest, slug: str, run: int) -> HttpResponse:
    """Stop or resume a run, or evaluate what it trained."""
    course = access.course_led(request, slug)
    row = get_object_or_404(Run.objects.select_related("adapter", "dataset"), course=course, pk=run)
    match request.POST.get("do"):
        case "stop" if row.state in WORKING:
            Run.objects.filter(pk=row.pk).update(stop_requested=True)
            Run.objects.filter(pk=row.pk, state=State.QUEUED).update(state=State.STOPPED)
        case "resume" if row.state in (State.STOPPED, State.FAILED):
            Run.objects.filter(pk=row.pk).update(stop_requested=False, attempts=0)
            row.refresh_from_db()
            row.queue()
        case "evaluate" if hasattr(row, "adapter"):
            return evaluate_adapter(request, course, row.adapter, row.dataset)
    return redirect(row)


@require_POST
def adapter_act(request: HttpRequest, slug: str, adapter: int) -> HttpResponse:
    """Put an adapter in front of the course, take it back, or retire it."""
    course = access.course_led(request, slug)
    row = get_object_or_404(Adapter.objects.select_related("course"), course=course, pk=adapter)
    match request.POST.get("do"):
        case "serve":
            share = request.POST.get("share", "100")
            try:
                if not share.isdigit():
                    raise serving.NotServed("The share has to be a number of percent, from 1 to 100.")
                serving.serve(
                    row, share=int(share) / 100, user=person(request), anyway="anyway" in request.POST
                )
            except serving.NotServed as error:
                messages.error(request, str(error))
            else:
                messages.success(
                    request, f"“{row.name}” answers {share} % of the course's conversations now."
                )
        case "withdraw":
            if serving.withdraw(course, person(request)):
                messages.success(request, "The course's own model answers again.")
        case "retire":
            serving.retire(row, person(request))
            messages.success(request, f"“{row.name}” was retired.")
    return redirect("studio:studio", slug)
