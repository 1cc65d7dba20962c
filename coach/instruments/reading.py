"""An instrument as TOML: what it may say, and errors that name the place and what to do."""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache, cached_property, lru_cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
LARGEST = 400_000  # bytes
NAME = re.compile(r"[a-z][a-z0-9_-]{1,58}[a-z0-9]")
LEVELS = ("low", "middle", "high")
MOST_POINTS = 10  # a scale has at most this many
MOST_DIMENSIONS = 30


class BadInstrument(ValueError):
    """The file is no instrument; the message names the line and the key, and what to do."""


@dataclass(frozen=True)
class Indicator:
    """One thing to look for. `observable` is False for what a transcript cannot show (a smile, nearness)."""

    title: str
    low: str = ""
    high: str = ""
    moves: tuple[str, ...] = ()
    observable: bool = True


@dataclass(frozen=True)
class Exemplar:
    """A short stretch of talk with the level a person gave it: shown to a model that judges like stretches."""

    text: str
    level: str  # low | middle | high
    why: str = ""


@dataclass(frozen=True)
class DimensionSpec:
    """What is rated. `directions` says how each feature bears on the score: 1 raises it, -1 lowers it, 0 unknown."""

    name: str
    title: str
    description: str
    low: int
    high: int
    inverse: bool
    observable: bool
    unseen: str  # why it cannot be seen in a transcript, where `observable` is False
    indicators: tuple[Indicator, ...]
    directions: Mapping[str, int]
    needs: tuple[str, ...]  # one of these features must occur in a stretch, or there is nothing to rate
    exemplars: tuple[Exemplar, ...]


@dataclass(frozen=True)
class InstrumentSpec:
    """An instrument as its TOML says it; `source` is that TOML."""

    name: str
    title: str
    description: str
    unit_minutes: float
    dimensions: tuple[DimensionSpec, ...]
    source: str
    subjects: tuple[str, ...] = ()  # words of the subjects that it is about; () for any

    @cached_property
    def sha256(self) -> str:
        """Of what it says, not of how the file is laid out: a comment or a blank line makes no new version."""
        said = repr(sorted(tomllib.loads(self.source).items()))
        return hashlib.sha256(said.encode()).hexdigest()

    def meant_for(self, subject: str) -> bool:
        """Whether lessons in this subject are rated with it; a lesson that names none is."""
        called = subject.lower()
        return not self.subjects or not called.strip() or any(word in called for word in self.subjects)

    def dimension(self, name: str) -> DimensionSpec:
        """Raises KeyError."""
        return {one.name: one for one in self.dimensions}[name]


@cache
def built_in() -> tuple[InstrumentSpec, ...]:
    """The instruments that come with Lyceum."""
    return tuple(load(path) for path in sorted(FOLDER.glob("*.toml")))


def load(source: Path | str | bytes) -> InstrumentSpec:
    """The instrument in a file or in a TOML text. Raises BadInstrument."""
    data = source.read_bytes() if isinstance(source, Path) else source
    if len(data) > LARGEST:
        raise BadInstrument(f"The file is larger than {LARGEST // 1000} kB, which no instrument needs.")
    if isinstance(data, bytes):
        try:
            data = data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = data[: error.start].count(b"\n") + 1  # type: ignore[arg-type]
            raise BadInstrument(f"Line {line} is not UTF-8 text. Save the file as UTF-8.") from None
    return _load(data.replace("\r\n", "\n"))


@lru_cache(maxsize=64)  # a page asks for the same few again and again
def _load(text: str) -> InstrumentSpec:
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadInstrument(f"This is not TOML: {error}. Quote texts and close brackets there.") from None
    return _Reader(text).instrument(table)


class _Reader:
    """Goes through the tables and, where one is wrong, says where in the text that is."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.lines = text.splitlines()

    def instrument(self, table: dict[str, Any]) -> InstrumentSpec:
        place = _Place(self, "the instrument", 0)
        place.only(table, "name", "title", "description", "unit_minutes", "subjects", "scale", "dimension")
        name = place.name(table)
        minutes = table.get("unit_minutes", 15)
        if not _number(minutes) or not 1 <= minutes <= 180:
            place.refuse("unit_minutes", f"{minutes!r} is not a number of minutes from 1 to 180")
        scale = table.get("scale", {})
        if not isinstance(scale, dict):
            place.refuse("scale", "write it as a table: [scale] with low and high")
        _Place(self, "the scale", self._scale()).only(scale, "low", "high")
        subjects = table.get("subjects", [])
        if not isinstance(subjects, list) or not all(
            isinstance(one, str) and one.strip() for one in subjects
        ):
            place.refuse("subjects", 'write a list of words in quotes: ["math", "algebra"]')
        rows = place.tables(table, "dimension")
        if not rows:
            place.refuse("dimension", "there is none; write at least one [[dimension]]")
        if len(rows) > MOST_DIMENSIONS:
            place.refuse("dimension", f"there are {len(rows)}; more than {MOST_DIMENSIONS} cannot be rated")
        dimensions = [self.dimension(row, number, scale) for number, row in enumerate(rows)]
        seen: set[str] = set()
        for number, one in enumerate(dimensions):
            if one.name in seen:
                self.place(number).refuse("name", f"{one.name!r} is used twice; give each its own")
            seen.add(one.name)
        return InstrumentSpec(
            name=name.replace("_", "-"),
            title=place.text(table, "title", longest=200),
            description=place.text(table, "description", required=False, longest=8000),
            unit_minutes=float(minutes),
            dimensions=tuple(dimensions),
            source=self.text,
            subjects=tuple(one.strip().lower() for one in subjects),
        )

    def _scale(self) -> int:
        return next((at for at, line in enumerate(self.lines) if re.match(r"\s*\[\s*scale\s*\]", line)), 0)

    def place(self, number: int, title: str = "") -> _Place:
        """The n-th [[dimension]]."""
        called = f" (“{title}”)" if title else ""
        return _Place(self, f"dimension {number + 1}{called}", self._header("dimension", number, 0))

    def within(self, place: _Place, key: str, number: int) -> _Place:
        """The n-th [[dimension.key]] of a dimension."""
        start = self._header(rf"dimension\s*\.\s*{key}", number, place.start)
        return _Place(self, f"{place.called}, {key} {number + 1}", start)

    def _header(self, name: str, number: int, start: int) -> int:
        found = [
            at
            for at in range(start, len(self.lines))
            if re.match(rf"\s*\[\[\s*{name}\s*\]\]", self.lines[at])
        ]
        return found[number] if number < len(found) else start

    def dimension(self, row: dict[str, Any], number: int, scale: dict[str, Any]) -> DimensionSpec:
        from coach.features import FEATURES

        place = self.place(number, str(row.get("name", ""))[:60])
        place.only(
            row, "name", "title", "description", "low", "high", "inverse", "observable", "unseen", "more", "less",
            "either", "needs", "indicator", "exemplar",
        )  # fmt: skip
        low, high = row.get("low", scale.get("low", 1)), row.get("high", scale.get("high", 7))
        for key, end in (("low", low), ("high", high)):
            if not isinstance(end, int) or isinstance(end, bool) or not 0 <= end <= 100:
                where = place if key in row else _Place(self, "the scale", self._scale())
                where.refuse(key, f"{end!r} is not a whole number from 0 to 100")
        if not 1 <= high - low < MOST_POINTS:
            place.refuse(
                "high", f"a scale from {low} to {high} does not work; give 2 to {MOST_POINTS} points"
            )
        directions: dict[str, int] = {}
        for key, direction in (("more", 1), ("less", -1), ("either", 0)):
            for feature in place.names(row, key, FEATURES, "feature"):
                if feature in directions:
                    place.refuse(key, f"{feature!r} is named twice; it can bear on the score in one way only")
                directions[feature] = direction
        observable = place.flag(row, "observable", True)
        unseen = place.text(row, "unseen", required=not observable, longest=300)
        return DimensionSpec(
            name=place.name(row),
            title=place.text(row, "title", longest=200),
            description=place.text(row, "description", longest=8000),
            low=low,
            high=high,
            inverse=place.flag(row, "inverse", False),
            observable=observable,
            unseen=unseen,
            indicators=tuple(
                self.indicator(self.within(place, "indicator", at), one)
                for at, one in enumerate(place.tables(row, "indicator"))
            ),
            directions=directions,
            needs=place.names(row, "needs", FEATURES, "feature"),
            exemplars=tuple(
                self.exemplar(self.within(place, "exemplar", at), one)
                for at, one in enumerate(place.tables(row, "exemplar"))
            ),
        )

    def indicator(self, place: _Place, row: dict[str, Any]) -> Indicator:
        from coach.moves import MOVES

        place.only(row, "title", "low", "high", "moves", "observable")
        return Indicator(
            title=place.text(row, "title", longest=200),
            low=place.text(row, "low", required=False, longest=1000),
            high=place.text(row, "high", required=False, longest=1000),
            moves=place.names(row, "moves", MOVES, "move"),
            observable=place.flag(row, "observable", True),
        )

    def exemplar(self, place: _Place, row: dict[str, Any]) -> Exemplar:
        place.only(row, "text", "level", "why")
        if row.get("level") not in LEVELS:
            place.refuse("level", f"{row.get('level')!r} is none of {', '.join(LEVELS)}")
        return Exemplar(
            text=place.text(row, "text", longest=2000),
            level=row["level"],
            why=place.text(row, "why", required=False, longest=600),
        )


class _Place:
    """One table of the file, for messages: which it is and on which line it begins."""

    def __init__(self, reader: _Reader, called: str, start: int) -> None:
        self.reader, self.called, self.start = reader, called, start

    def refuse(self, key: str, problem: str) -> None:
        """Raises BadInstrument with the line on which the key stands, or on which its table begins."""
        found = self.start
        for at in range(self.start, len(self.reader.lines)):
            line = self.reader.lines[at]
            if re.match(rf"\s*(\[+\s*)?([\w.]+\.)?{re.escape(key)}\s*[\]=]", line):
                found = at
                break
            if at > self.start and re.match(r"\s*\[\[", line):
                break
        raise BadInstrument(
            f"Line {found + 1}, {self.called}, key {key}: {problem}{'' if problem.endswith('?') else '.'}"
        )

    def only(self, row: dict[str, Any], *known: str) -> None:
        for key in row:
            if key not in known:
                near = get_close_matches(key, known, 1)
                hint = f"; did you mean {near[0]}?" if near else f"; known are {', '.join(known)}"
                self.refuse(key, f"there is no such key{hint}")

    def text(self, row: dict[str, Any], key: str, *, required: bool = True, longest: int = 2000) -> str:
        value = row.get(key, "")
        if not isinstance(value, str):
            self.refuse(key, "write a text in quotes")
        value = value.strip()
        if required and not value:
            self.refuse(key, "it is missing; write a text in quotes")
        if len(value) > longest:
            self.refuse(key, f"it is longer than {longest} characters; shorten it")
        return str(value)

    def name(self, row: dict[str, Any]) -> str:
        value = self.text(row, "name")
        if not NAME.fullmatch(value):
            self.refuse(
                "name", f"{value!r} is no name; use small letters, digits, - and _, from 3 to 60 of them"
            )
        return value

    def flag(self, row: dict[str, Any], key: str, otherwise: bool) -> bool:
        value = row.get(key, otherwise)
        if not isinstance(value, bool):
            self.refuse(key, "write true or false, without quotes")
        return bool(value)

    def tables(self, row: dict[str, Any], key: str) -> list[dict[str, Any]]:
        value = row.get(key, [])
        if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
            self.refuse(key, f"write each as a table of its own: [[{key}]]")
        return list(value)

    def names(self, row: dict[str, Any], key: str, known: Mapping[str, Any], kind: str) -> tuple[str, ...]:
        value = row.get(key, [])
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            self.refuse(key, f'write a list of {kind}s in quotes: ["…", "…"]')
        for one in value:
            if one not in known:
                near = get_close_matches(one, known, 3)
                hint = f"did you mean {' or '.join(near)}?" if near else f"known are {', '.join(known)}"
                self.refuse(key, f"there is no {kind} {one!r}; {hint}")
        return tuple(value)


def _number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
