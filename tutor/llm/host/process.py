"""Starting the host from another process, and waiting until it serves."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx
from django.conf import settings

READY_SECONDS = 180  # it takes a few, but the machine may be busy


class HostFailed(Exception):
    """The model host does not come up; the message says why."""


@contextmanager
def running(url: str = "") -> Iterator[str]:
    """The base URL of a model host that is ready: the one that answers, or one started for the while of the context.

    The default is settings.HOST_URL. Raises HostFailed.
    """
    url = url or settings.HOST_URL
    if _health(url) is not None:
        _wait(url, None, None)
        yield url
        return
    with tempfile.TemporaryFile("w+") as output:
        command = [sys.executable, "-m", "tutor.llm.host", "--port", str(urlsplit(url).port)]
        root = Path(__file__).resolve().parents[3]
        process = subprocess.Popen(command, cwd=root, stdout=output, stderr=output)
        try:
            _wait(url, process, output)
            yield url
        finally:
            process.terminate()
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _health(url: str) -> httpx.Response | None:
    try:
        return httpx.get(f"{url.removesuffix('/v1')}/health", timeout=5, trust_env=False)
    except httpx.HTTPError:
        return None


def _wait(url: str, process: subprocess.Popen[bytes] | None, output: object) -> None:
    end = time.monotonic() + READY_SECONDS
    while time.monotonic() < end:
        answer = _health(url)
        if answer is not None and answer.status_code == 200:
            return
        if answer is not None and _failure(answer):
            raise HostFailed(f"The model host cannot serve: {_failure(answer)}")
        if process is not None and process.poll() is not None:
            output.seek(0)  # type: ignore[attr-defined]
            said = output.read().strip().splitlines()[-1:]  # type: ignore[attr-defined]
            raise HostFailed(f"The model host ended at its start: {''.join(said) or 'no reason given'}")
        time.sleep(0.1)
    raise HostFailed(
        f"The model host at {url} was not ready within {READY_SECONDS} s. Is the machine overloaded?"
    )


def _failure(answer: httpx.Response) -> str:
    try:
        return str(answer.json().get("error", ""))
    except ValueError:
        return f"something else answers at {answer.url}; choose another HOST_PORT"
