"""Wrong versions of a Python solution, each by one small change; tests that notice none of them check nothing.

A fixed order and number, so that the same solution always has the same mutants. Existing tools (mutmut, cosmic-ray)
work on projects and run the tests themselves, outside of any sandbox of ours.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Iterator

MOST = 20
Change = tuple[str, Callable[[], ast.AST]]  # what it is, and what makes the changed node

COMPARISONS: dict[type[ast.cmpop], list[type[ast.cmpop]]] = {
    ast.Lt: [ast.LtE, ast.Gt],
    ast.LtE: [ast.Lt, ast.Gt],
    ast.Gt: [ast.GtE, ast.Lt],
    ast.GtE: [ast.Gt, ast.Lt],
    ast.Eq: [ast.NotEq],
    ast.NotEq: [ast.Eq],
    ast.In: [ast.NotIn],
    ast.NotIn: [ast.In],
    ast.Is: [ast.IsNot],
    ast.IsNot: [ast.Is],
}
ARITHMETIC: dict[type[ast.operator], list[type[ast.operator]]] = {
    ast.Add: [ast.Sub, ast.Mult],
    ast.Sub: [ast.Add],
    ast.Mult: [ast.Add],
    ast.Div: [ast.Mult],
    ast.FloorDiv: [ast.Mult],
    ast.Mod: [ast.FloorDiv],
    ast.Pow: [ast.Mult],
    ast.BitAnd: [ast.BitOr],
    ast.BitOr: [ast.BitAnd],
    ast.BitXor: [ast.BitAnd],
    ast.LShift: [ast.RShift],
    ast.RShift: [ast.LShift],
}
CALLS = {
    "min": "max",
    "max": "min",
    "any": "all",
    "all": "any",
    "upper": "lower",
    "lower": "upper",
    "append": "extend",
}
BENT = "_bent"
# what a function returns, changed but of the same type: tests that look at types or lengths only do not notice
BENDING = f"""
def {BENT}(value):
    kind = type(value)
    if kind is bool:
        return not value
    if kind in (int, float, complex):
        return value + 1
    if kind is str:
        return value[:-1] + chr(ord(value[-1]) ^ 1) if value else "x"
    if kind in (list, tuple):
        return value[:-1] + kind([{BENT}(value[-1])]) if value else value
    if kind is dict and value:
        last = list(value)[-1]
        return {{**value, last: {BENT}(value[last])}}
    if kind in (set, frozenset):
        return kind({BENT}(item) for item in value)
    return value
"""


def mutants(source: str, most: int = MOST) -> list[tuple[str, str]]:
    """(what was changed, the changed source), at most so many, spread over the whole. Raises SyntaxError."""
    try:
        tree = ast.parse(source)
        plain = ast.unparse(tree)
        made: dict[str, str] = {}
        for what, changed in _changed(tree):
            if changed != plain:
                made.setdefault(changed, what)
    except (ValueError, RecursionError, MemoryError) as error:
        raise SyntaxError(f"the solution cannot be taken apart: {error}") from error
    found = [(what, text) for text, what in made.items()]
    if len(found) <= most:
        return found
    return [found[round(number * (len(found) - 1) / (most - 1))] for number in range(most)]


def hollow(source: str) -> str:
    """The solution with every function's body taken out: it has all names and does nothing."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            node.body = [ast.Pass()]
    return ast.unparse(ast.fix_missing_locations(tree))


def _changed(tree: ast.Module) -> Iterator[tuple[str, str]]:
    for parent, name, position, node in list(_nodes(tree)):
        for what, make in _changes(node):
            new = make()
            line = getattr(node, "lineno", 0)
            _put(parent, name, position, new)
            text = ast.unparse(ast.fix_missing_locations(tree))
            _put(parent, name, position, node)
            yield f"line {line}: {what}", text + BENDING if what == "another answer" else text


def _nodes(tree: ast.AST) -> Iterator[tuple[ast.AST, str, int | None, ast.AST]]:
    """(parent, field, position in it, node), annotations and docstrings left out."""
    for name, value in ast.iter_fields(tree):
        if name in ("annotation", "returns", "decorator_list", "type_comment"):
            continue
        for position, node in enumerate(value) if isinstance(value, list) else [(None, value)]:
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
                continue
            if isinstance(tree, ast.Raise):
                continue  # the words of an exception are nobody's concern
            if isinstance(node, ast.AST):
                yield tree, name, position, node
                yield from _nodes(node)


def _put(parent: ast.AST, name: str, position: int | None, node: ast.AST) -> None:
    if position is None:
        setattr(parent, name, node)
    else:
        getattr(parent, name)[position] = node


def _changes(node: ast.AST) -> Iterator[Change]:
    """The small changes of one node."""

    def with_(**fields: object) -> Callable[[], ast.AST]:
        def make() -> ast.AST:
            new = copy.copy(node)
            for name, value in fields.items():
                setattr(new, name, value)
            return new

        return make

    match node:
        case ast.Compare(ops=[first, *rest]):
            for other in COMPARISONS[type(first)]:
                yield f"{type(first).__name__} → {other.__name__}", with_(ops=[other(), *rest])
        case ast.BinOp(op=op) | ast.AugAssign(op=op):
            if isinstance(op, ast.Mod) and isinstance(
                getattr(node, "left", None), ast.Constant | ast.JoinedStr
            ):
                return  # "…" % values
            for arithmetic in ARITHMETIC.get(type(op), []):
                yield f"{type(op).__name__} → {arithmetic.__name__}", with_(op=arithmetic())
        case ast.BoolOp(op=op):
            yield "and ↔ or", with_(op=ast.Or() if isinstance(op, ast.And) else ast.And())
        case ast.UnaryOp(op=ast.Not() | ast.USub(), operand=operand):
            yield "without its sign", lambda: operand
        case ast.Constant(value=bool() as value):
            yield f"{value} → {not value}", with_(value=not value)
        case ast.Constant(value=int() | float() as value):
            yield f"{value} → {value + 1}", with_(value=value + 1)
            yield f"{value} → {value - 1}", with_(value=value - 1)
        case ast.Constant(value=str() as value):
            yield "another text", with_(value=value + "x")
        case ast.Call(func=ast.Name(id=name)) if name in CALLS:
            yield f"{name} → {CALLS[name]}", with_(func=ast.Name(CALLS[name], ast.Load()))
        case ast.Call(func=ast.Attribute(value=owner, attr=name)) if name in CALLS and name != "append":
            yield (
                f"{name} → {CALLS[name]}",
                with_(func=ast.Attribute(owner, CALLS[name], ast.Load())),
            )
        case ast.Return(value=value) if value is not None and not _is_none(value):
            yield "another answer", with_(value=ast.Call(ast.Name(BENT, ast.Load()), [value], []))
            if isinstance(value, ast.Compare | ast.BoolOp):
                yield "always True", with_(value=ast.Constant(True))
                yield "always False", with_(value=ast.Constant(False))
        case ast.If(test=test) | ast.IfExp(test=test):
            yield "the other branch", with_(test=ast.UnaryOp(ast.Not(), test))
        case ast.Expr(value=ast.Call()):
            yield "left out", ast.Pass
        case ast.Break():
            yield "break → continue", ast.Continue
        case ast.Continue():
            yield "continue → break", ast.Break


def _is_none(value: ast.AST) -> bool:
    return isinstance(value, ast.Constant) and value.value is None
