"""Runs a Python solution and its tests in two sandboxes, with a pipe between them."""

from __future__ import annotations

import json
import os
import signal
from functools import cache
from pathlib import Path
from typing import Any

from tutor.studio import sandbox
from tutor.studio.exercises.inside import fence
from tutor.studio.exercises.running import Test, Verdict
from tutor.studio.sandbox import Limits, Outcome, Part

INSIDE = Path(__file__).with_name("inside")
BOTH = ("wire.py", "values.py", "remote.py", "fence.py")
SIDES = {"solution": ("solution_side.py",), "tests": ("tests_side.py", "checking.py", "pytest.py")}
MOST_TESTS = 500
SHOWN = 2_000  # characters of what was printed
WALL = 128 + signal.SIGSYS  # bubblewrap's exit status when the seccomp filter ended the program


@cache
def _side(name: str) -> dict[str, bytes]:
    return {file: (INSIDE / file).read_bytes() for file in (*BOTH, *SIDES[name])}


def run(solution: str, tests: str, limits: Limits) -> Verdict:
    """The verdict of the tests on the solution."""
    sandbox.ready()  # before there is anything to clean up
    program = sandbox.python().program
    ask_reader, ask_writer = os.pipe()  # questions of the tests; the answers' pipe is the other one
    answer_reader, answer_writer = os.pipe()
    report_reader, report_writer = os.pipe()
    options = ["-s", "-S", "-B"]
    parts = [
        Part(
            program,
            [*options, f"{sandbox.BOX}/solution_side.py", str(ask_reader), str(answer_writer)],
            {**_side("solution"), "solution.py": solution.encode(errors="replace")},
            [ask_reader, answer_writer],
        ),
        Part(
            program,
            [
                *options,
                f"{sandbox.BOX}/tests_side.py",
                str(answer_reader),
                str(ask_writer),
                str(report_writer),
            ],
            {**_side("tests"), "tests.py": tests.encode(errors="replace")},
            [answer_reader, ask_writer, report_writer],
        ),
    ]
    try:
        of_solution, of_tests = sandbox.run(parts, limits, reports={1: report_reader})
    finally:
        os.close(report_reader)
    return _verdict(of_solution, of_tests, limits)


def _verdict(of_solution: Outcome, of_tests: Outcome, limits: Limits) -> Verdict:
    printed = of_tests.out.decode(errors="replace")[:SHOWN]
    if of_tests.over:
        words = {
            "time": f"It did not end within {limits.seconds:g} seconds.",
            "memory": f"It used more than {limits.together} MB of memory.",
            "output": f"It printed more than {limits.output} kB.",
        }[of_tests.over]
        return Verdict(False, error=words, over=of_tests.over, printed=printed, seconds=limits.seconds)
    for who, outcome in (("The tests", of_tests), ("The solution", of_solution)):
        deed = _forbidden(outcome)
        if deed:
            return Verdict(False, error=f"{who} tried to {deed}.", broken=True, printed=printed)
    try:
        report = json.loads(of_tests.report)
        found = [_test(row) for row in report["tests"][:MOST_TESTS]]
        error = str(report["error"])
    except (ValueError, TypeError, KeyError):
        said = of_tests.err.decode(errors="replace").strip()[-300:]
        return Verdict(
            False, error=f"The tests ended without a result. {said}".strip(), broken=True, printed=printed
        )
    if not error and of_solution.code != 0:
        said = of_solution.err.decode(errors="replace").strip()[-300:]
        error = f"The solution did not end in order (exit {of_solution.code}). {said}".strip()
    failed = [test for test in found if not test.passed]
    if not error and failed:
        error = f"{failed[0].name}: {failed[0].error}"
    if not error and not sum(test.checks for test in found):
        error = "The tests check nothing: no assertion ran."
    return Verdict(
        not error, found, error, printed=printed, seconds=max(of_solution.seconds, of_tests.seconds)
    )


def _forbidden(outcome: Outcome) -> str:
    """What the program was ended for by the tripwire or the filter; "" if by neither."""
    if outcome.code == fence.EXIT:
        said = outcome.err.decode(errors="replace")
        return (
            said.rpartition(fence.MARK)[2].strip()[:200]
            if fence.MARK in said
            else "do what exercises may not"
        )
    return "start a process or use the network" if outcome.code == WALL else ""


def _test(row: dict[str, Any]) -> Test:
    """A row of the report. It comes from a sandbox: nothing in it is taken as it is."""
    return Test(
        name=str(row["name"])[:120],
        passed=row["passed"] is True,
        checks=max(0, int(row["checks"])),
        wrong=row["wrong"] is True,
        error=str(row["error"])[:400],
        hint=str(row["hint"])[:400],
    )
