"""Data races: two threads touch a field, one of them to change it, and nothing orders
the two.

Linux: kernel/kcsan/, Documentation/dev-tools/kcsan.rst.

Rule 2 of `trap` says what a step may touch without announcing it.  This holds the model
to that.  One `DataRaces` looks on at all runs of a search:

    races = DataRaces()
    with instrumented({VmArea: ("vm_start", "vm_end"), ListHead: ("linked",)}):
        search(races.watch(boot), strategy)
    races.reports

Three sorts of access are told apart.  *Marked* ones (`read_once` and its kin) are made
to meet each other, and never race among themselves.  *Plain* ones that are announced
(`read_plain`) race with whatever they meet, and so do those that are *not announced*:
an attribute of a structure, read or stored in passing.  The run loop sees nothing of
the last sort, so `instrumented` taps the fields themselves.

Two accesses meet if neither *happens before* the other.  Each thread has a vector
clock; what it knows of the others' time it has from those who let it go on:

- who takes a lock knows what those knew who gave it back;
- who reads what is marked knows what its writers knew, and who writes to it what its
  readers knew as well;
- who waits for something (a wake-up, a grace period) knows what those knew who brought
  it about;
- a thread knows what the thread knew that started it.

What comes of one run is true of all that order the same steps alike, so a search with
partial-order reduction misses nothing by leaving those out.

A list, a set or a dictionary that a field holds is changed by means of its own.  After
each step those that have been met are compared with what they were: a change is a write
to the field.  A store that leaves a field as it was is none (as KCSAN has it unless it
is told otherwise).  A field may also be a set of `Bits`: two accesses to it can race
only if they are to the same bit.

What a section of a `SeqCount` touches counts as marked: who reads there finds out that
somebody wrote, and reads again.  The first store of a field makes the structure, which
nobody else knows then, and counts for nothing.

Left out: what a thread does before its first trap; a list that is followed by a local
name across an await (it counts as read once, when the name was made); and objects that
are no structures of the caller's list.
"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from inspect import getattr_static
from types import FrameType, MappingProxyType
from typing import Any

from attrs import define, field, frozen

from . import access
from . import machine as engine
from .access import FieldOp, PlainOp
from .failure import Report
from .locks import SeqCount
from .machine import Machine
from .search import Boot
from .thread import KThread, Place, is_engine, place_of
from .trap import (
    ACQUIRE,
    READ,
    RELEASE,
    SHARE,
    TRY,
    UNSHARE,
    WAIT,
    WRITE,
    GateOp,
    Kind,
    Op,
)

KIND = "data_race"

# A field of a structure is a word, as far as this model goes.
WORD_BYTES = 8

# What each kind of operation learns from: the earlier ones on its object.
LEARNS_FROM: Mapping[Kind, tuple[Kind, ...]] = {
    READ: (WRITE, RELEASE),
    WRITE: (WRITE, READ),
    TRY: (RELEASE, UNSHARE),
    RELEASE: (),
    UNSHARE: (),
    ACQUIRE: (RELEASE, UNSHARE, WRITE),
    SHARE: (RELEASE,),
    WAIT: (WRITE, RELEASE, UNSHARE),
}
TEACHING = frozenset(kind for kinds in LEARNS_FROM.values() for kind in kinds)

CONTAINERS = (list, dict, set, deque)

ALL_BITS = -1

Clock = list[int]  # by thread: the last moment of it that is known


@define(eq=False)
class DataRaces:
    """A watcher of any number of runs; `reports` is what they have shown so far.

    Each pair of places is reported when it is first seen to race, and never again.
    """

    reports: list[Report] = field(factory=list)
    known: set[tuple[str, Place | None, Place | None]] = field(factory=set)
    run: Run | None = None  # the one that goes on

    def watch(self, boot: Boot) -> Boot:
        """The same machines, looked at from their first step on."""

        def watched() -> Machine:
            machine = boot()
            machine.watchers.append(self)
            return machine

        return watched

    def before(self, machine: Machine, thread: KThread) -> None:
        if self.run is None or self.run.machine is not machine:
            self.run = Run(self, machine)
        self.run.begin(thread)
        LISTENING.append(self.run)

    def after(self, machine: Machine, thread: KThread, op: Op) -> None:
        assert self.run is not None
        LISTENING.remove(self.run)
        self.run.end(thread, op)

    def accessed(self, access: Access) -> None:
        """For those who want to know of every access, be it in a race or not."""

    def add(self, machine: Machine, name: str, earlier: Access, later: Access) -> None:
        """Report that two accesses to what is called `name` met, unless it is known."""
        first, second = sorted((earlier, later), key=by_place)
        pair = (later.target, first.place, second.place)
        if pair in self.known:
            return
        self.known.add(pair)
        functions = sorted((function_of(earlier), function_of(later)))
        self.reports.append(
            Report(
                KIND,
                f"BUG: KCSAN: data-race in {' / '.join(functions)}",
                later.thread.name,
                later.thread.cpu,
                later.trace,
                (*stanza(name, later), "", *stanza(name, earlier)),
                tuple(machine.choices),
            )
        )


@frozen(eq=False)
class Access:
    """One access to one field."""

    target: str  # what its like are called: the class and the field
    thread: KThread
    when: int  # a moment of that thread
    write: bool
    marked: bool
    trace: tuple[Place, ...]  # innermost first
    bits: int = ALL_BITS

    @property
    def place(self) -> Place | None:
        return self.trace[0] if self.trace else None

    def conflicts(self, other: Access) -> bool:
        """Whether it matters that nothing orders the two."""
        return (
            (self.write or other.write)
            and not (self.marked and other.marked)
            and bool(self.bits & other.bits)
        )


@define(eq=False)
class Met:
    """A container that a field holds, and what was in it after the last step."""

    container: Any
    contents: Any
    reader: tuple[Place, ...] | None  # who got hold of it last in this step


@define(eq=False)
class Run:
    """One run: who knows what, and what has been touched."""

    races: DataRaces
    machine: Machine
    order: Order = field(init=False)
    # The accesses to each field of each structure: the last of each sort by place.
    seen: dict[Any, dict[str, dict[Any, Access]]] = field(factory=dict)
    containers: dict[tuple[Any, str], Met] = field(factory=dict)
    # Structures without a name of their own get a number.
    numbers: dict[Any, str] = field(factory=dict)
    made: dict[str, int] = field(factory=dict)
    places: dict[tuple[str, str, int], Place | None] = field(factory=dict)
    # Who is between the two ends of a section of a SeqCount.
    in_section: set[int] = field(factory=set)
    # The present step.
    steps: int = 0
    thread: KThread = field(init=False)
    op: Op = field(init=False)
    whole: bool = False  # see `is_whole_step`
    started_at: tuple[Place, ...] = ()
    moment: int = 0  # at which the operation was done
    value: Any = None  # of the field that it stores, before that

    def __attrs_post_init__(self) -> None:
        self.order = Order(len(self.machine.threads))

    # Steps.

    def begin(self, thread: KThread) -> None:
        """`thread` is about to do what it announced, and goes on from there."""
        op = thread.pending
        assert op is not None
        self.thread, self.started_at = thread, thread.call_trace()
        me = thread.index
        if is_marked(op):
            self.order.learn(me, op)
        self.op, self.whole = op, is_whole_step(op)
        self.moment = self.order.now(me)
        if isinstance(op, FieldOp) and not has_bits(op):
            if op.kind is READ:
                self.note(op.struct, op.field, False, is_marked(op), self.started_at)
            else:
                self.value = copied(getattr(op.struct, op.field))
        if is_marked(op) and not self.whole:
            self.order.teach(me, op)
        self.follow_section(me, op)

    def end(self, thread: KThread, op: Op) -> None:
        """It has come to its next trap."""
        self.steps += 1
        if isinstance(op, FieldOp) and op.kind is not READ and not has_bits(op):
            self.note_store(op)
        self.compare_containers()
        if is_marked(op) and self.whole:
            self.order.teach(thread.index, op)
        self.order.start(thread.index, len(self.machine.threads))

    def follow_section(self, me: int, op: Op) -> None:
        """What is touched inside of a section of a SeqCount counts as marked.

        Who reads there finds out, and reads again.
        """
        if not isinstance(op, GateOp) or not isinstance(op.gate, SeqCount):
            return
        if op.kind is WAIT or (op.kind is WRITE and op.gate.sequence % 2 == 0):
            self.in_section.add(me)
        else:
            self.in_section.discard(me)

    # Accesses.

    def note(
        self,
        struct: Any,
        name: str,
        write: bool,
        marked: bool,
        trace: tuple[Place, ...],
        bits: int = ALL_BITS,
        when: int | None = None,
    ) -> None:
        """An access of this moment, or of `when` in this step: does it meet another?"""
        me = self.thread.index
        marked = marked or me in self.in_section
        accesses = self.seen.setdefault(struct, {}).setdefault(name, {})
        if when is None:
            when = self.order.now(me)
        sort = (me, write, marked, bits, trace[:1])
        last = accesses.get(sort)
        if last is not None and last.when == when:
            return
        target = f"{type(struct).__name__}.{name}"
        new = Access(target, self.thread, when, write, marked, trace, bits)
        for old in accesses.values():
            if old.conflicts(new) and not self.order.knows(me, old):
                called = f"{self.name_of(struct)}.{name}"
                self.races.add(self.machine, called, old, new)
        accesses[sort] = new
        self.races.accessed(new)

    def note_store(self, op: FieldOp) -> None:
        """The operation of this step was to store a field: has it changed that?"""
        if is_other(self.value, getattr(op.struct, op.field)):
            self.note(
                op.struct,
                op.field,
                True,
                is_marked(op),
                self.started_at,
                when=self.moment,
            )

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
        if marked is None:
            self.note(struct, name, write, False, self.trace(frame, struct), bits)
        else:
            self.note(struct, name, write, marked, self.started_at, bits)

    def says(self, frame: FrameType) -> bool | None:
        """Whether code is part of an announced access: a marked one, or a plain."""
        return is_marked(self.op) if frame.f_globals is ACCESS else None

    def trace(self, frame: FrameType | None, struct: object) -> tuple[Place, ...]:
        """The model's functions from a frame outwards, up to the run loop.

        A structure's own methods are inlined at the innermost.
        """
        while frame is not None and is_method_of(struct, frame):
            frame = frame.f_back
        found = []
        while frame is not None and frame.f_globals is not ENGINE:
            place = self.place(frame)
            if place is not None:
                found.append(place)
            frame = frame.f_back
        return tuple(found)

    def place(self, frame: FrameType) -> Place | None:
        """Where a frame is; None if that is nothing of the model's."""
        code, line = frame.f_code, frame.f_lineno
        key = (code.co_filename, code.co_name, line)
        if key not in self.places:
            place = place_of(code, line)
            hidden = is_engine(place) or code.co_name in COMPREHENSIONS
            self.places[key] = None if hidden else place
        return self.places[key]

    def name_of(self, struct: Any) -> str:
        """Its own name, or a number among those of its class that have none."""
        name = getattr(struct, "name", None)
        if isinstance(name, str):
            return name
        if struct not in self.numbers:
            kind = type(struct).__name__
            self.made[kind] = self.made.get(kind, 0) + 1
            self.numbers[struct] = f"{kind}#{self.made[kind]}"
        return self.numbers[struct]

    # Containers.

    def meet(
        self, struct: Any, name: str, container: Any, reader: tuple[Place, ...]
    ) -> None:
        """A field gave its container away: from now on it is compared."""
        met = self.containers.get((struct, name))
        if met is None or met.container is not container:
            met = Met(container, copied(container), reader)
            self.containers[struct, name] = met
        met.reader = reader

    def part(self, struct: Any, name: str) -> None:
        """A field holds something else now."""
        self.containers.pop((struct, name), None)

    def compare_containers(self) -> None:
        """Whoever took this step has changed whatever is not as it was."""
        for (struct, name), met in self.containers.items():
            if is_other(met.contents, met.container):
                met.contents = copied(met.container)
                if not says_so(self.op, struct, name):
                    self.note(struct, name, True, False, met.reader or self.started_at)
            met.reader = None


def copied(value: Any) -> Any:
    """What a field holds, to be compared with what it will hold."""
    return value.copy() if isinstance(value, CONTAINERS) else value


def is_other(old: Any, new: Any) -> bool:
    return bool(old is not new and old != new)


def is_marked(op: Op) -> bool:
    return not isinstance(op, PlainOp)


def is_whole_step(op: Op) -> bool:
    """Whether what an operation does is in the code up to the next trap.

    It names more than one field, such as the free lists of a zone, or a list that is
    changed by means of its own.
    """
    if isinstance(op, FieldOp):
        return isinstance(getattr(op.struct, op.field), CONTAINERS)
    return type(op) is Op


def says_so(op: Op, struct: object, name: str) -> bool:
    """Whether an operation is a write to this very field."""
    return (
        isinstance(op, FieldOp)
        and op.struct is struct
        and op.field == name
        and op.kind is not READ
    )


def has_bits(op: FieldOp) -> bool:
    """Whether what is read or written of its field is heard bit by bit."""
    tap = getattr_static(type(op.struct), op.field, None)
    return isinstance(tap, BitsTap)


def is_method_of(struct: object, frame: FrameType) -> bool:
    """Whether a frame is of a method in the module that a structure is defined in."""
    return (
        frame.f_code.co_varnames[:1] == ("self",)
        and frame.f_globals.get("__name__") == type(struct).__module__
    )


class Order:
    """What happens before what: a vector clock for each thread."""

    def __init__(self, threads: int) -> None:
        self.clocks: list[Clock] = [[0] * threads for _ in range(threads)]
        for thread in range(threads):
            self.clocks[thread][thread] = 1
        # What can be learned from each object, by the kind of operation that left it.
        self.left: dict[str, dict[Kind, Clock]] = {}

    def now(self, thread: int) -> int:
        return self.clocks[thread][thread]

    def knows(self, thread: int, old: Access) -> bool:
        """Whether an access happened before this moment of `thread`."""
        return old.when <= self.clocks[thread][old.thread.index]

    def learn(self, thread: int, op: Op) -> None:
        """What an operation tells who does it, if it is going to succeed."""
        left = self.left.get(op.key)
        if left is None or (op.kind is TRY and not succeeds(op)):
            return
        for kind in LEARNS_FROM[op.kind]:
            if kind in left:
                join(self.clocks[thread], left[kind])

    def teach(self, thread: int, op: Op) -> None:
        """Leave what `thread` knows with the object; what it does next is news."""
        if op.kind not in TEACHING:
            return
        clock = self.clocks[thread]
        join(self.left.setdefault(op.key, {}).setdefault(op.kind, []), clock)
        clock[thread] += 1

    def start(self, starter: int, threads: int) -> None:
        """Threads that were started in this step know what their starter knew."""
        if threads == len(self.clocks):
            return
        for clock in self.clocks:
            clock.extend([0] * (threads - len(clock)))
        for thread in range(len(self.clocks), threads):
            self.clocks.append(self.clocks[starter].copy())
            self.clocks[thread][thread] = 1
        self.clocks[starter][starter] += 1


def succeeds(op: Op) -> bool:
    """Whether a TRY is going to get its lock."""
    return isinstance(op, GateOp) and op.gate.admits(Op(ACQUIRE, op.key))


def join(clock: Clock, other: Clock) -> None:
    """Make `clock` the later of the two, thread by thread."""
    clock.extend([0] * (len(other) - len(clock)))
    for thread, when in enumerate(other):
        if when > clock[thread]:
            clock[thread] = when


# The words of a report.


def by_place(one: Access) -> str:
    return str(one.place)


def function_of(one: Access) -> str:
    return one.place.function if one.place else "?"


def stanza(name: str, one: Access) -> tuple[str, ...]:
    """One of the two accesses, as KCSAN writes it."""
    what = "write" if one.write else "read"
    marked = " (marked)" if one.marked else ""
    who = f"task {one.thread.pid} on cpu {one.thread.cpu}"
    head = f"{what}{marked} to {name} of {WORD_BYTES} bytes by {who}:"
    return (head, *(f" {place}" for place in one.trace))


# Taps on the fields of structures.

ACCESS = vars(access)
ENGINE = vars(engine)

# Frames of their own before Python 3.12.
COMPREHENSIONS = frozenset({"<listcomp>", "<setcomp>", "<dictcomp>"})

# The runs of which a step is being made now: what is heard is theirs.
LISTENING: list[Run] = []


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

    def read(self, run: Run, struct: Any, value: Any, frame: FrameType) -> Any:
        """Tell `run`; return what the reader is to get."""
        if frame.f_globals is not ACCESS:  # it was announced otherwise
            trace = run.trace(frame, struct)
            run.note(struct, self.name, False, False, trace)
            if isinstance(value, CONTAINERS):
                run.meet(struct, self.name, value, trace)
        return value

    def written(self, run: Run, struct: Any, value: Any, frame: FrameType) -> None:
        if frame.f_globals is not ACCESS and is_other(self.load(struct), value):
            run.note(struct, self.name, True, False, run.trace(frame, struct))
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

    def read(self, run: Run, struct: Any, value: Any, frame: FrameType) -> Any:
        return Bits(value).heard_by(run, struct, self.name, frame)

    def written(self, run: Run, struct: Any, value: Any, frame: FrameType) -> None:
        changed = int(self.load(struct)) ^ int(value)
        if changed:
            run.note_bits(struct, self.name, True, changed, frame, run.says(frame))

    def store(self, struct: Any, value: Any) -> None:
        super().store(struct, int(value))


class Bits(int):
    """What was read of such a field: of its bits, only those are that are asked for.

    And only in the same step.  Later, it is a copy.
    """

    def heard_by(self, run: Run, struct: Any, name: str, frame: FrameType) -> Bits:
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
