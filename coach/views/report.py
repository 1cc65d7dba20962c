"""The report a teacher reads, and what they do with it."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.template.loader import render_to_string
from django.urls import path
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_GET, require_POST

from coach import access, composing, goals, reporting, reviewing
from coach.models import Goal, Observation, Report
from coach.views.bringing import _recording as recording_of
from tutor.accounts.audit import note
from tutor.accounts.models import User
from tutor.jobs import State

STAGES = {"measure": "Measure", "rate": "Rate", "find": "Find moments", "suggest": "Suggest"}


def _person(request: HttpRequest) -> User:
    assert isinstance(request.user, User)  # login_required
    return request.user


def readable(request: HttpRequest, observation: uuid.UUID) -> Report:
    """The report, for its teacher, and for coaches and admins once it was shared; 404 for everybody else."""
    return access.report_of(request.user, observation)


def own(request: HttpRequest, observation: uuid.UUID) -> Report:
    """The report, for its teacher alone."""
    report = readable(request, observation)
    if report.observation.teacher_id != request.user.pk:
        raise Http404
    return report


@require_GET
@login_required
def page(request: HttpRequest, observation: uuid.UUID) -> HttpResponse:
    """The report; while it is being scored, how far that is."""
    mine = Observation.objects.of_teacher(request.user).filter(uuid=observation, report=None).first()
    if mine is not None:  # nothing was scored yet
        return redirect("coach:observation", observation)
    report = readable(request, observation)
    person = _person(request)
    scored = report.revision > 0
    context: dict[str, Any] = {
        "report": report,
        "observation": report.observation,
        "is_teacher": report.observation.teacher_id == person.pk,
        "reviews": report.observation.teacher_id != person.pk,
        "may_judge": report.status != Report.Status.SIGNED,
        "working": report.state in (State.QUEUED, State.RUNNING),
        "stages": _stages(report),
        "comments": report.comments.select_related("author"),
        "visit": report.visits.filter(done_at=None).first(),
        "scored": scored,
    }
    if scored:
        sheet = composing.compose(report, person)
        chosen = {one.goal.move for one in sheet.goals}
        context |= {
            "sheet": sheet,
            "chosen": chosen,
            "others_goals": len(chosen) >= goals.OPEN,
            "recording": recording_of(report.observation),
        }
    return render(request, "coach/report.html", context)


def _stages(report: Report) -> list[tuple[str, str]]:
    names = list(STAGES)
    at = names.index(report.stage) if report.stage in names else -1
    return [
        (STAGES[name], "done" if number < at else "current" if number == at else "todo")
        for number, name in enumerate(names)
    ]


@require_GET
@login_required
def state(request: HttpRequest, observation: uuid.UUID) -> JsonResponse:
    """How far the scoring is, for the page that waits."""
    report = readable(request, observation)
    return JsonResponse(
        {
            "working": report.state in (State.QUEUED, State.RUNNING),
            "progress": report.progress,
            "stage": STAGES.get(report.stage, "Waiting"),
        }
    )


@require_POST
@login_required
def score(request: HttpRequest, observation: uuid.UUID) -> HttpResponse:
    """Score the lesson, again after an edit or a failure."""
    row = access.observation_of(request.user, observation)
    if closed := access.closed_to(request.user, row):
        messages.error(request, closed)
        return redirect("coach:observation", observation)
    was_shared = Report.objects.filter(observation=row).exclude(status=Report.Status.PRIVATE).exists()
    try:
        reporting.start(row)
    except reporting.NotScorable as error:
        messages.error(request, str(error))
        return redirect("coach:observation", observation)
    if row.teacher_id != request.user.pk:
        messages.success(request, "The lesson is being scored. Its teacher sees the report first.")
        return redirect("coach:observation", observation)
    if was_shared:
        note(request, "report.taken_back", f"report {row.uuid}")
        messages.success(
            request, "The lesson is scored again, and the report is yours alone until you share it again."
        )
    return redirect("coach:report", observation)


def _answers(request: HttpRequest, report: Report, done: Callable[[], str], at: str = "") -> HttpResponse:
    """Do it, and say how it went: as JSON to a script, as a message on the page to a form."""
    wants_json = scripted(request)
    try:
        said = done()
    except (reviewing.NotNow, goals.TooManyGoals, ValueError) as error:
        if wants_json:
            return JsonResponse({"error": str(error)}, status=400)
        messages.error(request, str(error))
    else:
        if wants_json:
            return JsonResponse({"said": said})
        messages.success(request, said)
    return redirect(f"{report.get_absolute_url()}{at}")


def scripted(request: HttpRequest) -> bool:
    """Whether a script asks, which takes JSON, and not a form."""
    return "application/json" in request.headers.get("Accept", "")


def posted(request: HttpRequest) -> dict[str, str]:
    """The fields of a form, or of a JSON object of short texts."""
    if request.content_type != "application/json":
        return {key: str(value) for key, value in request.POST.items()}
    try:
        data = json.loads(request.body)
    except ValueError:
        return {}
    return {str(key): str(value) for key, value in data.items()} if isinstance(data, dict) else {}


def number(text: str) -> int:
    """A small whole number; -1 where there is none."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else -1


@require_POST
@login_required
def judge(request: HttpRequest, observation: uuid.UUID) -> HttpResponse:
    """Accept, reject or correct one statement; an empty verdict takes one's judgement back."""
    report = readable(request, observation)
    person, data = _person(request), posted(request)
    kind, pk = data.get("kind", ""), number(data.get("pk", ""))
    wants_json = scripted(request)
    try:
        reviewing.judge(
            report,
            person,
            kind,
            pk,
            data.get("verdict", ""),
            data.get("value", ""),
            data.get("note", ""),
        )
    except (reviewing.NotNow, ValueError) as error:
        if wants_json:
            return JsonResponse({"error": str(error)}, status=400)
        messages.error(request, str(error))
        return redirect(f"{report.get_absolute_url()}#{kind}-{pk}")
    if not wants_json:
        return redirect(f"{report.get_absolute_url()}#{kind}-{pk}")
    row = reviewing.KINDS[kind]._default_manager.prefetch_related("judgements__person").get(pk=pk)
    context = {
        "judged": composing.judged(row, kind, person),
        "report": report,
        "observation": report.observation,
        "may_judge": True,
    }
    return JsonResponse({"html": render_to_string("coach/_judge.html", context, request)})


@require_POST
@login_required
def share(request: HttpRequest, observation: uuid.UUID) -> HttpResponse:
    """Share the report with the coaches, or take it back."""
    report = own(request, observation)
    back = posted(request).get("do") == "take_back"

    def done() -> str:
        (reviewing.take_back if back else reviewing.share)(report)
        note(request, "report.taken_back" if back else "report.shared", f"report {report.observation.uuid}")
        return "The report is yours alone again." if back else "The report is in the coaches’ inbox."

    return _answers(request, report, done)


@require_POST
@login_required
def goal(request: HttpRequest, observation: uuid.UUID) -> HttpResponse:
    """Make a suggestion of one's report a goal, or close a goal."""
    report = own(request, observation)
    data = posted(request)

    def done() -> str:
        if data.get("do") == "close":
            mine = Goal.objects.filter(teacher=_person(request), closed_at=None)
            goals.close(get_object_or_404(mine, pk=number(data.get("goal", ""))))
            return "The goal is closed."
        suggestion = get_object_or_404(report.suggestions, pk=number(data.get("suggestion", "")))
        goals.choose(suggestion, _person(request))
        return "This is your goal now. Your next lessons’ reports say how it goes."

    return _answers(request, report, done, "#goals")


@require_POST
@login_required
def comment(request: HttpRequest, observation: uuid.UUID) -> HttpResponse:
    """Comment on the report, or on a line of the transcript; or delete a comment of one's own."""
    report = readable(request, observation)
    data = posted(request)

    def done() -> str:
        if data.get("do") == "delete":
            reviewing.unsay(report, _person(request), number(data.get("comment", "")))
            return "Your comment is deleted."
        line = data.get("line", "").strip()
        reviewing.say(report, _person(request), data.get("text", ""), number(line) if line else None)
        return "Your comment stands under the report."

    return _answers(request, report, done, "#comments")


@require_GET
@login_required
def pdf(request: HttpRequest, observation: uuid.UUID) -> HttpResponse:
    """The report to keep and to print."""
    from coach.pdf import document

    report = readable(request, observation)
    if not report.revision:
        raise Http404("Nothing has been scored yet.")
    response = HttpResponse(
        document(composing.compose(report, _person(request))), content_type="application/pdf"
    )
    name = f"report-{report.observation.taught_on:%Y-%m-%d}.pdf"
    response["Content-Disposition"] = content_disposition_header(True, name) or "attachment"
    return response


urls = [
    path("<uuid:observation>/report/", page, name="report"),
    path("<uuid:observation>/report/state/", state, name="report_state"),
    path("<uuid:observation>/report/score/", score, name="score"),
    path("<uuid:observation>/report/judge/", judge, name="judge"),
    path("<uuid:observation>/report/share/", share, name="share"),
    path("<uuid:observation>/report/goal/", goal, name="goal"),
    path("<uuid:observation>/report/comment/", comment, name="comment"),
    path("<uuid:observation>/report/report.pdf", pdf, name="pdf"),
]
