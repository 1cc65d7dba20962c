"""Whether revised tests ask for less than before: a reviser may mend tests, but not make an exercise pass by asking less."""

from __future__ import annotations

import ast
import builtins
from dataclasses import dataclass

from tutor.studio.exercises.running import Language
from tutor.studio.exercises.verilog_run import BAD, tokens

STRICT = {"assertEqual", "assertIs", "assertListEqual", "assertDictEqual", "assertSetEqual", "assertTupleEqual", "assertRaises",
          "assertRaisesRegex", "assertAlmostEqual", "assertSequenceEqual", "assertCountEqual"}  # fmt: skip


@dataclass(frozen=True)
class Strength:
    """What tests ask for. checks: that can fail, different ones. strict: of them, those that fix the result."""

    checks: int
    strict: int


def weaker(before: str, after: str, language: Language | str) -> str:
    """What the revised tests ask less for, in words for the reviser; "" if nothing. Raises SyntaxError for what is no
    program, in either."""
    old, new = strength(before, language), strength(after, language)
    if new.checks < old.checks:
        return (
            f"the revision checks {new.checks} things where the tests before checked {old.checks}; no check may be dropped or "
            "made always true"
        )
    if new.strict < old.strict:
        return f"the revision fixes {new.strict} results where the tests before fixed {old.strict}; no check may be weaker"
    return ""


def strength(tests: str, language: Language | str) -> Strength:
    """What the tests ask for."""
    return _of_verilog(tests) if language == Language.VERILOG else _of_python(tests)


def _of_python(tests: str) -> Strength:
    checks: dict[str, bool] = {}
    for node in ast.walk(ast.parse(tests)):
        if isinstance(node, ast.Assert):
            if _says_something(node.test):
                checks[ast.unparse(node.test)] = _fixes(node.test)
        elif isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if name.startswith("assert") or name == "raises":
                same = len(node.args) > 1 and ast.dump(node.args[0]) == ast.dump(node.args[1])
                if not same and any(_names(argument) for argument in node.args):
                    checks[
                        f"{ast.unparse(node)} {node.lineno if name.startswith('assertR') or name == 'raises' else ''}"
                    ] = name in STRICT or name == "raises"
    return Strength(len(checks), sum(checks.values()))


def _names(node: ast.AST) -> set[str]:
    """Names in it that are not Python's own, or exceptions; what has none cannot depend on a solution."""
    found = {inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name)}
    return {name for name in found if not hasattr(builtins, name) or name.endswith(("Error", "Exception"))}


def _says_something(node: ast.expr) -> bool:
    """Whether the condition can be false."""
    if not _names(node):
        return False
    match node:
        case ast.BoolOp(op=ast.Or(), values=values):
            return all(_says_something(value) for value in values)
        case ast.BoolOp(op=ast.And(), values=values):
            return any(_says_something(value) for value in values)
        case ast.Compare(left=left, comparators=[right]):
            return ast.dump(left) != ast.dump(right)
        case ast.Tuple() | ast.List() | ast.Dict() | ast.Lambda():
            return False
    return True


def _fixes(node: ast.expr) -> bool:
    """Whether the condition fixes a result rather than narrowing it."""
    match node:
        case ast.BoolOp(op=ast.And(), values=values):
            return any(_fixes(value) for value in values)
        case ast.Compare(ops=[ast.Eq() | ast.Is()], left=left, comparators=[right]):
            return not any(
                isinstance(side, ast.Call) and getattr(side.func, "id", "") in ("type", "len")
                for side in (left, right)
            )
        case ast.UnaryOp(op=ast.Not()) | ast.Call():
            return getattr(getattr(node, "func", None), "id", "") not in ("isinstance", "callable", "hasattr")
    return False


def _of_verilog(tests: str) -> Strength:
    """Comparisons of a test bench, and the places where it reports a failure."""
    found = tokens(tests)
    compared = sum(token.text in ("==", "!=", "===", "!==") for token in found)
    reports = sum(token.kind == "text" and bool(BAD.search(token.text)) for token in found)
    reports += sum(token.text in ("$error", "$fatal") for token in found)
    return Strength(compared + reports, sum(token.text in ("===", "!==") for token in found))
