"""The pipe between a solution and its tests: one JSON object a line, a question or the answer to one.

Either side may ask while it owes an answer (a solution calls a function that a test gave it), so questions nest. What
a side lends is reached by number through `serve`, which each side defines for itself.
"""

import json
import os
import threading
from collections.abc import Callable
from typing import Any

from values import pack, unpack

LONGEST = 8_000_000  # bytes of one line


class Gone(BaseException):
    """The other side has ended. No test catches this by accident."""


class Wire:
    """One end. serve(question) → value is called for each question of the other side; its exceptions travel.

    lend(value) → what to send for something that is not data. borrow(sent) → what stands for what was lent.
    """

    def __init__(self, reader: int, writer: int, serve: Callable[[dict[str, Any]], Any]) -> None:
        self.reader, self.writer = os.fdopen(reader, "rb"), writer
        self.serve = serve
        self.lend: Callable[[Any], Any] = _refuse
        self.borrow: Callable[[list[Any]], Any] = _refuse
        self.fault: Callable[[BaseException], Any] = str
        self.raise_fault: Callable[[Any], BaseException] = RuntimeError
        self.printed: Callable[[], str] = str
        self.show: Callable[[str], Any] = len
        self.lock = threading.RLock()

    def pack(self, value: Any) -> Any:
        """As `values.pack`, with what this end lends."""
        return pack(value, self.lend)

    def unpack(self, data: Any) -> Any:
        """As `values.unpack`, with what this end borrows."""
        return unpack(data, self.borrow)

    def ask(self, **question: Any) -> Any:
        """The other side's answer, unpacked; raises what it raised."""
        with self.lock:
            self._send({"ask": question, "out": self.printed()})
            while True:
                message = self._receive()
                self.show(message["out"])
                if "ask" in message:
                    self._answer(message["ask"])
                    continue
                if "fault" in message:
                    raise self.raise_fault(message["fault"])
                return message["value"]

    def attend(self) -> None:
        """Answer questions until the other side asks to end."""
        while True:
            message = self._receive()
            self.show(message["out"])
            if message["ask"]["do"] == "end":
                self._send({"value": None, "out": self.printed()})
                return
            self._answer(message["ask"])

    def _answer(self, question: dict[str, Any]) -> None:
        try:
            answer = {"value": self.serve(question)}
        except Gone:
            raise
        except BaseException as error:  # noqa: BLE001 whatever was raised travels, sys.exit included
            answer = {"fault": self.fault(error)}
        self._send({**answer, "out": self.printed()})

    def _send(self, message: dict[str, Any]) -> None:
        line = json.dumps(message).encode() + b"\n"
        try:
            while line:
                line = line[os.write(self.writer, line) :]
        except OSError as error:
            raise Gone from error

    def _receive(self) -> dict[str, Any]:
        line = self.reader.readline(LONGEST)
        if not line.endswith(b"\n"):
            raise Gone
        message = json.loads(line)
        if not isinstance(message, dict):
            raise Gone
        return message


def _refuse(value: Any) -> Any:
    raise TypeError(f"a {type(value).__name__} cannot cross between tests and solution")
