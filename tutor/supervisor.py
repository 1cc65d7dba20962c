"""Starts several processes, keeps them alive and stops them together. Knows nothing of what they are.

Each child leads a process group of its own, so that a Ctrl-C on the terminal reaches only the supervisor, and so that
whatever a child started is stopped with it. Where the kernel offers it, a child also dies when the supervisor does.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import selectors
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import IO

STEADY = 60.0  # seconds after which a process counts as well again
SLOWEST = 30.0  # longest wait before a restart
PATIENCE = 12.0  # seconds a process may take to stop before it is killed: answers may be written to their end
PR_SET_PDEATHSIG = 1

LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


@dataclass(frozen=True)
class Program:
    """A process to keep alive. `health` is a URL that answers below 500 once it is ready; "" if alive is enough."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    health: str = ""
    stop_signal: int = signal.SIGTERM


@dataclass
class Child:
    """A program and its present process."""

    program: Program
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    failures: int = 0
    restart_at: float = 0.0
    ready: bool = False
    unfinished: bytes = field(default=b"", repr=False)  # the start of a line that has not ended yet


def _die_with_parent() -> None:
    if LIBC is not None:
        LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def answers(url: str) -> bool:
    """Whether something at the URL answers with less than an error of its own."""
    try:
        with urllib.request.urlopen(url, timeout=1):
            return True
    except urllib.error.HTTPError as error:
        return error.code < 500
    except (OSError, ValueError):
        return False


class Supervisor:
    """Runs programs until it is told to stop."""

    def __init__(
        self, programs: Sequence[Program], say: Callable[[str], None], on_ready: Callable[[], None]
    ) -> None:
        """`say` prints a line; `on_ready` is called once, when every program is ready for the first time."""
        self.children = [Child(program) for program in programs]
        self.say = say
        self.on_ready = on_ready
        self.stopping = False
        self.selector = selectors.DefaultSelector()
        self.width = max(len(program.name) for program in programs)

    def run(self) -> None:
        """Start everything, restart what dies, and return once everything was stopped (by SIGINT or SIGTERM)."""
        reader, writer = os.pipe2(os.O_NONBLOCK) if hasattr(os, "pipe2") else os.pipe()
        self.selector.register(reader, selectors.EVENT_READ)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, lambda *_: self._ask_to_stop(writer))
        announced = False
        try:
            for child in self.children:
                self._start(child)
            while not self.stopping:
                self._forward_output(0.2)
                self._restart_what_died()
                self._check_health()
                if not announced and all(child.ready for child in self.children):
                    announced = True
                    self.on_ready()
        finally:
            self.stop()

    def _ask_to_stop(self, writer: int) -> None:
        self.stopping = True
        with contextlib.suppress(OSError):
            os.write(writer, b"x")

    def _start(self, child: Child) -> None:
        program = child.program
        child.process = subprocess.Popen(
            program.command,
            env=dict(program.environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=_die_with_parent,
        )
        child.started = time.monotonic()
        child.restart_at = 0.0
        child.ready = not program.health
        assert child.process.stdout is not None
        os.set_blocking(child.process.stdout.fileno(), False)
        self.selector.register(child.process.stdout, selectors.EVENT_READ, child)

    def _forward_output(self, seconds: float) -> None:
        """Print what the children wrote within this time, each line under its child's name."""
        for key, _ in self.selector.select(seconds):
            if isinstance(key.data, Child):
                self._forward(key.data, key.fileobj)  # type: ignore[arg-type]

    def _forward(self, child: Child, pipe: IO[bytes]) -> None:
        try:
            data = os.read(pipe.fileno(), 65536)
        except BlockingIOError:
            return
        if not data:
            self.selector.unregister(pipe)
            pipe.close()
        *lines, child.unfinished = (child.unfinished + data).split(b"\n")
        for line in lines:
            self.say(f"{child.program.name:>{self.width}} | {line.decode(errors='replace').rstrip()}")

    def _restart_what_died(self) -> None:
        now = time.monotonic()
        for child in self.children:
            if child.process is None:
                if now >= child.restart_at:
                    self._start(child)
                continue
            code = child.process.poll()
            if code is None:
                continue
            self._kill_group(child, signal.SIGKILL)  # what it left behind
            child.process = None
            child.failures = 1 if now - child.started > STEADY else child.failures + 1
            wait = min(2.0 ** (child.failures - 1), SLOWEST)
            child.restart_at = now + wait
            child.ready = False
            how = f"was killed by signal {-code}" if code < 0 else f"stopped with exit code {code}"
            self.say(f"{child.program.name} {how}; starting it again in {wait:.0f} s")

    def _check_health(self) -> None:
        for child in self.children:
            if not child.ready and child.process is not None:
                child.ready = answers(child.program.health)

    def _kill_group(self, child: Child, number: int) -> None:
        if child.process is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(child.process.pid, number)

    def stop(self) -> None:
        """Stop every child and all that it started, within seconds."""
        alive = [child for child in self.children if child.process is not None]
        for child in alive:
            if child.process is not None and child.process.poll() is None:
                with contextlib.suppress(ProcessLookupError):
                    child.process.send_signal(child.program.stop_signal)
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline and any(
            c.process is not None and c.process.poll() is None for c in alive
        ):
            self._forward_output(0.05)
        for child in alive:
            self._kill_group(child, signal.SIGKILL)
            if child.process is not None:
                child.process.wait()
