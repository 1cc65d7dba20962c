"""Numbers with their units in a text, however they are written: "50 %", "fifty percent", "1.57", "one point five seven"."""

from __future__ import annotations

import re
from dataclasses import dataclass

SMALL = {
    "zero": 0, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9,
    "ten": 10, "eleven": 11, "twelve": 12, "thirteen": 13, "fourteen": 14, "fifteen": 15, "sixteen": 16,
    "seventeen": 17, "eighteen": 18, "nineteen": 19, "twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60,
    "seventy": 70, "eighty": 80, "ninety": 90,
}  # fmt: skip
SCALES = {"hundred": 100.0, "thousand": 1e3, "million": 1e6, "billion": 1e9}
# What a unit measures, and how many of the first one of its kind it is.
UNITS: dict[str, tuple[str, float]] = {}
for _kind, _names in {
    "share": "%=0.01 percent=0.01 per_cent=0.01",
    "mass": "g=1 gram=1 grams=1 kg=1000 kilogram=1000 kilograms=1000 mg=0.001 milligram=0.001 milligrams=0.001",
    "time": "s=1 sec=1 second=1 seconds=1 ms=0.001 millisecond=0.001 milliseconds=0.001 min=60 minute=60 minutes=60 "
    "h=3600 hour=3600 hours=3600",
    "length": "m=1 metre=1 metres=1 meter=1 meters=1 mm=0.001 millimetre=0.001 millimetres=0.001 millimeter=0.001 "
    "millimeters=0.001 cm=0.01 centimetre=0.01 centimetres=0.01 centimeter=0.01 centimeters=0.01 km=1000 "
    "kilometre=1000 kilometres=1000 kilometer=1000 kilometers=1000",
    "frequency": "hz=1 hertz=1 khz=1000 kilohertz=1000 mhz=1000000",
    "temperature": "°c=1 celsius=1",
}.items():
    UNITS |= {
        name.replace("_", " "): (_kind, float(factor))
        for name, _, factor in (pair.partition("=") for pair in _names.split())
    }
_SPELLED = "|".join([*SMALL, *SCALES])
_FIGURES = (
    r"(?P<figures>(?<![\w.])[-−–]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?:e[-+]?\d+)?(?!\.?\d|[a-z_]*\d))"
)
_WORDS = rf"(?P<words>\b(?:{_SPELLED})(?:(?:[\s-]+|\s+and\s+)(?:{_SPELLED}))*(?:\s+point(?:\s+(?:{_SPELLED}))+)?\b)"
_UNIT = r"(?:\s*(?P<unit>" + "|".join(sorted(map(re.escape, UNITS), key=len, reverse=True)) + r")(?![a-z]))?"
QUANTITY = re.compile(rf"(?:{_FIGURES}|{_WORDS}){_UNIT}", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number as written in a text, with its unit if it has one; start and end include the unit."""

    value: float
    unit: str
    start: int
    end: int
    spelled: bool = False

    @property
    def kind(self) -> str:
        """What its unit measures, "" without one."""
        return UNITS[self.unit][0] if self.unit else ""

    @property
    def size(self) -> float:
        """The value in the first unit of its kind."""
        return self.value * UNITS[self.unit][1] if self.unit else self.value

    def equals(self, other: Quantity) -> bool:
        """Whether both numbers, with their units, are the same amount."""
        return self.kind == other.kind and _same(self.size, other.size)


def _same(one: float, other: float) -> bool:
    return abs(one - other) <= 1e-9 * max(abs(one), abs(other))


def quantities(text: str) -> list[Quantity]:
    """The numbers of a text in order. "One" and "a hundred" alone count as numbers, "first" does not."""
    found = []
    for match in QUANTITY.finditer(text):
        spelled = match["words"] is not None
        value = _spelled(match["words"]) if spelled else _figures(match["figures"])
        unit = (match["unit"] or "").lower()
        found.append(Quantity(value, unit, match.start(), match.end(), spelled))
    return found


def _figures(text: str) -> float:
    return float(re.sub(r"[,\s]", "", text).translate(str.maketrans("−–", "--")))


def _spelled(text: str) -> float:
    whole, _, decimals = text.lower().partition(" point ")
    total, group = 0.0, 0.0
    for word in re.findall(r"[a-z]+", whole):
        if word in SMALL:
            group += SMALL[word]
        elif word == "hundred":
            group = (group or 1) * 100
        elif word in SCALES:
            total, group = total + (group or 1) * SCALES[word], 0.0
    digits = "".join(str(SMALL[word]) for word in decimals.split() if word in SMALL)
    return total + group + (float(f"0.{digits}") if digits else 0.0)
