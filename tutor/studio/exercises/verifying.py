"""Whether an exercise may be kept: its tests pass on its solution, and fail on an empty one and on enough wrong ones."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from typing import Any

from tutor.studio.exercises import python_mutants, verilog_mutants
from tutor.studio.exercises.running import Language, Verdict, run
from tutor.studio.sandbox import Limits

# The share that tests must notice of those mutants that run to their end (one that breaks off or loops is noticed by any
# test that calls it, and so says nothing). Not all can be: some behave as the solution does (in small functions about
# one in six), and an honest short test leaves a boundary or two open. Tests that only look at types, lengths or truth
# notice under half.
NOTICED = 0.5
AGAIN = 2  # further runs of the solution: tests that pass by chance do not pass three times
SIDE_BY_SIDE = 2
SURVIVORS = 5


@dataclass(frozen=True)
class Exercise:
    """What is verified. id is whatever its source calls it."""

    id: str
    solution: str
    tests: str
    language: Language = Language.PYTHON
    prompt: str = ""


@dataclass(frozen=True)
class Result:
    """What came of it. passed: it may be kept. error: why not. survivors: the wrong solutions that were not noticed."""

    id: str
    passed: bool
    mutants: int = 0
    killed: int = 0
    attempts: int = 1
    error: str = ""
    survivors: tuple[str, ...] = ()
    verdict: Verdict | None = None

    def as_row(self) -> dict[str, Any]:
        """For JSON."""
        row = asdict(replace(self, verdict=None))
        del row["verdict"], row["survivors"]
        return row


def verify(exercise: Exercise, limits: Limits | None = None) -> Result:
    """Run the tests on the solution, on empty ones and on mutants. Raises SandboxMissing."""
    limits = limits or Limits()

    def judge(solution: str, within: Limits) -> Verdict:
        return run(solution, exercise.tests, exercise.language, within)

    def refused(error: str, **more: Any) -> Result:
        return Result(exercise.id, False, error=error, **more)

    if not exercise.solution.strip() or not exercise.tests.strip():
        return refused("An exercise needs a solution and tests.")
    first = judge(exercise.solution, limits)
    if not first.passed:
        return refused(first.error, verdict=first)
    # a mutant may loop for ever: it gets no longer than the solution needs, with room for a busy machine
    shorter = replace(limits, seconds=min(limits.seconds, 2 + 10 * first.seconds))
    wrong = list(_wrong(exercise))
    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        empty = pool.map(lambda text: judge(text, shorter), _empty(exercise))
        again = pool.map(lambda _: judge(exercise.solution, limits), range(AGAIN))
        mutated = pool.map(lambda pair: judge(pair[1], shorter), wrong)
        if any(verdict.passed for verdict in empty):
            return refused("The tests pass on an empty solution: they check nothing.", verdict=first)
        if not all(verdict.passed for verdict in again):
            return refused("The tests do not give the same result each time.", verdict=first)
        # a mutant that is no program says nothing of the tests
        ran = [
            (what, verdict)
            for (what, _), verdict in zip(wrong, mutated, strict=True)
            if not (exercise.language == Language.VERILOG and verdict.broken)
        ]
    survivors = tuple(what for what, verdict in ran if verdict.passed)
    found: dict[str, Any] = {
        "mutants": len(ran),
        "killed": len(ran) - len(survivors),
        "survivors": survivors[:SURVIVORS],
        "verdict": first,
    }
    telling = [verdict for _, verdict in ran if verdict.passed or verdict.noticed]
    noticed = len(telling) - len(survivors)
    if not telling:
        return refused(
            "The solution has nothing that could be made wrong, so its tests cannot be tried.", **found
        )
    if noticed < max(1, NOTICED * len(telling)):
        unnoticed = "; ".join(survivors[:SURVIVORS])
        return refused(
            f"The tests notice only {noticed} of {len(telling)} wrong solutions; unnoticed: {unnoticed}.",
            **found,
        )
    return Result(exercise.id, True, **found)


def _empty(exercise: Exercise) -> Iterator[str]:
    """Solutions that do nothing."""
    yield ""
    hollow = verilog_mutants.hollow if exercise.language == Language.VERILOG else python_mutants.hollow
    emptied = hollow(exercise.solution)
    if emptied.strip() != exercise.solution.strip():
        yield emptied


def _wrong(exercise: Exercise) -> Iterator[tuple[str, str]]:
    """Solutions with one small mistake each."""
    if exercise.language == Language.VERILOG:
        yield from verilog_mutants.mutants(exercise.solution)
    else:
        yield from python_mutants.mutants(exercise.solution)
