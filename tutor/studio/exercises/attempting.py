"""A student's program against an exercise's tests: what of the result they are shown, and what it says of a skill."""

from __future__ import annotations

import logging

from tutor.accounts.models import User
from tutor.practice.models import Attempt
from tutor.studio.exercises.running import Test, Verdict, run
from tutor.studio.models import Exercise, ExerciseAttempt
from tutor.studio.sandbox import SandboxMissing

logger = logging.getLogger(__name__)

PRINTED = 2_000
RESPONSE = 4_000
UNFINISHED = (
    "The tests could not be run to their end with your program. Does it have all that the task asks for?"
)
MISSING = "Programs cannot be run on this server just now. Its administrator has to set up the sandbox; your program is kept."


def hand_in(exercise: Exercise, user: User, code: str) -> ExerciseAttempt:
    """Keep a program and have it run."""
    attempt = ExerciseAttempt.objects.create(exercise=exercise, user=user, code=code)
    attempt.queue()
    return attempt


def work(attempt: ExerciseAttempt) -> None:
    """Run a queued attempt, and say on its row what became of it."""
    if not attempt.claim():
        return
    exercise = attempt.exercise
    with attempt.heartbeat():
        try:
            verdict = run(attempt.code, exercise.tests, exercise.language)
        except SandboxMissing as error:
            logger.error("An attempt cannot be run: %s", error)
            attempt.fail(MISSING)
            return
        except Exception:
            logger.exception("Attempt %s could not be run", attempt.pk)
            attempt.fail("Something went wrong while running your program. Run it again.")
            return
        _show(attempt, verdict)
        attempt.finish()
        _count(attempt)


def _show(attempt: ExerciseAttempt, verdict: Verdict) -> None:
    """Store what the person sees: never the tests, nor the values that they expect."""
    attempt.passed = verdict.passed
    attempt.results = [
        {"name": _name(test), "passed": test.passed, "note": _note(test)} for test in verdict.tests
    ]
    attempt.printed = verdict.printed[:PRINTED]
    told = any(not test.passed for test in verdict.tests)
    attempt.trouble = "" if verdict.passed or told else _trouble(verdict.error)
    if not verdict.passed:
        of_test = next((test.hint for test in verdict.tests if not test.passed and test.hint), "")
        attempt.hint = of_test or attempt.exercise.hint
    attempt.save(update_fields=["passed", "results", "printed", "trouble", "hint"])


def _trouble(error: str) -> str:
    """Why there is no result. What went wrong within the tests may quote them."""
    return UNFINISHED if error.startswith("The tests ") else error


def _name(test: Test) -> str:
    """`test_empty_list` as words."""
    words = test.name.removeprefix("test_").replace("_", " ").strip()
    return "the first checks" if test.name == "(top)" else words or test.name


def _note(test: Test) -> str:
    """Why a test failed, as far as it is the program's own doing."""
    if test.passed:
        return ""
    return (
        test.error
        if test.error.startswith("The solution raised")
        else "The result is not what was asked for."
    )


def _count(attempt: ExerciseAttempt) -> None:
    """Let the attempt count for the skill: a person's first, and the first that passes; the tries between are the work."""
    item, earlier = (
        attempt.exercise.item,
        attempt.exercise.tries.filter(user=attempt.user, pk__lt=attempt.pk, state="done"),
    )
    if item is None or (earlier.exists() and (not attempt.passed or earlier.filter(passed=True).exists())):
        return
    right, of = sum(bool(row["passed"]) for row in attempt.results), len(attempt.results)
    part = Attempt.Outcome.PARTIAL if right else Attempt.Outcome.WRONG
    Attempt.objects.create(
        item=item,
        user=attempt.user,
        response=attempt.code[:RESPONSE],
        outcome=Attempt.Outcome.RIGHT if attempt.passed else part,
        score=1.0 if attempt.passed else attempt.share,
        feedback=f"{right} of {of} tests passed." if of else attempt.trouble[:400],
        place=f"exercise:{attempt.exercise.uuid}",
        helped=earlier.exclude(hint="").exists(),
    )
