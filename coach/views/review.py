"""A teacher's lessons and trends; the coaches' inbox, review of shared reports, figures over many teachers."""

from __future__ import annotations

import uuid
from datetime import date

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from coach import access, aggregates, charts, goals, reviewing, trends
from coach.models import Observation, Report, Visit
from coach.views.report import _person, posted, readable
from tutor.accounts.audit import note
from tutor.accounts.models import User

A_PAGE = 25
FILTERS = {
    "shared": "Waiting for review",
    "returned": "Returned",
    "signed": "Signed off",
    "visits": "Visits due",
    "all": "All",
}


def _reviewer(request: HttpRequest) -> User:
    return access.coaches_only(request.user)


@require_GET
@login_required
def home(request: HttpRequest) -> HttpResponse:
    """A teacher's lessons with where each stands, open goals and the next visit."""
    person = _person(request)
    rows = Observation.objects.of_teacher(person).select_related("report__reviewer")
    page = Paginator(rows, A_PAGE).get_page(request.GET.get("page"))
    reviews = reviewing.is_reviewer(person)
    context = {
        "page": page,
        "goals": goals.follow_up(person, person),
        "visits": Visit.objects.filter(report__observation__teacher=person, done_at=None)
        .exclude(report__status=Report.Status.PRIVATE)
        .select_related("coach", "report__observation"),
        "reviews": reviews,
        "waiting": reviewing.waiting(person) if reviews else 0,
        "may_bring": access.may_bring(person),
    }
    return render(request, "coach/home.html", context)


@require_GET
@login_required
def own_trends(request: HttpRequest) -> HttpResponse:
    """The signed-in teacher's lessons over time."""
    return _trends(request, _person(request))


@require_GET
@login_required
def teacher_trends(request: HttpRequest, teacher: uuid.UUID) -> HttpResponse:
    """A teacher's shared lessons over time, for coaches and admins."""
    person = _reviewer(request)
    found = get_object_or_404(User, uuid=teacher)
    if not trends.lessons_of(found.pk, person).exists():
        raise Http404
    return _trends(request, found)


def _trends(request: HttpRequest, teacher: User) -> HttpResponse:
    reader = _person(request)
    reports = list(trends.lessons_of(teacher.pk, reader))
    moves = trends.of_moves(reports)
    context = {
        "teacher": teacher,
        "own": teacher.pk == reader.pk,
        "lessons": reports,
        "few": trends.FEW,
        "enough": len(reports) >= trends.FEW,
        "measures": [_drawn(one) for one in trends.of_measures(reports).values()],
        "moves": [_drawn(moves[name]) for name in trends.KEY_MOVES if name in moves],
        "other_moves": [_drawn(one) for name, one in moves.items() if name not in trends.KEY_MOVES],
        "goals": goals.follow_up(teacher, reader, closed=True),
    }
    return render(request, "coach/trends.html", context)


def _drawn(series: trends.Series) -> tuple[trends.Series, charts.Plot | None]:
    if not series.enough:
        return series, None
    points = [(point.value, point.here, f"{point.day:%d %b %Y}", point.url) for point in series.points]
    return series, charts.plot(points, median=series.median, quartiles=series.quartiles, height=120)


@require_GET
@login_required
def inbox(request: HttpRequest) -> HttpResponse:
    """The reports that teachers shared, and the visits that are due."""
    person = _reviewer(request)
    chosen = request.GET.get("show", "shared")
    chosen = chosen if chosen in FILTERS else "shared"
    rows = reviewing.inbox(person)
    due = (
        Visit.objects.filter(done_at=None, report__in=rows)
        .select_related("coach", "report__observation__teacher")
        .order_by("due_on", "pk")
    )
    counts = {name: rows.filter(status=name).count() for name in ("shared", "returned", "signed")}
    counts |= {"visits": due.count(), "all": rows.count()}
    listed = due if chosen == "visits" else rows if chosen == "all" else rows.filter(status=chosen)
    context = {
        "filters": [(name, title, counts[name]) for name, title in FILTERS.items()],
        "chosen": chosen,
        "page": Paginator(listed, A_PAGE).get_page(request.GET.get("page")),
        "today": timezone.localdate(),
    }
    return render(request, "coach/review.html", context)


@require_GET
@login_required
def overview(request: HttpRequest) -> HttpResponse:
    """Activity by week and figures over many teachers: all that is seen of lessons that were not shared."""
    _reviewer(request)
    weeks = aggregates.activity()
    context = {
        "weeks": weeks,
        "most": max((week.lessons for week in weeks), default=0) or 1,
        "found": aggregates.aggregates(),
        "least": aggregates.LEAST,
    }
    return render(request, "coach/overview.html", context)


def _shared(request: HttpRequest, observation: uuid.UUID) -> tuple[Report, User]:
    """A report of somebody else, for those who review."""
    person = _reviewer(request)
    report = readable(request, observation)
    if report.observation.teacher_id == person.pk:
        raise Http404
    return report, person


@require_POST
@login_required
def decide(request: HttpRequest, observation: uuid.UUID) -> HttpResponse:
    """Return a shared report with words, or sign it off."""
    report, person = _shared(request, observation)
    data = posted(request)
    try:
        if data.get("do") == "sign":
            reviewing.sign_off(report, person)
            note(request, "report.signed_off", f"report {report.observation.uuid}")
            messages.success(request, "The report is signed off.")
        else:
            reviewing.give_back(report, person, data.get("text", ""))
            note(request, "report.returned", f"report {report.observation.uuid}")
            messages.success(request, "The report is back with its teacher, with your words.")
    except (reviewing.NotNow, ValueError) as error:
        messages.error(request, str(error))
    return redirect(f"{report.get_absolute_url()}#review")


@require_POST
@login_required
def visit(request: HttpRequest, observation: uuid.UUID) -> HttpResponse:
    """Plan the next visit, or say that it took place."""
    report, person = _shared(request, observation)
    data = posted(request)
    try:
        if data.get("do") == "done":
            report.visits.filter(done_at=None).update(done_at=timezone.now())
            messages.success(request, "The visit took place.")
        else:
            try:
                due_on = date.fromisoformat(data.get("due_on", ""))
            except ValueError:
                raise ValueError("Choose the day of the next visit.") from None
            reviewing.plan_visit(report, person, due_on)
            messages.success(request, f"The next visit is due on {due_on:%d %B %Y}.")
        note(request, "visit.planned", f"report {report.observation.uuid}", due_on=data.get("due_on", ""))
    except ValueError as error:
        messages.error(request, str(error))
    return redirect(f"{report.get_absolute_url()}#review")


urls = [
    path("", home, name="home"),
    path("trends/", own_trends, name="trends"),
    path("trends/<uuid:teacher>/", teacher_trends, name="teacher_trends"),
    path("review/", inbox, name="review"),
    path("review/overview/", overview, name="overview"),
    path("<uuid:observation>/report/decide/", decide, name="decide"),
    path("<uuid:observation>/report/visit/", visit, name="visit"),
]
