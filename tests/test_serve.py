"""The supervisor and `manage.py serve`, with real processes."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from pytest_django.fixtures import Settings

ROOT = Path(__file__).parent.parent
DEADLINE = 30.0  # seconds an awaited line may take on a busy machine


class Supervised:
    """A supervisor in a process of its own, over the given programs ({name: Python source})."""

    def __init__(self, folder: Path, programs: dict[str, str]) -> None:
        listed = ", ".join(
            f"Program({name!r}, [sys.executable, '-u', '-c', {source!r}], dict(os.environ))"
            for name, source in programs.items()
        )
        script = folder / "supervise.py"
        script.write_text(
            textwrap.dedent(f"""
                import os, sys
                from tutor.supervisor import Program, Supervisor
                Supervisor([{listed}], lambda line: print(line, flush=True), lambda: print("all ready", flush=True)).run()
                print("stopped cleanly", flush=True)
            """)
        )
        self.process = subprocess.Popen(
            [sys.executable, str(script)], cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE, text=True, start_new_session=True,
        )  # fmt: skip
        self.lines: list[str] = []

    def wait_for(self, text: str) -> str:
        """The first line from now on that holds the text."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line.rstrip())
            if text in line:
                return line
        raise AssertionError(f"{text!r} was never said; the supervisor said {self.lines}")

    def pid_of(self, name: str) -> int:
        """The process id that a program printed as "NAME PID"."""
        return int(self.wait_for(f"{name} is ").split()[-1])


def gone(pid: int) -> bool:
    """Wait until a process is no more (or is a zombie that nobody waits for)."""
    until = time.monotonic() + DEADLINE
    while time.monotonic() < until:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
        except FileNotFoundError:
            return True
        if state == "Z":
            return True
        time.sleep(0.02)
    return False


SLEEPER = "import os, time; print('{name} is', os.getpid()); time.sleep(600)"
PARENT = (
    "import os, subprocess, sys, time; print('parent is', os.getpid());"
    "subprocess.Popen([sys.executable, '-u', '-c', \"import os, signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
    "print('grandchild is', os.getpid()); time.sleep(600)\"]); time.sleep(600)"
)


@pytest.fixture
def supervised(tmp_path: Path) -> Iterator[list[Supervised]]:
    started: list[Supervised] = []
    yield started
    for one in started:
        if one.process.poll() is None:
            os.killpg(one.process.pid, signal.SIGTERM)
        one.process.wait(DEADLINE)
        assert one.process.stdout is not None
        one.process.stdout.close()


def test_a_crashed_program_is_started_again_and_that_is_said(
    tmp_path: Path, supervised: list[Supervised]
) -> None:
    one = Supervised(tmp_path, {"steady": SLEEPER.format(name="steady"), "weak": SLEEPER.format(name="weak")})
    supervised.append(one)
    pids = dict(line.split("|")[1].split(" is ") for line in (one.wait_for(" is "), one.wait_for(" is ")))
    first = int(pids[" weak"])
    os.kill(first, signal.SIGKILL)
    assert "was killed by signal 9; starting it again in 1 s" in one.wait_for("weak was killed")
    second = one.pid_of("weak")
    assert second != first
    assert not gone_now(int(pids[" steady"]))


def gone_now(pid: int) -> bool:
    return not Path(f"/proc/{pid}").exists()


def test_an_exit_code_is_named(tmp_path: Path, supervised: list[Supervised]) -> None:
    one = Supervised(tmp_path, {"brief": "raise SystemExit(3)"})
    supervised.append(one)
    one.wait_for("brief stopped with exit code 3; starting it again in 1 s")
    one.wait_for("brief stopped with exit code 3; starting it again in 2 s")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_everything_that_was_started(
    tmp_path: Path, supervised: list[Supervised], number: signal.Signals
) -> None:
    one = Supervised(tmp_path, {"parent": PARENT})
    supervised.append(one)
    parent, grandchild = one.pid_of("parent"), one.pid_of("grandchild")
    one.process.send_signal(number)
    one.wait_for("stopped cleanly")
    assert one.process.wait(DEADLINE) == 0
    assert gone(parent)
    assert gone(grandchild)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child that its parent died")
def test_no_program_outlives_a_supervisor_that_was_killed(
    tmp_path: Path, supervised: list[Supervised]
) -> None:
    one = Supervised(tmp_path, {"orphan": SLEEPER.format(name="orphan")})
    supervised.append(one)
    orphan = one.pid_of("orphan")
    one.process.kill()
    assert gone(orphan)


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def test_a_taken_port_is_said_with_what_to_do(taken: int) -> None:
    with pytest.raises(CommandError, match=rf"Port {taken} is taken by another program.*make run PORT="):
        call_command("serve", port=taken)


def test_a_taken_port_of_the_model_host_is_said(settings: Settings, taken: int, free_port: int) -> None:
    settings.HOST_PORT = taken
    settings.HOST_URL = f"http://127.0.0.1:{taken}/v1"
    with pytest.raises(CommandError, match=rf"Port {taken}, which the model host uses.*HOST_PORT="):
        call_command("serve", port=free_port)


def test_the_demo_is_served_to_this_machine_only(settings: Settings, free_port: int) -> None:
    settings.DEMO = True
    with pytest.raises(CommandError, match="The demo's passwords are public"):
        call_command("serve", port=free_port, bind="0.0.0.0")


def test_several_web_processes_need_redis(settings: Settings, free_port: int) -> None:
    settings.REDIS_URL = ""
    with pytest.raises(CommandError, match="set REDIS_URL"):
        call_command("serve", port=free_port, workers=2)


@pytest.fixture
def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
