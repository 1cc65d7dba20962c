"""Runs, and adapters in front of the course."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from courses import access
from courses.models import Course
from tutor.accounts.audit import note
from tutor.chat.views import person
from tutor.jobs import State
from tutor.studio import estimating, serving
from tutor.studio.charts import chart
from tutor.studio.models import Adapter, Dataset, Evaluation, Run
from tutor.studio.running import FEWEST, RunFailed, folder_of, start, teaches
from tutor.studio.training.spec import KNOBS, PRESETS, UnknownKnob, resolve
from tutor.studio.views.evaluations import evaluate_adapter

WORKING = (State.QUEUED, State.RUNNING)
ROWS = 40  # of a chart's table at most
BESIDE = 4  # runs in a comparison at most
STAGES = {
    "": "Waiting for the training worker", "load": "Loading the model", "train": "Training", "save": "Saving",
}  # fmt: skip


@require_http_methods(["GET", "POST"])
def train(request: HttpRequest, slug: str, dataset: int) -> HttpResponse:
    """Choose base, method, preset and knobs for a run on a dataset, with the time it will take; and queue it."""
    course = access.course_led(request, slug)
    row = get_object_or_404(Dataset, course=course, pk=dataset)
    chosen = request.POST if request.method == "POST" else request.GET
    error = ""
    if request.method == "POST":
        try:
            run = start(row, *_choice(chosen), preset=_preset(chosen), base=chosen.get("base", ""))
        except (RunFailed, UnknownKnob) as refused:
            error = str(refused)
        else:
            Run.objects.filter(pk=run.pk).update(created_by=person(request))
            run.queue()
            note(request, "run.started", run, course_id=course.pk, method=run.method)
            return redirect(run)
    training = list(row.examples.training())
    context = {
        "section": "studio",
        "dataset": row,
        "methods": [
            (value, label, sum(teaches(example, value) for example in training))
            for value, label in Run.Method.choices
        ],
        "fewest": FEWEST,
        "bases": estimating.bases(),
        "base": chosen.get("base") or settings.HOST_MODEL,
        "method": chosen.get("method") or Run.Method.SFT,
        "presets": list(PRESETS),
        "preset": _preset(chosen),
        "knobs": [(name, default, what, chosen.get(name, "")) for name, (default, *_, what) in KNOBS.items()],
        "machine": estimating.machine(),
        "before": _waiting(course),
        "error": error,
        "time": "" if error else _time(row, chosen),
    }
    return render(request, "studio/run_new.html", context, status=400 if error else 200)


@require_GET
def estimate(request: HttpRequest, slug: str, dataset: int) -> HttpResponse:
    """How long the chosen run takes, in words, and every knob as the preset has it: {"time", "knobs"}."""
    course = access.course_led(request, slug)
    row = get_object_or_404(Dataset, course=course, pk=dataset)
    try:
        knobs = resolve({}, _preset(request.GET))
    except UnknownKnob:
        knobs = {}
    return JsonResponse({"time": _time(row, request.GET), "knobs": knobs})


def _choice(chosen: Mapping[str, str]) -> tuple[str, dict[str, str]]:
    given = {name: chosen[name].strip() for name in KNOBS if chosen.get(name, "").strip()}
    return chosen.get("method") or Run.Method.SFT, given


def _preset(chosen: Mapping[str, str]) -> str:
    return chosen.get("preset") or "balanced"


def _time(dataset: Dataset, chosen: Mapping[str, str]) -> str:
    """What a run will take, or what is wrong with what was chosen."""
    method, given = _choice(chosen)
    base = chosen.get("base") or settings.HOST_MODEL
    try:
        folder_of(base)
        knobs = resolve(given, _preset(chosen))
    except (RunFailed, UnknownKnob) as error:
        return str(error)
    return estimating.words(estimating.estimate(dataset, method, base, knobs))


def _waiting(course: Course) -> int:
    """How many trainings and evaluations the worker has to do before a new run, of all courses."""
    return (
        Run.objects.filter(state__in=WORKING).count() + Evaluation.objects.filter(state__in=WORKING).count()
    )


@require_GET
def run(request: HttpRequest, slug: str, run: int) -> HttpResponse:
    """One run as it goes: loss, learning rate, speed, memory, time left, with the table behind the charts."""
    course = access.course_taught(request, slug)
    row = get_object_or_404(Run.objects.select_related("dataset", "adapter"), course=course, pk=run)
    points = list(row.points.all())
    steps = [point.step for point in points]
    charts = [
        chart(title, {str(row): list(zip(steps, values, strict=True))}, places, from_zero=title != "Loss")
        for title, values, places in (
            ("Loss", [point.loss for point in points], 3),
            ("Learning rate", [point.learning_rate for point in points], 6),
            ("Tokens a second", [point.tokens_per_second for point in points], 0),
            ("Memory, MB", [point.memory_mb for point in points], 0),
        )
    ]
    context = {
        "section": "studio",
        "run": row,
        "job": row,
        "working": row.state in WORKING,
        "stage": STAGES.get(row.stage, row.stage),
        "left": estimating.span(row.eta_seconds) if row.eta_seconds else "",
        "latest": points[-1] if points else None,
        "resumed": [f"step {step}" if step else "the beginning" for step in row.summary.get("resumed", [])],
        "charts": charts if len(points) > 1 else [],
        "table": points[:: max(1, -(-len(points) // ROWS))],
        "adapter": getattr(row, "adapter", None),
        "leads": course.role_of(request.user) == "instructor",
        "others": Run.objects.filter(course=course).exclude(pk=row.pk).exclude(step=0)[:8],
        "most": BESIDE - 1,
    }
    return render(request, "studio/run.html", context)


@require_GET
def compare(request: HttpRequest, slug: str) -> HttpResponse:
    """Runs over each other: their losses in one chart, the knobs that differ, and what came of each."""
    course = access.course_taught(request, slug)
    wanted = [int(number) for number in request.GET.getlist("run") if number.isdecimal()]
    rows = list(
        Run.objects.filter(course=course, pk__in=wanted).select_related("dataset", "adapter").order_by("pk")
    )
    if not rows:
        raise Http404
    if len(rows) > BESIDE:
        messages.warning(request, f"Only the first {BESIDE} are shown: more lines cannot be told apart.")
        rows = rows[:BESIDE]
    lines = {str(row): list(row.points.values_list("step", "loss")) for row in rows}
    settings_of = [
        {
            "method": row.get_method_display(),
            "base": row.base,
            "dataset": str(row.dataset or "deleted"),
            "device": row.device,
            **row.knobs,
        }
        for row in rows
    ]
    names = list(dict.fromkeys(name for one in settings_of for name in one))
    differ = [
        (name, values)
        for name in names
        if len(set(values := [str(one.get(name, "")) for one in settings_of])) > 1
    ]
    context = {
        "section": "studio",
        "runs": rows,
        "chart": chart("Loss", lines, 3, from_zero=False),
        "differ": differ,
        "results": _results(rows),
    }
    return render(request, "studio/run_compare.html", context)


def _results(runs: list[Run]) -> list[tuple[str, list[str]]]:
    """What came of each run, a line a figure."""
    newest = []
    for run in runs:
        adapter = getattr(run, "adapter", None)
        done = adapter.evaluations.filter(state=State.DONE).order_by("-pk").first() if adapter else None
        systems = done.table.get("systems", {}) if done and adapter else {}
        newest.append(systems.get(adapter.name, {}) if adapter else {})
    last = [run.points.last() for run in runs]

    def figure(row: dict[str, Any], name: str) -> str:
        value = row.get(name)
        return f"{value['mean']:.3f} [{value['low']:.3f}, {value['high']:.3f}]" if value else ""

    return [
        ("State", [f"{run.get_state_display()} at step {run.step} of {run.steps}" for run in runs]),
        ("Last loss", [f"{point.loss:.3f}" if point else "" for point in last]),
        ("Seconds", [f"{point.seconds:,.0f}" if point else "" for point in last]),
        ("Tokens a second", [f"{run.summary.get('tokens_per_second') or 0:,.0f}" for run in runs]),
        ("Memory, MB", [f"{point.memory_mb:,.0f}" if point else "" for point in last]),
        ("Nearness to the reference", [figure(row, "nearness") for row in newest]),
        ("Grounded share", [figure(row, "grounded") for row in newest]),
    ]


@require_POST
def run_act(request: HttpRequest, slug: str, run: int) -> HttpResponse:
    """Stop or resume a run, or evaluate what it trained."""
    course = access.course_led(request, slug)
    row = get_object_or_404(Run.objects.select_related("adapter", "dataset"), course=course, pk=run)
    match request.POST.get("do"):
        case "stop" if row.state in WORKING:
            Run.objects.filter(pk=row.pk).update(stop_requested=True)
            Run.objects.filter(pk=row.pk, state=State.QUEUED).update(state=State.STOPPED)
            note(request, "run.stopped", row, course_id=course.pk)
        case "resume" if row.state in (State.STOPPED, State.FAILED):
            Run.objects.filter(pk=row.pk).update(stop_requested=False, attempts=0)
            row.refresh_from_db()
            row.queue()
            note(request, "run.resumed", row, course_id=course.pk)
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
                if not share.isdecimal():
                    raise serving.NotServed("The share has to be a number of percent, from 1 to 100.")
                serving.serve(
                    row, share=int(share) / 100, user=person(request), anyway="anyway" in request.POST
                )
            except serving.NotServed as error:
                messages.error(request, str(error))
            else:
                messages.success(
                    request, f"“{row.name}” answers {share} % of the conversations that begin from now on."
                )
        case "withdraw":
            if serving.withdraw(course, person(request)):
                messages.success(request, "The course's own model answers again.")
        case "retire":
            serving.retire(row, person(request))
            messages.success(request, f"“{row.name}” was retired.")
    return redirect("studio:studio", slug)
