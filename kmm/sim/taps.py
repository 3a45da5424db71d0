"""Taps on the fields of structures: how accesses are heard that nobody announces.

The run loop sees only operations.  `instrumented` taps the fields themselves, and each
access to one is told to whoever listens, with the place in the model where it is made.

A list, a set or a dictionary that a field holds is changed by means of its own, so it
is told who got hold of one (`Listener.meet`).  A store that leaves a field as it was is
none (as KCSAN has it unless it is told otherwise).  A field may also be a set of
`Bits`: then it is told which of them are asked for, or changed.

Linux: kernel/kcsan/ has the compiler put its taps in.
"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from inspect import getattr_static
from types import FrameType, MappingProxyType
from typing import Any, Protocol

from . import access
from . import machine as engine
from .access import FieldOp
from .thread import Place, is_engine, place_of

CONTAINERS = (list, dict, set, deque)

ALL_BITS = -1

ACCESS = vars(access)
ENGINE = vars(engine)

# Frames of their own before Python 3.12.
COMPREHENSIONS = frozenset({"<listcomp>", "<setcomp>", "<dictcomp>"})

# Those of which a step is being made now: what is heard is theirs.
LISTENING: list[Listener] = []

# Places in the model, by file, function and line.
PLACES: dict[tuple[str, str, int], Place | None] = {}


class Listener(Protocol):
    """Who is told of accesses."""

    steps: int  # so far; what was read of a field in one is a copy in the next

    def note(
        self,
        struct: Any,
        name: str,
        write: bool,
        marked: bool,
        trace: tuple[Place, ...],
        bits: int = ALL_BITS,
    ) -> None:
        """An access; its `trace` is innermost first."""
        ...

    def note_bits(
        self,
        struct: Any,
        name: str,
        write: bool,
        bits: int,
        frame: FrameType,
        marked: bool | None,
    ) -> None:
        """The same for bits; `marked` is None if the access was not announced."""
        ...

    def says(self, frame: FrameType) -> bool | None:
        """Whether code is part of an announced access: a marked one, or a plain."""
        ...

    def meet(
        self, struct: Any, name: str, container: Any, reader: tuple[Place, ...]
    ) -> None:
        """A field gave its container away."""
        ...

    def part(self, struct: Any, name: str) -> None:
        """A field holds something else now."""
        ...


class Tap:
    """A field of a class that tells of each access, and is the same for the rest."""

    def __init__(self, name: str, slot: Any) -> None:
        self.name = name
        self.slot = slot  # the descriptor of a class with slots; else None

    def __get__(self, struct: Any, owner: type | None = None) -> Any:
        if struct is None:
            return self
        value = self.load(struct)
        for run in LISTENING:
            value = self.read(run, struct, value, sys._getframe(1))
        return value

    def __set__(self, struct: Any, value: Any) -> None:
        for run in LISTENING:
            if self.is_set(struct):
                self.written(run, struct, value, sys._getframe(1))
        self.store(struct, value)

    def read(self, run: Listener, struct: Any, value: Any, frame: FrameType) -> Any:
        """Tell `run`; return what the reader is to get."""
        if frame.f_globals is not ACCESS:  # it was announced otherwise
            trace = trace_from(frame, struct)
            run.note(struct, self.name, False, False, trace)
            if isinstance(value, CONTAINERS):
                run.meet(struct, self.name, value, trace)
        return value

    def written(self, run: Listener, struct: Any, value: Any, frame: FrameType) -> None:
        if frame.f_globals is not ACCESS and is_other(self.load(struct), value):
            run.note(struct, self.name, True, False, trace_from(frame, struct))
        run.part(struct, self.name)

    # What the class does without a tap.

    def load(self, struct: Any) -> Any:
        """Raises AttributeError if the field was never stored."""
        if self.slot is not None:
            return self.slot.__get__(struct)
        try:
            return struct.__dict__[self.name]
        except KeyError:
            raise AttributeError(self.name, obj=struct) from None

    def store(self, struct: Any, value: Any) -> None:
        if self.slot is not None:
            self.slot.__set__(struct, value)
        else:
            struct.__dict__[self.name] = value

    def is_set(self, struct: Any) -> bool:
        try:
            self.load(struct)
        except AttributeError:
            return False
        return True


class BitsTap(Tap):
    """A field whose bits have nothing to do with each other."""

    def read(self, run: Listener, struct: Any, value: Any, frame: FrameType) -> Any:
        return Bits(value).heard_by(run, struct, self.name, frame)

    def written(self, run: Listener, struct: Any, value: Any, frame: FrameType) -> None:
        changed = int(self.load(struct)) ^ int(value)
        if changed:
            run.note_bits(struct, self.name, True, changed, frame, run.says(frame))

    def store(self, struct: Any, value: Any) -> None:
        super().store(struct, int(value))


class Bits(int):
    """What was read of such a field: of its bits, only those are that are asked for.

    And only in the same step.  Later, it is a copy.
    """

    def heard_by(self, run: Listener, struct: Any, name: str, frame: FrameType) -> Bits:
        self.run, self.step, self.marked = run, run.steps, run.says(frame)
        self.struct, self.name = struct, name
        return self

    def asked(self, bits: int) -> None:
        frame = sys._getframe(2)
        if (
            self.run in LISTENING
            and self.step == self.run.steps
            and frame.f_globals is not ACCESS  # whose own business is the whole
        ):
            self.run.note_bits(self.struct, self.name, False, bits, frame, self.marked)

    def __and__(self, mask: int) -> int:
        self.asked(int(mask))
        return int(self) & int(mask)

    # Setting and clearing bits is no look at the others.

    def __iand__(self, mask: int) -> int:
        return int(self) & int(mask)

    def __ior__(self, mask: int) -> int:
        return int(self) | int(mask)


def asks_for_all(name: str) -> Any:
    """The method of int, for Bits."""
    plain = getattr(int, name)

    def method(self: Bits, *arguments: object) -> object:
        self.asked(ALL_BITS)
        return plain(self, *arguments)

    return method


for method in ("__or__", "__xor__", "__rshift__", "__eq__", "__ne__", "__bool__"):
    setattr(Bits, method, asks_for_all(method))


@contextmanager
def instrumented(
    structures: Mapping[type, Collection[str]],
    bits: Mapping[type, Collection[str]] = MappingProxyType({}),
) -> Iterator[None]:
    """Hear of all accesses to some fields of some classes, the `bits` of some apart.

    Not for threads of Python: whatever runs meanwhile is heard.
    """
    before: list[tuple[type, str, Any]] = []
    try:
        for owner, names in structures.items():
            for name in names:
                before.append((owner, name, vars(owner).get(name)))
                kind = BitsTap if name in bits.get(owner, ()) else Tap
                setattr(owner, name, kind(name, getattr_static(owner, name, None)))
        yield
    finally:
        LISTENING.clear()
        for owner, name, what in reversed(before):
            if what is None:
                delattr(owner, name)
            else:
                setattr(owner, name, what)


def copied(value: Any) -> Any:
    """What a field holds, to be compared with what it will hold."""
    return value.copy() if isinstance(value, CONTAINERS) else value


def is_other(old: Any, new: Any) -> bool:
    return bool(old is not new and old != new)


def has_bits(op: FieldOp) -> bool:
    """Whether what is read or written of its field is heard bit by bit."""
    tap = getattr_static(type(op.struct), op.field, None)
    return isinstance(tap, BitsTap)


# Where in the model.


def trace_from(frame: FrameType | None, struct: object) -> tuple[Place, ...]:
    """The model's functions from a frame outwards, up to the run loop.

    A structure's own methods are inlined at the innermost.
    """
    while frame is not None and is_method_of(struct, frame):
        frame = frame.f_back
    found = []
    while frame is not None and frame.f_globals is not ENGINE:
        place = place_in(frame)
        if place is not None:
            found.append(place)
        frame = frame.f_back
    return tuple(found)


def place_in(frame: FrameType) -> Place | None:
    """Where a frame is; None if that is nothing of the model's."""
    code, line = frame.f_code, frame.f_lineno
    key = (code.co_filename, code.co_name, line)
    if key not in PLACES:
        place = place_of(code, line)
        hidden = is_engine(place) or code.co_name in COMPREHENSIONS
        PLACES[key] = None if hidden else place
    return PLACES[key]


def is_method_of(struct: object, frame: FrameType) -> bool:
    """Whether a frame is of a method in the module that a structure is defined in."""
    return (
        frame.f_code.co_varnames[:1] == ("self",)
        and frame.f_globals.get("__name__") == type(struct).__module__
    )
