"""Datasets in and out: JSONL with citations and chat messages; an instructor's own pairs as CSV or JSONL."""

from __future__ import annotations

import csv
import io
import json
import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from charset_normalizer import from_bytes
from django.db import transaction

from courses.models import Course, Passage
from courses.search import search
from courses.verification.vectors import vectors_of
from tutor.llm.embeddings import EmbeddingError
from tutor.studio.card import describe
from tutor.studio.exercises.keeping import Unreadable as Unusable
from tutor.studio.exercises.keeping import proposed
from tutor.studio.models import Dataset, Example, Exercise, Source
from tutor.studio.prompting import closed
from tutor.studio.splitting import held_out, is_held_out

logger = logging.getLogger(__name__)

MOST = 50_000  # rows of an import
MOST_SEARCHED = 2_000  # rows of an import whose passages are looked for; it happens while a person waits
NEAR = 0.45  # cosine from which a pair is about a passage
QUESTION = ("question", "prompt", "instruction", "q")
ANSWER = ("answer", "completion", "response", "output", "reference", "a")


class Unreadable(ValueError):
    """The file holds no pairs that can be taken; the message says what to do. Nothing was stored."""


def chat_rows(dataset: Dataset) -> Iterator[dict[str, Any]]:
    """The kept examples as they are exported, each also in chat format."""
    for example in dataset.examples.kept().select_related("exercise").prefetch_related("sources"):
        chat = closed(dataset.course.title, example.question)
        chat.append({"role": "assistant", "content": example.answer})
        yield {**example.as_json(), "messages": chat}


def export(dataset: Dataset, file: Path) -> int:
    """Write the kept examples, one JSON object a line; returns how many."""
    rows = list(chat_rows(dataset))
    file.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return len(rows)


def receive(
    course: Course, file: Path, title: str = "", *, into: Dataset | None = None
) -> tuple[Dataset, int]:
    """The pairs of a CSV or JSONL file, as our export or with a question and an answer a row: a dataset of their own, or added to
    one that is there, whose questions are not taken twice. Gives the dataset and how many were taken. Raises Unreadable."""
    if not file.is_file():
        raise Unreadable(f"There is no file {file}.")
    rows = list(pairs(file.read_bytes(), file.name))
    if into is not None:
        there = {
            " ".join(asked.lower().split()) for asked in into.examples.values_list("question", flat=True)
        }
        rows = [row for row in rows if " ".join(row["question"].lower().split()) not in there]
    sides = split(course, rows)
    with transaction.atomic():
        dataset = into or Dataset.objects.create(
            course=course, title=(title or file.stem)[:200], limit=len(rows), state=Dataset.State.DONE
        )
        for row, side in zip(rows, sides, strict=True):
            _add(dataset, row, file.name, held=side)
        dataset.card = describe(dataset)
        dataset.save(update_fields=["card"])
    return dataset, len(rows)


def _add(dataset: Dataset, row: dict[str, Any], name: str, *, held: bool) -> None:
    origins = (Example.Origin.MADE, Example.Origin.STUDENT)
    example = Example.objects.create(
        dataset=dataset,
        kind=str(row.get("kind") or "own")[:20],
        origin=row["origin"] if row.get("origin") in origins else Example.Origin.INSTRUCTOR,
        made_how=str(row.get("made_how") or f"imported from {name}")[:120],
        question=row["question"],
        answer=row["answer"],
        rejected_answer=str(row.get("rejected_answer") or "")[:8000],
        wrong_steps=_spans(row.get("wrong_steps"), len(row["answer"])),
        skill=str(row.get("skill") or "")[:120],
        exercise=_exercise(dataset.course, row.get("exercise")),
        held_out=held,
    )
    Source.objects.bulk_create(
        Source(
            example=example,
            passage=_passage(dataset.course, cited),
            file=str(cited.get("file", ""))[:255],
            anchor=cited["anchor"] if isinstance(cited.get("anchor"), dict) else {},
            quote=str(cited.get("quote", "")),
        )
        for cited in row.get("citations") or []
        if isinstance(cited, dict)
    )


def _exercise(course: Course, given: Any) -> Exercise | None:
    """The exercise that comes with a pair: the one the course has, or a new one, which is verified before anybody may keep it."""
    if not isinstance(given, dict):
        return None
    try:
        made = proposed(course, 1, json.dumps(given), None)
    except Unusable as error:
        logger.warning("An exercise was not imported: %s", error)
        return None
    there = course.exercises.filter(prompt=made.prompt, solution=made.solution, tests=made.tests).first()
    if there is None:
        made.verify()
    return there or made


def _passage(course: Course, cited: dict[str, Any]) -> Passage | None:
    """The passage of the course that holds the quoted words, if it is there."""
    quote = str(cited.get("quote", ""))
    found = Passage.objects.for_agent(course).filter(
        material__filename=str(cited.get("file", "")), text__contains=quote
    )
    return found.first() if quote else None


def split(course: Course, rows: Sequence[dict[str, Any]]) -> list[bool]:
    """Which rows are held out: as the file says; else by the passage they cite, or the one they are about, so that no passage is
    on both sides; else, where the course has nothing on them, by their answer."""
    about = _about(course, [row for row in rows if not row.get("split")])
    sides = []
    for row in rows:
        if row.get("split"):
            sides.append(row["split"] == "held-out")
            continue
        cited = next((one for one in row.get("citations") or [] if isinstance(one, dict)), {})
        passage = _passage(course, cited) or about.get(id(row))
        if passage is not None:
            sides.append(held_out(passage))
        else:
            sides.append(is_held_out(" ".join(row["answer"].lower().split())))
    return sides


def _about(course: Course, rows: Sequence[dict[str, Any]]) -> dict[int, Passage]:
    """The passage that each row is about, by the row's id(); rows that nothing is near to are left out."""
    passages = Passage.objects.for_agent(course)
    if not rows or len(rows) > MOST_SEARCHED or not passages.exists():
        return {}
    texts = [f"{row['question']} {row['answer']}"[:600] for row in rows]
    found = {}
    try:
        for row, text, vector in zip(rows, texts, vectors_of(texts), strict=True):
            hit = next(iter(search(course, text, passages=passages, k=1, vector=vector)), None)
            if hit is not None and hit.similarity >= NEAR:
                found[id(row)] = hit.passage
    except EmbeddingError as error:
        logger.warning("Imported pairs are split without a search: %s", error)
    return found


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
