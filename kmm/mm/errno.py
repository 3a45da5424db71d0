"""Error numbers, as x86 Linux has them; a function that fails returns one, negated.

Linux: include/asm-generic/errno-base.h.
"""

from __future__ import annotations

EPERM = 1
ENOENT = 2
ESRCH = 3
EINTR = 4
EIO = 5
EBADF = 9
ECHILD = 10
EAGAIN = 11
ENOMEM = 12
EACCES = 13
EFAULT = 14
EBUSY = 16
EEXIST = 17
ENODEV = 19
EINVAL = 22

NAMES = {number: name for name, number in globals().items() if name.isupper()}


def error_name(result: int) -> str:
    """A negated error number in words, as in "-EINVAL"."""
    return f"-{NAMES.get(-result, str(-result))}"
