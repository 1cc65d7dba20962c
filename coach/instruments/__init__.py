"""Instruments: dimensions with indicators, a scale and a unit of time, read from TOML and kept in versions."""

from coach.instruments.keeping import active, find, install, keep, spec_of
from coach.instruments.reading import (
    BadInstrument,
    DimensionSpec,
    Exemplar,
    Indicator,
    InstrumentSpec,
    built_in,
    load,
)

__all__ = [
    "BadInstrument",
    "DimensionSpec",
    "Exemplar",
    "Indicator",
    "InstrumentSpec",
    "active",
    "built_in",
    "find",
    "install",
    "keep",
    "load",
    "spec_of",
]
