"""A kernel thread: a coroutine, the CPU it runs on, and the locks it holds."""

from __future__ import annotations

from collections.abc import Coroutine
from types import CodeType, FrameType
from typing import Any

from attrs import define, field, frozen

from .trap import Op

Body = Coroutine[Op, "KThread", object]


@frozen
class Place:
    """One frame of a call trace: a function of the model and a line in it."""

    function: str
    file: str  # from the package's root, e.g. kmm/mm/rmap.py
    line: int

    def __str__(self) -> str:
        return f"{self.function} ({self.file}:{self.line})"


class Held:
    """What a thread can hold."""

    __slots__ = ()

    name: str
    atomic = False  # whether its holder must not sleep
    irqs_off = False  # whether its holder's CPU lets no interrupt in
    tracked = True  # whether `lockdep` follows it


@define(eq=False)
class KThread:
    """A kernel thread, pinned to a CPU.

    `pending` is the operation that it will do when it is next chosen; None once it
    has ended.  A daemon serves others and never ends: a run is over when nobody else
    has anything left to do, and the daemons wait.
    """

    comm: str  # the command name, as in task_struct
    pid: int
    cpu: int
    body: Body
    daemon: bool = False
    index: int = 0  # its place among the machine's threads
    pending: Op | None = None
    held: list[Held] = field(factory=list)
    task: Any = (
        None  # what the model hangs on it, as a kernel stack has its task_struct
    )

    @property
    def name(self) -> str:
        return f"{self.comm}:{self.pid}"

    @property
    def in_atomic(self) -> bool:
        """Whether a spinlock (or an RCU read section) forbids sleeping."""
        return any(lock.atomic for lock in self.held)

    def call_trace(self) -> tuple[Place, ...]:
        """The functions of the model that this thread is in, innermost first.

        Only meaningful while the thread is suspended at a preemption point.
        """
        frames: list[FrameType] = []
        awaited: Any = self.body
        while (frame := getattr(awaited, "cr_frame", None)) is not None:
            frames.append(frame)
            awaited = awaited.cr_await
        places = (place_of(f.f_code, f.f_lineno) for f in reversed(frames))
        return tuple(p for p in places if not is_engine(p))


def place_of(code: CodeType, line: int) -> Place:
    """Where `line` of `code` is, with the file named from the package's root.

    Lessons, which may be in the package or beside it, are named from their own.
    """
    name = code.co_filename.replace("\\", "/")
    _, lessons, path = name.rpartition("/lessons/")
    if not lessons:
        _, lessons, path = name.rpartition("/kmm/")
    return Place(code.co_name, lessons.lstrip("/") + path, line)


def is_engine(place: Place) -> bool:
    """Whether a frame belongs to the simulator rather than to the simulated."""
    return place.file.startswith("kmm/sim/")
