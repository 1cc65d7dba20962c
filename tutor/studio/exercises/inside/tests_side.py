"""Runs the tests against a solution in another sandbox and reports what they checked.

Arguments: the descriptors to read from and to write to, and that for the report: one JSON object,
{"error", "tests": [{"name", "passed", "checks", "wrong", "error", "hint"}]}. Tests are functions named test…, methods named
test… of classes named Test… or of unittest.TestCase, and assertions outside of functions; what the solution defines is
there by name and as the module `solution`.
"""

import builtins
import contextlib
import functools
import inspect
import io
import json
import os
import random
import sys
import types
from collections.abc import Callable, Iterator
from typing import Any

import checking
import fence
import remote
from values import MODULES
from wire import Gone, Wire

CALLABLE = (types.FunctionType, types.BuiltinFunctionType, types.MethodType, functools.partial, type)
FEW = 400  # characters of an error that are reported


class Tests:
    """The tests' module, what it borrowed of the solution, and the results."""

    def __init__(self, reader: int, writer: int) -> None:
        self.module = types.ModuleType("tests")
        self.lent = remote.Lent()
        self.kinds: dict[int, Any] = {}
        self.objects: dict[int, Any] = {}
        self.wire = Wire(reader, writer, self.serve)
        self.wire.lend, self.wire.borrow = self.lend, self.borrow
        self.wire.fault, self.wire.raise_fault = self.fault, self.raise_fault
        self.wire.show = lambda text: sys.stdout.write(str(text)) if text else None
        self.results: list[dict[str, Any]] = []

    # what the solution may ask: only of what it was given, and only through its plain names

    def serve(self, question: dict[str, Any]) -> Any:
        """Answer one question of the solution."""
        do = question["do"]
        if do == "input":
            return str(builtins.input(str(question["prompt"])))
        if do == "line":
            return str(sys.stdin.readline())
        thing = self.lent[question["of"]]
        if do == "call" and (isinstance(thing, CALLABLE) or self.own(thing)):
            return remote.answer_call(self.wire, thing, question)
        if do == "method" and question["name"] in remote.special(type(thing)):
            return remote.answer_method(self.wire, thing, question)
        if do in ("get", "set") and (self.own(thing) or type(thing) is io.StringIO):
            name = str(question["name"])
            if name.startswith("_"):
                raise AttributeError(name)
            if do == "get":
                return self.wire.pack(getattr(thing, name))
            return setattr(thing, name, self.wire.unpack(question["value"]))
        if do == "equal":
            return bool(thing == self.lent[question["what"]])
        if do == "hash":
            return hash(thing)
        raise TypeError(f"the tests do not allow {do} here")

    def own(self, thing: Any) -> bool:
        """Whether it is an object of a class that the tests define."""
        return type(thing).__module__ == "tests" and not isinstance(type(thing), remote.Kind)

    def lend(self, value: Any) -> Any:
        """Pack what is not data: only what can harm nobody when it is called or read from over there."""
        if isinstance(value, remote.Kind) and value.__dict__.get("_number") is not None:
            return ["yours", value._number]
        if isinstance(type(value), remote.Kind):
            return ["yours", value._number]
        if isinstance(value, type) and issubclass(value, BaseException) and "_lent_as" in value.__dict__:
            return ["yours", value._lent_as]
        if isinstance(value, CALLABLE) and getattr(builtins, getattr(value, "__name__", ""), None) is value:
            return ["builtin", value.__name__]
        iterator = hasattr(value, "__next__")
        if isinstance(value, CALLABLE) or iterator or self.own(value) or type(value) is io.StringIO:
            methods = ["__iter__", "__next__"] if iterator else remote.special(type(value))
            return [
                "object",
                self.lent.number(value),
                type(value).__name__,
                ["__call__"] if isinstance(value, type) else methods,
            ]
        raise TypeError(f"tests cannot give a solution an object of type {type(value).__name__}")

    def borrow(self, data: list[Any]) -> Any:
        """What stands for something of the solution."""
        tag, *rest = data
        if tag == "yours":
            return self.lent[rest[0]]
        if tag == "builtin":
            cls = getattr(builtins, str(rest[0]), None)
            if isinstance(cls, type):
                return cls
        if tag == "class":
            number, name, methods = rest
            if number not in self.kinds:
                self.kinds[number] = remote.kind(self.wire, str(name), number, methods)
            return self.kinds[number]
        if tag == "exception":
            number, name, bases = rest
            if number not in self.kinds:
                above = tuple(self.borrow(base) for base in bases) or (Exception,)
                self.kinds[number] = type(str(name), above, {"_lent_as": number, "__module__": "solution"})
            return self.kinds[number]
        if tag == "object":
            number, cls = rest
            if number not in self.objects:
                made = self.borrow(cls)
                if not isinstance(made, remote.Kind):  # its class is a built-in one, or it is an exception
                    made = remote.kind(self.wire, getattr(made, "__name__", "object"), None, [])
                self.objects[number] = remote.stand_in(made, number)
            return self.objects[number]
        raise ValueError(f"the solution sent {str(tag)[:40]}")

    def fault(self, error: BaseException) -> Any:
        """An exception of a function that the solution called."""
        known = next(
            (cls.__name__ for cls in type(error).__mro__ if getattr(builtins, cls.__name__, None) is cls),
            "RuntimeError",
        )
        return {"builtin": known, "text": str(error)[:FEW]}

    def raise_fault(self, fault: Any) -> BaseException:
        """What the solution raised, as an exception of the class that stands for its."""
        cls = self.borrow(fault["class"])
        arguments = [self.wire.unpack(argument) for argument in fault["arguments"]]
        if not (isinstance(cls, type) and issubclass(cls, Exception)):
            cls = RuntimeError
        try:
            error = cls(*arguments)
        except TypeError:
            error = RuntimeError(*arguments)
        for name, value in fault["state"].items():
            with contextlib.suppress(AttributeError, TypeError):
                setattr(error, str(name), self.wire.unpack(value))
        error.of_solution = True  # type: ignore[attr-defined]
        return error

    # running

    def load_solution(self) -> None:
        """The solution's names, in the tests' namespace and as the module `solution`."""
        tests = self
        names = self.wire.ask(do="load")

        class Module(types.ModuleType):
            def __getattr__(self, name: str) -> Any:
                if name.startswith("__"):
                    raise AttributeError(name)
                return tests.wire.unpack(tests.wire.ask(do="get", of=0, name=name))

            def __setattr__(self, name: str, value: Any) -> None:
                if not name.startswith("__"):
                    tests.wire.ask(do="set", of=0, name=name, value=tests.wire.pack(value))

        module = Module("solution")
        # never Python's own names, which these tests use as well: a solution's `abs` would judge itself. Tests that mean
        # the solution's import it by name. And nothing that Python gives a meaning to, such as __builtins__.
        ours = [name for name in names if not name.startswith("__") and not hasattr(builtins, name)]
        module.__dict__["__all__"] = [name for name in ours if not name.startswith("_")]
        for name, sent in names.items():
            if name.startswith("__"):
                continue
            value = self.name_of(sent)
            if name in MODULES and not _is_data(value):
                value = __import__(name)  # a solution's own `math` would judge itself, too
            if name in ours:
                self.module.__dict__[name] = value
            if not _is_data(value):  # data is asked for anew: a solution may change it
                module.__dict__[name] = value
        sys.modules["solution"] = module

    def name_of(self, sent: Any) -> Any:
        """What a name of the solution means here; modules of the standard library are this side's own."""
        if isinstance(sent, list) and sent and sent[0] in ("module", "imported"):
            name = str(sent[1])
            if name not in MODULES:
                return None
            module = __import__(name, fromlist=["x"])
            return module if sent[0] == "module" else getattr(module, str(sent[2]))
        return self.wire.unpack(sent)

    def run(self) -> None:
        """Run everything; results are in `results`."""
        with open("/box/tests.py", encoding="utf-8") as file:
            code = checking.instrumented(file.read())
        self.module.__dict__.update(checking.NAMES)
        sys.modules["tests"] = self.module
        self.one("(top)", lambda: exec(code, self.module.__dict__), hint="", must_check=False)
        if not self.results[-1]["passed"]:
            return
        for name, value in list(self.module.__dict__.items()):
            if isinstance(value, types.FunctionType) and name.startswith("test"):
                self.function(name, value)
            elif isinstance(value, type) and getattr(value, "__module__", "") == "tests":
                self.methods(name, value)
        check = self.module.__dict__.get("check")
        if isinstance(check, types.FunctionType) and not any(row["checks"] for row in self.results):
            self.one(
                "check", lambda: check(self.candidate()), hint=""
            )  # as HumanEval has it: nobody calls it
        if len(self.results) > 1 and not self.results[0]["checks"]:
            del self.results[0]  # there was nothing outside of the functions

    def candidate(self) -> Any:
        """The function of the solution that a `check(candidate)` is about: the last that it defines."""
        module = sys.modules["solution"].__dict__
        made = [module[name] for name in module["__all__"] if isinstance(type(module.get(name)), remote.Kind)]
        if not made:
            raise TypeError("the solution defines no function to check")
        return made[-1]

    def function(self, name: str, value: Any, bind: Callable[[], Any] | None = None) -> None:
        """Run a test function, once for each set of parameters. bind() gives, for a method, what to call before it, the
        bound method, and what to call after it."""
        for label, named in checking.parameters(value):

            def call(named: dict[str, Any] = named) -> None:
                prepare, test, after = bind() if bind else (None, value, None)
                with contextlib.ExitStack() as stack:
                    wanted = [name for name in inspect.signature(test).parameters if name not in named]
                    fixtures = {name: stack.enter_context(_fixture(name, self.module)) for name in wanted}
                    if prepare:
                        prepare()
                    try:
                        test(**named, **fixtures)
                    finally:
                        if after:
                            after()

            self.one(name + label, call, hint=inspect.getdoc(value) or "")

    def methods(self, name: str, cls: Any) -> None:
        """Run the test methods of a class."""
        unit = getattr(cls, "assertEqual", None) is not None
        if not unit and not name.startswith("Test"):
            return
        for method in [key for base in reversed(cls.__mro__) for key in vars(base) if key.startswith("test")]:

            def bind(method: str = method) -> Any:
                case = cls(method) if unit else cls()
                if unit:
                    cls.setUpClass()
                before = getattr(case, "setUp" if unit else "setup_method", None)
                return (
                    before,
                    getattr(case, method),
                    getattr(case, "tearDown" if unit else "teardown_method", None),
                )

            self.function(f"{name}.{method}", getattr(cls, method), bind)

    def one(self, name: str, call: Callable[[], Any], *, hint: str, must_check: bool = True) -> None:
        """Run one test and note what came of it. An assertion that failed counts even where the test caught it."""
        checking.start()
        error = ""
        try:
            call()
        except checking.Skipped:
            error = "The test was skipped."
        except Gone:
            error = "The solution ended before it gave an answer."
        except BaseException as caught:  # noqa: BLE001 whatever it is, the test did not pass
            words = f"{type(caught).__name__}: {caught}" if str(caught) else type(caught).__name__
            error = f"The solution raised {words}" if hasattr(caught, "of_solution") else words
        error = checking.failed() or error
        if must_check and not error and not checking.count():
            error = "No assertion ran in this test."
        self.results.append(
            {
                "name": name[:120], "passed": not error, "checks": checking.count(), "wrong": bool(checking.failed()),
                "error": error[:FEW], "hint": hint[:FEW],
            }
        )  # fmt: skip


def _is_data(value: Any) -> bool:
    return value is None or isinstance(
        value, (bool, int, float, str, bytes, list, tuple, dict, set, frozenset)
    )


@contextlib.contextmanager
def _fixture(name: str, module: types.ModuleType) -> Iterator[Any]:
    """What a test function asks for by the name of a parameter."""
    if name == "capsys":
        with checking.Captured() as captured:
            yield captured
    elif name == "monkeypatch":
        with checking.Patched() as patched:
            yield patched
    else:
        made = getattr(module, name, None)
        if made is None or not getattr(made, "is_fixture", False):
            raise TypeError(
                f"there is no fixture {name}; capsys, monkeypatch and those that the tests define are"
            )
        with contextlib.ExitStack() as stack:
            wanted = {
                key: stack.enter_context(_fixture(key, module)) for key in inspect.signature(made).parameters
            }
            value = made(**wanted)
            if inspect.isgenerator(value):
                yield next(value)
                next(value, None)
            else:
                yield value


def main() -> None:
    """Run, report, and let the solution end."""
    reader, writer, report = map(int, sys.argv[1:4])
    random.seed(0)
    tests = Tests(reader, writer)
    error = ""
    real_out, say, leave = sys.stdout, os.write, os._exit
    fence.close()
    try:
        tests.load_solution()
    except Gone:
        error = "The solution ended while it was loaded."
    except Exception as caught:  # noqa: BLE001 whatever the solution's file raised
        error = f"The solution could not be loaded: {type(caught).__name__}: {caught}"[:FEW]
    if not error:
        try:
            tests.run()
            tests.wire.ask(do="end")
        except Gone:
            error = "The solution ended before its tests did."
        except SyntaxError as caught:
            error = f"The tests are not Python: {caught}"[:FEW]
        except Exception as caught:  # noqa: BLE001 while tests were gathered: there has to be a report
            error = f"The tests could not be run: {type(caught).__name__}: {caught}"[:FEW]
    sys.stdout = real_out
    sys.stdout.flush()
    line = json.dumps({"error": error, "tests": tests.results}).encode()
    while line:
        line = line[say(report, line) :]
    leave(0)


main()
