"""Runs programs in sandboxes side by side until all have ended, or until one goes over a limit and all are killed."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from tutor.studio.sandbox import bubblewrap, filters
from tutor.studio.sandbox.bubblewrap import Part, SandboxMissing

REPORT = 1_000  # kB that may come over a report's descriptor
LOOK = 0.1  # seconds between two looks at the memory of all processes together


@dataclass(frozen=True)
class Limits:
    """What code may use. seconds: of the clock, for all parts together. cpu: seconds of processor time a process.
    memory: MB of address space a process; together: MB of memory in use over all processes of a part.
    scratch: MB of files that it may write. output: kB that it may write to its standard output and error."""

    seconds: float = 10
    cpu: int = 10
    memory: int = 512
    together: int = 768
    scratch: int = 16
    output: int = 64
    processes: int = 24  # threads count
    files: int = 64  # open at the same time

    def options(self) -> list[str]:
        """As options of prlimit(1)."""
        bytes_of = 1_000_000
        return [
            f"--as={self.memory * bytes_of}", f"--cpu={self.cpu}", f"--fsize={self.scratch * bytes_of}",
            f"--nofile={self.files}", f"--nproc={self.processes}", "--core=0", "--memlock=0", "--msgqueue=0",
        ]  # fmt: skip


@dataclass
class Outcome:
    """How a part ended. code: as subprocess has it (negative: the signal), None if it was killed over a limit.
    over: "" or the limit that ended everything: time, output or memory."""

    code: int | None = None
    out: bytes = b""
    err: bytes = b""
    over: str = ""
    seconds: float = 0.0
    report: bytes = field(default=b"", repr=False)  # what came over the descriptor that `reports` named


def run(
    parts: Sequence[Part], limits: Limits | None = None, *, reports: Mapping[int, int] | None = None
) -> list[Outcome]:
    """Run the parts together; an outcome for each. Blocks for at most limits.seconds and a moment.

    reports: part's position → descriptor to read its report from (the other end is in its `keep`; it is closed here
    once the part has it). Runs nothing before the self-test has passed. Raises SandboxMissing.
    """
    from tutor.studio.sandbox import selftest

    selftest.ready()
    return run_untested(parts, limits or Limits(), reports or {})


def run_untested(parts: Sequence[Part], limits: Limits, reports: Mapping[int, int]) -> list[Outcome]:
    """`run` without the self-test, for the self-test."""
    started = time.monotonic()
    outcomes = [Outcome() for _ in parts]
    with ExitStack() as stack:
        processes = []
        try:
            for part in parts:
                processes.append(_start(part, limits))
                stack.callback(_end, processes[-1])
        finally:
            for part in parts:  # our copies: a peer must see the end of file when its partner is gone
                for descriptor in part.keep:
                    os.close(descriptor)
        over = _watch(processes, outcomes, limits, reports, started + limits.seconds)
        for process, outcome in zip(processes, outcomes, strict=True):
            outcome.over = over
            outcome.code = None if over else process.wait()
            outcome.seconds = time.monotonic() - started
    return outcomes


def _start(part: Part, limits: Limits) -> subprocess.Popen[bytes]:
    """The part's process. What cannot be started is a sandbox that is missing."""
    try:
        filter_program = filters.program(processes=part.profile.processes)
    except KeyError as error:
        raise SandboxMissing(
            f"There is no seccomp filter for processors of the kind {error}. Use x86_64 or aarch64."
        ) from error
    with ExitStack() as stack:

        def memory(content: bytes) -> int:
            descriptor = os.memfd_create("sandbox")
            stack.callback(os.close, descriptor)
            os.write(descriptor, content) if content else None
            os.lseek(descriptor, 0, os.SEEK_SET)
            return descriptor

        files = {name: memory(content) for name, content in part.files.items()}
        filter_fd = memory(filter_program)
        line = bubblewrap.command(
            part, size=limits.scratch * 1_000_000, filter_fd=filter_fd, files=files, limits=limits.options()
        )
        nobody = None if os.geteuid() else bubblewrap.NOBODY
        try:
            return subprocess.Popen(
                line,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                cwd="/",
                env={"PATH": "/usr/bin:/bin"},
                pass_fds=(*files.values(), filter_fd, *part.keep),
                start_new_session=True,
                user=nobody,
                group=nobody,
                extra_groups=None if nobody is None else [],
            )
        except OSError as error:
            raise SandboxMissing(f"The sandbox could not be started: {error}.") from error


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill bubblewrap; with it the kernel kills every process of the sandbox's process namespace."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()
    for pipe in (process.stdout, process.stderr):
        if pipe is not None:
            pipe.close()


def _watch(
    processes: Sequence[subprocess.Popen[bytes]],
    outcomes: Sequence[Outcome],
    limits: Limits,
    reports: Mapping[int, int],
    until: float,
) -> str:
    """Gather what the parts write until all pipes are closed. Gives the limit that was passed, or ""."""
    look = time.monotonic() + LOOK
    with selectors.DefaultSelector() as selector:
        for position, process in enumerate(processes):
            for name, pipe in (("out", process.stdout), ("err", process.stderr)):
                assert pipe is not None
                selector.register(pipe.fileno(), selectors.EVENT_READ, (position, name))
        for position, descriptor in reports.items():
            selector.register(descriptor, selectors.EVENT_READ, (position, "report"))
        while selector.get_map():
            now = time.monotonic()
            if now >= until:
                return "time"
            if now >= look:
                look = now + LOOK
                if any(_memory(process.pid) > limits.together * 1_000_000 for process in processes):
                    return "memory"
            for key, _ in selector.select(min(until, look) - now):
                position, name = key.data
                data = os.read(key.fd, 65536)
                if not data:
                    selector.unregister(key.fd)
                    continue
                whole = getattr(outcomes[position], name) + data
                if len(whole) > 1_000 * (REPORT if name == "report" else limits.output):
                    return "output"
                setattr(outcomes[position], name, whole)
        for process in processes:
            try:
                process.wait(max(0.0, until - time.monotonic()))
            except subprocess.TimeoutExpired:
                return "time"
    return ""


def _memory(pid: int) -> int:
    """Bytes in use by a process and all below it; those that end meanwhile count nothing."""
    total, waiting = 0, [pid]
    page = os.sysconf("SC_PAGE_SIZE")
    while waiting:
        current = waiting.pop()
        try:
            total += int(Path(f"/proc/{current}/statm").read_text().split()[1]) * page
            for children in Path(f"/proc/{current}/task").glob("*/children"):
                waiting += map(int, children.read_text().split())
        except (OSError, ValueError, IndexError):
            continue
    return total
