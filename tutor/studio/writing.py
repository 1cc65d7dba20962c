"""Examples written by a language model that is trusted with it: questions with answers and the words they rest on, and coding
exercises. What it writes is checked like everything else."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any

from courses.models import Course, Passage
from courses.verification.quotes import find_quote
from tutor.llm.errors import EndpointError
from tutor.llm.filling import fill
from tutor.llm.models import Endpoint, UnreadableKey
from tutor.studio.exercises.repairing import may_repair, repaired
from tutor.studio.exercises.running import LARGEST, Language
from tutor.studio.exercises.verifying import Exercise
from tutor.studio.kinds import CODING, Draft, Programmed, Quoted
from tutor.studio.kinds.reading import is_about_the_material
from tutor.studio.models import Dataset
from tutor.studio.sandbox import SandboxMissing

logger = logging.getLogger(__name__)

PROMPTS = Path(__file__).parent / "prompts"
A_PASSAGE = 4  # pairs that are asked for at once
SHORTEST = 120  # characters of a passage that is worth asking about
PAIR_TOKENS, EXERCISE_TOKENS = 1_200, 2_500  # of an answer, at most
FAILURES = 3  # in a row, after which the endpoint is asked no more
TEXT = {"type": "string", "maxLength": 1_500}
PAIRS: dict[str, Any] = {
    "type": "object",
    "properties": {
        "pairs": {
            "type": "array",
            "maxItems": A_PASSAGE,
            "items": {
                "type": "object",
                "properties": {"kind": TEXT, "question": TEXT, "answer": TEXT, "words": TEXT, "about": TEXT},
                "required": ["kind", "question", "answer", "words", "about"],
                "additionalProperties": False,
            },
        }
    },
    "required": ["pairs"],
    "additionalProperties": False,
}
PROGRAM = {"type": "string", "maxLength": LARGEST}
EXERCISE: dict[str, Any] = {
    "type": "object",
    "properties": {
        "title": {"type": "string", "maxLength": 100}, "task": TEXT, "starter": PROGRAM, "solution": PROGRAM, "tests": PROGRAM,
        "hint": {"type": "string", "maxLength": 400},
    },
    "required": ["title", "task", "starter", "solution", "tests", "hint"],
    "additionalProperties": False,
}  # fmt: skip


def writer(course: Course) -> Endpoint | None:
    """The endpoint whose model writes for the course, or None: the small default model is not trusted with it."""
    endpoint = Endpoint.objects.for_course(course)
    return endpoint if may_repair(endpoint) else None


def written(dataset: Dataset, endpoint: Endpoint, kinds: Sequence[str]) -> Iterator[Draft]:
    """What the model writes about one passage after the other. Ends where the endpoint keeps failing."""
    course = dataset.course
    chosen = list(dataset.materials.values_list("pk", flat=True))
    passages = Passage.objects.for_agent(course).select_related("material__course", "material__extract")
    if chosen:
        passages = passages.filter(material__in=chosen)
    by_material: dict[int, list[Passage]] = {}
    for passage in passages.order_by("material__position", "material", "ordinal"):
        if len(passage.text) >= SHORTEST and not is_about_the_material(passage):
            by_material.setdefault(passage.material_id, []).append(passage)
    asked = [kind for kind in kinds if kind != CODING]
    failed = 0
    for turn in zip_longest(*by_material.values()):
        for passage in turn:
            if passage is None:
                continue
            try:
                if asked:
                    yield from _pairs(course, endpoint, passage, asked)
                if CODING in kinds and (language := language_of(passage)) is not None:
                    yield _exercise(course, endpoint, passage, language)
            except (EndpointError, UnreadableKey) as error:
                failed += 1
                logger.warning("%s wrote nothing about passage %s: %s", endpoint, passage.pk, error)
                if failed == FAILURES:
                    return
            except SandboxMissing as error:
                logger.warning("No exercises are written: %s", error)
                return
            else:
                failed = 0


def language_of(passage: Passage) -> Language | None:
    """The language of the programs a passage shows, if it is one that can be run here."""
    said = passage.text.lower()
    extract = getattr(passage.material, "extract", None)
    for block in extract.blocks if extract is not None else []:
        if block["kind"] == "code" and block["start"] < passage.end and block["end"] > passage.start:
            named = str(block["data"].get("language", "")).lower()
            if named in ("verilog", "systemverilog") or "endmodule" in said:
                return Language.VERILOG
            return Language.PYTHON if named in ("python", "python3", "py", "") else None
    return None


def _pairs(course: Course, endpoint: Endpoint, passage: Passage, kinds: Sequence[str]) -> Iterator[Draft]:
    prompt = _prompt(
        "pairs",
        course=course.title,
        kinds=", ".join(kinds),
        most=A_PASSAGE,
        heading=" / ".join(map(str, passage.heading_path)),
        passage=passage.text,
    )
    for row in _ask(course, endpoint, prompt, PAIRS, PAIR_TOKENS)["pairs"]:
        found = find_quote(row["words"], passage.text) if row["words"].strip() else None
        question, answer = " ".join(row["question"].split()), row["answer"].strip()
        if not question or not answer:
            continue
        quote = (found.start, found.end) if found else (0, len(passage.text))
        yield Draft(
            row["kind"] if row["kind"] in kinds else kinds[0],
            question,
            answer,
            (Quoted(passage, *quote),),
            f"written by {endpoint.model}"[:120],
            " ".join(row["about"].lower().split())[:100],
        )


def _exercise(course: Course, endpoint: Endpoint, passage: Passage, language: Language) -> Draft:
    prompt = _prompt("exercise", course=course.title, language=language.capitalize(), passage=passage.text)
    row = _ask(course, endpoint, prompt, EXERCISE, EXERCISE_TOKENS)
    given = Exercise(row["title"], row["solution"], row["tests"], language, row["task"])
    given, result = repaired(given, endpoint, course_id=course.pk)
    return Draft(
        CODING,
        row["task"].strip(),
        f"This solution passes its tests:\n\n```{language}\n{given.solution.strip()}\n```",
        (Quoted(passage, 0, len(passage.text)),),
        f"written by {endpoint.model}, version {result.attempts}"[:120],
        " ".join(row["title"].lower().split()),
        computed=True,
        failed="" if result.passed else result.error,
        program=Programmed(row["title"].strip(), given, result, row["starter"], row["hint"]),
    )


def _prompt(name: str, **values: object) -> str:
    return (PROMPTS / f"{name}.txt").read_text(encoding="utf-8").format(**values)


def _ask(
    course: Course, endpoint: Endpoint, prompt: str, schema: dict[str, Any], tokens: int
) -> dict[str, Any]:
    """The model's answer, valid against the schema. Raises EndpointError and UnreadableKey."""
    row: dict[str, Any] = fill(
        endpoint, prompt, schema, max_tokens=tokens, temperature=0.7, course_id=course.pk, purpose="datasets"
    )
    return row
