"""The process that judges are copies of.

To start Python, to import kmm and to read the kernel takes longer than most checks.  So
it is done once, here, in a process that never sees a submission: for each it makes a
copy of itself by fork, which judges that one and ends (`judge`).  Whatever a submission
does to its copy, the next one knows nothing of it.

`nursery` starts this, and asks over a socket: `j` with two pipes for a copy that reads
its job from the one and reports into the other, which is answered by its process id;
`e` and that id to end it, with all that it has started.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import socket
import struct
import sys

from . import judge
from .canary import Canary
from .vet import readable

NUMBER = struct.Struct("!i")
FORK, END = b"j", b"e"


def main() -> None:
    """Serve until whoever started this closes the socket, or is gone."""
    control = socket.socket(fileno=int(sys.argv[2]))
    canary = prepare() if sys.argv[3] == "code" else None
    gc.freeze()  # what is there now is never looked at again, so pages stay shared
    copies: set[int] = set()
    while True:
        word, pipes, _, _ = socket.recv_fds(control, 1, 2)
        if word == FORK:
            pid = os.fork()
            if pid == 0:
                control.close()
                be_a_judge(pipes[0], pipes[1], canary)
            copies.add(pid)
            for pipe in pipes:
                os.close(pipe)
            control.sendall(NUMBER.pack(pid))
        elif word == END:
            (pid,) = NUMBER.unpack(control.recv(NUMBER.size, socket.MSG_WAITALL))
            if pid in copies:
                copies.remove(pid)
                end(pid)
            control.sendall(NUMBER.pack(0))
        else:
            for pid in copies:
                end(pid)
            return


def prepare() -> Canary:
    """What every judge of code needs."""
    readable()
    return Canary.new()


def be_a_judge(jobs: int, report: int, canary: Canary | None) -> None:
    """Judge one submission, in a process group of its own, and end.

    The empty folder that the job names is all that it has.
    """
    try:
        os.setsid()
        with os.fdopen(jobs, "rb") as pipe:
            job = json.loads(pipe.read())
        os.chdir(job["nowhere"])
        os.environ["HOME"] = job["nowhere"]
        judge.work(job, judge.Pipe(report, job["nonce"]), canary)
    finally:
        os._exit(0)  # nothing of the template's is to be cleaned up here


def end(pid: int) -> None:
    """End a copy and what it has started, whatever they are doing."""
    for kill in os.killpg, os.kill:  # it may have no group of its own yet
        try:
            kill(pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            continue
    os.waitpid(pid, 0)
