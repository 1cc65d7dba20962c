"""Runs a solution against its tests in the sandbox.

What a verdict guarantees. In Python, solution and tests run in two sandboxes joined by nothing but a pipe that carries
calls and data; the report comes from the tests' sandbox over a descriptor that the solution's does not have. So a
solution can decide nothing but what its own functions return, raise and print. Its objects never equal plain data. In
Verilog, a design may neither print nor stop the simulation nor reach into the test bench, so that what is printed is the
bench's. Tests are not trusted either: verifying.py keeps them only if they tell the solution from wrong ones, and what
tells them apart can only come over that pipe.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from tutor.studio.sandbox import Limits

LARGEST = 64_000  # characters of a solution, and of tests


class Language(StrEnum):
    """What an exercise is written in."""

    PYTHON = "python"
    VERILOG = "verilog"


@dataclass(frozen=True)
class Test:
    """One test: whether it passed, how many checks ran, whether one of them failed (else it is the solution that ended
    in an error), why it failed (names values: for those who may see the tests), and what its docstring says to a
    student who fails it."""

    name: str
    passed: bool
    checks: int = 0
    wrong: bool = False
    error: str = ""
    hint: str = ""


@dataclass(frozen=True)
class Verdict:
    """What came of a run. error: why it did not pass, in words; "" if it did. over: the limit that ended it.
    broken: the solution or the tests could not be run at all, or tried what no exercise may."""

    passed: bool
    tests: list[Test] = field(default_factory=list)
    error: str = ""
    over: str = ""
    broken: bool = False
    printed: str = ""
    seconds: float = 0.0

    @property
    def noticed(self) -> bool:
        """Whether a check failed; a solution that breaks off or never ends fails any test that calls it."""
        return any(test.wrong for test in self.tests)

    @property
    def checks(self) -> int:
        """How many checks ran."""
        return sum(test.checks for test in self.tests)


def run(
    solution: str, tests: str, language: Language | str = Language.PYTHON, limits: Limits | None = None
) -> Verdict:
    """The verdict of the tests on the solution. Raises SandboxMissing where no code can be run."""
    from tutor.studio.exercises import python_run, verilog_run

    for name, text in (("solution", solution), ("tests", tests)):
        if len(text) > LARGEST:
            return Verdict(
                False, error=f"The {name} has over {LARGEST // 1000} thousand characters.", broken=True
            )
    runs: dict[Language, Callable[[str, str, Limits], Verdict]] = {
        Language.PYTHON: python_run.run,
        Language.VERILOG: verilog_run.run,
    }
    return runs[Language(language)](solution, tests, limits or Limits())
