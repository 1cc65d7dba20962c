"""An institution's own ratings as a table: which column is what, and what each person gave each stretch."""

from __future__ import annotations

import csv
import hashlib
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from coach.instruments.reading import DimensionSpec, InstrumentSpec

LARGEST = 20_000_000  # bytes
MOST_ROWS = 200_000
MOST_PROBLEMS = 5  # are named; the rest is counted
ROLES = {  # what a column may be called that says it; compared without case, spaces and signs
    "lesson": (
        "lesson", "lessonid", "transcript", "transcriptid", "obsid", "observation", "observationid", "file", "filename",
        "video", "videoid", "recording", "recordingid", "class", "classid",
    ),
    "segment": ("segment", "segmentid", "seg", "chapter", "chapnum", "chunk", "stretch", "part", "interval", "cycle"),
    "rater": ("rater", "raterid", "coder", "coderid", "observer", "observerid", "scorer", "scorerid", "ratedby"),
    "dimension": ("dimension", "dimensions", "item", "code", "indicator", "construct"),
    "score": ("score", "rating", "value", "points", "mark", "grade"),
}  # fmt: skip
WORDS = {  # how a role is called in a message
    "lesson": "which lesson was rated",
    "segment": "which stretch of it",
    "rater": "who rated",
    "dimension": "the dimension",
    "score": "the score",
}
NOTHING = {
    "",
    "na",
    "n/a",
    "nan",
    "none",
    "null",
    "-",
    "–",
    ".",
    "no",
    "n/o",
    "not observable",
    "not observed",
}
LABEL = re.compile(r"(?:[A-Za-z]|(?:r|rater|coder|observer|scorer)?[ _-]?\d{1,8})", re.IGNORECASE)


class UnreadableRatings(ValueError):
    """The table cannot be used; the message says what was found there and what to do."""


@dataclass(frozen=True)
class HumanScore:
    """One person's rating. `segment` counts the instrument's units of time from 1; 0 is the whole lesson."""

    lesson: str
    segment: int
    rater: str  # a label, never a name
    dimension: str
    score: float | None  # None: the person said that it cannot be observed


@dataclass(frozen=True)
class Table:
    """Ratings that were read, and how the columns were understood, in words for the person who brought them."""

    scores: list[HumanScore]
    columns: dict[str, str] = field(default_factory=dict)  # role or dimension -> column
    notes: list[str] = field(default_factory=list)


def read_ratings(data: bytes, spec: InstrumentSpec, columns: Mapping[str, str] | None = None) -> Table:
    """The ratings in a CSV with one row a rating (columns dimension and score) or one column a dimension.

    `columns` names columns that do not say what they are: lesson, segment, rater, dimension, score or a dimension's name
    → the column's heading. Raises UnreadableRatings.
    """
    headings, rows = _rows(data)
    given = _given(headings, spec, columns or {})
    roles = {role: given.get(role) or _guess(role, headings, given) for role in ROLES}
    wide = {one.name: given.get(one.name) or _column_of(one, headings) for one in spec.dimensions}
    wide = {name: column for name, column in wide.items() if column}
    if not roles["lesson"]:
        raise UnreadableRatings(
            f"No column says {WORDS['lesson']}. Found: {_list(headings)}. Call it “lesson”, or say which it is."
        )
    long = bool(roles["dimension"] and roles["score"])
    if not long and not wide:
        names = _list([one.name for one in spec.dimensions])
        raise UnreadableRatings(
            f"No column holds scores. Found: {_list(headings)}. Have columns “dimension” and “score”, or one column for each "
            f"dimension of {spec.title}: {names}."
        )
    reader = _Rows(spec, {role: column for role, column in roles.items() if column})
    for number, row in enumerate(rows, 2):
        if long:
            reader.take(number, row, row.get(roles["dimension"] or "", ""), row.get(roles["score"] or "", ""))
        else:
            for name, column in wide.items():
                reader.take(number, row, name, row.get(column, ""))
    understood = {role: column for role, column in roles.items() if column and (long or role in _PLACE)}
    return reader.table(understood | ({} if long else wide), bool(roles["segment"]))


_PLACE = ("lesson", "segment", "rater")


class _Rows:
    """Collects ratings and what is wrong with rows."""

    def __init__(self, spec: InstrumentSpec, roles: Mapping[str, str]) -> None:
        self.roles = roles
        self.dimensions = {_plain(name): one for one in spec.dimensions for name in (one.name, one.title)}
        self.scores: dict[tuple[str, int, str, str], HumanScore] = {}
        self.problems: list[str] = []
        self.unknown: dict[str, int] = {}
        self.spec = spec

    def take(self, number: int, row: Mapping[str, str], called: str, value: str) -> None:
        dimension = self.dimensions.get(_plain(called))
        if dimension is None:
            self.unknown[called] = self.unknown.get(called, 0) + 1
            return
        lesson = row.get(self.roles["lesson"], "").strip()
        if not lesson:
            self.problems.append(f"row {number} names no lesson")
            return
        try:
            segment = self._segment(row)
            score = self._score(dimension, value)
        except ValueError as problem:
            self.problems.append(f"row {number}: {problem}")
            return
        rater = label(row.get(self.roles.get("rater", ""), ""))
        key = lesson, segment, rater, dimension.name
        before = self.scores.get(key)
        if before is not None and before.score != score:
            self.problems.append(
                f"row {number}: {rater} rated lesson {lesson}, segment {segment}, {dimension.name} before, differently"
            )
            return
        self.scores[key] = HumanScore(lesson, segment, rater, dimension.name, score)

    def _segment(self, row: Mapping[str, str]) -> int:
        if "segment" not in self.roles:
            return 0
        value = row.get(self.roles["segment"], "").strip()
        found = re.search(r"\d+", value)
        if not found or int(found[0]) > 1000:
            raise ValueError(f"“{value[:30]}” is no segment; number them from 1")
        return int(found[0])

    def _score(self, dimension: DimensionSpec, value: str) -> float | None:
        plain = value.strip().lower()
        if plain in NOTHING:
            return None
        try:
            score = float(plain.replace(",", "."))
        except ValueError:
            raise ValueError(f"“{value[:30]}” is no score for {dimension.name}") from None
        if not dimension.low <= score <= dimension.high:
            raise ValueError(
                f"{value.strip()[:20]} is not on {dimension.name}'s scale from {dimension.low} to {dimension.high}"
            )
        return score

    def table(self, columns: dict[str, str], segmented: bool) -> Table:
        if self.problems:
            more = len(self.problems) - MOST_PROBLEMS
            tail = f"; and {more} more" if more > 0 else ""
            raise UnreadableRatings(
                f"Nothing was taken from this table: {'; '.join(self.problems[:MOST_PROBLEMS])}{tail}. Correct the rows and "
                "bring it again."
            )
        if not self.scores:
            known = _list([one.name for one in self.spec.dimensions])
            named = f" It names {_list(self.unknown)}." if self.unknown else ""
            raise UnreadableRatings(
                f"This table rates none of the dimensions of {self.spec.title} ({known}).{named}"
            )
        notes = []
        if self.unknown:
            count = sum(self.unknown.values())
            notes.append(
                f"{count} rows were passed over: {_list(self.unknown)} are no dimensions of this instrument."
            )
        if not segmented:
            notes.append(
                "No column says which stretch was rated, so each rating counts for its whole lesson."
            )
        if "rater" not in self.roles:
            notes.append("No column says who rated, so all ratings count as one person's.")
        return Table(list(self.scores.values()), columns, notes)


def label(name: str) -> str:
    """What a rater is called here: what is plainly a label stays, anything else (it may be a name) gets one."""
    name = name.strip()
    if not name:
        return "rater"
    if LABEL.fullmatch(name):
        return name
    return f"rater {hashlib.sha256(name.lower().encode()).hexdigest()[:6]}"


def _rows(data: bytes) -> tuple[list[str], list[dict[str, str]]]:
    if len(data) > LARGEST:
        raise UnreadableRatings(f"The table is larger than {LARGEST // 1_000_000} MB. Bring it in parts.")
    if data[:4] in (b"PK\x03\x04", b"\xd0\xcf\x11\xe0"):
        raise UnreadableRatings(
            "This is a spreadsheet, not CSV. Save the sheet as CSV (UTF-8) and bring that."
        )
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("cp1252", errors="replace")
    lines = io.StringIO(text.replace("\x00", ""), newline="")
    first = text.partition("\n")[0]
    delimiter = max(",;\t", key=first.count)
    try:
        table = list(csv.reader(lines, delimiter=delimiter))
    except csv.Error as error:
        raise UnreadableRatings(f"This is no CSV table: {error}.") from None
    table = [row for row in table if any(cell.strip() for cell in row)]
    if len(table) < 2:
        raise UnreadableRatings("The table is empty: it needs a line of headings and at least one rating.")
    if len(table) > MOST_ROWS:
        raise UnreadableRatings(f"The table has more than {MOST_ROWS:,} rows. Bring it in parts.")
    headings = [cell.strip() for cell in table[0]]
    twice = sorted({one for one in headings if one and headings.count(one) > 1})
    if twice:
        raise UnreadableRatings(f"Two columns have the same heading: {_list(twice)}. Give each its own.")
    return headings, [dict(zip(headings, row, strict=False)) for row in table[1:]]


def _given(headings: Sequence[str], spec: InstrumentSpec, columns: Mapping[str, str]) -> dict[str, str]:
    known = [*ROLES, *(one.name for one in spec.dimensions)]
    plain = {_plain(heading): heading for heading in headings}
    found = {}
    for role, column in columns.items():
        if role not in known:
            raise UnreadableRatings(f"“{role}” cannot be a column; known are {_list(known)}.")
        if column not in headings and _plain(column) not in plain:
            raise UnreadableRatings(f"There is no column “{column}”. Found: {_list(headings)}.")
        found[role] = column if column in headings else plain[_plain(column)]
    return found


def _guess(role: str, headings: Sequence[str], given: Mapping[str, str]) -> str:
    plain = {_plain(heading): heading for heading in headings if heading not in given.values()}
    return next((plain[name] for name in ROLES[role] if name in plain), "")


def _column_of(dimension: DimensionSpec, headings: Sequence[str]) -> str:
    wanted = {_plain(dimension.name), _plain(dimension.title)}
    return next((heading for heading in headings if _plain(heading) in wanted), "")


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _list(names: Sequence[str] | Mapping[str, object]) -> str:
    shown = [f"“{name}”" for name in list(names)[:12] if name]
    return ", ".join(shown) + (", …" if len(names) > 12 else "")
