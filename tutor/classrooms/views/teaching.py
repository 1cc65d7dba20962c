"""Teaching a classmate: choose a section, explain, let it take the test, see what helped. Only for who teaches it."""

from __future__ import annotations

import json
import uuid

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from courses import access
from courses.models import Course
from tutor.accounts.models import User
from tutor.classrooms import teaching as work
from tutor.classrooms.models import Lesson, Objection, Teaching, Trial
from tutor.jobs import State

WORKING = (State.QUEUED, State.RUNNING)


def _find(request: HttpRequest, slug: str, teaching: uuid.UUID) -> Teaching:
    course = access.course_for(request, slug)
    rows = Teaching.objects.filter(course=course, user=request.user.pk)
    return get_object_or_404(rows.select_related("course", "lesson", "classmate"), uuid=teaching)


def _lessons(request: HttpRequest, course: Course) -> list[Lesson]:
    assert isinstance(request.user, User)
    return list(Lesson.objects.readable_by(request.user, course, as_student=True).published())


@require_http_methods(["GET", "POST"])
def classmates(request: HttpRequest, slug: str) -> HttpResponse:
    """What can be taught, and what was; POST starts with a section."""
    course = access.course_for(request, slug)
    lessons = _lessons(request, course)
    if request.method == "POST":
        lesson = next((row for row in lessons if str(row.uuid) == request.POST.get("lesson")), None)
        if lesson is None or course.archived:
            messages.error(request, "This lesson cannot be taught now. Choose another one.")
            return redirect("classrooms:classmates", slug)
        try:
            section = json.loads(request.POST.get("section", ""))
            assert isinstance(request.user, User)
            return redirect(work.begin(lesson, section, request.user))
        except (ValueError, work.CannotTeach) as error:
            words = str(error) if isinstance(error, work.CannotTeach) else "Choose a section of the lesson."
            messages.error(request, words)
            return redirect("classrooms:classmates", slug)
    mine = Teaching.objects.filter(course=course, user=request.user.pk).select_related("lesson")
    context = {
        "lessons": [
            (lesson, [_choice(section, count) for section, count in work.sections(lesson)])
            for lesson in lessons
        ],
        "mine": [(row, _score(row)) for row in mine[:20]],
    }
    return render(request, "classrooms/classmates.html", context)


def _choice(section: list[str], questions: int) -> tuple[str, str]:
    name = " › ".join(section) or "The whole lesson"
    return json.dumps(section), f"{name} ({questions} questions)"


def _score(teaching: Teaching) -> tuple[int, int] | None:
    outcomes = list(teaching.trials.filter(condition=Trial.Condition.TAUGHT).values_list("right", flat=True))
    return (sum(outcomes), len(outcomes)) if outcomes else None


@require_GET
def teaching(request: HttpRequest, slug: str, teaching: uuid.UUID) -> HttpResponse:
    """The explanations so far, and the result of the test."""
    row = _find(request, slug, teaching)
    rows = work.result(row)
    explanations = list(row.explanations.all())
    objections = Objection.objects.filter(explanation__teaching=row).select_related(
        "explanation", "passage__material__course"
    )
    numbers = {explanation.pk: n for n, explanation in enumerate(explanations, 1)}
    tested = max((trial.pk for result in rows for trial in [result.taught]), default=None)
    newer = row.finished_at and any(explanation.created > row.finished_at for explanation in explanations)
    context = {
        "teaching": row,
        "name": row.classmate.name if row.classmate else "Your classmate",
        "explanations": explanations,
        "most": work.MOST,
        "longest": work.LONGEST,
        "rows": rows,
        "scores": [
            ("After your explanations", sum(r.taught.right for r in rows)),
            ("Without any teaching", sum(r.untaught.right for r in rows)),
            ("After text on something else", sum(r.irrelevant.right for r in rows)),
        ],
        "objections": [
            (o, numbers[o.explanation_id], o.passage.url(o.start, o.end) if o.passage else "")
            for o in objections
        ],
        "working": row.state in WORKING,
        "stale": bool(tested and newer),
    }
    return render(request, "classrooms/teaching.html", context)


@require_POST
def explain(request: HttpRequest, slug: str, teaching: uuid.UUID) -> HttpResponse:
    """One more explanation."""
    row = _find(request, slug, teaching)
    try:
        work.explain(row, request.POST.get("text", ""))
    except work.CannotTeach as error:
        messages.error(request, str(error))
    return redirect(row)


@require_POST
def take_back(request: HttpRequest, slug: str, teaching: uuid.UUID, explanation: int) -> HttpResponse:
    """Take an explanation back; the classmate forgets it at its next test."""
    row = _find(request, slug, teaching)
    if row.state not in WORKING:
        get_object_or_404(row.explanations, pk=explanation).delete()
    return redirect(row)


@require_POST
def test(request: HttpRequest, slug: str, teaching: uuid.UUID) -> HttpResponse:
    """Give the classmate the test."""
    row = _find(request, slug, teaching)
    try:
        work.ask_for_test(row)
    except work.CannotTeach as error:
        messages.error(request, str(error))
    return redirect(row)
