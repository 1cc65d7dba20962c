"""Runs inside the sandbox, for its self-test: pushes against every wall and reports those that gave.

Arguments: the descriptor to report on, the path of a secret of the host, a port on which the host listens.
"""

import json
import os
import resource
import signal
import socket
import sys
import time

report, secret, port = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
gave: list[str] = []
tried = 0


def attempt(what: str, deed) -> None:  # type: ignore[no-untyped-def]
    """Note it if the deed succeeds. It runs in a child, because the filter may kill for it."""
    global tried
    tried += 1
    child = os.fork()
    if not child:
        try:
            os._exit(0 if deed() is not False else 1)
        except BaseException:  # noqa: BLE001 whatever it is, the wall held
            os._exit(1)
    if os.waitpid(child, 0)[1] == 0:
        gave.append(what)


def connect(family: int, address: object) -> None:
    """Open a connection."""
    with socket.socket(family, socket.SOCK_STREAM) as stream:
        stream.settimeout(1)
        stream.connect(address)  # type: ignore[arg-type]


def write(path: str) -> None:
    """Change or make a file."""
    with open(path, "a") as file:
        file.write("x")


def read(path: str) -> None:
    """Read a file or a folder."""
    if os.path.isdir(path):
        os.listdir(path)
        return
    with open(path, "rb") as file:
        file.read(9)


def forks() -> bool:
    """Whether more processes can be started than any exercise needs."""
    children = []
    try:
        for _ in range(200):
            child = os.fork()
            if not child:
                time.sleep(30)
                os._exit(0)
            children.append(child)
    except OSError:
        pass
    for child in children:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    return len(children) > 100


def memory() -> None:
    """Take a gigabyte."""
    block = bytearray(1_000_000_000)
    block[::4096] = b"x" * len(block[::4096])


def fill() -> bool:
    """Whether a gigabyte of files can be written."""
    written = 0
    try:
        with open("large", "wb") as file:
            while written < 1_000_000_000:
                written += file.write(b"x" * 10_000_000)
    finally:
        os.remove("large")
    return True


def others() -> bool:
    """Whether processes outside can be seen."""
    numbers = [int(name) for name in os.listdir("/proc") if name.isdigit()]
    return len(numbers) > 10


def raised() -> None:
    """Lift a limit."""
    resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


def nested() -> bool:
    """Whether a new user namespace can be made."""
    import ctypes

    return bool(ctypes.CDLL(None, use_errno=True).unshare(0x10000000) == 0)


def become_root() -> bool:
    """Whether uid 0 can be had."""
    if os.geteuid():
        os.setuid(0)
    return True


def privileged() -> bool:
    """Whether any capability is left, or new ones may be gained by running a file."""
    with open("/proc/self/status") as file:
        status = dict(line.split(":\t", 1) for line in file if ":\t" in line)
    return (
        any(int(status[name], 16) for name in ("CapEff", "CapPrm", "CapBnd"))
        or status["NoNewPrivs"].strip() != "1"
    )


attempt("the network could be reached", lambda: connect(socket.AF_INET, ("127.0.0.1", port)))
attempt("a network socket could be made", lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
attempt("a socket to the machine below could be made", lambda: socket.socket(40, socket.SOCK_STREAM))
attempt("a file of the host could be read", lambda: read(secret))
attempt("a file of the host could be written", lambda: write(secret))
for place in (
    "/etc/passwd",
    "/usr/bin/env",
    "/usr/lib/x",
    "/x",
    "/dev/x",
    "/tmp/x",
    "/box/probe.py",
    "/proc/sys/kernel/hostname",
):
    attempt(f"{place} could be written", lambda place=place: write(place))
for place in ("/etc/shadow", "/root", "/home", "/var", "/proc/kcore", "/sys"):
    attempt(f"{place} could be read", lambda place=place: read(place))
attempt("any number of processes could be started", forks)
attempt("any amount of memory could be taken", memory)
attempt("any amount of files could be written", fill)
attempt("processes outside could be seen", others)
attempt("limits could be lifted", raised)
attempt("a new user namespace could be made", nested)
attempt("root's rights could be had", become_root)
attempt("capabilities were left", privileged)
if set(os.environ) - {"PATH", "HOME", "TMPDIR", "TMP", "LANG", "PYTHONHASHSEED", "PWD", "LC_CTYPE"}:
    gave.append(f"the environment was passed on ({', '.join(os.environ)})")
seen = []
for process in filter(str.isdigit, os.listdir("/proc")):
    try:
        with open(f"/proc/{process}/environ", "rb") as file:
            seen.append(file.read(4000).decode("latin-1"))
    except OSError:
        pass
os.write(report, json.dumps({"tried": tried, "gave": gave, "seen": seen}).encode())
