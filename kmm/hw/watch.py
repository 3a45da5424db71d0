"""A page walk, watched: which entries the MMU read, what it set in them, and why.

The walk is the model's own (`paging.translate`), run with no other CPU about; each of
its accesses to memory is written down as it is made.  Called by `kmm mmu walk`, and
shown by `kmm.report.mmu`.  The TLB is left out.
"""

from __future__ import annotations

from attrs import define, field

from ..sim.trap import READ
from .cpu import Cpu, unchanged
from .memory import EntryOp, PhysAddr, VirtAddr
from .modes import NO_PAGING, RW, US, XD, Level, P
from .paging import (
    PF_PROT,
    PF_RSVD,
    Access,
    GeneralProtection,
    Operation,
    PageFault,
    Paging,
    Translation,
    translate,
)


@define
class LevelSeen:
    """An entry that a walk has read."""

    level: Level
    table: PhysAddr | None  # None: the entry is in a register
    index: int  # in its table
    where: PhysAddr | None  # of the entry itself; None as for `table`
    entry: int  # as the walk read it
    after: int  # with the flags that the walk has set in it

    @property
    def is_leaf(self) -> bool:
        return bool(self.entry & self.level.leaf_bit and self.entry & P)

    @property
    def reserved(self) -> int:
        """The reserved bits that are set in it, if it is present at all."""
        if not self.entry & P:
            return 0
        level = self.level
        return self.entry & (level.reserved_in_leaf if self.is_leaf else level.reserved)


@define
class WatchedWalk:
    """How a translation came about, or why it did not: `found`, or else `fault`."""

    address: VirtAddr
    access: Access
    paging: Paging
    root: PhysAddr
    seen: list[LevelSeen] = field(factory=list)  # from the top
    found: Translation | None = None
    fault: PageFault | GeneralProtection | None = None


def watch(cpu: Cpu, address: VirtAddr, access: Access) -> WatchedWalk:
    """Let a CPU walk its tables for an access; its TLB is not asked.

    Sets the flags in memory that a walk sets.  What it raises is kept as `fault`.
    """
    tables, paging = cpu.tables, cpu.paging
    walk = WatchedWalk(address, access, paging, tables.root)
    if paging.mode is NO_PAGING:
        walk.found = unchanged(address)
        return walk
    body = translate(tables, paging, address, access)
    note_register(cpu, walk)
    try:
        while True:
            op = body.send(None)
            assert isinstance(op, EntryOp), "a walk touches nothing but entries"
            note(walk, op)
    except StopIteration as end:
        walk.found = end.value
        for seen in walk.seen:
            if seen.where is not None:
                pointer = cpu.memory.pointer(seen.where, seen.level.entry_bytes)
                seen.after = pointer.value
    except (PageFault, GeneralProtection) as fault:
        walk.fault = fault
        if isinstance(fault, GeneralProtection):
            walk.seen.clear()  # it was refused before any entry was read
    return walk


def note_register(cpu: Cpu, walk: WatchedWalk) -> None:
    """A PDPTE of PAE paging is read from a register, which nobody sees."""
    level = walk.paging.levels[0]
    if level.in_register:
        index = level.index(walk.address)
        entry = cpu.tables.pdptes[index].value
        walk.seen.append(LevelSeen(level, None, index, None, entry, entry))


def note(walk: WatchedWalk, op: EntryOp) -> None:
    """Write down an access of the walk that is about to be made."""
    if op.kind is not READ:
        return  # a flag is being set; the entry is looked at afterwards
    level = walk.paging.levels[len(walk.seen)]
    where, entry = op.pointer.address, op.pointer.value
    index = level.index(walk.address)
    table = PhysAddr(where - index * level.entry_bytes)
    walk.seen.append(LevelSeen(level, table, index, where, entry, entry))


# Why an access was refused.


def why(walk: WatchedWalk) -> str:
    """The cause of a fault in a sentence; "" if there was none."""
    fault = walk.fault
    if fault is None:
        return ""
    if isinstance(fault, GeneralProtection):
        return "the address is not canonical: bits 63:47 are not all alike"
    last = walk.seen[-1]
    if not fault.error_code & PF_PROT:
        return f"the {last.level.entry} is not present: its P is 0"
    if fault.error_code & PF_RSVD:
        return (
            f"reserved bits of the {last.level.entry} are 1: {bit_list(last.reserved)}"
        )
    return why_denied(walk)


def why_denied(walk: WatchedWalk) -> str:
    """Which right was missing, and on which level."""
    access, paging = walk.access, walk.paging
    without_user = levels_without(walk, US)
    if access.user and without_user:
        return f"U/S is 0 in the {without_user}: the page is the supervisor's"
    if access.operation is Operation.WRITE and (access.user or paging.wp):
        read_only = levels_without(walk, RW)
        if read_only:
            wp = "" if access.user else ", and CR0.WP holds the supervisor to that"
            return f"R/W is 0 in the {read_only}: the page is read-only{wp}"
    if access.operation is Operation.FETCH:
        barred = [seen.level.entry for seen in walk.seen if seen.entry & XD]
        if barred:
            return f"XD is 1 in the {' and the '.join(barred)}: no code may run there"
        return "CR4.SMEP: the supervisor may not run a user page's code"
    return "CR4.SMAP: the supervisor may not touch a user page while EFLAGS.AC is 0"


def levels_without(walk: WatchedWalk, bit: int) -> str:
    """The entries whose `bit` is 0, in words."""
    names = [
        seen.level.entry
        for seen in walk.seen
        if not (seen.entry | seen.level.implied) & bit
    ]
    return " and the ".join(names)


def bit_list(mask: int) -> str:
    """The numbers of the bits of a mask, highest first."""
    return ", ".join(str(n) for n in reversed(range(64)) if mask >> n & 1)
