"""Site administration: the audit log and the health of the site."""

from __future__ import annotations

import hmac

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.core.paginator import Paginator
from django.db import connection
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.dateparse import parse_date
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_safe

from courses.models import Course
from tutor.accounts.models import AuditEntry
from tutor.dashboard.health import as_json, findings
from tutor.dashboard.site_access import admin_only

A_PAGE = 100


@require_GET
@admin_only
def audit(request: HttpRequest) -> HttpResponse:
    """Who did what, newest first, with filters."""
    rows = AuditEntry.objects.select_related("actor")
    action, who, course = (request.GET.get(name, "").strip() for name in ("action", "who", "course"))
    since, until = (parse_day(request.GET.get(name, "")) for name in ("since", "until"))
    if action:
        rows = rows.filter(action__startswith=action)
    if who:
        rows = rows.filter(
            Q(actor__email__icontains=who) | Q(actor__name__icontains=who) | Q(target__icontains=who)
        )
    if course.isdigit():
        rows = rows.filter(course_id=int(course))
    if since:
        rows = rows.filter(created__date__gte=since)
    if until:
        rows = rows.filter(created__date__lte=until)
    actions = AuditEntry.objects.order_by("action").values_list("action", flat=True).distinct()
    titles = dict(Course.objects.order_by("title").values_list("pk", "title"))
    context = {
        "page": Paginator(rows, A_PAGE).get_page(request.GET.get("page")),
        "actions": actions,
        "titles": titles,
        "chosen": {"action": action, "who": who, "course": course, "since": since, "until": until},
        "tab": "audit",
    }
    return render(request, "dashboard/audit.html", context)


def parse_day(text: str) -> object:
    """A day from the query; None for anything else."""
    try:
        return parse_date(text)
    except ValueError:
        return None


@require_GET
@admin_only
def health(request: HttpRequest) -> HttpResponse:
    """Every check in words."""
    found = findings()
    return render(
        request,
        "dashboard/health.html",
        {"findings": found, "state": as_json(found)["state"], "tab": "health"},
    )


@never_cache
@require_safe
@login_not_required
def health_json(request: HttpRequest) -> HttpResponse:
    """The checks for a monitor: by an admin's session, or with `Authorization: Bearer HEALTH_TOKEN`."""
    given = request.headers.get("Authorization", "").removeprefix("Bearer ")
    by_token = bool(settings.HEALTH_TOKEN) and hmac.compare_digest(
        given.encode(), settings.HEALTH_TOKEN.encode()
    )
    if not by_token and not (request.user.is_active and request.user.is_superuser):
        raise Http404
    answer = as_json(findings())
    return JsonResponse(answer, status=503 if answer["state"] == "bad" else 200)


@never_cache
@require_safe
@login_not_required
def healthz(request: HttpRequest) -> HttpResponse:
    """Does the web process answer, and its database? For load balancers; says nothing more."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return HttpResponse("ok\n", content_type="text/plain")
