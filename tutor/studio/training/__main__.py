"""`python -m tutor.studio.training SPEC`: train in this process and no other, and say how it goes on standard output."""

from __future__ import annotations

import ctypes
import os
import sys
import threading
from importlib import import_module
from pathlib import Path

import torch

from tutor.studio.training import METHODS
from tutor.studio.training.reporting import first, memory_mb, say
from tutor.studio.training.spec import Spec

OUT_OF_MEMORY = (
    "Memory ran out. Use a smaller batch_size (with more accumulation), a smaller max_tokens, recompute=1 or a lower rank; then "
    "resume."
)
SIGNS = (  # in what torch, its libraries and the system say where memory runs out
    "out of memory", "not enough memory", "allocate memory", "bad_alloc", "can't start new thread", "could not create a memory",
    "could not create a primitive", "failed to map", "insufficient memory",
)  # fmt: skip


def end_with_worker() -> None:
    """End this process when its worker has died, whose end of standard input closes then, also for those that torchrun starts:
    the run is another worker's from now on, and two must not train it.
    """
    os.read(0, 1)
    os._exit(4)


def keep_freed_memory() -> None:
    """Have what a step frees kept for the next one: to hand it to the kernel and back costs a quarter of a step's time."""
    set_option = getattr(ctypes.CDLL(None), "mallopt", None)
    if set_option is not None:  # glibc
        for option in (-1, -3):  # M_TRIM_THRESHOLD, M_MMAP_THRESHOLD
            set_option(option, 2**31 - 1)


def main(file: Path) -> int:
    """The exit status; the last line says {"done": …} or {"error": …}."""
    if os.environ.get("ENDS_WITH_STDIN"):
        threading.Thread(target=end_with_worker, daemon=True).start()
    keep_freed_memory()
    spec = Spec.read(file)
    try:
        import_module(METHODS[spec.method]).train(spec)
    except (torch.OutOfMemoryError, MemoryError):
        say(error=OUT_OF_MEMORY)
        return 3
    except (RuntimeError, OSError) as error:
        text = str(error).strip()
        short = any(sign in text.lower() for sign in SIGNS)
        say(error=OUT_OF_MEMORY if short else (text or type(error).__name__).splitlines()[0][:500])
        return 3
    if first():
        say(done=True, memory_mb=round(memory_mb(), 1))
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
