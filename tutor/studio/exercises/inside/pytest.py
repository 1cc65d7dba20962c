"""The little of pytest that tests of exercises use: raises, approx, fail, skip, fixture, mark.parametrize."""

import math
import re
from collections.abc import Callable
from typing import Any

import checking


class raises:
    """`with raises(ValueError, match="…"):`, or raises(ValueError, function, arguments…)."""

    def __init__(
        self, expected: Any, function: Any = None, *arguments: Any, match: str = "", **named: Any
    ) -> None:
        self.expected, self.match, self.value = expected, match, None
        self.type: Any = None
        if function is not None:
            with self:
                function(*arguments, **named)

    def __enter__(self) -> "raises":
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any) -> bool:
        self.type, self.value = kind, error
        names = getattr(self.expected, "__name__", str(self.expected))
        if kind is None:
            checking.note(False, f"{names} was not raised")
            raise AssertionError(f"{names} was not raised")
        if not issubclass(kind, self.expected):
            return False
        if self.match and not re.search(self.match, str(error)):
            checking.note(False, f"{names} was raised, but its words do not match {self.match!r}")
            raise AssertionError(f"{self.match!r} does not match {error}")
        checking.note(True, "")
        return True


class approx:
    """Numbers, or lists and dicts of them, that are nearly these."""

    def __init__(self, expected: Any, rel: float = 1e-6, abs: float = 1e-12, nan_ok: bool = False) -> None:  # noqa: A002
        self.expected, self.rel, self.abs = expected, rel, abs

    def __eq__(self, other: object) -> bool:
        return self._near(other, self.expected)

    def _near(self, value: Any, expected: Any) -> bool:
        if isinstance(expected, dict):
            same = isinstance(value, dict) and value.keys() == expected.keys()
            return same and all(self._near(value[key], expected[key]) for key in expected)
        if isinstance(expected, (list, tuple)):
            same = isinstance(value, (list, tuple)) and len(value) == len(expected)
            return same and all(map(self._near, value, expected))
        if isinstance(value, bool) or not isinstance(value, (int, float, complex)):
            return value == expected if type(value).__module__ in ("decimal", "fractions") else False
        if isinstance(value, complex) or isinstance(expected, complex):
            return abs(value - expected) <= max(self.rel * abs(expected), self.abs)
        return math.isclose(value, expected, rel_tol=self.rel, abs_tol=self.abs)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"approx({self.expected!r})"


def fail(reason: str = "", **_: Any) -> None:
    """The test has failed."""
    checking.note(False, reason or "the test called fail()")
    raise AssertionError(reason)


def skip(reason: str = "", **_: Any) -> None:
    """The test does not run; a skipped test has not passed."""
    raise checking.Skipped(reason)


def fixture(function: Any = None, **_: Any) -> Any:
    """Mark what tests may ask for by the name of a parameter."""
    if function is None:
        return fixture
    function.is_fixture = True
    return function


class mark:
    """pytest.mark: parametrize works; other marks change nothing, and skip marks are not there."""

    @staticmethod
    def parametrize(names: Any, rows: Any, **_: Any) -> Callable[[Any], Any]:
        """Run the test once for each row."""
        given = [name.strip() for name in names.split(",")] if isinstance(names, str) else list(names)

        def decorate(function: Any) -> Any:
            function.parametrized = [*getattr(function, "parametrized", []), (given, list(rows))]
            return function

        return decorate


def main(*_: Any, **__: Any) -> int:
    """Nothing: the tests are run already."""
    return 0
