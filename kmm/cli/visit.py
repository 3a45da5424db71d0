"""One page of `kmm serve`: the screen, in a process that keeps nothing.

`pages` starts it for each page that is opened, with a folder in which it may make one
of its own, and a time after which it is ended, whatever it is at.  Its state, its cache
and all that it writes are there, and go when it ends.  It makes way for the machine's
own work, and has no editor to open.
"""

from __future__ import annotations

import os
import signal
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

MEMORY = 2 << 30  # bytes of address space; a search of the book takes a tenth
KEPT_ELSEWHERE = ("XDG_STATE_HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME")
EDITORS = ("VISUAL", "EDITOR")


def visit(folder: str, seconds: int) -> int:
    if hasattr(signal, "alarm"):
        signal.alarm(seconds)
    with tempfile.TemporaryDirectory(dir=folder) as own:
        settle_in(Path(own))
        from .main import main

        try:
            return main([])
        finally:
            os.chdir(folder)


def settle_in(own: Path) -> None:
    os.chdir(own)
    for name in KEPT_ELSEWHERE:
        os.environ[name] = str(own / name)
    for name in EDITORS:
        os.environ.pop(name, None)
    with suppress(ImportError, OSError, ValueError):  # where there are no such limits
        import resource

        os.nice(10)
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


if __name__ == "__main__":
    sys.exit(visit(sys.argv[1], int(sys.argv[2])))
