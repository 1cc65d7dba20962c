"""Asks an endpoint for a better version of an exercise until one may be kept, at most five versions in all.

After VeriCoder (Wei et al. 2025): solution, tests and the error go back to the writer. Its two flaws are closed: a run
that reports nothing is no pass, and a revision may not ask for less (weakening.py) nor notice fewer wrong solutions.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

from tutor.llm.errors import EndpointError
from tutor.llm.filling import fill
from tutor.llm.models import Endpoint, UnreadableKey
from tutor.studio.exercises.running import LARGEST, Language
from tutor.studio.exercises.verifying import Exercise, Result, verify
from tutor.studio.exercises.weakening import weaker

logger = logging.getLogger(__name__)

MOST = 5  # versions, the first among them
MAX_TOKENS = 3_000
PROMPT = Path(__file__).with_name("prompts") / "repair.txt"
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "solution": {"type": "string", "maxLength": LARGEST},
        "tests": {"type": "string", "maxLength": LARGEST},
    },
    "required": ["solution", "tests"],
    "additionalProperties": False,
}
RULES = {
    Language.PYTHON: (
        "The tests are functions named test_… with assert statements; the solution's names are there, and pytest.raises."
    ),
    Language.VERILOG: (
        "The tests are one test bench module. It prints FAIL where a check fails, PASS at the end if none did, and calls "
        "$finish. The design itself prints nothing."
    ),
}


def may_repair(endpoint: Endpoint) -> bool:
    """Whether the endpoint's model is trusted to write programs; the small default model is not."""
    return endpoint.capable and not endpoint.embedded


def repaired(
    exercise: Exercise, endpoint: Endpoint, *, course_id: int | None = None
) -> tuple[Exercise, Result]:
    """The exercise as given or as repaired, and what came of it, with the number of versions that were tried.

    What an endpoint's failure leaves is the last version; its error says so. Raises SandboxMissing.
    """
    best, result = exercise, verify(exercise)
    error = result.error
    for attempt in range(2, MOST + 1):
        if result.passed:
            break
        try:
            offered = _ask(best, error, endpoint, course_id)
        except (EndpointError, UnreadableKey) as failure:
            logger.warning("Exercise %s was not repaired: %s", exercise.id, failure)
            return best, replace(
                result, attempts=attempt - 1, error=f"{result.error} It could not be repaired: {failure}"
            )
        problem = _less(best, offered)
        tried = verify(offered) if not problem else result
        if not problem and _share(tried) < _share(result):
            problem = "its tests notice fewer wrong solutions than the tests before"
        if problem:  # the version is refused, and the next one starts from the one before it
            error = f"{result.error} Your last version was refused: {problem}."
            result = replace(result, attempts=attempt)
            continue
        best, result, error = offered, replace(tried, attempts=attempt), tried.error
    return best, result


def _less(before: Exercise, after: Exercise) -> str:
    """What the revision asks less for; a version that is no program cannot be compared, and asks for nothing."""
    try:
        return weaker(before.tests, after.tests, after.language)
    except (SyntaxError, ValueError, RecursionError):
        pass
    try:
        return weaker(
            after.tests, after.tests, after.language
        )  # the tests before were none; these may replace them
    except (SyntaxError, ValueError, RecursionError) as error:
        return f"its tests are no program: {error}"


def _share(result: Result) -> float:
    return result.killed / result.mutants if result.mutants else 0.0


def _ask(exercise: Exercise, error: str, endpoint: Endpoint, course_id: int | None) -> Exercise:
    words = PROMPT.read_text().format(
        language=exercise.language.capitalize(),
        rules=RULES[exercise.language],
        prompt=exercise.prompt or "(not given; the tests say what is wanted)",
        solution=exercise.solution,
        tests=exercise.tests,
        error=error,
    )
    answer = fill(
        endpoint,
        words,
        SCHEMA,
        max_tokens=MAX_TOKENS,
        temperature=0.2,
        course_id=course_id,
        purpose="exercises",
    )
    return replace(exercise, solution=answer["solution"], tests=answer["tests"])
