"""Double rating on screen: who rates what, the sheet a rater fills in, and both side by side once both are done."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import Count, Min
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path, reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from coach import double_rating
from coach.double_rating import CannotRate
from coach.instruments import active, spec_of
from coach.models import Instrument, Observation, RatingTask
from coach.views.instruments import coaching
from tutor.accounts.audit import note
from tutor.accounts.models import User


class AssignForm(forms.Form):
    """Which lesson, with which instrument, by whom."""

    observation = forms.ModelChoiceField(Observation.objects.none(), label="Lesson", empty_label=None)
    instrument = forms.ModelChoiceField(Instrument.objects.none(), empty_label=None)
    first = forms.ModelChoiceField(User.objects.none(), label="First rater", empty_label=None)
    second = forms.ModelChoiceField(User.objects.none(), label="Second rater", empty_label=None)

    def __init__(self, person: User, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        lessons = [one.pk for one in double_rating.shared_with(person)]
        people = User.objects.filter(pk__in=[one.pk for one in double_rating.raters()])
        choices: dict[str, Any] = {
            "observation": Observation.objects.filter(pk__in=lessons),
            "instrument": Instrument.objects.filter(pk__in=[one.pk for one in active()]),
            "first": people,
            "second": people,
        }
        for name, rows in choices.items():
            self.fields[name].queryset = rows  # type: ignore[attr-defined]
        self.fields["first"].initial = person.pk
        other = people.exclude(pk=person.pk).first()
        self.fields["second"].initial = other.pk if other else None


@require_http_methods(["GET", "POST"])
@login_required
def tasks(request: HttpRequest) -> HttpResponse:
    """The person's own sheets, what was compared so far, and the form to ask two people."""
    person = coaching(request)
    form = AssignForm(person, request.POST or None)
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        try:
            made = double_rating.assign(
                given["observation"], given["instrument"], [given["first"], given["second"]]
            )
            note(request, "rating.assigned", f"observation {made[0].observation.uuid}")
            messages.success(request, f"{given['first']} and {given['second']} can rate this lesson now.")
            return redirect("coach:rating")
        except CannotRate as error:
            form.add_error(None, str(error))
    own = RatingTask.objects.open_to(person).select_related("observation", "instrument")
    both = (
        RatingTask.objects.filter(observation__in=Observation.objects.readable_by(person))
        .values("observation", "observation__title", "instrument", "instrument__title")
        .annotate(task=Min("pk"), people=Count("pk"), done=Count("finished_at"))
        .order_by("-task")
    )
    context = {
        "form": form,
        "open": own.filter(finished_at=None),
        "both": both,
        "lessons": form.fields["observation"].queryset.exists(),  # type: ignore[attr-defined]
        "enough_people": len(double_rating.raters()) > 1,
    }
    return render(request, "coach/rating_tasks.html", context, status=400 if form.errors else 200)


@require_http_methods(["GET", "POST"])
@login_required
def rate(request: HttpRequest, task: int) -> HttpResponse:
    """One stretch of the sheet beside its lines."""
    person = coaching(request)
    rows = RatingTask.objects.open_to(person).select_related("observation", "instrument", "rater")
    row = get_object_or_404(rows, pk=task)
    if row.finished_at is not None:
        return redirect("coach:rated", row.pk)
    sheet = double_rating.sheet(row)
    wanted = (request.POST if request.method == "POST" else request.GET).get("part", "")
    part = sheet.part(int(wanted)) if wanted.isdecimal() and len(wanted) < 6 else None
    if part is None:
        part = next((one for one in sheet.parts if not one.done), sheet.parts[0] if sheet.parts else None)
    if part is None:
        raise Http404("This lesson has no lines.")
    problem = ""
    if request.method == "POST":
        try:
            double_rating.record(row, part.span.number, request.POST.dict())
            return redirect(f"{reverse('coach:rate', args=[row.pk])}?part={_next(row, part.span.number)}")
        except CannotRate as error:
            problem = str(error)
    spec = spec_of(row.instrument)
    context = {
        "task": row,
        "sheet": sheet,
        "part": part,
        "lines": sheet.lines_of(part),
        "place": sheet.parts.index(part) + 1,
        "problem": problem,
        "dimensions": [
            (
                one,
                spec.dimension(one.name),
                range(one.low, one.high + 1),
                _given(part.given, one.name),
            )
            for one in sheet.dimensions
        ],
    }
    return render(request, "coach/rate.html", context, status=400 if problem else 200)


def _given(given: Any, name: str) -> str:
    if name not in given:
        return ""
    return double_rating.NOT_OBSERVABLE if given[name] is None else f"{given[name]:g}"


def _next(task: RatingTask, number: int) -> int:
    """The part to look at after this one: the next that is open, else this one again."""
    parts = double_rating.sheet(task).parts
    still = [part.span.number for part in parts if not part.done]
    return next((one for one in still if one > number), still[0] if still else number)


@require_POST
@login_required
def finish(request: HttpRequest, task: int) -> HttpResponse:
    """Hand the sheet in."""
    person = coaching(request)
    row = get_object_or_404(RatingTask.objects.open_to(person), pk=task)
    try:
        double_rating.finish(row)
    except CannotRate as error:
        messages.error(request, str(error))
        return redirect("coach:rate", row.pk)
    note(request, "rating.finished", f"observation {row.observation.uuid}")
    return redirect("coach:rated", row.pk)


@require_GET
@login_required
def rated(request: HttpRequest, task: int) -> HttpResponse:
    """What two people gave a lesson, side by side; before both are done, only who is still at it."""
    person = coaching(request)
    readable = RatingTask.objects.filter(observation__in=Observation.objects.readable_by(person))
    row = get_object_or_404(readable.select_related("observation", "instrument"), pk=task)
    asked = RatingTask.objects.filter(observation=row.observation, instrument=row.instrument)
    context = {
        "observation": row.observation,
        "instrument": row.instrument,
        "tasks": asked.select_related("rater"),
        "comparison": double_rating.comparison(row.observation, row.instrument),
    }
    return render(request, "coach/rated.html", context)


urls = [
    path("rating/", tasks, name="rating"),
    path("rating/<int:task>/", rate, name="rate"),
    path("rating/<int:task>/finish/", finish, name="finish_rating"),
    path("rating/<int:task>/both/", rated, name="rated"),
]
