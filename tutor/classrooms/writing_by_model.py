"""A page's lines drafted by a capable language model. What it writes is verified like every other line."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from courses.models import Extract, Passage
from courses.verification.quotes import find_quote
from tutor.classrooms.fitting import finish, one_line
from tutor.classrooms.models import LessonPage
from tutor.classrooms.phrasing import Said
from tutor.llm.errors import EndpointError
from tutor.llm.filling import fill
from tutor.llm.models import Endpoint, UnreadableKey

logger = logging.getLogger(__name__)

PROMPT = Path(__file__).with_name("prompts") / "script.txt"
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "lines": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "text": {"type": "string", "maxLength": 600},
                    "words": {"type": "string", "maxLength": 600},
                },
                "required": ["text", "words"],
                "additionalProperties": False,
            },
            "minItems": 1,
            "maxItems": 30,
        }
    },
    "required": ["lines"],
    "additionalProperties": False,
}
MAX_TOKENS = 1_500
LONGEST = 8_000  # characters of a page that are sent
RULES = "Drafted by rules, because the model did not deliver: {}"


def draft(page: LessonPage, extract: Extract, passages: Sequence[Passage]) -> list[Said]:
    """The sentences a model would say on this page; [] where none is trusted with it, or where it fails, and then the
    page's note says so."""
    endpoint = Endpoint.objects.for_course(page.lesson.course)
    if not endpoint.capable or endpoint.embedded:
        return []
    text = extract.text[page.start : page.end]
    try:
        written = _ask(endpoint, page, text[:LONGEST])
    except (EndpointError, UnreadableKey) as error:
        logger.warning("Page %s is drafted by rules: %s", page.pk, error)
        page.note = RULES.format(error)[:400]
        return []
    said = [_said(row, text, page.start) for row in written if row["text"].strip()]
    if not any(one.claim for one in said):
        page.note = RULES.format("it stated nothing.")
        return []
    page.note = f"Drafted by {endpoint.name}; every sentence was checked against the material."
    return said


def _said(row: dict[str, Any], text: str, start: int) -> Said:
    """A line of the model's with the place on the page that it says it rests on, if that is true."""
    found = find_quote(row["words"], text) if row["words"].strip() else None
    region = (start + found.start, start + found.end) if found else None
    line = finish(one_line(row["text"]))
    return Said(line, region=region, ask=line.endswith("?"))


def _ask(endpoint: Endpoint, page: LessonPage, text: str) -> list[dict[str, Any]]:
    """The model's lines. What it says of itself is not trusted: which lines state something is decided by us."""
    near = {
        row.ordinal: row.title
        for row in page.lesson.pages.filter(ordinal__range=(page.ordinal - 1, page.ordinal + 1))
    }
    prompt = PROMPT.read_text().format(
        most=max(4, min(16, len(text) // 60)),
        course=page.lesson.course.title,
        before=near.get(page.ordinal - 1, "none"),
        after=near.get(page.ordinal + 1, "none"),
        title=page.title,
        page=text,
    )
    answer = fill(
        endpoint, prompt, SCHEMA, max_tokens=MAX_TOKENS, temperature=0.2, course_id=page.lesson.course_id, purpose="lessons"
    )  # fmt: skip
    lines: list[dict[str, Any]] = answer["lines"]
    return lines
