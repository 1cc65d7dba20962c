"""Values as data: what is copied from one side to the other. Everything else stays where it is and is lent by number."""

import collections
import datetime
import decimal
import fractions
import math
from collections.abc import Callable
from typing import Any

DEEPEST = 60
PLAIN = {cls.__name__: cls for cls in (list, tuple, set, frozenset)}
GATHERED = {cls.__name__: cls for cls in (collections.OrderedDict, collections.Counter)}
REDUCED = {
    cls.__name__: cls
    for cls in (
        datetime.date, datetime.datetime, datetime.time, datetime.timedelta, decimal.Decimal, fractions.Fraction, range, complex,
        slice,
    )
}  # fmt: skip


def pack(value: Any, lend: Callable[[Any], Any], depth: int = 0) -> Any:
    """The value as JSON can carry it. `lend` packs what is not data."""
    kind = type(value)
    if value is None or kind is bool or kind is str:
        return (
            value
            if kind is not str
            else ["text", value.encode("utf-16", "surrogatepass").hex()]
            if _odd(value)
            else value
        )
    if kind is int:
        return value if abs(value) < 1 << 53 else ["int", hex(value)]
    if kind is float:
        return value if math.isfinite(value) else ["float", str(value)]
    if depth > DEEPEST:
        raise ValueError("a value is nested too deeply (or holds itself)")
    if kind in (bytes, bytearray):
        return [kind.__name__, value.hex()]
    if kind in PLAIN.values():
        return [kind.__name__, [pack(item, lend, depth + 1) for item in value]]
    if kind is dict or kind in GATHERED.values():
        return [
            kind.__name__,
            [[pack(key, lend, depth + 1), pack(item, lend, depth + 1)] for key, item in value.items()],
        ]
    if kind is collections.defaultdict:
        return [
            "dict",
            [[pack(key, lend, depth + 1), pack(item, lend, depth + 1)] for key, item in value.items()],
        ]
    if kind is collections.deque:
        return ["deque", [pack(item, lend, depth + 1) for item in value], value.maxlen]
    if kind in REDUCED.values():
        if kind is complex:
            return ["complex", [value.real, value.imag]]
        if kind in (range, slice):
            return [kind.__name__, [pack(part, lend) for part in (value.start, value.stop, value.step)]]
        return [kind.__name__, [pack(part, lend, depth + 1) for part in value.__reduce__()[1]]]
    if kind.__bases__ == (tuple,) and hasattr(kind, "_fields"):
        return ["named", kind.__name__, list(kind._fields), [pack(item, lend, depth + 1) for item in value]]
    return lend(value)


def _odd(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


def unpack(data: Any, borrow: Callable[[list[Any]], Any]) -> Any:
    """The value again. `borrow` makes what stands for something lent. Raises ValueError for anything else."""
    if not isinstance(data, list):
        return data
    tag, *rest = data
    if tag in PLAIN:
        return PLAIN[tag](unpack(item, borrow) for item in rest[0])
    if tag == "dict" or tag in GATHERED:
        made = {} if tag == "dict" else GATHERED[tag]()
        for key, item in rest[0]:
            made[unpack(key, borrow)] = unpack(item, borrow)
        return made
    if tag == "int":
        return int(rest[0], 16)
    if tag == "float":
        return float(rest[0])
    if tag == "text":
        return bytes.fromhex(rest[0]).decode("utf-16", "surrogatepass")
    if tag in ("bytes", "bytearray"):
        return {"bytes": bytes, "bytearray": bytearray}[tag].fromhex(rest[0])
    if tag == "deque":
        return collections.deque((unpack(item, borrow) for item in rest[0]), rest[1])
    if tag in REDUCED:
        return REDUCED[tag](*[unpack(part, borrow) for part in rest[0]])
    if tag == "named":
        name, fields, items = rest
        return _named(name, tuple(fields))(*[unpack(item, borrow) for item in items])
    return borrow(data)


_made: dict[tuple[str, tuple[str, ...]], Any] = {}


def _named(name: str, fields: tuple[str, ...]) -> Any:
    if (name, fields) not in _made:
        _made[name, fields] = collections.namedtuple(name, fields)  # type: ignore[misc]
    return _made[name, fields]


# modules whose contents a solution's namespace may pass on by name: harmless to have, and nothing in them equals all
MODULES = (
    "bisect", "collections", "copy", "dataclasses", "datetime", "decimal", "enum", "fractions", "functools", "heapq", "itertools",
    "json", "math", "random", "re", "statistics", "string", "textwrap", "time", "typing",
)  # fmt: skip
