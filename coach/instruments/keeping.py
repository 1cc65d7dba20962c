"""Instruments as rows: every version stays, because reports and ratings refer to it."""

from __future__ import annotations

from django.db import transaction

from coach.instruments.reading import InstrumentSpec, built_in, load
from coach.models import Calibration, Dimension, Instrument
from tutor.jobs import State


def active(subject: str = "") -> list[Instrument]:
    """The version of each instrument that new reports use, in a lesson's subject. Installs the built-in ones at first use."""
    install()
    rows = Instrument.objects.filter(active=True).order_by("-built_in", "name")
    return [row for row in rows if spec_of(row).meant_for(subject)]


def find(name: str) -> Instrument:
    """The active version with this name; `class_informed` is as good as `class-informed`. Raises Instrument.DoesNotExist."""
    install()
    return Instrument.objects.get(name=name.strip().lower().replace("_", "-"), active=True)


def install() -> int:
    """Keep the built-in instruments as rows. Returns how many were new; a second call changes nothing."""
    specs = built_in()
    known = set(Instrument.objects.filter(built_in=True).values_list("name", "sha256"))
    new = [spec for spec in specs if (spec.name, spec.sha256) not in known]
    for spec in new:
        keep(spec, built_in=True)
    return len(new)


@transaction.atomic
def keep(spec: InstrumentSpec, *, built_in: bool = False) -> tuple[Instrument, bool]:
    """The row for this instrument, and whether it is new: the same content is no new version.

    A new version becomes the one that new reports use, except a built-in one beside an institution's own of that name.
    """
    versions = Instrument.objects.select_for_update().filter(name=spec.name)
    same = versions.filter(sha256=spec.sha256).first()
    if same is not None:
        if not built_in and not same.active:  # brought again on purpose: it is the one that is wanted
            versions.update(active=False)
            Instrument.objects.filter(pk=same.pk).update(active=True)
            same.active = True
        return same, False
    latest = versions.order_by("-version").first()
    own = versions.filter(active=True, built_in=False).exists()
    becomes_active = not (built_in and own)
    before = versions.filter(active=True).first()
    if becomes_active:
        versions.update(active=False)
    row = Instrument.objects.create(
        name=spec.name,
        version=latest.version + 1 if latest else 1,
        title=spec.title,
        description=spec.description,
        unit_minutes=spec.unit_minutes,
        source=spec.source,
        sha256=spec.sha256,
        built_in=built_in,
        active=becomes_active,
    )
    Dimension.objects.bulk_create(
        Dimension(
            instrument=row,
            ordinal=ordinal,
            name=one.name,
            title=one.title,
            description=one.description,
            low=one.low,
            high=one.high,
            inverse=one.inverse,
            observable=one.observable,
            indicators=[
                {
                    "title": indicator.title,
                    "low": indicator.low,
                    "high": indicator.high,
                    "moves": list(indicator.moves),
                    "observable": indicator.observable,
                }
                for indicator in one.indicators
            ],
            features=list(one.directions),
        )
        for ordinal, one in enumerate(spec.dimensions, 1)
    )
    if becomes_active and before is not None:
        _carry_over(before, row, spec)
    return row, True


def _carry_over(before: Instrument, row: Instrument, spec: InstrumentSpec) -> None:
    """A new wording leaves true what was fitted: dimensions that are made of the same figures stay calibrated."""
    fitted = before.calibrations.filter(active=True).first()
    if fitted is None or before.unit_minutes != row.unit_minutes:
        return
    made_of = {
        one.name: (one.low, one.high, one.inverse, one.needs, dict(one.directions))
        for one in spec_of(before).dimensions
    }
    same = {
        one.name
        for one in spec.dimensions
        if made_of.get(one.name) == (one.low, one.high, one.inverse, one.needs, dict(one.directions))
    }
    models = {name: numbers for name, numbers in fitted.models_by_dimension.items() if name in same}
    if not any(numbers.get("trusted") for numbers in models.values()):
        return
    Calibration.objects.create(
        instrument=row,
        models_by_dimension=models,
        agreement={name: found for name, found in fitted.agreement.items() if name in same},
        notes=[
            f"Taken over from version {before.version}, for the dimensions that are made of the same figures."
        ],
        active=True,
        created_by=fitted.created_by,
        state=State.DONE,
        progress=1,
        started_at=fitted.started_at,
        finished_at=fitted.finished_at,
    )


def spec_of(instrument: Instrument) -> InstrumentSpec:
    """The instrument as it was read. A row's TOML was valid when it was kept; raises BadInstrument if it no longer is."""
    return load(instrument.source)
