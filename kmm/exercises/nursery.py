"""Where judges come from: starts the template process, and has it copy itself.

Called by `sandbox`.  A nursery is shared by all who judge the same kind of exercise,
in threads too: a class, or one student again and again.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import Any

from .exercise import OF_CODE, Exercise
from .template import END, FORK, NUMBER

PATIENCE = 60.0  # seconds, for the template to begin, and to make a copy of itself
ROOT = Path(__file__).parents[2]  # where the package is
START = (
    "import sys; sys.path.insert(0, sys.argv[1]); "
    "from kmm.exercises.template import main; main()"
)


class Nursery:
    """Has a template from its first judge on, or from `warm_up`, to `close`."""

    def __init__(self, exercise: Exercise, start: str = START) -> None:
        self.kind = "code" if exercise.kind in OF_CODE else "data"
        self.start = start  # the template's program
        self.lock = Lock()  # one question at a time
        self.process: subprocess.Popen[bytes] | None = None
        self.control: socket.socket | None = None
        self.is_closed = False

    def __enter__(self) -> Nursery:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @contextmanager
    def judging(self, job: Mapping[str, Any]) -> Iterator[int]:
        """A judge at work on a job; gives the pipe that its report comes out of.

        It is ended on leaving, done or not.  Raises OSError if none can be had.
        """
        reader, writer = os.pipe()
        jobs, handing = os.pipe()
        with tempfile.TemporaryDirectory(prefix="kmm-") as nowhere:
            try:
                try:
                    pid = self.copy(jobs, writer)
                finally:
                    os.close(jobs)
                    os.close(writer)
                    hand_over(handing, {**job, "nowhere": nowhere})
                try:
                    yield reader
                finally:
                    self.end(pid)
            finally:
                os.close(reader)

    def warm_up(self) -> None:
        """Have the template begin; it is not waited for, and no trouble is told yet."""
        with self.lock, suppress(OSError):
            self.connected()

    def copy(self, jobs: int, report: int) -> int:
        """A new judge; should the template be dead, from a new one.  Its process id."""
        with self.lock:
            for _ in range(2):
                control = self.connected()
                with suppress(OSError):
                    socket.send_fds(control, [FORK], [jobs, report])
                    answer = control.recv(NUMBER.size, socket.MSG_WAITALL)
                    if len(answer) == NUMBER.size:
                        return int(NUMBER.unpack(answer)[0])
                self.drop()
            raise OSError("no process can be started that judges")

    def end(self, pid: int) -> None:
        """End a judge, and what it has started."""
        with self.lock:
            if self.control is not None:
                with suppress(OSError):
                    self.control.sendall(END + NUMBER.pack(pid))
                    if self.control.recv(NUMBER.size, socket.MSG_WAITALL):
                        return
            self.drop()
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)  # nobody else is left to do it

    def connected(self) -> socket.socket:
        """The socket to the template, which is started if need be.  Raises OSError."""
        if self.is_closed or not hasattr(os, "fork"):
            why = "nobody wants one any more" if self.is_closed else "this is no Unix"
            raise OSError(f"no process can be started that judges: {why}")
        if self.control is None:
            self.control, theirs = socket.socketpair()
            self.control.settimeout(PATIENCE)
            self.process = start(self.start, theirs.fileno(), self.kind)
            theirs.close()
        return self.control

    def close(self) -> None:
        with self.lock:
            self.is_closed = True
            self.drop()

    def drop(self) -> None:
        """Let the template go; it ends when nobody is at the other end."""
        if self.control is not None:
            self.control.close()
            self.control = None
        if self.process is not None:
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
            self.process = None


def start(program: str, control: int, kind: str) -> subprocess.Popen[bytes]:
    """A Python of its own, with no environment of ours, and deaf to our Ctrl-C."""
    return subprocess.Popen(  # noqa: S603 - this Python, and our own words
        [sys.executable, "-E", "-P", "-c", program, str(ROOT), str(control), kind],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        pass_fds=(control,),
        cwd="/",
        env={"PATH": os.defpath, "LANG": "C.UTF-8"},
        start_new_session=True,
    )


def hand_over(pipe: int, job: Mapping[str, Any]) -> None:
    with suppress(BrokenPipeError), os.fdopen(pipe, "wb") as file:
        file.write(json.dumps(job).encode())
