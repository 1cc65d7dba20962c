"""Coding exercises and questions about programs out of the material's own code, without a language model.

A function that the material defines becomes the task to write it; what its tests expect is what the material's code gives in the
sandbox. A program that runs becomes the question what it prints.
"""

from __future__ import annotations

import ast
import builtins
import json
import logging
import re
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from courses.grammar import verbs
from courses.models import Course, Passage
from tutor.studio import sandbox
from tutor.studio.exercises.blocks import blocks_of
from tutor.studio.exercises.verifying import Exercise, verify
from tutor.studio.kinds import CODING, Draft, Programmed, Quoted
from tutor.studio.kinds.reading import is_about_the_material
from tutor.studio.sandbox import Limits, Part, SandboxMissing

logger = logging.getLogger(__name__)

PROBE = (Path(__file__).with_name("inside") / "probing.py").read_text
SHOWN = 3  # calls that the task shows with their results
MOST_CALLS = 9  # that the tests make
FEWEST_CALLS = 3
LONGEST_SHOWN = 90  # characters of a call or a result
LONGEST_PROGRAM, LONGEST_OUTPUT = 700, 240  # characters
LINES = (2, 16)  # of a program that is asked about
LIMITS = Limits(seconds=5, cpu=4, memory=256, output=64)
MODULES = {
    "math", "statistics", "string", "itertools", "functools", "collections", "re", "datetime", "decimal", "fractions", "operator",
}  # fmt: skip
CHANGING = {
    "random",
    "time",
    "secrets",
    "uuid",
    "os",
    "sys",
    "socket",
    "urllib",
    "requests",
    "subprocess",
    "threading",
    "input",
    "open",
}
UNLIKE = re.compile(r"at 0x[0-9a-f]+")


@dataclass(frozen=True)
class Code:
    """A program in the material, its place in the passage, and what stood before it in the same material."""

    passage: Passage
    start: int
    end: int
    before: tuple[str, ...]

    @property
    def text(self) -> str:
        return _clean(self.passage.text[self.start : self.end])


@dataclass(frozen=True)
class Task:
    """A function to be written: its source with all that it needs, and what it is for."""

    name: str
    signature: str
    source: str
    says: str  # what it does, in words, "" for none
    code: Code


def programs(course: Course, chosen: set[int]) -> list[Code]:
    """The Python programs of the material that students may read, in its order."""
    passages = Passage.objects.for_agent(course).select_related("material__course", "material__extract")
    if chosen:
        passages = passages.filter(material__in=chosen)
    found: list[Code] = []
    before: dict[int, list[str]] = {}
    for passage in passages.order_by("material__position", "material", "ordinal"):
        if is_about_the_material(passage):
            continue
        earlier = before.setdefault(passage.material_id, [])
        for start, end in blocks_of(passage, "code"):
            code = Code(passage, start, end, tuple(earlier))
            if _parsed(code.text) is not None and code.text not in earlier:
                found.append(code)
                earlier.append(code.text)
    return found


def derived(course: Course, chosen: set[int]) -> Iterator[Draft]:
    """A task for each function of the material whose results can be told apart from wrong ones, verified."""
    seen: set[str] = set()
    for code in programs(course, chosen):
        for task in tasks_of(code):
            if task.name in seen:
                continue
            seen.add(task.name)
            try:
                draft = exercise_of(task)
            except SandboxMissing as error:
                logger.warning("No exercises are made: %s", error)
                return
            if draft is not None:
                yield draft


def tasks_of(code: Code) -> Iterator[Task]:
    """The functions that a program defines and that can be asked for by themselves."""
    tree = _parsed(code.text)
    if tree is None:
        return
    made = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    for node in made:
        if (
            node.name.startswith("_")
            or node.decorator_list
            or node.args.vararg
            or node.args.kwarg
            or not node.args.args
        ):
            continue
        if not any(isinstance(inner, ast.Return) and inner.value is not None for inner in ast.walk(node)):
            continue
        source = _with_needs(node.name, [*code.before, code.text])
        says = ast.get_docstring(node) or (ast.get_docstring(tree) if len(made) == 1 else "") or ""
        if source and says:  # what it is for cannot be told by examples alone
            yield Task(
                node.name, f"{node.name}({ast.unparse(_bare(node.args))})", source, _first_line(says), code
            )


def exercise_of(task: Task) -> Draft | None:
    """The exercise of a function with what verifying it found; None where its calls cannot be tested or tell nothing."""
    calls = results_of(task)
    if len(calls) < FEWEST_CALLS or len({result for _, result in calls}) < FEWEST_CALLS - 1:
        return None
    calls = calls[:MOST_CALLS]
    telling = sorted(calls[1:], key=lambda pair: -len(pair[1]))[: SHOWN - 1]  # the longest results say most
    shown = [calls[0], *telling]
    rest = [pair for pair in calls if pair not in shown]
    title = task.name.replace("_", " ").capitalize()
    prompt = _task(task, shown)
    tests = _tests(shown, rest)
    given = Exercise(task.name, task.source, tests, prompt=prompt)
    result = verify(given)
    hint = "Try the examples of the task with your function, one after the other, and look at the first that differs."
    program = Programmed(title, given, result, f"def {task.signature}:\n    ...\n", hint)
    passage = task.code.passage
    return Draft(
        CODING,
        prompt,
        f"This solution passes its tests:\n\n```python\n{task.source.strip()}\n```",
        (Quoted(passage, task.code.start, task.code.end),),
        "a function of the material; what its tests expect was computed in the sandbox",
        title.lower(),
        computed=True,
        failed="" if result.passed else result.error,
        program=program,
    )


def results_of(task: Task) -> list[tuple[str, str]]:
    """Calls of the function with their results, as Python writes them: the material's own first, then others like them."""
    asked = {
        "program": task.code.text,
        "before": list(task.code.before),
        "source": task.source,
        "name": task.name,
    }
    said = _run(PROBE(encoding="utf-8") + f"\nprobe({asked!r})\n")
    try:
        rows = json.loads(said.splitlines()[-1]) if said else []
    except ValueError:
        return []
    found: dict[str, str] = {}
    for call, result in rows:
        if len(call) <= LONGEST_SHOWN and len(result) <= LONGEST_SHOWN and not UNLIKE.search(result):
            found.setdefault(str(call), str(result))
    return list(found.items())


def traced(course: Course, chosen: set[int]) -> Iterator[Draft]:
    """What the programs of the material print, each run twice in the sandbox."""
    for code in programs(course, chosen):
        text = code.text
        if not _can_be_traced(text):
            continue
        try:
            printed, again = _run(text), _run(text)
        except SandboxMissing as error:
            logger.warning("No programs are run: %s", error)
            return
        shown = printed.rstrip("\n")
        if not shown.strip() or printed != again or len(shown) > LONGEST_OUTPUT or UNLIKE.search(shown):
            continue
        comments = " ".join(re.findall(r"#.*", text))
        if any(line.strip() and line.strip() in comments for line in shown.splitlines()):
            continue  # the question would hold its answer
        several = "\n" in shown
        answer = f"It prints:\n\n```\n{shown}\n```" if several else f"It prints `{shown.strip()}`."
        question = f"What does this program print?\n\n```python\n{text.strip()}\n```"
        yield Draft(
            "apply", question, answer, (Quoted(code.passage, code.start, code.end),),
            "a program of the material, run in the sandbox", _heading(code.passage), computed=True,
        )  # fmt: skip


def _can_be_traced(text: str) -> bool:
    tree = _parsed(text)
    if (
        tree is None
        or not LINES[0] <= len(text.strip().splitlines()) <= LINES[1]
        or len(text) > LONGEST_PROGRAM
    ):
        return False
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    modules = {
        name.split(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in (
            [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]
        )
    }
    if names & CHANGING or not modules <= MODULES or "print" not in names:
        return False
    comments = "".join(re.findall(r"#.*", text)).lower()
    if re.search(r"print|output|error|displays?\b", comments):
        return False  # its comments say what it prints
    thinks = any(
        isinstance(
            node,
            ast.For
            | ast.While
            | ast.If
            | ast.FunctionDef
            | ast.ClassDef
            | ast.BinOp
            | ast.Subscript
            | ast.Compare
            | ast.Attribute,
        )
        for node in ast.walk(tree)
    )
    return thinks and not any(
        isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and node.value.value is ...
        for node in ast.walk(tree)
    )


def _heading(passage: Passage) -> str:
    return str(passage.heading_path[-1])[:100] if passage.heading_path else ""


def _run(program: str) -> str:
    """What a program prints in the sandbox; "" if it does not end in order. Raises SandboxMissing."""
    part = Part(
        sandbox.python().program, ["-s", "-S", "-B", "/box/program.py"], {"program.py": program.encode()}
    )
    outcome = sandbox.run([part], LIMITS)[0]
    return outcome.out.decode(errors="replace") if outcome.code == 0 and not outcome.over else ""


def _clean(text: str) -> str:
    """A program as Python reads it: no hard spaces, and no figures of a listing."""
    return textwrap.dedent(text.replace("\u00a0", " ").replace("\u200b", "")).strip("\n")


def _parsed(text: str) -> ast.Module | None:
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return None


def _with_needs(name: str, texts: Sequence[str]) -> str:
    """A function with the imports, constants and functions it needs, the latest of each; "" where something is not there."""
    made: dict[str, tuple[ast.stmt, str]] = {}
    for text in texts:
        tree = _parsed(text)
        for node in tree.body if tree is not None else []:
            source = ast.get_source_segment(text, node) or ""
            for bound in _binds(node):
                made[bound] = node, source
    wanted, done = [name], dict[str, str]()
    while wanted:
        current = wanted.pop()
        if current in done or hasattr(builtins, current):
            if current in CHANGING:
                return ""
            continue
        if current in CHANGING:
            return ""
        if current not in made:
            if current not in MODULES:
                return ""
            done[current] = f"import {current}"
            continue
        node, source = made[current]
        done[current] = source
        if isinstance(node, ast.Import | ast.ImportFrom):
            modules = (
                [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]
            )
            if not {module.split(".")[0] for module in modules} <= MODULES:
                return ""
            continue
        wanted += _free(node)
    order = sorted(
        done,
        key=lambda bound: (
            not done[bound].startswith(("import ", "from ")),
            bound == name,
            bound not in made,
            list(made).index(bound) if bound in made else 0,
        ),
    )
    parts = list(dict.fromkeys(done[bound] for bound in order))
    imports = [part for part in parts if part.startswith(("import ", "from "))]
    others = [part for part in parts if part not in imports]
    return "\n".join(imports) + ("\n\n\n" if imports else "") + "\n\n\n".join(others) + "\n"


def _binds(node: ast.stmt) -> list[str]:
    match node:
        case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
            return [name]
        case ast.Import(names=names) | ast.ImportFrom(names=names):
            return [(alias.asname or alias.name).split(".")[0] for alias in names]
        case ast.Assign(targets=[ast.Name(id=name)], value=value):
            try:
                ast.literal_eval(value)
            except (ValueError, TypeError, SyntaxError, RecursionError):
                return []
            return [name]
    return []


def _free(node: ast.AST) -> list[str]:
    """The names that a definition uses and does not bind."""
    bound, used = set[str](), set[str]()
    for inner in ast.walk(node):
        match inner:
            case ast.Name(id=name, ctx=ast.Load()):
                used.add(name)
            case ast.Name(id=name):
                bound.add(name)
            case ast.arg(arg=name) | ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                bound.add(name)
            case ast.ExceptHandler(name=str() as name):
                bound.add(name)
            case ast.Import(names=names) | ast.ImportFrom(names=names):
                bound |= {(alias.asname or alias.name).split(".")[0] for alias in names}
    return sorted(used - bound)


def _bare(arguments: ast.arguments) -> ast.arguments:
    """Parameters without their annotations, which a beginner need not write."""
    for argument in [*arguments.args, *arguments.kwonlyargs, *arguments.posonlyargs]:
        argument.annotation = None
    return arguments


def _first_line(text: str) -> str:
    return " ".join(text.strip().split("\n\n")[0].split())[:300]


def _task(task: Task, shown: Sequence[tuple[str, str]]) -> str:
    """The task in words, with examples."""
    first, _, rest = task.says.rstrip(". ").partition(" ")
    base, third, _ = verbs()
    low = first.lower()
    if rest.startswith(("of ", "for ", "in ")):
        low = ""  # "means of …" is a thing, and no deed
    if low in third or low in ("gets", "returns", "formats"):
        start = f"Write a Python function `{task.signature}` that {low} {rest}."
    elif low in base:
        start = f"Write a Python function `{task.signature}` to {low} {rest}."
    else:
        start = f"Write a Python function `{task.signature}`: {task.says.rstrip('. ')}."
    lines = "\n".join(f"- `{call}` gives {_rounded(result)}" for call, result in shown)
    return f"{start} For example:\n\n{lines}"


def _rounded(result: str) -> str:
    """A result for a person: a long decimal is cut."""
    if re.fullmatch(r"-?\d+\.\d{7,}", result):
        return f"about `{float(result):.7g}`"
    return f"`{result}`"


def _tests(shown: Sequence[tuple[str, str]], rest: Sequence[tuple[str, str]]) -> str:
    """Asserts in two functions: the calls that the task shows, and others."""

    def check(call: str, result: str) -> str:
        inexact = re.search(r"\d\.\d|\de-|\binf\b", result)
        return f"    assert {call} == {f'pytest.approx({result})' if inexact else result}"

    def function(name: str, words: str, calls: Sequence[tuple[str, str]]) -> str:
        return "\n".join([f"def {name}():", f'    "{words}"', *(check(*pair) for pair in calls)]) + "\n"

    text = "import pytest\n\n\n" + function(
        "test_examples", "Try the examples of the task, one after the other.", shown
    )
    if rest:
        text += "\n\n" + function(
            "test_other_values",
            "The examples may pass, but other values do not: which do they leave out?",
            rest,
        )
    return text
