"""What things cost in a timed run: one table, with a source beside each figure.

`cycles.toml` has the figures, for a machine such as the letter was written on; a file
of the same form replaces those that it names.  Nothing is tuned to a result: a figure
is what somebody measured or, where nobody measures such a thing by itself, a matter of
taste that is stated once, there.

A step's price is that of the operation that it announces, and of the kernel's code from
there to the next one.
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from random import Random
from typing import Any

from attrs import evolve, fields, frozen

from ..hw.apic import InterruptOp
from ..hw.memory import EntryOp, FrameOp, WholeFrameOp
from ..mm.swapfile import SwapOp
from ..sim.access import FieldOp, PlainOp
from ..sim.clock import Sleep, Spend, Work
from ..sim.locks import NestedOp
from ..sim.trap import WRITE, GateOp, Kind, Op

MILLION = 1_000_000
DRAWS = 1 << 16  # of misses, which then come again


class BadCosts(ValueError):
    """A file of costs that cannot be used: in one line, what is wrong and where."""


@frozen
class Figure:
    """One line of the table."""

    cycles: int  # or bytes, of bytes_per_cycle; of misses, how many in a thousand
    source: str  # who measured it; or that it is taste


@frozen
class Table:
    """The table; each field's meaning is said beside its figure."""

    mhz: int
    kernel_step: Figure
    lock: Figure
    entry_read: Figure
    entry_write: Figure
    bytes_per_cycle: Figure
    zero_page: Figure
    copy_page: Figure
    send_interrupt: Figure
    interrupt: Figure
    cache_miss: Figure
    misses: Figure
    look_at_page: Figure
    page_fault: Figure
    system_call: Figure
    context_switch: Figure
    time_slice: Figure
    swap_seek: Figure
    swap_page: Figure

    def cycles(self, seconds: float) -> int:
        """So much time, in cycles."""
        return round(seconds * self.mhz * MILLION)

    def seconds(self, cycles: int) -> float:
        return cycles / (self.mhz * MILLION)


FIGURES = tuple(f.name for f in fields(Table) if f.name != "mhz")

# What nothing can be divided by, and a slice of no length in which nobody gets on.
NOT_ZERO = ("bytes_per_cycle", "time_slice")


def usual_table() -> Table:
    """The table that comes with kmm."""
    text = files("kmm.workloads").joinpath("cycles.toml").read_text(encoding="utf-8")
    data = tomllib.loads(text)
    figures = {name: Figure(**data["cost"][name]) for name in FIGURES}
    return Table(data["machine"]["mhz"], **figures)


def table_from(path: Path, base: Table | None = None) -> Table:
    """The table with the figures of a file.  Raises BadCosts or OSError."""
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadCosts(f"{path} is no TOML file: {error}") from None
    try:
        return changed(base or usual_table(), data, path.name)
    except BadCosts as error:
        raise BadCosts(f"{path}: {error}") from None


def changed(table: Table, data: dict[str, Any], source: str) -> Table:
    """The table with the figures of a file that has been read.  Raises BadCosts.

    `source` is that of a figure whose own is not said.
    """
    refuse_unknown("", data, ("machine", "cost"))
    machine, costs = section(data, "machine"), section(data, "cost")
    refuse_unknown("machine.", machine, ("mhz",))
    refuse_unknown("cost.", costs, FIGURES)
    changes: dict[str, Any] = {}
    if "mhz" in machine:
        changes["mhz"] = whole("machine.mhz", machine["mhz"], least=1)
    for name in costs:
        changes[name] = figure(name, section(costs, name, "cost."), source)
    return evolve(table, **changes)


def figure(name: str, entry: dict[str, Any], source: str) -> Figure:
    """One [cost.NAME].  Raises BadCosts."""
    refuse_unknown(f"cost.{name}.", entry, ("cycles", "source"))
    if "cycles" not in entry:
        raise BadCosts(f"[cost.{name}] needs `cycles = NUMBER`")
    least = 1 if name in NOT_ZERO else 0
    said = entry.get("source", source)
    if not isinstance(said, str):
        raise BadCosts(f"cost.{name}.source must be a text, not {said!r}")
    return Figure(whole(f"cost.{name}.cycles", entry["cycles"], least), said)


def section(data: dict[str, Any], name: str, within: str = "") -> dict[str, Any]:
    """A table of the file; an empty one if it is not there.  Raises BadCosts."""
    found = data.get(name, {})
    if not isinstance(found, dict):
        raise BadCosts(f"[{within}{name}] must be a table, not {found!r}")
    return found


def refuse_unknown(within: str, data: dict[str, Any], known: Sequence[str]) -> None:
    """Raise BadCosts if something is named that means nothing."""
    unknown = [f"{within}{name}" for name in data if name not in known]
    if unknown:
        there = ", ".join(f"{within}{name}" for name in known)
        raise BadCosts(f"nobody knows {', '.join(unknown)}; there is {there}")


def whole(name: str, value: object, least: int) -> int:
    """A whole number.  Raises BadCosts."""
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise BadCosts(f"{name} must be a whole number, {least} or more: {value!r}")
    return value


class Prices:
    """The table as a timed machine asks it.  One for each run: it knows the disk.

    Without `chance` no cache is ever missed.
    """

    def __init__(self, table: Table, chance: Random | None = None) -> None:
        self.table = table
        self.disk = Disk()
        self.delays = (0,) if chance is None else drawn_misses(table, chance)
        self.slice = table.time_slice.cycles
        self.switch = table.context_switch.cycles
        step = table.kernel_step.cycles
        lock = table.lock.cycles
        read, write = table.entry_read.cycles, table.entry_write.cycles
        send, take = table.send_interrupt.cycles, table.interrupt.cycles
        zero, copy = table.zero_page.cycles, table.copy_page.cycles
        self.prices: dict[type[Op], Sequence[int]] = {
            Op: by_kind(step),
            FieldOp: by_kind(step),
            PlainOp: by_kind(step),
            EntryOp: by_kind(read, WRITE, write),
            WholeFrameOp: by_kind(copy, WRITE, zero),
            InterruptOp: by_kind(take, WRITE, send),
            GateOp: by_kind(lock),
            NestedOp: by_kind(lock),
            SwapOp: by_kind(step),
            Spend: by_kind(0),
            Sleep: by_kind(0),
        }

    def cycles(self, op: Op) -> int:
        if isinstance(op, FrameOp):
            # An instruction, or as many as it takes to touch so many bytes.
            return 1 + op.size // self.table.bytes_per_cycle.cycles
        if isinstance(op, Work):
            return op.amount * self.table.look_at_page.cycles
        return self.table.kernel_step.cycles

    def until(self, op: Op, now: int) -> int:
        if isinstance(op, SwapOp):
            return self.disk.transfer(self.table, op.slot, now)
        return now


def drawn_misses(table: Table, chance: Random) -> Sequence[int]:
    """For so many steps, what each takes beyond its price: a cache miss, or nothing."""
    miss, of_thousand = table.cache_miss.cycles, table.misses.cycles
    return [miss if 1000 * chance.random() < of_thousand else 0 for _ in range(DRAWS)]


def by_kind(usual: int, kind: Kind | None = None, other: int = 0) -> list[int]:
    """A price for each kind of operation: `usual`, but `other` for one of them."""
    return [other if each is kind else usual for each in Kind]


class Disk:
    """The swap device: one request after the other, and a seek where they are apart."""

    def __init__(self) -> None:
        self.busy_until = 0
        self.at = 0  # the slot under the head
        self.transfers = 0
        self.seeks = 0

    def transfer(self, table: Table, slot: int, now: int) -> int:
        """When a page that is asked for now has been transferred."""
        start = max(now, self.busy_until)
        self.transfers += 1
        if slot != self.at:
            self.seeks += 1
            start += table.swap_seek.cycles
        self.at = slot + 1
        self.busy_until = start + table.swap_page.cycles
        return self.busy_until
