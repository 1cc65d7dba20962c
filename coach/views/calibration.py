"""Calibration: ratings are brought, the fit is watched, and its agreement is read beside that of people."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from coach import bringing_ratings
from coach.calibrating import LEAST_AGREEMENT, LEAST_LESSONS, LEAST_STRETCHES, outdated
from coach.human_ratings import LARGEST, UnreadableRatings
from coach.instruments import active
from coach.models import Calibration, HumanRating, Instrument
from coach.views.instruments import coaching
from tutor.accounts.audit import note
from tutor.jobs import State

STAGES = {"read": "Read", "measure": "Measure the talk", "fit": "Fit", "agree": "Compare"}
STRENGTHS = ((0.7, "strong"), (0.5, "good"), (0.3, "moderate"), (0.1, "weak"))


class RatingsForm(forms.Form):
    """What a calibration starts from."""

    instrument = forms.ModelChoiceField(Instrument.objects.none(), empty_label=None)
    ratings = forms.FileField(
        required=False,
        label="Ratings",
        help_text="A CSV with a column for the lesson, the segment and the rater; then dimension and score, or a column for each "
        "dimension. Without a file, what was rated on this site is used.",
    )
    transcripts = forms.FileField(
        required=False,
        label="Transcripts",
        help_text="A zip of the rated lessons, each file named as the ratings name the lesson. It is deleted when it has been "
        "read. Lessons of this site need none: name them by the last part of their address.",
    )
    columns = forms.CharField(
        required=False,
        label="Columns",
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="Only for headings that do not say what they are, one a line: lesson=OBSID",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        rows = Instrument.objects.filter(pk__in=[row.pk for row in active()])
        self.fields["instrument"].queryset = rows  # type: ignore[attr-defined]

    def clean_columns(self) -> dict[str, str]:
        """Heading by what it is."""
        pairs = [line.partition("=") for line in self.cleaned_data["columns"].splitlines() if line.strip()]
        if not all(sign and what.strip() and heading.strip() for what, sign, heading in pairs):
            raise forms.ValidationError("Write one a line, what it is, = and the heading: lesson=OBSID")
        return {what.strip(): heading.strip() for what, _, heading in pairs}

    def clean_ratings(self) -> Any:
        """Not larger than any table of ratings is."""
        file = self.cleaned_data["ratings"]
        if file and file.size > LARGEST:
            raise forms.ValidationError(f"The table is larger than {LARGEST // 1_000_000} MB.")
        return file


@require_http_methods(["GET", "POST"])
@login_required
def listed(request: HttpRequest) -> HttpResponse:
    """The calibrations so far, and the form to start one."""
    person = coaching(request)
    form = RatingsForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        try:
            row = bringing_ratings.start(
                person,
                given["instrument"],
                given["ratings"].read() if given["ratings"] else None,
                given["transcripts"] or None,
                given["columns"],
            )
            note(request, "calibration.started", row)
            return redirect("coach:one_calibration", row.pk)
        except UnreadableRatings as error:
            form.add_error(None, str(error))
    rows = list(Calibration.objects.select_related("instrument", "created_by")[:50])
    context = {
        "form": form,
        "rows": rows,
        "outdated": {row.pk for row in rows if row.active and outdated(row)},
        "instruments": [(row, _rated(row)) for row in active()],
        "least": {
            "lessons": LEAST_LESSONS,
            "stretches": LEAST_STRETCHES,
            "agreement": f"{LEAST_AGREEMENT:.2f}",
        },
    }
    return render(request, "coach/calibrations.html", context, status=400 if form.errors else 200)


def _rated(instrument: Instrument) -> dict[str, int]:
    rows = HumanRating.objects.filter(dimension__instrument__name=instrument.name, score__isnull=False)
    lessons = set(rows.values_list("observation_id", "transcript"))
    return {
        "ratings": rows.count(),
        "lessons": len(lessons),
        "raters": rows.values("rater").distinct().count(),
    }


@require_GET
@login_required
def one(request: HttpRequest, calibration: int) -> HttpResponse:
    """One calibration: how far it is, and what it came to."""
    coaching(request)
    row = get_object_or_404(Calibration.objects.select_related("instrument"), pk=calibration)
    titles = {one.name: one for one in row.instrument.dimensions.all()}
    names = list(STAGES)
    at = names.index(row.stage) if row.stage in names else -1
    context = {
        "calibration": row,
        "working": row.state in (State.QUEUED, State.RUNNING),
        "stages": [
            (STAGES[name], "done" if n < at else "current" if n == at else "todo")
            for n, name in enumerate(names)
        ],
        "rows": [(titles[name], found, in_words(found)) for name, found in row.agreement.items() if name in titles],
        "without": [one for name, one in titles.items() if name not in row.agreement and one.observable],
        "trusted": row.trusted,
        "outdated": outdated(row),
    }  # fmt: skip
    return render(request, "coach/calibration.html", context)


def in_words(found: dict[str, Any]) -> str:
    """What the figures of a trusted dimension say, in a sentence or two."""
    value = found["spearman"]
    if value is None or not found["trusted"]:
        return ""
    strength = next((word for least, word in STRENGTHS if value >= least), "hardly any")
    said = f"There is {strength} agreement with people on lessons that were left out."
    human = found.get("human")
    if human and human["spearman"] is not None:
        people = human["spearman"]
        if value >= people - 0.05:
            said += " Two people agree with each other about as much."
        elif value >= people / 2:
            said += " Two people agree with each other more."
        else:
            said += " Two people agree with each other far more."
    return said


@require_GET
@login_required
def state(request: HttpRequest, calibration: int) -> JsonResponse:
    """How far a calibration is, for the page that waits."""
    coaching(request)
    row = get_object_or_404(Calibration, pk=calibration)
    return JsonResponse(
        {
            "working": row.state in (State.QUEUED, State.RUNNING),
            "progress": row.progress,
            "stage": STAGES.get(row.stage, "Waiting"),
        }
    )


@require_POST
@login_required
def use(request: HttpRequest, calibration: int) -> HttpResponse:
    """Take a calibration into use, or out of it."""
    coaching(request)
    row = get_object_or_404(Calibration.objects.select_related("instrument"), pk=calibration)
    if request.POST.get("use") == "no":
        Calibration.objects.filter(pk=row.pk).update(active=False)
        note(request, "calibration.stopped", row)
        messages.success(request, "It is no longer used: new reports show evidence and no numbers.")
    else:
        try:
            row.activate()
            note(request, "calibration.used", row)
            messages.success(request, "New reports use it.")
        except ValueError as error:
            messages.error(request, str(error))
    return redirect("coach:one_calibration", row.pk)


@require_POST
@login_required
def retry(request: HttpRequest, calibration: int) -> HttpResponse:
    """Queue a failed calibration again."""
    coaching(request)
    row = get_object_or_404(Calibration, pk=calibration, state=State.FAILED)
    row.queue()
    return redirect("coach:one_calibration", row.pk)


urls = [
    path("calibration/", listed, name="calibration"),
    path("calibration/<int:calibration>/", one, name="one_calibration"),
    path("calibration/<int:calibration>/state/", state, name="calibration_state"),
    path("calibration/<int:calibration>/use/", use, name="use_calibration"),
    path("calibration/<int:calibration>/retry/", retry, name="retry_calibration"),
]
