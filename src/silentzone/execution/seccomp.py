"""A filter of system calls for code that a model wrote, as the kernel's own small programs.

Namespaces hide files, processes and networks. What remains reachable is the kernel itself, and
memory that no limit of a process counts: the filter takes both away.
"""

from __future__ import annotations

import platform
import struct

_ALLOW = 0x7FFF0000
_FAIL = 0x00050000
_EPERM, _EACCES, _ENOSYS = 1, 13, 38
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT = 0, 4, 16
_NEW_NAMESPACES = 0x7E020000
"""The flags of ``clone`` that make a namespace of any kind but that of time."""
_AF_UNIX = 1
_X32 = 0x40000000

_AUDIT = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_COLUMN = {"x86_64": 0, "aarch64": 1}
_SPECIAL = {"clone": (56, 220), "clone3": (435, 435), "socket": (41, 198), "socketpair": (53, 199)}
_REFUSED = {
    # New namespaces and mounts: what runs would be root of a world of its own again.
    "unshare": (272, 97), "setns": (308, 268), "mount": (165, 40), "umount2": (166, 39),
    "pivot_root": (155, 41), "chroot": (161, 51), "open_tree": (428, 428),
    "move_mount": (429, 429), "fsopen": (430, 430), "fsconfig": (431, 431),
    "fsmount": (432, 432), "fspick": (433, 433), "mount_setattr": (442, 442),
    # Memory that counts towards no process.
    "memfd_create": (319, 279), "memfd_secret": (447, 447), "shmget": (29, 194),
    "msgget": (68, 186), "semget": (64, 190), "mq_open": (240, 180),
    # Other processes.
    "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271),
    "kcmp": (312, 272), "pidfd_getfd": (438, 438), "process_madvise": (440, 440),
    # Parts of the kernel where mistakes were found often, and which no such program needs.
    "bpf": (321, 280), "perf_event_open": (298, 241), "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425), "io_uring_enter": (426, 426), "io_uring_register": (427, 427),
    "keyctl": (250, 219), "add_key": (248, 217), "request_key": (249, 218),
    "name_to_handle_at": (303, 264), "open_by_handle_at": (304, 265),
    "fanotify_init": (300, 262), "personality": (135, 92), "quotactl": (179, 60),
    # The machine as a whole.
    "acct": (163, 89), "syslog": (103, 116), "swapon": (167, 224), "swapoff": (168, 225),
    "reboot": (169, 142), "kexec_load": (246, 104), "kexec_file_load": (320, 294),
    "init_module": (175, 105), "finit_module": (313, 273), "delete_module": (176, 106),
}  # fmt: skip
"""Numbers of system calls on x86-64 and on 64-bit ARM."""


def is_filter_known() -> bool:
    """Whether there is a filter for this machine's processor."""
    return platform.machine() in _AUDIT


def filter_program() -> bytes:
    """Filter as ``bwrap --seccomp`` reads it: refuse what is listed, allow the rest.

    ``clone`` may not make namespaces, sockets are of the kind within one machine alone (a virtual
    machine's ``AF_VSOCK`` is in no network namespace), and ``clone3``, whose flags no filter can
    read, is said to be unknown, upon which C libraries take ``clone``.
    """
    machine = platform.machine()
    column = _COLUMN[machine]
    numbers = {name: pair[column] for name, pair in _SPECIAL.items()}
    refused = [pair[column] for pair in _REFUSED.values()]
    returns = {"allow": _ALLOW, "refuse": _FAIL | _EPERM, "no": _FAIL | _EACCES,
               "unknown": _FAIL | _ENOSYS}  # fmt: skip
    lines: list[tuple[int, int, str | None, str | None]] = [
        (_LOAD, _ARCHITECTURE, None, None),
        (_EQUAL, _AUDIT[machine], None, "refuse"),
        (_LOAD, _NUMBER, None, None),
        (_AT_LEAST, _X32, "refuse", None),
        (_EQUAL, numbers["clone"], "clone", None),
        (_EQUAL, numbers["clone3"], "unknown", None),
        (_EQUAL, numbers["socket"], "socket", None),
        (_EQUAL, numbers["socketpair"], "socket", None),
        *((_EQUAL, number, "refuse", None) for number in refused),
        (_RETURN, _ALLOW, None, None),
    ]
    places = {"clone": len(lines), "socket": len(lines) + 2}
    lines += [
        (_LOAD, _FIRST_ARGUMENT, None, None),
        (_ANY_BIT, _NEW_NAMESPACES, "refuse", "allow"),
        (_LOAD, _FIRST_ARGUMENT, None, None),
        (_EQUAL, _AF_UNIX, "allow", "no"),
    ]
    for name, value in returns.items():
        places[name] = len(lines)
        lines.append((_RETURN, value, None, None))
    return b"".join(
        struct.pack(
            "=HBBI",
            code,
            0 if yes is None else places[yes] - index - 1,
            0 if no is None else places[no] - index - 1,
            value,
        )
        for index, (code, value, yes, no) in enumerate(lines)
    )
