"""The director's page, for those who teach: who directs and why, what it decided, and what would have been right."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from courses import access
from courses.models import Course
from tutor.classrooms import direction as work
from tutor.classrooms.models import Agent, Decision, Measurement
from tutor.classrooms.models.direction import digest, measured
from tutor.classrooms.views.pages import FUNCTIONS
from tutor.llm.models import Endpoint

PAGE = 15
ACTS = {
    "show": "turn the page",
    "point": "point at the page",
    "read": "go on with the script",
    "ask": "ask the class",
    "quiz": "give the quiz",
    "discuss": "open the discussion",
    "answer": "answer the question",
    "explain": "explain it again",
    "call": "speak to the students",
    "remark": "add a thought",
    "wonder": "ask a question",
    "joke": "joke",
    "note": "take a note",
}


ROLES = {function.value: role for function, role in FUNCTIONS.items()}


@dataclass(frozen=True)
class Option:
    """One of the acts that were legal."""

    index: int
    words: str
    score: float | None
    chosen: bool
    better: bool


def _decisions(course: Course) -> Any:
    rows = Decision.objects.filter(classroom__course=course).exclude(by="code")
    return rows.select_related("classroom__lesson", "marked_by").order_by("-pk")


@require_GET
def direction(request: HttpRequest, slug: str) -> HttpResponse:
    """Who directs, how well, and the decisions one by one."""
    course = access.course_taught(request, slug)
    endpoint = Endpoint.objects.for_course(course)
    standing = measured(endpoint)
    rows = _decisions(course)
    show = "all" if request.GET.get("show") == "all" else "unjudged"
    if show == "unjudged":
        rows = rows.filter(better=None)
    page = Paginator(rows, PAGE).get_page(request.GET.get("page"))
    names = {agent.pk: agent.name for agent in Agent.objects.filter(course=course)}
    measuring = Measurement.objects.of(endpoint).filter(digest=digest()).first()
    context = {
        "endpoint": endpoint,
        "standing": standing,
        "compared": _compared(standing),
        "measuring": measuring,
        "working": measuring is not None and measuring.state in work.WORKING,
        "precision": work.precision(course),
        "page": page,
        "decisions": [(row, list(work.seen(row)), _said(row), options(row, names)) for row in page],
        "show": show,
        "total": _decisions(course).count(),
    }
    return render(request, "classrooms/direction.html", context)


def _compared(standing: Any) -> list[tuple[str, float, int, float, float]]:
    """Model, rule and chance on the situations: what, right, of how many, and the interval in percent."""
    of = standing.situations
    if not of:
        return []
    low, high = work.chance_interval()
    rows = [
        (name, right, of, *(100 * end for end in work.interval(right, of)))
        for name, right in (("The model", standing.model), ("The rule", standing.rule))
    ]
    return [*rows, ("Chance", standing.random, of, 100 * low, 100 * high)]


def _said(decision: Decision) -> list[dict[str, str]]:
    said = list(decision.state.get("last") or [])[-4:]
    return [{**line, "who": line.get("name") or ROLES.get(line["speaker"], "Student")} for line in said]


def options(decision: Decision, names: dict[int, str]) -> list[Option]:
    """The legal acts in words."""
    return [
        Option(
            index,
            f"{names.get(row['agent'], 'An agent')}: {ACTS.get(row['act'], row['act'])}",
            row.get("score"),
            index == decision.chosen,
            index == decision.better,
        )
        for index, row in enumerate(decision.candidates)
    ]


@require_POST
def mark(request: HttpRequest, slug: str, decision: int) -> HttpResponse:
    """Say which of the legal acts would have been right; "" takes the mark back."""
    course = access.course_taught(request, slug)
    row = get_object_or_404(Decision.objects.filter(classroom__course=course), pk=decision)
    value = request.POST.get("better", "")
    if value and (not value.isdigit() or int(value) >= len(row.candidates)):
        return JsonResponse({"error": "Choose one of the acts that were possible."}, status=400)
    row.better = int(value) if value else None
    row.marked_by_id = request.user.pk if value else None
    row.save(update_fields=["better", "marked_by"])
    show = "?show=all" if request.POST.get("show") == "all" else ""
    return redirect(reverse("classrooms:direction", args=[slug]) + show)


@require_POST
def measure(request: HttpRequest, slug: str) -> HttpResponse:
    """Measure the course's model; its result decides who directs."""
    course = access.course_taught(request, slug)
    work.begin(Endpoint.objects.for_course(course))
    return redirect("classrooms:direction", slug)
