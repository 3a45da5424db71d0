"""Page tables for the tests of the hardware, in one line each."""

from __future__ import annotations

from typing import Any

from attrs import define

from kmm.hw.memory import PAGE_SIZE, PhysAddr, PhysicalMemory, VirtAddr
from kmm.hw.modes import MODES, RW, US, Level, P
from kmm.hw.paging import (
    GeneralProtection,
    Operation,
    PageFault,
    PdpteRegister,
    Tables,
    access,
    paging,
    translate,
)
from kmm.sim.machine import run_alone

READ, WRITE, FETCH = Operation.READ, Operation.WRITE, Operation.FETCH
ALL = P | RW | US
FRAME = 0x0060_0000  # where the page is: aligned to 2 MBytes
ADDRESSES = {
    "long": VirtAddr(0x7FFF_FFFF_E123),
    "pae": VirtAddr(0xBFFF_E123),
    "32": VirtAddr(0xBFFF_E123),
}
FRAMES = 1 << 28


@define(eq=False, slots=False)
class Mapped:
    """RAM in which one address is mapped to FRAME, and how to reach it.

    `flags` are those of the entries, from the top; by default they allow everything.
    """

    mode: str = "long"
    flags: list[int] | None = None
    settings: dict[str, Any] | None = None  # of `paging`

    def __attrs_post_init__(self) -> None:
        self.memory = PhysicalMemory(FRAMES)
        self.cr2 = VirtAddr(0)
        self.paging = paging(MODES[self.mode], **(self.settings or {}))
        self.levels = self.paging.levels
        self.address = ADDRESSES[self.mode]
        flags = list(self.flags or [ALL] * len(self.levels))
        if self.mode == "pae":
            flags[0] &= ~(RW | US)  # a PDPTE has no rights, and the bits must be 0
        self.entries = [
            target | bits for target, bits in zip(self.targets(), flags, strict=True)
        ]
        self.store()

    def targets(self) -> list[int]:
        return [*(self.table(n) for n in range(1, len(self.levels))), FRAME]

    def table(self, number: int) -> PhysAddr:
        return PhysAddr((number + 1) * PAGE_SIZE)

    def where(self, number: int) -> PhysAddr:
        level = self.levels[number]
        return level.slot(self.memory, self.table(number), self.address).address

    def store(self) -> None:
        for number, entry in enumerate(self.entries):
            self.put(number, entry)

    def put(self, number: int, entry: int) -> None:
        """Store the entry of one level, counted from the top."""
        where = self.where(number)
        self.memory.write_entry(where, entry, self.levels[number].entry_bytes)

    def now(self) -> list[int]:
        """The entries as they are now."""
        return [
            self.memory.read_entry(self.where(n), level.entry_bytes)
            for n, level in enumerate(self.levels)
        ]

    @property
    def tables(self) -> Tables:
        level = self.levels[0]
        if not level.in_register:
            return Tables(self.memory, self.table(0))
        registers = [
            PdpteRegister(n, self.memory.read_entry(PhysAddr(self.table(0) + 8 * n), 8))
            for n in range(level.entries)
        ]
        return Tables(self.memory, self.table(0), registers)

    def reach(
        self, operation: Operation, *, user: bool = True, ac: bool = False
    ) -> int | str:
        """The physical address, or the fault: `#PF 7`, `#GP`."""
        how = access(operation, user=user, ac=ac)
        try:
            found = run_alone(translate(self.tables, self.paging, self.address, how))
        except PageFault as fault:
            self.cr2 = fault.address
            return f"#PF {fault.error_code:#x}"
        except GeneralProtection:
            return "#GP"
        return found.physical(self.address)


def offset(level: Level, address: VirtAddr) -> int:
    """Of an address in the page that an entry of this level would map."""
    return address & (level.size - 1)


MODE_NAMES = list(MODES)
