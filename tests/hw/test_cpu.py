"""Loads and stores: through the tables, with the kernel's help where they fault."""

from __future__ import annotations

from kmm.hw.cpu import Cpu
from kmm.hw.memory import PAGE_SIZE, PhysAddr, PhysicalMemory, VirtAddr
from kmm.hw.paging import LEVELS, PF_USER, PF_WRITE, RW, US, P
from kmm.sim.machine import run_alone

ADDRESS = VirtAddr(0x7FFF_FFFF_E010)
TABLES = [PhysAddr(number * PAGE_SIZE) for number in (1, 2, 3, 4)]
FRAME = PhysAddr(5 * PAGE_SIZE)


def leaf() -> PhysAddr:
    return PhysAddr(TABLES[3] + LEVELS[3].index(ADDRESS) * 8)


class Kernel:
    """A page-fault handler that maps the page, and notes what it was called with."""

    def __init__(self) -> None:
        self.faults: list[tuple[int, int, bool]] = []
        self.memory = PhysicalMemory(frames=16)
        for table, level, target in zip(TABLES[:3], LEVELS, TABLES[1:], strict=False):
            place = PhysAddr(table + level.index(ADDRESS) * 8)
            self.memory.write_entry(place, target | P | RW | US)
        self.cpu = Cpu(0, self.memory, self.page_fault)
        self.cpu.cr3 = TABLES[0]

    async def page_fault(
        self, cpu: Cpu, address: VirtAddr, error_code: int, user: bool
    ) -> None:
        self.faults.append((address, error_code, user))
        self.memory.write_entry(leaf(), FRAME | P | RW | US)


def test_a_fault_is_handled_and_the_access_made_again() -> None:
    kernel = Kernel()
    run_alone(kernel.cpu.store(ADDRESS, b"date", user=True))
    assert kernel.faults == [(ADDRESS, PF_USER | PF_WRITE, True)]
    assert kernel.memory.read(PhysAddr(FRAME + 0x10), 4) == b"date"


def test_cr2_holds_the_address_that_faulted() -> None:
    kernel = Kernel()
    run_alone(kernel.cpu.load(ADDRESS, 1, user=False))
    assert kernel.cpu.cr2 == ADDRESS
    assert kernel.faults == [(ADDRESS, 0, False)]


def test_what_was_stored_is_loaded_without_another_fault() -> None:
    kernel = Kernel()
    run_alone(kernel.cpu.store(ADDRESS, b"argv", user=False))
    assert run_alone(kernel.cpu.load(ADDRESS, 4, user=True)) == b"argv"
    assert len(kernel.faults) == 1
