"""The seccomp filter: what the kernel refuses to code in the sandbox, whatever its namespaces allow.

Namespaces leave some doors: sockets of families without a namespace (vsock reaches the host of a virtual machine), the
kernel's newer and less tried interfaces, tracing. Written by hand because it is forty instructions, and a binding for
libseccomp would have to be compiled.
"""

from __future__ import annotations

import platform
import struct

# classic BPF, as in linux/bpf_common.h
LOAD, EQUAL, ANY_BIT, AT_LEAST, RETURN = 0x20, 0x15, 0x45, 0x35, 0x06
NUMBER, ARCHITECTURE, ARGUMENT = (
    0,
    4,
    16,
)  # offsets in struct seccomp_data; the low half of the first argument
KILL, REFUSE, ALLOW = 0x80000000, 0x00050000, 0x7FFF0000
EPERM, ENOSYS = 1, 38
AF_UNIX, CLONE_THREAD = 1, 0x00010000
X32 = 0x40000000  # the second set of numbers on x86-64

AUDIT = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
CALLS = {
    "x86_64": {
        "socket": 41, "clone": 56, "fork": 57, "vfork": 58, "clone3": 435,
        "ptrace": 101, "pivot_root": 155, "modify_ldt": 154, "mount": 165, "umount2": 166, "add_key": 248,
        "request_key": 249, "keyctl": 250, "unshare": 272, "perf_event_open": 298, "setns": 308,
        "process_vm_readv": 310, "process_vm_writev": 311, "bpf": 321, "userfaultfd": 323,
        "io_uring_setup": 425, "io_uring_enter": 426, "io_uring_register": 427,
    },
    "aarch64": {
        "socket": 198, "clone": 220, "clone3": 435,
        "ptrace": 117, "pivot_root": 41, "mount": 40, "umount2": 39, "add_key": 217, "request_key": 218,
        "keyctl": 219, "unshare": 97, "perf_event_open": 241, "setns": 268, "process_vm_readv": 270,
        "process_vm_writev": 271, "bpf": 280, "userfaultfd": 282, "io_uring_setup": 425, "io_uring_enter": 426,
        "io_uring_register": 427,
    },
}  # fmt: skip
SPECIAL = {"socket", "clone", "fork", "vfork", "clone3"}


def program(*, processes: bool) -> bytes:
    """The filter for this machine. processes: whether the code may start any; threads it always may.

    Raises KeyError for a processor whose numbers are not known here.
    """
    machine = platform.machine()
    calls = CALLS[machine]
    lines = [
        (LOAD, 0, 0, ARCHITECTURE),
        (EQUAL, 1, 0, AUDIT[machine]),
        (RETURN, 0, 0, KILL),
        (LOAD, 0, 0, NUMBER),
        (AT_LEAST, 0, 1, X32),
        (RETURN, 0, 0, KILL),
    ]
    for name, number in calls.items():
        if name not in SPECIAL:
            lines += [(EQUAL, 0, 1, number), (RETURN, 0, 0, REFUSE | EPERM)]
    # a socket of any other family than AF_UNIX ends the process, so that no `except` hides the attempt
    lines += [
        (EQUAL, 0, 4, calls["socket"]),
        (LOAD, 0, 0, ARGUMENT),
        (EQUAL, 1, 0, AF_UNIX),
        (RETURN, 0, 0, KILL),
        (RETURN, 0, 0, ALLOW),
    ]
    if not processes:
        # its flags lie in memory, where a filter cannot look; libraries then use clone
        lines += [(EQUAL, 0, 1, calls["clone3"]), (RETURN, 0, 0, REFUSE | ENOSYS)]
        for name in ("fork", "vfork"):
            if name in calls:
                lines += [(EQUAL, 0, 1, calls[name]), (RETURN, 0, 0, KILL)]
        lines += [
            (EQUAL, 0, 4, calls["clone"]),
            (LOAD, 0, 0, ARGUMENT),
            (ANY_BIT, 1, 0, CLONE_THREAD),
            (RETURN, 0, 0, KILL),
            (RETURN, 0, 0, ALLOW),
        ]
    lines.append((RETURN, 0, 0, ALLOW))
    return b"".join(struct.pack("=HBBI", *line) for line in lines)
