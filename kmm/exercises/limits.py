"""What the process that judges may use of the machine, as far as the system can say.

Set by that process itself, before it looks at the submission; a limit once lowered
cannot be raised again without privileges.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Mapping

MEMORY = 1 << 30  # bytes of address space
SECONDS = 100  # of CPU time
OPEN_FILES = 64
CLONE_NEWUSER, CLONE_NEWNET = 0x1000_0000, 0x4000_0000


def contain() -> Mapping[str, bool]:
    """Set all limits; what could be had and what could not."""
    return {**limits(), "network": cut_off()}


def limits() -> Mapping[str, bool]:
    try:
        import resource
    except ImportError:  # no Unix
        return dict.fromkeys(("cpu", "memory", "files", "processes", "core"), False)
    wanted = {
        "cpu": (resource.RLIMIT_CPU, SECONDS),
        "memory": (resource.RLIMIT_AS, MEMORY),
        "files": (resource.RLIMIT_FSIZE, 0),  # of no file may a byte be written
        "descriptors": (resource.RLIMIT_NOFILE, OPEN_FILES),
        "processes": (resource.RLIMIT_NPROC, 0),  # not enforced for root
        "core": (resource.RLIMIT_CORE, 0),
    }
    done = {}
    for name, (limit, value) in wanted.items():
        try:
            resource.setrlimit(limit, (value, value))
            done[name] = True
        except (OSError, ValueError):
            done[name] = False
    return {**done, "processes": done["processes"] and os.geteuid() != 0}


def cut_off() -> bool:
    """A network of its own, with nothing in it: Linux, where users may have one."""
    if sys.platform != "linux":
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    return bool(libc.unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0)
