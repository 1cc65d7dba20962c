"""The web process: how soon it answers, how much memory it holds, and that it never loads torch."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from django.core.management import call_command

from bench.figures import Figure
from tutor.supervisor import answers

STARTS = 5


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def start(port: int) -> subprocess.Popen[bytes]:
    """The web process as `manage.py serve` starts it."""
    command = [
        sys.executable,
        "-m",
        "uvicorn",
        "tutor.asgi:application",
        "--port",
        str(port),
        "--lifespan",
        "on",
    ]
    environment = {**os.environ, "EMBEDDINGS": "host", "OMP_NUM_THREADS": "1"}
    return subprocess.Popen([*command, "--log-level", "warning"], env=environment)


def resident_megabytes(pid: int) -> float:
    """Resident memory of a process in MB (10^6 bytes)."""
    found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) * 1024 / 1e6 if found else 0.0


def figures() -> Iterator[Figure]:
    """Start the web process several times; then load pages and look at its memory."""
    call_command("migrate", verbosity=0)
    seconds = []
    for number in range(STARTS):
        port = free_port()
        began = time.perf_counter()
        web = start(port)
        try:
            while not answers(f"http://127.0.0.1:{port}/accounts/login/"):
                if web.poll() is not None:
                    raise RuntimeError(f"the web process stopped with exit code {web.returncode}")
                time.sleep(0.01)
            seconds.append(time.perf_counter() - began)
            if number == STARTS - 1:
                for _ in range(200):
                    assert answers(f"http://127.0.0.1:{port}/accounts/login/")
                yield Figure(
                    "resident memory after 200 pages", resident_megabytes(web.pid), "MB", at_most=250
                )
                mapped = Path(f"/proc/{web.pid}/maps").read_text()
                yield Figure("torch mapped into the process", float("libtorch" in mapped), at_most=0)
        finally:
            web.terminate()
            web.wait()
    yield Figure("start until the first page, median", sorted(seconds)[STARTS // 2], "s", at_most=3)
