"""The child process that reads one file: `python -m courses.parsing_child`, with a job as a JSON line on its input.

It imports the one reader it needs and nothing of Django. See courses.parsing for the other side.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import threading
from pathlib import Path
from typing import Any

_NEW_USER, _NEW_NETWORK = 0x10000000, 0x40000000


def main() -> None:
    """Read the job, give up rights, run the reader and write parts as JSON lines."""
    job: dict[str, Any] = json.loads(sys.stdin.buffer.readline())
    out = os.fdopen(os.dup(1), "wb", buffering=1 << 16)
    os.dup2(2, 1)  # what a library prints must not get between the lines
    _leave_network()
    _limit(job["limits"])
    threading.Thread(target=_die_with_parent, daemon=True).start()
    try:
        _run(job, out)
        _write(out, {"end": True})
    except BrokenPipeError:
        pass
    out.close()
    os._exit(0)  # libraries' threads are of no interest any more


def _run(job: dict[str, Any], out: Any) -> None:
    from courses.readers import READERS, UnreadableFile

    module, _, function = (job["reader"] or READERS[job["kind"]]).rpartition(".")
    try:
        read = getattr(importlib.import_module(module), function)
        options: dict[str, Any] = dict(job["options"])
        if "speech_model" in job:
            options["speech_model"] = Path(job["speech_model"])
        for part in read(Path(job["path"]), Path(job["assets"]), **options):
            blocks = [
                {"kind": b.kind, "text": b.text, "anchor": b.anchor, "level": b.level, "data": b.data}
                for b in part.blocks
            ]
            _write(out, {"blocks": blocks, "done": part.done, "meta": part.meta})
    except UnreadableFile as error:
        _write(out, {"error": str(error)})
    except BrokenPipeError:
        raise
    except MemoryError:
        from courses.parsing import too_much_memory

        _write(out, {"error": too_much_memory(job["limits"]["memory"])})
    except Exception as error:  # noqa: BLE001 - a damaged file makes libraries raise anything
        import traceback

        from courses.parsing import DAMAGED

        if job["reader"]:  # a message of a library may quote the file
            trace = "".join(traceback.format_tb(error.__traceback__)) + type(error).__name__
        else:
            trace = "".join(traceback.format_exception(error))[-4000:]
        _write(out, {"error": DAMAGED, "trace": trace, "kind": job["kind"]})


def _write(out: Any, message: dict[str, Any]) -> None:
    out.write(json.dumps(_clean(message)).encode() + b"\n")
    out.flush()


def _clean(value: Any) -> Any:
    """The value without NUL and lone surrogates, which no database takes."""
    if isinstance(value, str):
        value = value.replace("\0", "")
        return value if value.isascii() else value.encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {key: _clean(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(item) for item in value]
    return value


def _limit(limits: dict[str, Any]) -> None:
    import resource

    memory, asset = limits["memory"] * 1_000_000, limits["asset"] * 1_000_000
    for what, most in (
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_CPU, limits["cpu"]),
        (resource.RLIMIT_FSIZE, asset),
        (resource.RLIMIT_NOFILE, 256),
        (resource.RLIMIT_CORE, 0),
    ):
        hard = resource.getrlimit(what)[1]
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        # over its soft limit of CPU time the child gets SIGXCPU, which tells why it ended; the hard one just kills
        spare = (
            5 if what == resource.RLIMIT_CPU and hard in (resource.RLIM_INFINITY, max(hard, most + 5)) else 0
        )
        resource.setrlimit(what, (most, most + spare))


def _leave_network() -> None:
    """Move to a network namespace without any interface, where an unprivileged process may."""
    import ctypes

    try:
        libc = ctypes.CDLL(None, use_errno=True)
        user, group = os.getuid(), os.getgid()
        if libc.unshare(_NEW_USER | _NEW_NETWORK) != 0:
            return
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
        Path("/proc/self/gid_map").write_text(f"{group} {group} 1")
    except (OSError, AttributeError):
        return


def _die_with_parent() -> None:
    while os.read(0, 1024):
        pass
    os._exit(1)


if __name__ == "__main__":
    main()
