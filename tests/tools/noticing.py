"""Whether a run shows that a site is left out (`marks`).

An item (`battery`) is a program or a race, and how it is run.  A first pass over the
model as it is keeps what each item shows of its own accord, and which lines it gets to
(`Shown`).  A mutant is noticed by an item that then shows anything else:

- a data race at the very line where the access was left out; or, for a lock, of what
  was done without it, in a function that races for that field in no item otherwise;
- a use of a field without the lock, or the announcement, that kept it apart from others
  (`locksets`), though no run need have brought them together;
- an order of locks that is reported otherwise by no item;
- a failure, if the item is none of those that fail anyway; or an exception of Python;
- no failure, in twice the runs, of what is known to fail sooner; or no end at all.

Data races are told by `DataRaces`, which here says besides which of the two accesses
were announced: where a race is known anyway, one that was announced and is no longer is
another thing.  Page-table entries and the contents of frames are watched like fields
(`memory_watched`).
"""

from __future__ import annotations

import hashlib
import json
import re
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from attrs import asdict, astuple, define, field, frozen
from tools.locksets import Locksets, Use
from tools.marks import LOCK, MARK, MOMENT, Site
from tools.without import lacks_a_lock

from kmm.hw import memory
from kmm.hw.memory import PAGE_SHIFT, EntryOp, EntryPointer, PhysicalMemory
from kmm.mm.shared import SHARED_BITS, SHARED_STRUCTURES
from kmm.sim.datarace import DataRaces, FieldAccess, HeardRun
from kmm.sim.failure import Failure
from kmm.sim.lockdep import Lockdep, class_name
from kmm.sim.locks import RwSem
from kmm.sim.machine import Machine
from kmm.sim.rcu import Rcu
from kmm.sim.search import Boot, Coverage, search, with_watchers
from kmm.sim.strategies import Strategy
from kmm.sim.taps import LISTENING, Listener, Tap, instrumented, trace_from
from kmm.sim.thread import Held, KThread, Place
from kmm.sim.trap import WRITE, Op

BASELINE_FACTOR = 2  # how much longer the model as it is may look for what it shows
PATIENCE = 30.0  # seconds that an item may take, and as often as long as without

# What the operations on frames, and on swap slots, are called.
FRAME = "frame "
# They announce nothing but what they do themselves.
BY_THEMSELVES = (FRAME, "swap slot ")

Race = tuple[
    str, str, int, bool, str, int, bool
]  # the field, and twice: who, announced
Order = tuple[str, ...]


@frozen
class Item:
    """Something to run, and how often."""

    name: str
    boots: tuple[Boot, ...]  # each is searched
    strategy: Callable[[int], Strategy]  # by the number of the machine
    budget: int  # executions of each machine
    watched: bool = True  # for data races and orders of locks
    fails: bool = False  # whether it is known to fail


@define
class Shown:
    """What the runs of an item have shown."""

    races: set[Race] = field(factory=set)
    uses: set[Use] = field(factory=set)
    orders: set[Order] = field(factory=set)
    failures: set[str] = field(factory=set)
    first_failure: int = 0  # the number of executions up to it; 0: there was none
    seconds: float = 0.0
    lines: dict[str, set[int]] = field(factory=dict)  # by file


# Watching.


@define(eq=False)
class Announced(DataRaces):
    """Keeps races by their functions, with who of the two had announced itself."""

    site: Site | None = None
    found: set[Race] = field(factory=set)
    # Those of them that have to do with `site`.
    ours: set[Race] = field(factory=set)
    # The same for uses of fields.
    uses: set[Use] = field(factory=set)
    our_uses: set[Use] = field(factory=set)
    # Of the present run: the traces of announced accesses, and the moments at which a
    # thread goes on without a lock that it should have.
    announced: dict[int, tuple[Place, ...]] = field(factory=dict)
    lacking: set[tuple[int, int]] = field(factory=set)
    of: Machine | None = None
    frames: dict[int, Contents] = field(factory=dict)  # by pfn

    def before(self, machine: Machine, thread: KThread) -> None:
        super().before(machine, thread)
        run, op = self.run, thread.pending
        assert run is not None
        assert op is not None
        if self.of is not machine:
            self.of, self.announced, self.lacking = machine, {}, set()
            self.frames = {}
        # Whatever is announced has this very trace.
        self.announced[id(run.started_at)] = run.started_at
        if isinstance(op, EntryOp):
            write, trace = op.kind is WRITE, run.started_at
            run.note(op.pointer, "value", write, True, trace, when=run.moment)
        elif op.key.startswith(FRAME):
            write, pfn = op.kind is WRITE, int(op.key.removeprefix(FRAME), 16)
            frame, trace = self.contents(pfn), run.started_at
            run.note(frame, "bytes", write, True, trace, when=run.moment)
        self.note_lack(run, thread)

    def after(self, machine: Machine, thread: KThread, op: Op) -> None:
        super().after(machine, thread, op)
        assert self.run is not None
        self.note_lack(self.run, thread)

    def note_lack(self, run: HeardRun, thread: KThread) -> None:
        if lacks_a_lock(thread):
            self.lacking.add((thread.index, run.clocks.now(thread.index)))

    def contents(self, pfn: int) -> Contents:
        return self.frames.setdefault(pfn, Contents(f"{FRAME}{pfn:#x}"))

    def add(
        self, machine: Machine, name: str, earlier: FieldAccess, later: FieldAccess
    ) -> None:
        one, other = sorted((self.side(earlier), self.side(later)))
        race = (later.target, *one, *other)
        self.found.add(race)
        if self.concerns(earlier) or self.concerns(later):
            self.ours.add(race)

    def accessed(self, access: FieldAccess) -> None:
        function, announced = function_of(access), self.is_announced(access)
        assert self.run is not None
        op = self.run.op
        if type(op) is Op and not op.key.startswith(BY_THEMSELVES):
            announced = True  # it was said of all that this step does
        held = access.thread.held
        alone, shared = (
            tuple(
                sorted({class_name(lock.name) for lock in held if is_alone(lock) is a})
            )
            for a in (True, False)
        )
        use = Use(access.target, function, access.write, announced, alone, shared)
        self.uses.add(use)
        if self.site is not None and self.concerns(access):
            self.our_uses.add(use)

    def side(self, access: FieldAccess) -> tuple[str, int, bool]:
        place, announced = access.place, self.is_announced(access)
        if place is None:
            return "?", 0, announced
        file = place.file.rpartition("/tests/")[2]
        return f"{file}:{place.function}", place.line, announced

    def is_announced(self, access: FieldAccess) -> bool:
        assert self.run is not None
        return access.trace is self.run.started_at or id(access.trace) in self.announced

    def concerns(self, access: FieldAccess) -> bool:
        """Whether it is the site that makes an access what it is."""
        site, place = self.site, access.place
        if site is None or place is None:
            return True
        if site.sort == LOCK:
            moment = (access.thread.index, access.when)
            return moment in self.lacking or lacks_a_lock(access.thread)
        if site.sort == MOMENT:
            functions = {(one.file, one.function) for one in access.trace}
            # A structure's own methods are in no trace.
            own = access.target.partition(".")[0] == site.owner
            return own or (site.file, site.function) in functions
        is_here = site.line <= place.line <= site.last_line
        return place.file == site.file and is_here and not self.is_announced(access)


def is_alone(lock: Held) -> bool:
    """Whether nobody else can hold it meanwhile."""
    if isinstance(lock, RwSem):
        return lock.writer is not None
    return not isinstance(lock, Rcu)


def function_of(access: FieldAccess) -> str:
    """Who it is that does it; not the pointer to a page-table entry that is asked."""
    for place in access.trace:
        if place.file != "kmm/hw/memory.py":
            return f"{place.file.rpartition('/tests/')[2]}:{place.function}"
    return "?"


class Entries(Tap):
    """The value of a page-table entry, when it is looked at or stored in passing."""

    def read(self, run: Listener, struct: Any, value: Any, frame: FrameType) -> Any:
        if frame.f_globals is not MEMORY:
            run.note(struct, self.name, False, False, trace_from(frame, struct))
        return value

    def written(self, run: Listener, struct: Any, value: Any, frame: FrameType) -> None:
        if frame.f_globals is not MEMORY and self.load(struct) != value:
            run.note(struct, self.name, True, False, trace_from(frame, struct))


MEMORY = vars(memory)


@frozen(eq=False)
class Contents:
    """What a frame holds, as far as a race is concerned: one field."""

    name: str


def heard(access: Callable[..., Any], *, write: bool) -> Any:
    """A method of PhysicalMemory, of which is heard where code uses it in passing."""

    def method(memory: PhysicalMemory, address: int, *rest: Any) -> Any:
        frame = sys._getframe(1)
        for run in LISTENING if frame.f_globals is not MEMORY else ():
            assert isinstance(run, HeardRun)
            assert isinstance(run.races, Announced)
            contents = run.races.contents(address >> PAGE_SHIFT)
            run.note(contents, "bytes", write, False, trace_from(frame, contents))
        return access(memory, address, *rest)

    return method


@contextmanager
def memory_watched() -> Iterator[None]:
    """Page-table entries, and what frames hold, are heard of as fields are."""
    entry: Any = EntryPointer
    ram: Any = PhysicalMemory
    value, read, write = entry.value, ram.read, ram.write
    entry.value = Entries("value", value)
    ram.read, ram.write = heard(read, write=False), heard(write, write=True)
    try:
        yield
    finally:
        entry.value, ram.read, ram.write = value, read, write


# Running.


class Hangs(Exception):
    """An item took far longer than it should."""


@define
class Trial:
    """One item on the model, be it mutated or not."""

    item: Item
    site: Site | None = None
    races: Announced = field(init=False)
    lockdep: Lockdep = field(factory=Lockdep)
    shown: Shown = field(factory=Shown)
    executions: int = 0

    def __attrs_post_init__(self) -> None:
        self.races = Announced(site=self.site)

    def run(self, budget: int, stop: Callable[[], bool] = lambda: False) -> None:
        """Make up to `budget` executions of each machine, or until `stop` says so."""
        began = time.perf_counter()
        for number, boot in enumerate(self.item.boots):
            if self.item.watched:
                with instrumented(SHARED_STRUCTURES, SHARED_BITS), memory_watched():
                    watched = with_watchers(boot, self.races, self.lockdep)
                    self.search(watched, number, budget, stop)
            else:
                self.search(boot, number, budget, stop)
            if stop():
                break
        self.collect()
        self.shown.seconds = time.perf_counter() - began

    def search(
        self, boot: Boot, number: int, budget: int, stop: Callable[[], bool]
    ) -> None:
        machines: list[Machine] = []

        def kept() -> Machine:
            machines[:] = [boot()]
            return machines[0]

        def progress(_: Coverage) -> bool:
            self.note(machines[0])
            return not stop()

        strategy = self.item.strategy(number)
        search(kept, strategy, budget=budget, stop_at_failure=False, progress=progress)

    def note(self, machine: Machine) -> None:
        self.executions += 1
        if machine.failure is not None:
            self.shown.failures.add(sort_of(machine.failure))
            self.shown.first_failure = self.shown.first_failure or self.executions
        self.collect()

    def collect(self) -> None:
        self.shown.races, self.shown.uses = self.races.found, self.races.uses
        self.shown.orders = {
            (report.message, *classes_in(report.details))
            for report in self.lockdep.reports
        }


def sort_of(failure: Failure) -> str:
    """A failure without the names and numbers that differ from run to run."""
    return f"{failure.kind}: {re.sub(r'0x[0-9a-f]+|[0-9]+', 'N', failure.message)}"


def classes_in(details: tuple[str, ...]) -> list[str]:
    """The classes of the locks that a report of lockdep begins with."""
    return re.findall(r"\(([^()]+)\)\{", "\n".join(details[:5]))


# The model as it is.


def baseline(item: Item) -> Shown:
    """What an item shows of its own accord, and the lines that it gets to."""
    trial = Trial(item)
    trial.run(item.budget)
    seconds = trial.shown.seconds
    longer = Trial(item)
    if item.fails or item.watched:
        longer.run(item.budget * (BASELINE_FACTOR if len(item.boots) == 1 else 1))
        trial = longer
    trial.shown.seconds = seconds
    trial.shown.lines = lines_of(item)
    return trial.shown


def lines_of(item: Item) -> dict[str, set[int]]:
    """The lines of kmm that are run, by file."""
    seen: dict[str, set[int]] = {}

    def trace(frame: FrameType, event: str, argument: Any) -> Any:
        _, package, path = frame.f_code.co_filename.rpartition("/kmm/")
        if not package or path.startswith(("sim/", "hw/")):
            return None
        lines = seen.setdefault(f"kmm/{path}", set())

        def line(inner: FrameType, what: str, value: Any) -> Any:
            lines.add(inner.f_lineno)
            return line

        return line(frame, event, argument)

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        Trial(Item(item.name, item.boots, item.strategy, 0, watched=False)).run(
            item.budget
        )
    finally:
        sys.settrace(before)
    return seen


# A mutant.


@frozen
class Judge:
    """What the items show on the model as it is."""

    shown: dict[str, Shown]
    locksets: Locksets

    @staticmethod
    def of(items: Sequence[Item], folder: Path) -> Judge:
        """What is not in the files of `folder` is found out, and put there."""
        shown = {item.name: known(item, folder) for item in items}
        return Judge(shown, Locksets.of(u for one in shown.values() for u in one.uses))

    @property
    def racing(self) -> set[tuple[str, str]]:
        """Fields, and the functions in which they race."""
        return {
            (target, function)
            for target, one, _, _, other, _, _ in self.known_races
            for function in (one, other)
        }

    @property
    def known_races(self) -> set[Race]:
        return {race for shown in self.shown.values() for race in shown.races}

    @property
    def known_orders(self) -> set[Order]:
        return {order for shown in self.shown.values() for order in shown.orders}

    def reaches(self, item: Item, site: Site) -> bool:
        lines = self.shown[item.name].lines.get(site.file, set())
        return not lines.isdisjoint(range(site.line, site.last_line + 1))

    def telling(self, items: Sequence[Item], site: Site) -> list[Item]:
        """The items that get to a site: those that are watched, the cheapest first."""
        reaching = [item for item in items if self.reaches(item, site)]
        reaching.sort(key=lambda item: self.shown[item.name].seconds)
        return sorted(reaching, key=lambda item: not item.watched)

    def notice(self, item: Item, site: Site | None) -> str:
        """How an item notices that a site is left out; "" if it does not."""
        known, trial = self.shown[item.name], Trial(item, site)
        signs = Signs(
            site,
            known,
            self.known_races,
            self.racing,
            self.known_orders,
            self.locksets,
        )

        def noticed() -> bool:
            return bool(signs.of(trial))

        budget = item.budget
        sooner = item.fails and 0 < known.first_failure <= budget
        if sooner:
            budget = max(budget, 2 * known.first_failure + 2)
        try:
            with patience(PATIENCE + PATIENCE * known.seconds):
                trial.run(budget, noticed)
        except Hangs:
            return "it does not come to an end"
        except (NameError, SyntaxError, TypeError):
            raise  # more likely an error of `marks` than of the model
        except Exception as error:  # whatever the model does not stand
            return f"{type(error).__name__}: {error}"
        if not noticed() and sooner and not trial.shown.first_failure:
            return f"does not fail any more, in {trial.executions} runs"
        return signs.of(trial)


@define
class Signs:
    """What a trial shows that is not known."""

    site: Site | None
    known: Shown  # of the same item
    races: set[Race]
    racing: set[tuple[str, str]]
    orders: set[Order]
    locksets: Locksets
    looked_at: int = 0  # so many races
    weighed: int = 0  # so many uses
    first: str = ""

    def of(self, trial: Trial) -> str:
        """The first sign; "" if there is none so far."""
        if not self.first and not trial.item.fails:
            self.first = min(trial.shown.failures - self.known.failures, default="")
        if not self.first and len(trial.races.ours) > self.looked_at:
            self.looked_at = len(trial.races.ours)
            found = sorted(trial.races.ours - self.races)
            self.first = next((words(race) for race in found if self.tells(race)), "")
        if not self.first and len(trial.races.our_uses) > self.weighed:
            self.weighed = len(trial.races.our_uses)
            found_uses = sorted(trial.races.our_uses)
            self.first = next((w for u in found_uses if (w := self.exposed(u))), "")
        if not self.first:
            orders = trial.shown.orders - self.orders
            self.first = min((" ".join(order) for order in orders), default="")
        return self.first

    def exposed(self, use: Use) -> str:
        """In words, whom a use can meet now; "" if nobody."""
        a_lock = self.site is not None and self.site.sort == LOCK
        other = self.locksets.exposed(use, announced_too=a_lock)
        if other is None:
            return ""
        return f"no lock in common: {use.target} in {use.function} / {other.function}"

    def tells(self, race: Race) -> bool:
        """Whether a race is another than those that are known of its field."""
        target, one, _, _, other, _, _ = race
        if self.site is not None and self.site.sort == MARK:
            return True
        return not {(target, one), (target, other)} <= self.racing


def words(race: Race) -> str:
    return f"data race: {race[0]} in {race[1]} / {race[4]}"


@contextmanager
def patience(seconds: float) -> Iterator[None]:
    """Raises Hangs in what takes longer."""

    def stop(*_: object) -> None:
        raise Hangs

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


# From one process to the next.


def known(item: Item, folder: Path) -> Shown:
    """What an item shows on the model as it is: from the file of an earlier run."""
    name = hashlib.sha256(item.name.encode()).hexdigest()[:16]
    path = folder / f"{name}.json"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(as_json(baseline(item))), encoding="utf-8")
    return from_json(json.loads(path.read_text(encoding="utf-8")))


def as_json(shown: Shown) -> dict[str, Any]:
    data = asdict(shown, recurse=False)
    for name in ("races", "orders", "failures"):
        data[name] = sorted(data[name])
    data["uses"] = [astuple(use) for use in sorted(shown.uses)]
    data["lines"] = {file: sorted(lines) for file, lines in shown.lines.items()}
    return data


def from_json(data: dict[str, Any]) -> Shown:
    return Shown(
        {(a, b, c, d, e, f, g) for a, b, c, d, e, f, g in data["races"]},
        {Use(a, b, c, d, tuple(e), tuple(f)) for a, b, c, d, e, f in data["uses"]},
        {tuple(order) for order in data["orders"]},
        set(data["failures"]),
        data["first_failure"],
        data["seconds"],
        {file: set(lines) for file, lines in data["lines"].items()},
    )
