"""Counts and records what tests check: their assertions are rewritten so that each leaves a note, whoever catches it."""

import ast
import builtins
import io
import sys
from collections.abc import Iterator
from typing import Any

LONGEST = 80  # characters of a value that are shown

_checks = 0
_failures: list[str] = []


class Skipped(Exception):
    """A test asked not to be run."""


def start() -> None:
    """Count from nothing."""
    global _checks
    _checks = 0
    _failures.clear()


def count() -> int:
    """How many checks ran since the start."""
    return _checks


def failed() -> str:
    """The first that failed since the start, in words; "" if none did."""
    return _failures[0] if _failures else ""


def note(passed: bool, words: str) -> bool:
    """One check ran."""
    global _checks
    _checks += 1
    if not passed:
        _failures.append(words)
    return passed


def brief(value: Any) -> str:
    """A value for a person."""
    try:
        text = repr(value)
    except Exception:  # noqa: BLE001 the solution's own __repr__
        text = f"<{type(value).__name__}>"
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def check(words: str, value: Any) -> bool:
    """`assert value`."""
    passed = bool(value)
    return note(passed, words if passed else f"{words}: it was {brief(value)}")


def compare(words: str, name: str, left: Any, right: Any) -> bool:
    """`assert left == right` and the like."""
    passed = bool(OPERATORS[name](left, right))
    return note(
        passed,
        words if passed else f"{words}: the left side was {brief(left)}, the right side {brief(right)}",
    )


OPERATORS: dict[str, Any] = {
    "Eq": lambda a, b: a == b, "NotEq": lambda a, b: a != b, "Lt": lambda a, b: a < b, "LtE": lambda a, b: a <= b,
    "Gt": lambda a, b: a > b, "GtE": lambda a, b: a >= b, "Is": lambda a, b: a is b, "IsNot": lambda a, b: a is not b,
    "In": lambda a, b: a in b, "NotIn": lambda a, b: a not in b,
}  # fmt: skip
NAMES = {"__check__": check, "__compare__": compare, "__name__": "tests"}


class Rewriter(ast.NodeTransformer):
    """Makes every assertion leave a note. One whose condition is a constant checks nothing and leaves none."""

    def __init__(self, source: str) -> None:
        self.source = source

    def visit_Assert(self, node: ast.Assert) -> Any:
        """`if not __check__(…): raise AssertionError(message)`."""
        if isinstance(node.test, (ast.Constant, ast.Tuple)):
            return node
        words: ast.expr = ast.Constant(
            f"line {node.lineno}: {ast.get_source_segment(self.source, node) or 'assert …'}"[:200]
        )
        test = node.test
        if isinstance(test, ast.Compare) and len(test.ops) == 1:
            name = ast.Constant(type(test.ops[0]).__name__)
            call = ast.Call(
                ast.Name("__compare__", ast.Load()), [words, name, test.left, test.comparators[0]], []
            )
        else:
            call = ast.Call(ast.Name("__check__", ast.Load()), [words, test], [])
        error = ast.Call(ast.Name("AssertionError", ast.Load()), [node.msg] if node.msg else [words], [])
        made = ast.If(ast.UnaryOp(ast.Not(), call), [ast.Raise(error, None)], [])
        return ast.copy_location(made, node)

    def visit_If(self, node: ast.If) -> Any:
        """`if __name__ == "__main__":` calls runners that are not needed."""
        if ast.unparse(node.test).replace('"', "'") == "__name__ == '__main__'":
            return ast.copy_location(ast.Pass(), node)
        return self.generic_visit(node)


def instrumented(source: str) -> Any:
    """The tests' code, its assertions rewritten; unittest's are wrapped. Raises SyntaxError."""
    tree = ast.fix_missing_locations(Rewriter(source).visit(ast.parse(source, "tests.py")))
    if "unittest" in source:
        _wrap_unittest()
    return compile(tree, "tests.py", "exec")


def _wrap_unittest() -> None:
    import unittest

    def wrapped(name: str, method: Any) -> Any:
        def assertion(self: Any, *arguments: Any, **named: Any) -> Any:
            if name.startswith("assertRaises") and len(arguments) < 2 + name.endswith("Regex"):
                note(True, "")  # a context manager; unittest raises itself if nothing was raised
                return method(self, *arguments, **named)
            try:
                value = method(self, *arguments, **named)
            except self.failureException as error:
                note(False, str(error))
                raise
            note(True, "")
            return value

        return assertion

    for name, method in list(vars(unittest.TestCase).items()):
        if name.startswith("assert") and callable(method):
            setattr(unittest.TestCase, name, wrapped(name, method))
    unittest.main = lambda *_, **__: None  # type: ignore[assignment]


def parameters(function: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """(label, named arguments) for each run of a test function, as pytest.mark.parametrize set them."""
    runs: list[tuple[str, dict[str, Any]]] = [("", {})]
    for names, rows in getattr(function, "parametrized", []):
        runs = [
            (
                f"{label}[{number}]",
                {**named, **dict(zip(names, row if len(names) > 1 else (row,), strict=False))},
            )
            for label, named in runs
            for number, row in enumerate(rows)
        ]
    yield from runs


class Captured:
    """pytest's capsys: what is printed meanwhile."""

    def __enter__(self) -> "Captured":
        self.before, self.text = sys.stdout, io.StringIO()
        sys.stdout = self.text
        return self

    def readouterr(self) -> Any:
        """What was printed since the last time, as .out and .err."""
        out = self.text.getvalue()
        self.text.seek(0)
        self.text.truncate()
        return type("Output", (tuple,), {"out": property(lambda s: s[0]), "err": property(lambda s: s[1])})(
            (out, "")
        )

    def __exit__(self, *_: Any) -> None:
        sys.stdout = self.before


class Patched:
    """pytest's monkeypatch, as far as it goes: setattr, undone at the end."""

    def __enter__(self) -> "Patched":
        self.undo: list[tuple[Any, str, Any]] = []
        return self

    def setattr(self, target: Any, name: Any, value: Any = None) -> None:
        """Set an attribute for the time of the test; the target may be given as "module.name"."""
        if isinstance(target, str):
            value, (path, _, name) = name, target.rpartition(".")
            target = builtins if path == "builtins" else __import__(path, fromlist=["x"])
        self.undo.append((target, name, getattr(target, name)))
        setattr(target, name, value)

    def __exit__(self, *_: Any) -> None:
        for target, name, value in reversed(self.undo):
            setattr(target, name, value)
