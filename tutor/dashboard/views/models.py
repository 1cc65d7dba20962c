"""Site administration: endpoints and their models, quotas, usage."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date, timedelta

from asgiref.sync import async_to_sync
from django.contrib import messages
from django.core.cache import cache
from django.db.models import Count, QuerySet, Sum
from django.db.models.functions import TruncDate
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from courses.models import Course
from tutor.accounts.audit import note
from tutor.accounts.models import User
from tutor.dashboard.forms import EndpointForm, QuotaForm
from tutor.dashboard.site_access import admin_only
from tutor.llm.checks import check
from tutor.llm.models import Endpoint, Quota, Usage

PERIODS = (("7", "7 days"), ("30", "30 days"), ("90", "90 days"))
MOST = 25


@require_GET
@admin_only
def endpoints(request: HttpRequest) -> HttpResponse:
    """Every endpoint, with what its last test found."""
    default = Endpoint.objects.default()  # makes the row of the settings, if there is none yet
    rows = [(row, cache.get(f"endpoint-check:{row.pk}")) for row in Endpoint.objects.order_by("name")]
    return render(
        request, "dashboard/endpoints.html", {"endpoints": rows, "default": default, "tab": "endpoints"}
    )


@admin_only
def endpoint(request: HttpRequest, pk: int | None = None) -> HttpResponse:
    """Add an endpoint or change one."""
    row = get_object_or_404(Endpoint, pk=pk) if pk else None
    form = EndpointForm(request.POST or None, instance=row)
    if request.method == "POST" and form.is_valid():
        saved = form.save()
        changed = [name for name in form.changed_data if name != "api_key"]
        action = "endpoint.changed" if pk else "endpoint.created"
        note(request, action, saved.name, fields=changed, key="api_key" in form.changed_data)
        test(saved)
        messages.success(request, f"{saved.name} is saved. The test's result stands beside it.")
        return redirect("dashboard:endpoints")
    return render(request, "dashboard/endpoint.html", {"form": form, "endpoint": row, "tab": "endpoints"})


def test(row: Endpoint) -> None:
    """Ask the endpoint for a few words and keep what came of it for a day."""
    found = async_to_sync(check)(row)
    cache.set(f"endpoint-check:{row.pk}", {**asdict(found), "at": timezone.now()}, 24 * 3600)


@require_POST
@admin_only
def test_endpoint(request: HttpRequest, pk: int) -> HttpResponse:
    """Test the endpoint now."""
    test(get_object_or_404(Endpoint, pk=pk))
    return redirect("dashboard:endpoints")


@require_POST
@admin_only
def delete_endpoint(request: HttpRequest, pk: int) -> HttpResponse:
    """Delete an endpoint; courses that used it go back to the default."""
    row = get_object_or_404(Endpoint, pk=pk)
    note(request, "endpoint.deleted", row.name)
    row.delete()
    messages.success(request, f"{row.name} is deleted.")
    return redirect("dashboard:endpoints")


@dataclass(frozen=True)
class QuotaRow:
    """A quota as the page shows it."""

    quota: Quota
    whom: str
    spent: int | None  # today; None where each person has their own sum

    @property
    def share(self) -> float:
        """Of the day's tokens, used."""
        return (self.spent or 0) / max(self.quota.tokens_per_day, 1)


@admin_only
def quotas(request: HttpRequest) -> HttpResponse:
    """Tokens a day: of everybody, of people, of courses."""
    form = QuotaForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        quota = form.save()
        note(request, "quota.set", quota, course_id=quota.course_id, user=quota.user_id)
        messages.success(request, "The quota is set.")
        return redirect("dashboard:quotas")
    titles = dict(Course.objects.values_list("pk", "title"))
    rows = [
        QuotaRow(quota, whom(quota, titles), None if quota.for_everybody else quota.spent(quota.user))
        for quota in Quota.objects.select_related("user").order_by("user_id", "course_id")
    ]
    return render(request, "dashboard/quotas.html", {"rows": rows, "form": form, "tab": "quotas"})


def whom(quota: Quota, titles: dict[int, str]) -> str:
    """Whom a quota limits, in words."""
    course = titles.get(quota.course_id or 0, "a deleted course") if quota.course_id else ""
    if quota.user is None:
        return course or "Everybody, each"
    return f"{quota.user.email} in {course}" if course else quota.user.email


@require_POST
@admin_only
def delete_quota(request: HttpRequest, pk: int) -> HttpResponse:
    """Lift a quota."""
    quota = get_object_or_404(Quota, pk=pk)
    note(request, "quota.lifted", quota, course_id=quota.course_id, user=quota.user_id)
    quota.delete()
    messages.success(request, "The quota is lifted.")
    return redirect("dashboard:quotas")


@dataclass(frozen=True)
class Bar:
    """One day of the chart, in the chart's own units (a day is 10 wide, the highest bar 100 high)."""

    day: date
    prompt: int
    completion: int
    requests: int
    x: float
    y_prompt: float
    height_prompt: float
    y_completion: float
    height_completion: float


def bars(rows: QuerySet[Usage], first: date, days: int) -> list[Bar]:
    """The chart's bars, one a day, days without use included."""
    sums = {
        row["day"]: row
        for row in rows.annotate(day=TruncDate("created"))
        .values("day")
        .annotate(prompt=Sum("prompt_tokens"), completion=Sum("completion_tokens"), requests=Count("pk"))
    }
    none = {"prompt": 0, "completion": 0, "requests": 0}
    found = [(day, sums.get(day, none)) for day in (first + timedelta(days=number) for number in range(days))]
    highest = max((row["prompt"] + row["completion"] for _, row in found), default=0) or 1
    made = []
    for number, (day, row) in enumerate(found):
        low, high = 100 * row["prompt"] / highest, 100 * row["completion"] / highest
        made.append(
            Bar(
                day, row["prompt"], row["completion"], row["requests"],
                x=10 * number + 1, y_prompt=100 - low, height_prompt=low, y_completion=100 - low - high, height_completion=high,
            )
        )  # fmt: skip
    return made


@require_GET
@admin_only
def usage(request: HttpRequest) -> HttpResponse:
    """What was used, by day, person, course and model."""
    period = request.GET.get("period", "30")
    days = int(period) if period in dict(PERIODS) else 30
    first = timezone.localdate() - timedelta(days=days - 1)
    rows = Usage.objects.filter(created__date__gte=first)
    chart = bars(rows, first, days)
    return render(
        request,
        "dashboard/usage.html",
        {
            "periods": PERIODS,
            "period": str(days),
            "bars": chart,
            "chart_width": 10 * days,
            "highest": max((bar.prompt + bar.completion for bar in chart), default=0),
            "total": rows.tokens(),
            "requests": rows.count(),
            "by_user": named(by(rows, "user_id"), dict(User.objects.values_list("pk", "email"))),
            "by_course": named(by(rows, "course_id"), dict(Course.objects.values_list("pk", "title"))),
            "by_model": [(row["model"], row) for row in by(rows, "model")],
            "by_purpose": [(row["purpose"], row) for row in by(rows, "purpose")],
            "tab": "usage",
        },
    )


Sums = dict[str, int]


def by(rows: QuerySet[Usage], field: str) -> list[Sums]:
    """Sums of use for each value of a field, the largest first."""
    sums = rows.values(field).annotate(
        prompt=Sum("prompt_tokens"), completion=Sum("completion_tokens"), requests=Count("pk"),
        tokens=Sum("prompt_tokens") + Sum("completion_tokens"),
    )  # fmt: skip
    return list(sums.order_by("-tokens")[:MOST])


def named(sums: list[Sums], names: dict[int, str]) -> list[tuple[str, Sums]]:
    """The sums with names in place of keys; the key is the first value of each."""
    return [(names.get(next(iter(row.values())), "(deleted or none)"), row) for row in sums]
