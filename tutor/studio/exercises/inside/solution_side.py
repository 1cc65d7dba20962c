"""Runs a solution and answers what its tests ask of it. Arguments: the descriptors to read from and to write to."""

import builtins
import io
import random
import sys
import types
from typing import Any

import fence
import remote
from values import MODULES
from wire import Gone, Wire

PRINTS = 200_000  # characters between two answers


class Typed(io.TextIOBase):
    """The solution's standard input: what the tests' `sys.stdin` holds, line by line."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire

    def readable(self) -> bool:
        """It is read from."""
        return True

    def readline(self, size: int | None = -1, /) -> str:  # type: ignore[override]
        """The next line with its end; "" when there are no more. Lines come whole, whatever the size."""
        return str(self.wire.ask(do="line"))

    def read(self, size: int | None = -1, /) -> str:
        """All that is left."""
        return "".join(iter(self.readline, ""))


class Solution:
    """The solution's module and what the tests were lent of it."""

    def __init__(self, reader: int, writer: int) -> None:
        self.module = types.ModuleType("solution")
        self.lent = remote.Lent()
        self.foreign: dict[int, Any] = {}
        self.printed = io.StringIO()
        self.wire = Wire(reader, writer, self.serve)
        self.wire.lend, self.wire.borrow = self.lend, self.borrow
        self.wire.fault, self.wire.raise_fault = self.fault, self.raise_fault
        self.wire.printed = self.take_printed

    def take_printed(self) -> str:
        """What was printed since the last time."""
        text = self.printed.getvalue()
        self.printed.seek(0)
        self.printed.truncate()
        if len(text) > PRINTS:
            raise Gone
        return text

    def serve(self, question: dict[str, Any]) -> Any:
        """Answer one question of the tests."""
        do = question["do"]
        if do == "load":
            return self.load()
        thing = self.lent[question["of"]]
        if do == "call":
            return remote.answer_call(self.wire, thing, question)
        if do == "method":
            return remote.answer_method(self.wire, thing, question)
        if do == "get":
            return self.wire.pack(getattr(thing, question["name"]))
        if do == "set":
            return setattr(thing, question["name"], self.wire.unpack(question["value"]))
        if do == "delete":
            return delattr(thing, question["name"])
        if do == "equal":
            return bool(thing == self.lent[question["what"]])
        if do == "hash":
            return hash(thing)
        if do == "isinstance":
            return isinstance(self.lent[question["what"]], thing)
        if do == "issubclass":
            return issubclass(self.lent[question["what"]], thing)
        raise ValueError(f"nothing is known of {do}")

    def load(self) -> Any:
        """Run the solution's file; its names, packed."""
        with open("/box/solution.py", encoding="utf-8") as file:
            code = compile(file.read(), "solution.py", "exec")
        sys.modules["solution"] = self.module
        builtins.input = lambda prompt="": self.wire.ask(do="input", prompt=str(prompt))
        sys.stdout, sys.stdin = self.printed, Typed(self.wire)
        self.lent.number(self.module)  # 0
        exec(code, self.module.__dict__)
        names = {}
        for name, value in list(self.module.__dict__.items()):
            if name.startswith("__"):
                continue
            try:
                names[name] = self.named(value)
            except (TypeError, ValueError):
                continue
        return names

    def named(self, value: Any) -> Any:
        """A name of the solution, packed; what it imported is told by name."""
        if isinstance(value, types.ModuleType):
            return ["module", value.__name__]
        if (
            getattr(value, "__module__", None) in MODULES
            and getattr(sys.modules[value.__module__], getattr(value, "__name__", ""), None) is value
        ):
            return ["imported", value.__module__, value.__name__]
        return self.wire.pack(value)

    def lend(self, value: Any) -> Any:
        """Pack what is not data."""
        if isinstance(type(value), remote.Kind):
            return ["yours", value._number]
        if isinstance(value, type):
            return self.lend_class(value)
        if isinstance(value, types.ModuleType):
            raise TypeError("a module cannot be given to the tests")
        return ["object", self.lent.number(value), self.lend_class(type(value))]

    def lend_class(self, cls: type) -> Any:
        """Pack a class."""
        if getattr(builtins, cls.__name__, None) is cls:
            return ["builtin", cls.__name__]
        number = self.lent.number(cls)
        if issubclass(cls, BaseException):
            return [
                "exception",
                number,
                cls.__name__,
                [self.lend_class(base) for base in cls.__bases__ if issubclass(base, BaseException)],
            ]
        return ["class", number, cls.__name__, remote.special(cls)]

    def borrow(self, data: list[Any]) -> Any:
        """What the tests gave by number or name."""
        tag, *rest = data
        if tag == "yours":
            return self.lent[rest[0]]
        if tag == "builtin":
            return getattr(builtins, str(rest[0]))
        if tag == "object":
            number, name, methods = rest
            if number not in self.foreign:
                self.foreign[number] = remote.stand_in(remote.kind(self.wire, name, None, methods), number)
            return self.foreign[number]
        raise ValueError(f"the tests sent {tag}")

    def fault(self, error: BaseException) -> Any:
        """An exception, packed."""
        if not isinstance(error, Exception):
            word = "sys.exit" if isinstance(error, SystemExit) else type(error).__name__
            return {
                "class": ["builtin", "RuntimeError"],
                "arguments": [f"the solution raised {word}"],
                "state": {},
            }
        return {
            "class": self.lend_class(type(error)),
            "arguments": self.safely(list(error.args)) if error.args else [],
            "state": {
                name: self.safely([value])[0]
                for name, value in vars(error).items()
                if not name.startswith("_")
            },
        }

    def safely(self, values: list[Any]) -> list[Any]:
        """Values packed, those that cannot be as text."""
        packed = []
        for value in values:
            try:
                packed.append(self.wire.pack(value))
            except (TypeError, ValueError):
                packed.append(type(value).__name__)
        return packed

    def raise_fault(self, fault: Any) -> BaseException:
        """What a function of the tests raised."""
        cls = getattr(builtins, str(fault["builtin"]), RuntimeError)
        return cls(fault["text"]) if issubclass(cls, Exception) else RuntimeError(fault["text"])


if __name__ == "__main__":
    random.seed(0)
    solution = Solution(int(sys.argv[1]), int(sys.argv[2]))
    fence.close()
    try:
        solution.wire.attend()
    except Gone:
        sys.exit(3)
