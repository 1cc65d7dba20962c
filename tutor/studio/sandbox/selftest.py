"""Tries the sandbox before anything runs in it: every wall is pushed against, and one that gives closes the sandbox."""

from __future__ import annotations

import json
import os
import secrets
import socket
import tempfile
import threading
from pathlib import Path

from tutor.studio.sandbox import bubblewrap
from tutor.studio.sandbox.bubblewrap import Part, Profile, SandboxMissing
from tutor.studio.sandbox.running import Limits, run_untested

PROBE = Path(__file__).with_name("probe.py")
HOW = (
    "Allow unprivileged user namespaces: in Docker run the container with “--security-opt seccomp=unconfined "
    "--security-opt apparmor=unconfined --security-opt systempaths=unconfined”; on Ubuntu 24.04 or later “sysctl -w "
    "kernel.apparmor_restrict_unprivileged_userns=0” or an AppArmor profile for bwrap; on older Debian “sysctl -w "
    "kernel.unprivileged_userns_clone=1”; on hardened kernels “sysctl -w user.max_user_namespaces=10000”. "
    "Until then no code is run here."
)
_trying = threading.Lock()
_held = (
    threading.Event()
)  # that it held is remembered; that it did not is tried again, for it may have been mended


def ready() -> None:
    """Return if the sandbox holds on this machine; tried once a process. Raises SandboxMissing, saying what to do."""
    with _trying:  # two threads do not try it twice
        if _held.is_set():
            return
        try:
            problem = _probe()
            problem = problem or _over("time", "import time; time.sleep(60)")
            problem = problem or _over("output", "while True: print('x' * 1000)")
            problem = problem or _over("memory", "import time; x = b'x' * 150_000_000; time.sleep(60)")
        except OSError as error:
            problem = f"The sandbox could not be tried: {error}. Until that is mended no code is run here."
        if problem:
            raise SandboxMissing(problem)
        _held.set()


def _probe() -> str:
    """Run probe.py in it against a planted secret, a listening port and the host's folders."""
    word = secrets.token_hex(8)
    python = bubblewrap.python().program
    reader, writer = os.pipe()
    with tempfile.TemporaryDirectory(prefix="lyceum-secret-") as folder, socket.socket() as listening:
        os.chmod(folder, 0o755)
        secret = Path(folder, "secret")
        secret.write_text(word)
        secret.chmod(0o644)  # not its permissions keep the code from it
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        arguments = [
            "-s",
            "-S",
            "-B",
            f"{bubblewrap.BOX}/probe.py",
            str(writer),
            str(secret),
            str(listening.getsockname()[1]),
        ]
        os.environ["LYCEUM_SANDBOX_PROBE"] = word
        try:
            part = Part(
                python, arguments, {"probe.py": PROBE.read_bytes()}, [writer], Profile(processes=True)
            )
            outcome = run_untested([part], Limits(seconds=30, memory=256), {0: reader})[0]
        finally:
            os.close(reader)
            del os.environ["LYCEUM_SANDBOX_PROBE"]
        changed = secret.read_text() != word
    said = outcome.err.decode(errors="replace").strip()[-300:]
    try:
        found = json.loads(outcome.report)
        gave = list(found["gave"])
    except (ValueError, TypeError, KeyError):
        return (
            f"bubblewrap cannot make a sandbox here ({outcome.over or said or f'exit {outcome.code}'}). {HOW}"
        )
    if changed:
        gave.append("a file of the host could be changed")
    if word in json.dumps(found):
        gave.append("a secret of the host could be read")
    if not found.get("tried"):
        gave.append("the probe tried nothing")
    if gave:
        return f"The sandbox does not hold on this machine: {'; '.join(gave)}. {HOW}"
    return ""


def _over(limit: str, code: str) -> str:
    """Check that code which passes a limit is ended for it."""
    part = Part(bubblewrap.python().program, ["-s", "-S", "-c", code])
    limits = Limits(seconds=0.5 if limit == "time" else 30, together=100)
    outcome = run_untested([part], limits, {})[0]
    if outcome.over == limit:
        return ""
    said = outcome.err.decode(errors="replace").strip()[-300:]
    return f"The sandbox does not end what goes over its limit of {limit} ({said or f'exit {outcome.code}'}). {HOW}"
