"""The whole of it, in the environment's profile: a file comes in, a worker reads it, and everything stops."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import httpx
import psycopg
import pytest

from tests.test_serve import gone

ROOT = Path(__file__).parent.parent
EMAIL, PASSWORD = "owner@example.org", "correct horse battery"
LONGEST = 240.0  # seconds for the slowest step on a busy machine


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture
def environment(tmp_path: Path) -> Iterator[dict[str, str]]:
    """The tests' own environment with a data folder, ports and, on PostgreSQL, a database of its own."""
    port = free_port()
    chosen = {
        **os.environ,
        "LYCEUM_DATA": str(tmp_path),
        "LYCEUM_DEMO": "0",
        "HOST_PORT": str(free_port()),
        "SITE_URL": f"http://localhost:{port}",
        "LOG_LEVEL": "WARNING",
        "DJANGO_SUPERUSER_PASSWORD": PASSWORD,
    }
    url = urlsplit(os.environ.get("DATABASE_URL", ""))
    if not url.scheme.startswith("postgres"):
        yield chosen
        return
    name = f"{url.path.strip('/')}_whole"
    with psycopg.connect(urlunsplit(url._replace(path="/postgres")), autocommit=True) as admin:
        admin.execute(f'drop database if exists "{name}" with (force)'.encode())
        admin.execute(f'create database "{name}"'.encode())
        yield {**chosen, "DATABASE_URL": urlunsplit(url._replace(path=f"/{name}"))}
        admin.execute(f'drop database if exists "{name}" with (force)'.encode())


def manage(environment: dict[str, str], *arguments: str) -> None:
    subprocess.run([sys.executable, "manage.py", *arguments], cwd=ROOT, env=environment, check=True)


def children(pid: int) -> set[int]:
    """The process ids of everything a process has started, and so on."""
    listed = subprocess.run(["ps", "-eo", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    parents: dict[int, int] = {}
    for line in listed.splitlines():
        child, parent = map(int, line.split())
        parents[child] = parent
    found = {pid}
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return found - {pid}


def submit(client: httpx.Client, page: str, data: dict[str, str]) -> httpx.Response:
    """Send a form of a page, as a browser would."""
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', client.get(page).text)
    assert token is not None, f"{page} has no form"
    sent = client.post(
        page, data={**data, "csrfmiddlewaretoken": token[1]}, headers={"Referer": str(client.base_url)}
    )
    assert sent.status_code == 200, f"{page} answered {sent.status_code}"
    return sent


@pytest.mark.model
def test_a_file_comes_in_is_read_by_a_worker_and_everything_stops(environment: dict[str, str]) -> None:
    manage(environment, "migrate", "--verbosity", "0")
    manage(environment, "createsuperuser", "--noinput", "--email", EMAIL)
    url = environment["SITE_URL"]
    command = [sys.executable, "-u", "manage.py", "serve", "--port", str(urlsplit(url).port)]
    serve = subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        assert serve.stdout is not None
        said = []
        for line in serve.stdout:
            said.append(line)
            if "Lyceum is ready" in line:
                break
        assert serve.poll() is None, "".join(said)

        with httpx.Client(base_url=url, follow_redirects=True, timeout=LONGEST) as client:
            submit(client, "/accounts/login/", {"login": EMAIL, "password": PASSWORD})
            course = submit(client, "/courses/new/", {"title": "Tides"}).url.path.split("/")[2]
            materials = f"/c/{course}/materials/"
            token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', client.get(materials).text)
            assert token is not None
            text = (
                b"# Tides\n\nThe moon raises two bulges of water, so most coasts have two high tides a day.\n"
            )
            sent = client.post(
                f"{materials}upload/",
                files={"files": ("tides.md", text)},
                headers={"X-CSRFToken": token[1], "Accept": "application/json", "Referer": url},
            )
            assert sent.status_code == 200, sent.text
            until = time.monotonic() + LONGEST
            while not (settled := client.get(f"{materials}status.json").json()["settled"]):
                assert time.monotonic() < until, "the worker did not read the file"
                time.sleep(0.5)
            assert list(settled.values()) == ["done"]
        started = children(serve.pid)
        assert len(started) >= 4
    finally:
        serve.send_signal(signal.SIGTERM)
        assert serve.stdout is not None
        rest = serve.stdout.read()
    assert serve.wait(LONGEST) == 0, rest
    assert all(gone(pid) for pid in started), "something was left running"
