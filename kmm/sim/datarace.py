"""Data races: two threads touch a field, one of them to change it, and nothing orders
the two.

Linux: kernel/kcsan/, Documentation/dev-tools/kcsan.rst.

Rule 2 of `trap` says what a step may touch without announcing it.  This holds the model
to that.  One `DataRaces` looks on at all runs of a search:

    races = DataRaces()
    with instrumented({VmArea: ("vm_start", "vm_end"), ListHead: ("linked",)}):
        search(with_watchers(boot, races), strategy)
    races.reports

Three sorts of access are told apart.  *Marked* ones (`read_once` and its kin) are made
to meet each other, and never race among themselves.  *Announced* ones that are not
marked (`read_plain`) race with whatever they meet, and so do those that are *not
announced*: an attribute of a structure, read or stored in passing.  The run loop sees
nothing of the last sort, so `instrumented` taps the fields themselves (`taps`).

Two accesses meet if neither *happens before* the other (`vector_clocks`).  What comes
of one run is true of all that order the same steps alike, so a search with
partial-order reduction misses nothing by leaving those out.

The lists, sets and dictionaries that have been got out of a field are compared after
each step with what they were: a change is a write to the field.  Two accesses to a
field that is a set of bits can race only if they are to the same bit.

What a section of a `SeqCount` touches counts as marked: who reads there finds out that
somebody wrote, and reads again.  The first store of a field makes the structure, which
nobody else knows then, and counts for nothing.

Left out: what a thread does before its first trap; a list that is followed by a local
name across an await (it counts as read once, when the name was made); and objects that
are no structures of the caller's list.
"""

from __future__ import annotations

from types import FrameType
from typing import Any

from attrs import define, field, frozen

from .access import FieldOp, PlainOp
from .failure import Report, ReportKind
from .machine import Machine
from .seqlock import SeqCount
from .taps import (
    ACCESS,
    ALL_BITS,
    CONTAINERS,
    LISTENING,
    copied,
    has_bits,
    is_other,
    trace_from,
)
from .thread import KThread, Place
from .trap import READ, WAIT, WRITE, GateOp, Op
from .vector_clocks import VectorClocks

KIND: ReportKind = "data_race"

# A field of a structure is a word, as far as this model goes.
WORD_BYTES = 8


@define(eq=False)
class DataRaces:
    """A watcher of any number of runs; `reports` is what they have shown so far.

    Each pair of places is reported when it is first seen to race, and never again.
    """

    # Whether two announced accesses count: a search sees each of them as it is.
    of_announced: bool = True
    reports: list[Report] = field(factory=list)
    known: set[tuple[str, Place | None, Place | None]] = field(factory=set)
    run: HeardRun | None = None  # the one that goes on

    def before(self, machine: Machine, thread: KThread) -> None:
        if self.run is None or self.run.machine is not machine:
            self.run = HeardRun(self, machine)
        self.run.begin(thread)
        LISTENING.append(self.run)

    def after(self, machine: Machine, thread: KThread, op: Op) -> None:
        assert self.run is not None
        LISTENING.remove(self.run)
        self.run.end(thread, op)

    def accessed(self, access: FieldAccess) -> None:
        """For those who want to know of every access, be it in a race or not."""

    def add(
        self, machine: Machine, name: str, earlier: FieldAccess, later: FieldAccess
    ) -> None:
        """Report that two accesses to what is called `name` met, unless it is known."""
        if earlier.announced and later.announced and not self.of_announced:
            return
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
class FieldAccess:
    """One access to one field."""

    target: str  # what its like are called: the class and the field
    thread: KThread
    when: int  # a moment of that thread
    write: bool
    marked: bool
    trace: tuple[Place, ...]  # innermost first
    bits: int = ALL_BITS
    announced: bool = False

    @property
    def place(self) -> Place | None:
        return self.trace[0] if self.trace else None

    def conflicts(self, other: FieldAccess) -> bool:
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
class HeardRun:
    """One run: who knows what, and what has been touched."""

    races: DataRaces
    machine: Machine
    clocks: VectorClocks = field(init=False)
    # The accesses to each field of each structure: the last of each sort by place.
    seen: dict[Any, dict[str, dict[Any, FieldAccess]]] = field(factory=dict)
    containers: dict[tuple[Any, str], Met] = field(factory=dict)
    # Structures without a name of their own get a number.
    numbers: dict[Any, str] = field(factory=dict)
    made: dict[str, int] = field(factory=dict)
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
        self.clocks = VectorClocks(len(self.machine.threads))

    # Steps.

    def begin(self, thread: KThread) -> None:
        """`thread` is about to do what it announced, and goes on from there."""
        op = thread.pending
        assert op is not None
        self.thread, self.started_at = thread, thread.call_trace()
        me = thread.index
        if is_marked(op):
            self.clocks.learn(me, op)
        self.op, self.whole = op, is_whole_step(op)
        self.moment = self.clocks.now(me)
        if isinstance(op, FieldOp) and not has_bits(op):
            if op.kind is READ:
                self.note(
                    op.struct,
                    op.field,
                    False,
                    is_marked(op),
                    self.started_at,
                    announced=True,
                )
            else:
                self.value = copied(getattr(op.struct, op.field))
        if is_marked(op) and not self.whole:
            self.clocks.teach(me, op)
        self.follow_section(me, op)

    def end(self, thread: KThread, op: Op) -> None:
        """It has come to its next trap."""
        self.steps += 1
        if isinstance(op, FieldOp) and op.kind is not READ and not has_bits(op):
            self.note_store(op)
        self.compare_containers()
        if is_marked(op) and self.whole:
            self.clocks.teach(thread.index, op)
        self.clocks.start(thread.index, len(self.machine.threads))

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
        announced: bool = False,
    ) -> None:
        """An access of this moment, or of `when` in this step: does it meet another?"""
        me = self.thread.index
        marked = marked or me in self.in_section
        accesses = self.seen.setdefault(struct, {}).setdefault(name, {})
        if when is None:
            when = self.clocks.now(me)
        sort = (me, write, marked, bits, trace[:1])
        last = accesses.get(sort)
        if last is not None and last.when == when:
            return
        target = f"{type(struct).__name__}.{name}"
        new = FieldAccess(
            target, self.thread, when, write, marked, trace, bits, announced
        )
        for old in accesses.values():
            if old.conflicts(new) and not self.knows_of(old):
                called = f"{self.name_of(struct)}.{name}"
                self.races.add(self.machine, called, old, new)
        accesses[sort] = new
        self.races.accessed(new)

    def knows_of(self, old: FieldAccess) -> bool:
        """Whether an access happened before what is done at this moment."""
        return self.clocks.knows(self.thread.index, old.thread.index, old.when)

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
                announced=True,
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
            self.note(struct, name, write, False, trace_from(frame, struct), bits)
        else:
            self.note(
                struct, name, write, marked, self.started_at, bits, announced=True
            )

    def says(self, frame: FrameType) -> bool | None:
        """Whether code is part of an announced access: a marked one, or a plain."""
        return is_marked(self.op) if frame.f_globals is ACCESS else None

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


# The words of a report.


def by_place(one: FieldAccess) -> str:
    return str(one.place)


def function_of(one: FieldAccess) -> str:
    return one.place.function if one.place else "?"


def stanza(name: str, one: FieldAccess) -> tuple[str, ...]:
    """One of the two accesses, as KCSAN writes it."""
    what = "write" if one.write else "read"
    marked = " (marked)" if one.marked else ""
    who = f"task {one.thread.pid} on cpu {one.thread.cpu}"
    head = f"{what}{marked} to {name} of {WORD_BYTES} bytes by {who}:"
    return (head, *(f" {place}" for place in one.trace))
