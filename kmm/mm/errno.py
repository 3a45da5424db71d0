"""Error numbers, as x86 Linux has them; a function that fails returns one, negated.

Linux: include/asm-generic/errno-base.h, errno.h; include/linux/errno.h.
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
ENOTDIR = 20
EISDIR = 21
EINVAL = 22
EMFILE = 24
ETXTBSY = 26
EPIPE = 32
ENAMETOOLONG = 36
ERESTARTSYS = 512  # never seen by a program: the call begins again, or says EINTR

NAMES = {number: name for name, number in globals().items() if name.isupper()}


def error_name(result: int) -> str:
    """A negated error number in words, as in "-EINVAL"."""
    return f"-{NAMES.get(-result, str(-result))}"
