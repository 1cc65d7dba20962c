"""What stands for an object of the other side: calls, attributes and operators become questions.

An object of the other side never equals plain data, whatever its own __eq__ says: else a solution could return
something that equals everything. Objects of the other side are compared among themselves over there.
"""

import collections
from typing import Any

CHANGEABLE = (list, dict, set, bytearray, collections.deque)
ORDER = {"__lt__", "__le__", "__gt__", "__ge__"}
FORWARDED = ORDER | {
    "__len__", "__getitem__", "__setitem__", "__delitem__", "__iter__", "__next__", "__reversed__", "__contains__", "__call__",
    "__bool__", "__str__", "__repr__", "__format__", "__int__", "__float__", "__index__", "__round__", "__neg__", "__pos__",
    "__abs__", "__invert__", "__enter__", "__exit__",
}  # fmt: skip
for _name in (
    "add",
    "sub",
    "mul",
    "truediv",
    "floordiv",
    "mod",
    "pow",
    "matmul",
    "and",
    "or",
    "xor",
    "lshift",
    "rshift",
):
    FORWARDED |= {f"__{_name}__", f"__r{_name}__", f"__i{_name}__"}


class Kind(type):
    """The class of what stands for the other side's classes; isinstance and calls go there."""

    _wire: Any = None
    _number: int | None = None

    def __call__(cls, *arguments: Any, **named: Any) -> Any:
        if cls.__dict__.get("_number") is None:
            return super().__call__(*arguments, **named)
        return call(cls._wire, cls._number, arguments, named)

    def __getattr__(cls, name: str) -> Any:
        if name.startswith("__") or cls.__dict__.get("_number") is None:
            raise AttributeError(name)
        return cls._wire.unpack(cls._wire.ask(do="get", of=cls._number, name=name))

    def __instancecheck__(cls, instance: Any) -> bool:
        number = cls.__dict__.get("_number")
        if number is None or not isinstance(type(instance), Kind):
            return type.__instancecheck__(cls, instance)
        return bool(cls._wire.ask(do="isinstance", of=number, what=instance._number))

    def __subclasscheck__(cls, other: Any) -> bool:
        number = cls.__dict__.get("_number")
        if number is None or not isinstance(other, Kind) or other.__dict__.get("_number") is None:
            return type.__subclasscheck__(cls, other)
        return bool(cls._wire.ask(do="issubclass", of=number, what=other._number))


class Remote(metaclass=Kind):
    """An object of the other side."""

    _number: int
    _wire: Any

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self._wire.unpack(self._wire.ask(do="get", of=self._number, name=name))

    def __setattr__(self, name: str, value: Any) -> None:
        self._wire.ask(do="set", of=self._number, name=name, value=self._wire.pack(value))

    def __delattr__(self, name: str) -> None:
        self._wire.ask(do="delete", of=self._number, name=name)

    def __eq__(self, other: object) -> bool:
        if not isinstance(type(other), Kind):
            return False
        return self is other or self._wire.ask(do="equal", of=self._number, what=other._number) is True  # type: ignore[attr-defined]

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return int(self._wire.ask(do="hash", of=self._number))


def call_method(thing: Any, name: str, arguments: tuple[Any, ...]) -> Any:
    """What the other side's method of its type gives, packed."""
    return thing._wire.ask(
        do="method",
        of=thing._number,
        name=name,
        arguments=[thing._wire.pack(argument) for argument in arguments],
    )


def call(wire: Any, number: int, arguments: tuple[Any, ...], named: dict[str, Any]) -> Any:
    """Call what was lent under the number. Lists, dicts and sets that it changed are changed here as well."""
    answer = wire.ask(
        do="call",
        of=number,
        arguments=[wire.pack(argument) for argument in arguments],
        named={name: wire.pack(argument) for name, argument in named.items()},
    )
    for position, changed in answer["changed"]:
        _become(arguments[position], wire.unpack(changed))
    if answer["same"] is not None:
        return arguments[answer["same"]]
    return wire.unpack(answer["value"])


def _become(old: Any, new: Any) -> None:
    if type(old) is not type(new):
        return
    if isinstance(old, (list, bytearray)):
        old[:] = new
    elif isinstance(old, (dict, set)):
        old.clear()
        old.update(new)
    elif isinstance(old, collections.deque):
        old.clear()
        old.extend(new)


def answer_call(wire: Any, function: Any, question: dict[str, Any]) -> dict[str, Any]:
    """Make the call that the other side asked for: its value, or which argument it gave back, and what it changed."""
    arguments = [wire.unpack(argument) for argument in question["arguments"]]
    named = {str(name): wire.unpack(argument) for name, argument in question["named"].items()}
    value = function(*arguments, **named)
    changed = []
    for position, argument in enumerate(arguments):
        if isinstance(argument, CHANGEABLE):
            now = wire.pack(argument)
            if now != question["arguments"][position]:
                changed.append([position, now])
    same = next(
        (
            i
            for i, argument in enumerate(arguments)
            if argument is value and isinstance(argument, (list, dict, set))
        ),
        None,
    )
    return {"value": None if same is not None else wire.pack(value), "same": same, "changed": changed}


def answer_method(wire: Any, thing: Any, question: dict[str, Any]) -> Any:
    """What a special method gives, packed."""
    method = getattr(type(thing), str(question["name"]))
    value = method(thing, *[wire.unpack(argument) for argument in question["arguments"]])
    return ["not implemented"] if value is NotImplemented else wire.pack(value)


class Lent:
    """What this side has lent, by number; the same object always has the same number."""

    def __init__(self) -> None:
        self.things: list[Any] = []
        self.numbers: dict[int, int] = {}

    def number(self, thing: Any) -> int:
        """The thing's number, a new one if it has none."""
        if id(thing) not in self.numbers:
            self.numbers[id(thing)] = len(self.things)
            self.things.append(thing)  # keeps it alive, and with it its id
        return self.numbers[id(thing)]

    def __getitem__(self, number: Any) -> Any:
        return self.things[int(number)]


def _forward(name: str) -> Any:
    def method(self: Any, *arguments: Any, **named: Any) -> Any:
        if name == "__call__":
            return call(self._wire, self._number, arguments, named)
        if name in ORDER and not isinstance(type(arguments[0]), Kind):
            return NotImplemented  # as for equality: only its own kind
        answer = call_method(self, name, arguments)
        if answer == ["not implemented"]:
            return NotImplemented
        return self._wire.unpack(answer)

    method.__name__ = name
    return method


def kind(wire: Any, name: str, number: int | None, methods: list[str]) -> Any:
    """A class whose instances stand for objects of the other side's class `name`, which has these special methods."""
    body: dict[str, Any] = {method: _forward(method) for method in methods if method in FORWARDED}
    body["__module__"] = "solution"
    made = Kind(name, (Remote,), body)
    made._wire, made._number = wire, number
    return made


def stand_in(made: Any, number: int) -> Any:
    """An object that stands for the one lent under the number."""
    thing = object.__new__(made)
    object.__setattr__(thing, "_number", number)
    return thing


def special(cls: type) -> list[str]:
    """Which special methods the class has that can be forwarded."""
    return sorted(
        name
        for name in FORWARDED
        if getattr(cls, name, None) is not None and getattr(cls, name) is not getattr(object, name, 0)
    )
