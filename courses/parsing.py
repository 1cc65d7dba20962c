"""Reads an uploaded file in a child process, so that a hostile or damaged file can harm nothing.

The child gets its own session, limits on memory, CPU, files and time, a bare environment and, where the system
allows it, no network. It writes what it reads as JSON lines; this side checks sizes and turns every way of dying into
an UnreadableFile that tells the person what to do.
"""

from __future__ import annotations

import json
import logging
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import IO, Any

from courses.readers.kinds import kind_of
from courses.readers.parts import Block, Part, UnreadableFile

__all__ = ["LIMITS", "Limits", "kind_of", "limits_for", "parse"]

logger = logging.getLogger(__name__)

_PASSED_ON = (
    "PATH",
    "LANG",
    "LC_ALL",
    "TMPDIR",
    "HOME",
    "PYTHONPATH",
    "VIRTUAL_ENV",
    "LD_LIBRARY_PATH",
    "SYSTEMROOT",
)
DAMAGED = (
    "The file could not be read: it seems to be damaged. Open it in the program that made it, save or export it "
    "again and upload that copy."
)


@dataclass(frozen=True)
class Limits:
    """What a child may use. memory: MB of address space. seconds: of wall clock from start to end; silence: between
    two parts; cpu: seconds over all threads. output: MB of text; asset: MB of one picture. per_second: seconds of
    wall clock allowed for each second of a recording, once its length is known."""

    memory: int = 3_000
    seconds: float = 1_800
    silence: float = 180
    cpu: int = 3_000
    output: int = 100
    asset: int = 64
    per_second: float = 0


LIMITS: dict[str, Limits] = {
    "pdf": Limits(
        memory=5_000, seconds=4 * 3_600, silence=240, cpu=8 * 3_600
    ),  # scanned pages take seconds each
    "media": Limits(memory=8_000, seconds=1_800, silence=1_800, cpu=48 * 3_600, output=200, per_second=3),
}


def limits_for(kind: str) -> Limits:
    """The limits under which a kind of file is read."""
    return LIMITS.get(kind, Limits())


def parse(
    path: Path,
    kind: str,
    assets: Path,
    *,
    limits: Limits | None = None,
    reader: str = "",
    options: dict[str, Any] | None = None,
) -> Generator[Part]:
    """Parts of the file as its reader yields them; pictures are written to the folder `assets`.

    kind is a key of READERS (see kind_of). reader: the dotted path of another app's reader, which is called with the
    keyword arguments `options`; what such a file holds is nobody's business, so nothing of it reaches the log.
    Closing the iterator ends the child. Raises UnreadableFile, in words for the person, for what cannot be read and
    for what goes over its limits.
    """
    limits = limits or limits_for(kind)
    assets.mkdir(parents=True, exist_ok=True)
    job: dict[str, Any] = {"path": str(path), "kind": kind, "assets": str(assets), "limits": asdict(limits)}
    job |= {"reader": reader, "options": options or {}}
    if kind == "media":
        from tutor.llm import catalog  # the child knows nothing of the project's settings

        try:
            job["speech_model"] = str(catalog.path("whisper-tiny.en"))
        except catalog.ModelMissing as error:
            raise UnreadableFile(
                "This server has no speech recognition yet. Ask its administrator to run "
                "“manage.py models fetch whisper-tiny.en”, then retry; or upload captions (VTT or SRT) instead."
            ) from error
    with _child(job) as (process, complaints):
        yield from _parts(process, complaints, limits, private=bool(reader))


@contextmanager
def _child(job: dict[str, Any]) -> Generator[tuple[subprocess.Popen[bytes], IO[bytes]]]:
    """The child, in its own session. Its standard input stays open as its lifeline: it ends when this side does."""
    environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    environment |= {
        "OMP_NUM_THREADS": "2",
        "OPENBLAS_NUM_THREADS": "2",
        "PYTHONIOENCODING": "utf-8",
        "PYTHONUTF8": "1",
    }
    from django.conf import settings  # not for the child, which imports this module too

    scratch_root = settings.FILE_UPLOAD_TEMP_DIR  # where `sweeping` finds what a killed worker leaves
    with tempfile.TemporaryFile() as complaints, tempfile.TemporaryDirectory(dir=scratch_root) as scratch:
        process = subprocess.Popen(
            [sys.executable, "-m", "courses.parsing_child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=complaints,
            cwd=Path(__file__).resolve().parent.parent,
            env=environment | {"TMPDIR": scratch},
            start_new_session=True,
        )
        try:
            assert process.stdin is not None
            try:
                process.stdin.write(json.dumps(job).encode() + b"\n")
                process.stdin.flush()
            except BrokenPipeError:
                pass  # it died at once; reading its output tells why
            yield process, complaints
        finally:
            _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass
    process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            try:
                pipe.close()
            except BrokenPipeError:
                pass


def _parts(
    process: subprocess.Popen[bytes], complaints: IO[bytes], limits: Limits, *, private: bool
) -> Iterator[Part]:
    clock = _Clock(limits)
    size = 0
    for line in _lines(process, clock, limits):
        size += len(line)
        if size > limits.output * 1_000_000:
            raise UnreadableFile(_too_much_text(limits))
        try:
            message = json.loads(line)
            if "error" in message:
                if message.get("trace"):
                    logger.warning("A %s reader failed: %s", message.get("kind"), message["trace"])
                raise UnreadableFile(str(message["error"]))
            if "end" in message:
                return
            part = Part([Block(**block) for block in message["blocks"]], message["done"], message["meta"])
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise UnreadableFile(DAMAGED) from error
        clock.know(part.meta.get("duration_ms"))
        yield part
    raise UnreadableFile(_death(process, complaints, limits, private=private))


class _Clock:
    """Counts the time that this side waits for the child, not the time that is spent on what it has read."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._left = limits.seconds

    def know(self, duration_ms: Any) -> None:
        """A recording of this length is being read."""
        if isinstance(duration_ms, int | float) and self._limits.per_second:
            longest = min(self._limits.per_second * duration_ms / 1000, 24 * 3_600)
            self._left += max(0, longest - self._limits.seconds)
            self._limits = replace(self._limits, per_second=0)

    def wait(self, selector: selectors.BaseSelector) -> None:
        """Wait for the child to write; raises UnreadableFile when its time is up."""
        started = time.monotonic()
        ready = selector.select(max(0, min(self._left, self._limits.silence)))
        self._left -= time.monotonic() - started
        if not ready:
            raise UnreadableFile(_too_long())


def _lines(process: subprocess.Popen[bytes], clock: _Clock, limits: Limits) -> Iterator[bytes]:
    """Lines of the child's output as they come, until it closes it."""
    assert process.stdout is not None
    descriptor, pending = process.stdout.fileno(), bytearray()
    os.set_blocking(descriptor, False)
    with selectors.DefaultSelector() as selector:
        selector.register(descriptor, selectors.EVENT_READ)
        while True:
            clock.wait(selector)
            data = os.read(descriptor, 1 << 20)
            if not data:
                return
            *lines, rest = data.split(b"\n")
            for line in lines:
                pending += line
                yield bytes(pending)
                pending.clear()
            pending += rest
            if len(pending) > limits.output * 1_000_000:
                raise UnreadableFile(_too_much_text(limits))


def _too_much_text(limits: Limits) -> str:
    return (
        f"The file holds more than {limits.output} MB of text. Split it into smaller files and upload those."
    )


def _too_long() -> str:
    return (
        "Reading the file took too long and was stopped. It may be damaged: open and save it again, or split it into "
        "smaller files."
    )


def _death(process: subprocess.Popen[bytes], complaints: IO[bytes], limits: Limits, *, private: bool) -> str:
    """Why the child ended without saying so."""
    try:
        code = process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        code = -signal.SIGKILL
    complaints.seek(0, os.SEEK_END)
    complaints.seek(max(0, complaints.tell() - 4000))
    trace = complaints.read().decode(errors="replace").strip()
    logger.warning("A reader's process ended with %s: %s", code, "…" if private else trace)
    if code == -signal.SIGXCPU:
        return _too_long()
    if code == -signal.SIGKILL or "MemoryError" in trace or "bad_alloc" in trace:
        return too_much_memory(limits.memory)
    return DAMAGED


def too_much_memory(megabytes: int) -> str:
    """What to tell a person whose file needs more memory than it may have."""
    return (
        f"Reading the file needs more than {megabytes / 1000:.0f} GB of memory, far more than its size explains. "
        "It may be damaged: save or export it again, or split it into smaller files."
    )
