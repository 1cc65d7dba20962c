"""Runs code that nobody vouches for: bubblewrap, a seccomp filter, limits, and a self-test before the first run.

What is promised to the code's surroundings, and tried by `selftest.py` before anything runs (docs/operations.md says
it in full): no network, no file of the host but the system's programs and libraries (read-only), no process outside,
no privilege, no variable of our environment, and an end by the clock whatever it does. Where that cannot be set up,
SandboxMissing says what to do. There is no other way to run such code.

    with pipe() as (reader, writer): ...
    outcome, = run([Part("/usr/bin/python3", ["-c", "print(1)"])])
"""

from tutor.studio.sandbox.bubblewrap import BOX, Part, Profile, SandboxMissing, python
from tutor.studio.sandbox.running import Limits, Outcome, run
from tutor.studio.sandbox.selftest import ready

__all__ = ["BOX", "Limits", "Outcome", "Part", "Profile", "SandboxMissing", "python", "ready", "run"]
