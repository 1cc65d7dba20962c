"""Instruments: what is rated, in which versions, and an institution's own brought as TOML."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from coach import access
from coach.features import FEATURES
from coach.instruments import BadInstrument, active, install, keep, load, spec_of
from coach.instruments.reading import LARGEST, DimensionSpec
from coach.models import Calibration, Dimension, Instrument
from tutor.accounts.audit import note
from tutor.accounts.models import User


def coaching(request: HttpRequest) -> User:
    """The signed-in coach or admin; 404 for everybody else."""
    return access.coaches_only(request.user)


@require_http_methods(["GET", "POST"])
@login_required
def listed(request: HttpRequest) -> HttpResponse:
    """The instruments in use, and the form to bring one."""
    coaching(request)
    problem = ""
    if request.method == "POST":
        upload = request.FILES.get("file")
        try:
            if upload is None:
                raise BadInstrument("Choose a TOML file.")
            row, new = keep(load(upload.read(LARGEST + 1)))
            note(request, "instrument.brought", row)
            said = "is in use from now on." if new else "was known already and is in use."
            messages.success(request, f"{row} {said}")
            return redirect("coach:instrument", row.name)
        except BadInstrument as error:
            problem = str(error)
    rows = [(row, row.dimensions.count(), _calibration(row)) for row in active()]
    return render(
        request, "coach/instruments.html", {"rows": rows, "problem": problem}, status=400 if problem else 200
    )


def _calibration(instrument: Instrument) -> Calibration | None:
    return instrument.calibrations.filter(active=True).first()


def _version(request: HttpRequest, name: str) -> Instrument:
    install()
    versions = Instrument.objects.filter(name=name)
    wanted = request.GET.get("version") or request.POST.get("version") or ""
    if wanted.isdecimal() and len(wanted) < 9:
        return get_object_or_404(versions, version=int(wanted))
    return get_object_or_404(versions, active=True)


@require_GET
@login_required
def one(request: HttpRequest, instrument: str) -> HttpResponse:
    """One instrument: its dimensions with what to look for, its versions, and what it was calibrated on."""
    coaching(request)
    row = _version(request, instrument)
    spec = spec_of(row)
    calibration = _calibration(row)
    found = calibration.agreement if calibration else {}
    context = {
        "instrument": row,
        "versions": Instrument.objects.filter(name=row.name),
        "calibration": calibration,
        "dimensions": [
            (dimension, said, _speaking(said), found.get(dimension.name))
            for dimension, said in zip(_dimensions(row), spec.dimensions, strict=True)
        ],
        "unseen": [(said, one) for said in spec.dimensions for one in said.indicators if not one.observable],
    }
    return render(request, "coach/instrument.html", context)


def _dimensions(row: Instrument) -> list[Dimension]:
    return list(row.dimensions.all())


def _speaking(said: DimensionSpec) -> list[tuple[str, list[str]]]:
    """What bears on a dimension, in words: what raises it, what lowers it, what may do either."""
    ways = ((1, "Raises it"), (-1, "Lowers it"), (0, "Bears on it either way"))
    found = []
    for way, words in ways:
        titles = [FEATURES[name].title for name, sign in said.directions.items() if sign == way]
        if titles:
            found.append((words, titles))
    return found


@require_GET
@login_required
def source(request: HttpRequest, instrument: str) -> HttpResponse:
    """The instrument's TOML, to change and bring again."""
    coaching(request)
    row = _version(request, instrument)
    response = HttpResponse(row.source, content_type="text/plain; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{row.name}-v{row.version}.toml"'
    return response


@require_POST
@login_required
def use(request: HttpRequest, instrument: str) -> HttpResponse:
    """Use this version in new reports."""
    coaching(request)
    row = _version(request, instrument)
    keep(spec_of(row))
    note(request, "instrument.used", row)
    messages.success(request, f"New reports use {row}.")
    return redirect("coach:instrument", row.name)


urls = [
    path("instruments/", listed, name="instruments"),
    path("instruments/<slug:instrument>/", one, name="instrument"),
    path("instruments/<slug:instrument>/source/", source, name="instrument_source"),
    path("instruments/<slug:instrument>/use/", use, name="use_instrument"),
]
