"""Ends the process at the first try at something that no exercise needs, and says what it was.

The sandbox refuses these things anyway; an audit hook makes sure that code which tries and hides the refusal in an
`except` is not accepted. It is a tripwire, not the wall.
"""

import os
import sys
from typing import Any

MARK = "\x00fence: "  # before the words on standard error
EXIT = 86

FORBIDDEN = {
    "os.fork": "start a process", "os.forkpty": "start a process", "os.posix_spawn": "start a process",
    "os.exec": "start a program", "os.spawn": "start a program", "os.system": "start a program",
    "subprocess.Popen": "start a program", "pty.spawn": "start a program",
    "os.kill": "send a signal to a process", "os.killpg": "send a signal to a process",
    "socket.getaddrinfo": "use the network", "socket.gethostbyname": "use the network",
    "socket.connect": "use the network", "socket.bind": "use the network", "urllib.Request": "use the network",
    "ctypes.dlopen": "load a library of machine code", "resource.setrlimit": "change its limits",
}  # fmt: skip
READS = {"os.listdir", "os.scandir", "os.chdir"}
WRITES = {
    "os.remove", "os.rename", "os.mkdir", "os.rmdir", "os.chmod", "os.chown", "os.truncate", "os.link", "os.symlink", "os.utime",
    "shutil.rmtree", "shutil.move",
}  # fmt: skip
CHANGES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
SCRATCH = ("/scratch",)
HARMLESS = ("/dev/null", "/dev/zero", "/dev/urandom", "/dev/random")


def _inside(path: str, roots: tuple[str, ...]) -> bool:
    return any(path == root or path.startswith(root + "/") for root in roots)


def close() -> None:
    """From now on hold everything that this process does against the list. Cannot be undone."""
    readable = (*SCRATCH, *HARMLESS, "/box", os.path.realpath(sys.prefix), "/usr/lib", "/usr/share/zoneinfo")
    real, say, leave, tail = os.path.realpath, os.write, os._exit, MARK.encode()

    def end(deed: str) -> None:
        say(2, tail + deed.encode(errors="replace")[:300] + b"\n")
        leave(EXIT)

    def hold(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            path, mode, flags = arguments
            if isinstance(path, int):
                return
            place = real(os.fsdecode(path))
            if (flags & CHANGES or (mode and set(mode) & set("wax+"))) and not _inside(
                place, SCRATCH + HARMLESS
            ):
                end(f"write to the file {place}")
            if not _inside(place, readable):
                end(f"read the file {place}")
        elif event in FORBIDDEN:
            end(FORBIDDEN[event])
        elif event == "socket.__new__":
            if arguments[1] not in (1, -1):  # AF_UNIX, which reaches nothing but itself
                end("use the network")
        elif event in READS or event in WRITES:
            for path in arguments[:2]:
                if isinstance(path, (str, bytes)):
                    place = real(os.fsdecode(path))
                    if not _inside(place, readable if event in READS else SCRATCH):
                        end(f"{'read' if event in READS else 'change'} {place}")

    sys.addaudithook(hold)
