"""A real browser, and the real thing: `manage.py serve` with its workers and model host, once for the whole session."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

ROOT = Path(__file__).resolve().parents[2]
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
START = 240.0  # seconds the model host may take to load on a busy machine
PASSWORDS = {name: f"demo-{name}" for name in ("student", "instructor", "staff", "admin", "teacher", "coach")}
FLAGS = [
    "--no-sandbox",  # CI runs as root, where Chromium's sandbox refuses to start
    "--disable-gpu", "--disable-quic", "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--no-first-run", "--autoplay-policy=no-user-gesture-required",
]  # fmt: skip

expect.set_options(timeout=40_000)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Browser tests come last: Playwright keeps an event loop in this thread, which asynchronous tests could not share."""
    items.sort(key=lambda item: item.get_closest_marker("browser") is not None)


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """Debian's Chromium in place of Playwright's own download."""
    found = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if found is None:
        message = "There is no Chromium. Install one: apt-get install chromium"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    return {**browser_type_launch_args, "executable_path": found, "args": FLAGS}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass
class Lyceum:
    """A running Lyceum with the demo course in a data folder of its own."""

    url: str
    environment: dict[str, str]
    pid: int = 0  # of `manage.py serve`
    lines: list[str] = field(default_factory=list)

    def manage(self, *arguments: str) -> str:
        """What a management command prints."""
        command = [sys.executable, "manage.py", *arguments]
        done = subprocess.run(
            command, cwd=ROOT, env=self.environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"manage.py {' '.join(arguments)} failed: {done.stdout}{done.stderr}"
        return done.stdout

    @property
    def course(self) -> str:
        """The demo course's page."""
        return f"{self.url}/c/signals-noise-and-averages/"


@pytest.fixture(scope="session")
def lyceum(tmp_path_factory: pytest.TempPathFactory, models_folder: Path) -> Iterator[Lyceum]:
    """`manage.py serve` with the demo course, until the session ends."""
    from tutor.llm import catalog

    for found in catalog.root().iterdir():
        if found.name != "adapters" and not (models_folder / found.name).exists():
            (models_folder / found.name).symlink_to(found)
    port, host_port = free_port(), free_port()
    left_out = {"DATABASE_URL", "REDIS_URL", "BROKER_URL", "LLM_BASE_URL", "HOST_URL", "SECRET_KEY"}
    environment = {key: value for key, value in os.environ.items() if key not in left_out} | {
        "LYCEUM_DATA": str(tmp_path_factory.mktemp("lyceum")),
        "LYCEUM_MODELS": str(models_folder),  # with a place of its own for adapters
        "LYCEUM_DEMO": "1",
        "HOST_PORT": str(host_port),
        "SITE_URL": f"http://localhost:{port}",
        "LOG_LEVEL": "WARNING",
        "QUESTIONS_A_MINUTE": "100",  # every test asks as the same student
        "WORDS_A_MINUTE": "6000",  # classes need not be slow enough to listen to
    }
    site = Lyceum(f"http://localhost:{port}", environment)
    site.manage("migrate", "--verbosity", "0")
    loaded = [json.loads(line) for line in site.manage("demo", "--json").splitlines() if line.startswith("{")]
    assert {row.get("state", "done") for row in loaded} == {"done"}
    command = [sys.executable, "-u", "manage.py", "serve", "--port", str(port)]
    serve = subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    site.pid = serve.pid
    ready = threading.Event()

    def read() -> None:
        assert serve.stdout is not None
        for line in serve.stdout:
            site.lines.append(line.rstrip())
            if "Lyceum is ready" in line:
                ready.set()
        ready.set()

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    try:
        assert ready.wait(START), "\n".join(site.lines)
        assert serve.poll() is None, "\n".join(site.lines)
        yield site
    finally:
        serve.terminate()
        serve.wait(30)
        reader.join(5)


SignIn = Callable[..., Page]


@pytest.fixture
def sign_in(browser: Browser, lyceum: Lyceum) -> Iterator[SignIn]:
    """A page on which a person of the demo has signed in; each call is a browser of its own."""
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def open_page(who: str, **options: Any) -> Page:
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 860}, **options})
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(f"{page.url}: {error}"))
        page.on(
            "console",
            lambda line: (
                complaints.append(f"{page.url}: {line.text}")
                if "Content Security Policy" in line.text
                else None
            ),
        )
        page.goto(f"{lyceum.url}/accounts/login/")
        page.get_by_label("Email").fill(f"{who}@lyceum.example")
        page.get_by_label("Password", exact=True).fill(PASSWORDS[who])
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("heading", name="Your courses")).to_be_visible()
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == [], "scripts failed, or the content security policy refused something"
