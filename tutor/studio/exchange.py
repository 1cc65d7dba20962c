"""Datasets in and out: JSONL with citations and chat messages; an instructor's own pairs as CSV or JSONL."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from charset_normalizer import from_bytes
from django.db import transaction

from courses.models import Course
from tutor.studio.card import describe
from tutor.studio.models import Dataset, Example, Source
from tutor.studio.prompting import closed

MOST = 50_000  # rows of an import
QUESTION = ("question", "prompt", "instruction", "q")
ANSWER = ("answer", "completion", "response", "output", "reference", "a")


class Unreadable(ValueError):
    """The file holds no pairs that can be taken; the message says what to do. Nothing was stored."""


def chat_rows(dataset: Dataset) -> Iterator[dict[str, Any]]:
    """The kept examples as they are exported, each also in chat format."""
    for example in dataset.examples.kept().prefetch_related("sources"):
        chat = closed(dataset.course.title, example.question)
        chat.append({"role": "assistant", "content": example.answer})
        yield {**example.as_json(), "messages": chat}


def export(dataset: Dataset, file: Path) -> int:
    """Write the kept examples, one JSON object a line; returns how many."""
    rows = list(chat_rows(dataset))
    file.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return len(rows)


def receive(course: Course, file: Path, title: str = "") -> Dataset:
    """A dataset of the pairs in a CSV or JSONL file, as our export or with a question and an answer a row. Raises Unreadable."""
    if not file.is_file():
        raise Unreadable(f"There is no file {file}.")
    rows = list(pairs(file.read_bytes(), file.name))
    with transaction.atomic():
        dataset = Dataset.objects.create(course=course, title=(title or file.stem)[:200], limit=len(rows))
        for number, row in enumerate(rows):
            made = row.get("origin") == Example.Origin.MADE
            example = Example.objects.create(
                dataset=dataset,
                kind=str(row.get("kind") or "own")[:20],
                origin=Example.Origin.MADE if made else Example.Origin.INSTRUCTOR,
                made_how=str(row.get("made_how") or f"imported from {file.name}")[:120],
                question=row["question"],
                answer=row["answer"],
                rejected_answer=str(row.get("rejected_answer") or ""),
                wrong_steps=_spans(row.get("wrong_steps"), len(row["answer"])),
                held_out=row["split"] == "held-out" if row.get("split") else number % 10 == 0,
            )
            Source.objects.bulk_create(
                Source(
                    example=example, file=str(cited.get("file", ""))[:255], quote=str(cited.get("quote", ""))
                )
                for cited in row.get("citations") or []
                if isinstance(cited, dict)
            )
        dataset.card = describe(dataset)
        dataset.state = Dataset.State.DONE
        dataset.save(update_fields=["card", "state"])
    return dataset


def pairs(data: bytes, name: str) -> Iterator[dict[str, Any]]:
    """The rows of a file with `question` and `answer` filled in. Raises Unreadable at the first row that cannot be used."""
    found = from_bytes(data).best()
    if found is None or not data.strip():
        raise Unreadable(
            f"{name} is empty or not text. Give CSV or JSONL in UTF-8, a question and an answer a row."
        )
    text = str(found) if not data.startswith(b"\xef\xbb\xbf") else data.decode("utf-8-sig", errors="replace")
    rows = (
        _json_rows(text, name)
        if name.lower().endswith((".jsonl", ".json", ".ndjson"))
        else _table_rows(text, name)
    )
    count = 0
    for number, row in rows:
        question, answer = _of(row, QUESTION), _of(row, ANSWER)
        if not question and isinstance(row.get("messages"), list):
            question, answer = _of_chat(row["messages"])
        if not question or not answer:
            columns = ", ".join(str(key) for key in row) or "none"
            raise Unreadable(
                f"Row {number} of {name} has no question or no answer (its columns: {columns}). "
                "Name the columns “question” and “answer”; nothing was imported."
            )
        if len(question) > 4000 or len(answer) > 8000:
            raise Unreadable(
                f"Row {number} of {name} is longer than 4,000 (question) or 8,000 (answer) characters. Shorten it."
            )
        count += 1
        if count > MOST:
            raise Unreadable(f"{name} has more than {MOST:,} rows. Split it.")
        yield {**row, "question": question, "answer": answer}
    if not count:
        raise Unreadable(f"{name} holds no rows. Give a header line and a question and an answer a row.")


def _json_rows(text: str, name: str) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            raise Unreadable(
                f"Row {number} of {name} is not JSON ({error}). One object a line is expected."
            ) from None
        if not isinstance(row, dict):
            raise Unreadable(f"Row {number} of {name} is not an object with a question and an answer.")
        yield number, row


def _table_rows(text: str, name: str) -> Iterator[tuple[int, dict[str, Any]]]:
    try:
        reader = csv.DictReader(io.StringIO(text), strict=True)
        for number, row in enumerate(reader, start=2):
            yield number, {str(key).strip().lower(): value for key, value in row.items() if key is not None}
    except csv.Error as error:
        raise Unreadable(
            f"{name} is no CSV that can be read ({error}). Export it again, with commas and UTF-8."
        ) from None


def _of(row: dict[str, Any], names: tuple[str, ...]) -> str:
    return next(
        (str(row[name]).strip() for name in names if isinstance(row.get(name), str) and row[name].strip()), ""
    )


def _of_chat(messages: list[Any]) -> tuple[str, str]:
    said = {str(one.get("role")): str(one.get("content", "")) for one in messages if isinstance(one, dict)}
    return said.get("user", "").strip(), said.get("assistant", "").strip()


def _spans(value: Any, length: int) -> list[list[int]]:
    """Offsets as they were exported; what does not fit is left out."""
    if not isinstance(value, list):
        return []
    return [
        [int(one[0]), int(one[1])]
        for one in value
        if isinstance(one, list)
        and len(one) == 2
        and all(isinstance(n, int) for n in one)
        and 0 <= one[0] < one[1] <= length
    ]
