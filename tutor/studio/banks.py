"""Questions to measure with: a dataset's held-out part, a bank of somebody's own, the course's quiz items."""

from __future__ import annotations

import csv
import io
import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from charset_normalizer import from_bytes

from courses.models import Course
from tutor.practice.models import Item
from tutor.studio.models import Dataset

MOST = 5000  # questions of a bank
LONGEST = 4000  # characters of a question, a reference or an explanation
QUESTION = ("question", "prompt", "q")
ANSWER = ("answer", "reference", "response", "a")
OPTIONS = range(2, 9)  # how many a question may have
FORM = (
    "Give one JSON object a line with “question” and “answer”, and if you like “explanation”, “options”, or “parts” (a list "
    "of such objects); or CSV with these columns, options set apart by “|”, and the same “exercise” in rows that belong together."
)


class Unreadable(ValueError):
    """The bank cannot be used; the message says what to do."""


@dataclass(frozen=True)
class Asked:
    """A question with the answer that a system should come near.

    `exercise` is the same for all parts of one, whose text is in `stem`. `options` hold the answer word for word.
    `item` is a quiz item's key where the question is one.
    """

    question: str
    reference: str
    explanation: str = ""
    exercise: str = ""
    stem: str = ""
    options: list[str] = field(default_factory=list)
    item: int = 0

    @property
    def whole(self) -> str:
        """The question as it is asked alone."""
        return f"{self.stem}\n{self.question}" if self.stem else self.question

    def as_row(self) -> dict[str, Any]:
        return {name: value for name, value in asdict(self).items() if value}


def held_out(dataset: Dataset) -> list[Asked]:
    """The held-out examples, in a fixed order."""
    rows = dataset.examples.held_out().order_by("pk").values_list("question", "answer")
    return [Asked(question, answer) for question, answer in rows]


def items(course: Course, seed: int, most: int = 0, *, kind: str = "") -> list[Asked]:
    """Quiz items of the course that students may be asked, drawn with `seed` where there are more than `most`."""
    found = list(Item.objects.askable(course).order_by("pk"))
    found = [row for row in found if row.kind == kind or not kind]
    if most and len(found) > most:
        found = sorted(random.Random(seed).sample(found, most), key=lambda row: row.pk)
    return [
        Asked(row.prompt, row.answer, row.explanation, options=list(row.options), item=row.pk)
        for row in found
    ]


def read(file: Path) -> list[Asked]:
    """The questions of a bank in a file. Raises Unreadable."""
    try:
        data = file.read_bytes()
    except OSError as error:
        raise Unreadable(f"{file} cannot be read: {error.strerror or error}.") from None
    return questions(data, file.name)


def questions(data: bytes, name: str) -> list[Asked]:
    """The questions of a bank, JSONL or CSV. Raises Unreadable at the first row that cannot be used."""
    best = from_bytes(data).best()
    if best is None or not data.strip():
        raise Unreadable(f"{name} is empty or not text. {FORM}")
    text = data.decode("utf-8-sig", "replace") if data.startswith(b"\xef\xbb\xbf") else str(best)
    lines = name.lower().endswith((".jsonl", ".json", ".ndjson"))
    found = list(_of_json(text, name) if lines else _of_table(text, name))
    if not found:
        raise Unreadable(f"{name} holds no questions. {FORM}")
    if len(found) > MOST:
        raise Unreadable(f"{name} has more than {MOST:,} questions. Split it.")
    return found


def _of_json(text: str, name: str) -> Iterator[Asked]:
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        place = f"Row {number} of {name}"
        try:
            row = json.loads(line)
        except ValueError:
            raise Unreadable(f"{place} is not JSON. {FORM}") from None
        if not isinstance(row, dict):
            raise Unreadable(f"{place} is not an object. {FORM}")
        parts = row.get("parts")
        if parts is None:
            yield _asked(row, place)
            continue
        if not isinstance(parts, list) or not parts or not all(isinstance(part, dict) for part in parts):
            raise Unreadable(f"{place}: “parts” has to be a list of objects. {FORM}")
        for part in parts:
            yield _asked(part, place, exercise=str(number), stem=_of(row, QUESTION))


def _of_table(text: str, name: str) -> Iterator[Asked]:
    try:
        for number, row in enumerate(csv.DictReader(io.StringIO(text), strict=True), start=2):
            plain = {str(key).strip().lower(): value for key, value in row.items() if key is not None}
            options = plain.get("options") or ""
            plain["options"] = [one.strip() for one in str(options).split("|") if one.strip()]
            exercise = str(plain.get("exercise") or "").strip()
            yield _asked(plain, f"Row {number} of {name}", exercise=exercise)
    except csv.Error as error:
        raise Unreadable(f"{name} is no CSV that can be read ({error}). {FORM}") from None


def _asked(row: dict[str, Any], place: str, *, exercise: str = "", stem: str = "") -> Asked:
    question, answer = _of(row, QUESTION), _of(row, ANSWER)
    explanation = _of(row, ("explanation",))
    if not question or not answer:
        raise Unreadable(f"{place} has no question or no answer. {FORM}")
    if max(map(len, (question, answer, explanation, stem))) > LONGEST:
        raise Unreadable(f"{place} is longer than {LONGEST:,} characters. Shorten it.")
    options = row.get("options") or []
    if not isinstance(options, list) or not all(isinstance(one, str) for one in options):
        raise Unreadable(f"{place}: “options” has to be a list of texts.")
    if options and (len(options) not in OPTIONS or answer not in options or len(set(options)) < len(options)):
        raise Unreadable(
            f"{place}: the options have to be {OPTIONS[0]} to {OPTIONS[-1]} different texts, and the answer one of them."
        )
    return Asked(question, answer, explanation, exercise, stem, list(options))


def _of(row: dict[str, Any], names: Sequence[str]) -> str:
    """The first of the fields that holds something; a number counts as its text."""
    for name in names:
        value = row.get(name)
        if isinstance(value, (str, int, float)) and not isinstance(value, bool) and str(value).strip():
            return str(value).strip()
    return ""
