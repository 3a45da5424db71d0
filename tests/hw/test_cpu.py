"""A CPU: loads and stores, faults, and the instructions that say how memory is seen."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from page_tables import ALL, FETCH, FRAME, FRAMES, READ, WRITE, Mapped

from kmm.hw.cpu import (
    CR0_PE,
    CR0_PG,
    CR0_WP,
    CR4_PAE,
    CR4_PGE,
    CR4_PSE,
    CR4_SMAP,
    CR4_SMEP,
    EFER_LMA,
    EFER_LME,
    EFER_NXE,
    Cpu,
    mode_of,
)
from kmm.hw.memory import PAGE_SIZE, PhysAddr, PhysicalMemory, VirtAddr
from kmm.hw.modes import BITS_32, LONG, NO_PAGING, PAE, PS, RW, US, A, D, G, P
from kmm.hw.paging import GeneralProtection, Operation, PageFault, access
from kmm.sim.machine import Machine, run_alone
from kmm.sim.search import search
from kmm.sim.strategies import SourceDpor
from kmm.sim.thread import KThread

ON = CR0_PE | CR0_WP | CR0_PG
LEGACY = {
    "32": {"cr0": ON, "cr4": CR4_PSE | CR4_PGE, "efer": 0},
    "pae": {"cr0": ON, "cr4": CR4_PAE | CR4_PGE, "efer": EFER_NXE},
    "long": {
        "cr0": ON,
        "cr4": CR4_PAE | CR4_PGE,
        "efer": EFER_LME | EFER_LMA | EFER_NXE,
    },
}


class Kernel:
    """A CPU over some tables, with a handler that notes faults and mends them."""

    def __init__(self, mapped: Mapped) -> None:
        self.mapped = mapped
        self.faults: list[tuple[int, int, bool]] = []
        self.mend: Callable[[], None] = lambda: None
        self.cpu = Cpu(0, mapped.memory, self.page_fault)
        run_alone(self.cpu.set_up(cr3=mapped.table(0), **LEGACY[mapped.mode]))

    async def page_fault(
        self, cpu: Cpu, address: VirtAddr, error_code: int, user: bool
    ) -> None:
        self.faults.append((address, error_code, user))
        self.mend()

    def reach(
        self, operation: Operation = READ, *, user: bool = True, page: int = 0
    ) -> int | str:
        """As Mapped.reach, but through the TLB."""
        address = VirtAddr(self.mapped.address + page * PAGE_SIZE)
        how = access(operation, user=user, ac=self.cpu.ac)
        try:
            return run_alone(self.cpu.reach(address, how)).physical(address)
        except PageFault as fault:
            return f"#PF {fault.error_code:#x}"


def kernel(mode: str = "long", *flags: int) -> Kernel:
    return Kernel(Mapped(mode, list(flags) or None))


# Loads and stores.


def test_what_is_stored_is_loaded_again() -> None:
    k = kernel()
    run_alone(k.cpu.store(k.mapped.address, b"argv", user=True))
    assert run_alone(k.cpu.load(k.mapped.address, 4, user=True)) == b"argv"
    assert k.mapped.memory.read(PhysAddr(FRAME + 0x123), 4) == b"argv"
    assert k.faults == []


def test_a_fault_is_handled_and_the_instruction_begun_again() -> None:
    k = kernel("long", ALL, ALL, ALL, P | US)
    k.mend = lambda: k.mapped.put(3, FRAME | ALL)
    run_alone(k.cpu.store(k.mapped.address, b"date", user=True))
    assert k.faults == [(k.mapped.address, 7, True)]
    assert k.cpu.cr2 == k.mapped.address
    assert k.mapped.memory.read(PhysAddr(FRAME + 0x123), 4) == b"date"


def test_a_fault_of_the_kernels_own_is_told_from_the_programs() -> None:
    k = kernel("long", ALL, ALL, ALL, 0)
    k.mend = lambda: k.mapped.put(3, FRAME | ALL)
    run_alone(k.cpu.load(k.mapped.address, 1, user=False))
    assert k.faults == [(k.mapped.address, 0, False)]


def test_a_fetch_needs_a_page_that_code_may_run_in() -> None:
    k = kernel("long", ALL, ALL, ALL, ALL | 1 << 63)
    k.mend = lambda: k.mapped.put(3, FRAME | ALL)
    run_alone(k.cpu.fetch(k.mapped.address, 1, user=True))
    assert k.faults == [(k.mapped.address, 0x15, True)]


def test_an_address_that_is_not_canonical_leaves_cr2_alone() -> None:
    k = kernel()
    with pytest.raises(GeneralProtection):
        run_alone(k.cpu.load(VirtAddr(1 << 47), 1, user=True))
    assert k.cpu.cr2 == 0
    assert k.faults == []


def test_ac_lets_the_kernel_touch_a_programs_page_under_smap() -> None:
    k = kernel()
    run_alone(k.cpu.mov_to_cr4(k.cpu.cr4 | CR4_SMAP))
    assert k.reach(user=False) == "#PF 0x1"
    k.cpu.ac = True
    assert k.reach(user=False) == FRAME + 0x123


# Modes.


@pytest.mark.parametrize(
    ("cr0", "cr4", "efer", "mode"),
    [
        (CR0_PE, 0, 0, NO_PAGING),
        (0, CR4_PAE, EFER_LME, NO_PAGING),
        (ON, 0, 0, BITS_32),
        (ON, CR4_PSE, EFER_NXE, BITS_32),
        (ON, CR4_PAE, 0, PAE),
        (ON, CR4_PAE, EFER_LME, LONG),
    ],
)
def test_control_bits_select_the_mode(
    cr0: int, cr4: int, efer: int, mode: object
) -> None:
    assert mode_of(cr0, cr4, efer) is mode


def test_a_combination_that_no_mode_has_is_refused_and_nothing_changes() -> None:
    with pytest.raises(GeneralProtection, match=r"without CR0\.PE"):
        mode_of(CR0_PG, 0, 0)
    k = kernel("long")
    before = (k.cpu.cr0, k.cpu.cr4, k.cpu.efer, k.cpu.paging)
    with pytest.raises(GeneralProtection, match=r"without CR4\.PAE"):
        run_alone(k.cpu.mov_to_cr4(k.cpu.cr4 & ~CR4_PAE))
    assert (k.cpu.cr0, k.cpu.cr4, k.cpu.efer, k.cpu.paging) == before
    assert k.reach() == FRAME + 0x123


def test_without_paging_an_address_is_what_it_says() -> None:
    k = kernel("32")
    run_alone(k.cpu.mov_to_cr0(CR0_PE))
    assert k.reach() == k.mapped.address
    assert len(k.cpu.tlb) == 0


@pytest.mark.parametrize("mode", ["long", "pae", "32"])
def test_a_cpu_walks_the_tables_of_its_mode(mode: str) -> None:
    k = kernel(mode)
    assert k.reach(WRITE) == FRAME + 0x123
    assert k.mapped.now()[-1] & (A | D) == A | D


def test_control_bits_reach_the_walk() -> None:
    k = kernel("long", ALL, ALL, ALL, P | US | 1 << 63)
    assert k.reach(WRITE, user=False) == "#PF 0x3"
    run_alone(k.cpu.mov_to_cr0(k.cpu.cr0 & ~CR0_WP))
    assert k.reach(WRITE, user=False) == FRAME + 0x123
    assert k.reach(FETCH) == "#PF 0x15"
    run_alone(k.cpu.wrmsr_efer(k.cpu.efer & ~EFER_NXE))
    run_alone(k.cpu.mov_to_cr3(k.cpu.cr3))
    assert k.reach(FETCH) == "#PF 0xd", "XD is reserved now"


@pytest.mark.parametrize("flags", [0xFFF, 0x18])
def test_flags_in_cr3_are_not_part_of_the_address(flags: int) -> None:
    k = kernel("long")
    run_alone(k.cpu.mov_to_cr3(k.mapped.table(0) | flags))
    assert k.reach() == FRAME + 0x123


def test_cr3_beyond_the_cpus_address_bits_is_refused() -> None:
    k = kernel("long")
    with pytest.raises(GeneralProtection, match="beyond MAXPHYADDR"):
        run_alone(k.cpu.mov_to_cr3(1 << 40))
    assert k.cpu.cr3 == k.mapped.table(0)
    assert k.reach() == FRAME + 0x123


# PAE paging: the PDPTEs are registers.


def pdpte(k: Kernel) -> PhysAddr:
    return PhysAddr(k.mapped.table(0) + 2 * 8)


def test_the_pdptes_are_loaded_with_cr3_and_not_read_again() -> None:
    k = kernel("pae")
    k.mapped.memory.write_entry(pdpte(k), 0)
    k.cpu.tlb.forget_all(keep_global=False)
    assert k.reach() == FRAME + 0x123
    run_alone(k.cpu.mov_to_cr3(k.cpu.cr3))
    assert k.reach() == "#PF 0x4"


@pytest.mark.parametrize("bit", [1, 2, 5, 6, 7, 8, 40, 51, 62, 63])
def test_a_pdpte_with_a_reserved_bit_is_refused_when_it_is_loaded(bit: int) -> None:
    k = kernel("pae")
    k.mapped.memory.write_entry(pdpte(k), k.mapped.table(1) | P | 1 << bit)
    with pytest.raises(GeneralProtection, match="PDPTE2"):
        run_alone(k.cpu.mov_to_cr3(k.cpu.cr3))
    assert k.reach() == FRAME + 0x123, "the registers are as they were"


def test_a_pdpte_that_is_not_present_may_hold_anything() -> None:
    k = kernel("pae")
    k.mapped.memory.write_entry(PhysAddr(k.mapped.table(0)), (1 << 63) | 0x1FE)
    run_alone(k.cpu.mov_to_cr3(k.cpu.cr3))
    assert k.reach() == FRAME + 0x123


def test_the_table_of_pdptes_may_be_at_any_multiple_of_32_bytes() -> None:
    k = kernel("pae")
    place = PhysAddr(0x9000 + 96)
    k.mapped.memory.write_entry(PhysAddr(place + 16), k.mapped.table(1) | P)
    run_alone(k.cpu.mov_to_cr3(place | 0x18))
    assert k.reach() == FRAME + 0x123


def test_a_change_of_pge_loads_the_pdptes_again() -> None:
    k = kernel("pae")
    k.mapped.memory.write_entry(pdpte(k), 0)
    run_alone(k.cpu.mov_to_cr4(k.cpu.cr4 ^ CR4_PGE))
    assert k.reach() == "#PF 0x4"


# The TLB, as an access sees it.


@pytest.mark.parametrize("mode", ["long", "pae", "32"])
def test_a_translation_is_used_until_it_is_flushed(mode: str) -> None:
    k = kernel(mode)
    last = len(k.mapped.levels) - 1
    assert k.reach(WRITE) == FRAME + 0x123
    for other in (0x70_0000 | ALL, FRAME | P | US, FRAME | P | RW, 0):
        k.mapped.put(last, other)
        assert k.reach(WRITE) == FRAME + 0x123, "remap, R/W, U/S or P: not seen"
    k.cpu.invlpg(k.mapped.address)
    assert k.reach(WRITE) == "#PF 0x6"


def test_cleared_flags_are_not_seen_until_a_flush_so_they_stay_cleared() -> None:
    k = kernel()
    k.reach(WRITE)
    k.mapped.put(3, FRAME | ALL)
    k.reach(WRITE)
    assert not k.mapped.now()[3] & (A | D)
    k.cpu.invlpg(k.mapped.address)
    k.reach(WRITE)
    assert k.mapped.now()[3] & (A | D) == A | D


def test_what_is_not_present_is_not_remembered() -> None:
    k = kernel("long", ALL, ALL, ALL, 0)
    assert k.reach() == "#PF 0x4"
    k.mapped.put(3, FRAME | ALL)
    assert k.reach() == FRAME + 0x123


def test_a_right_that_is_granted_is_seen_at_once() -> None:
    k = kernel("long", ALL, ALL, ALL, P | US)
    assert k.reach(READ) == FRAME + 0x123
    assert k.reach(WRITE) == "#PF 0x7"
    k.mapped.put(3, FRAME | ALL)
    assert k.reach(WRITE) == FRAME + 0x123


def test_a_fault_drops_what_was_known_of_the_page() -> None:
    k = kernel("long", ALL, ALL, ALL, P | US)
    k.reach(READ)
    k.reach(WRITE)
    assert len(k.cpu.tlb) == 0


def test_the_first_write_sets_dirty_even_if_a_read_was_remembered() -> None:
    k = kernel()
    k.reach(READ)
    assert not k.mapped.now()[3] & D
    k.reach(WRITE)
    assert k.mapped.now()[3] & D


def test_the_first_write_after_reads_faults_if_the_page_is_gone_by_then() -> None:
    k = kernel()
    k.reach(READ)
    k.mapped.put(3, 0)
    assert k.reach(READ) == FRAME + 0x123
    assert k.reach(WRITE) == "#PF 0x6"
    assert k.reach(READ) == "#PF 0x4"


def test_mov_to_cr3_keeps_global_pages_only_with_pge() -> None:
    for pge, kept in ((True, True), (False, False)):
        k = kernel("long", ALL, ALL, ALL, ALL | G)
        if not pge:
            run_alone(k.cpu.mov_to_cr4(k.cpu.cr4 & ~CR4_PGE))
        k.reach()
        k.mapped.put(3, 0)
        run_alone(k.cpu.mov_to_cr3(k.cpu.cr3))
        assert (k.reach() == FRAME + 0x123) == kept


def test_invlpg_drops_a_global_page_too() -> None:
    k = kernel("long", ALL, ALL, ALL, ALL | G)
    k.reach()
    k.mapped.put(3, 0)
    k.cpu.invlpg(VirtAddr(k.mapped.address ^ 0xFFF))
    assert k.reach() == "#PF 0x4"


@pytest.mark.parametrize("bit", [CR4_PGE, CR4_SMEP])
def test_some_changes_of_cr4_drop_everything(bit: int) -> None:
    k = kernel("long", ALL, ALL, ALL, ALL | G)
    k.reach()
    k.mapped.put(3, 0)
    run_alone(k.cpu.mov_to_cr4(k.cpu.cr4 ^ bit))
    assert k.reach() == "#PF 0x4"


def test_to_turn_paging_off_drops_everything() -> None:
    k = kernel("32", ALL, ALL | G)
    k.reach()
    k.mapped.put(1, 0)
    run_alone(k.cpu.mov_to_cr0(k.cpu.cr0 & ~CR0_PG))
    run_alone(k.cpu.mov_to_cr0(k.cpu.cr0 | CR0_PG))
    assert k.reach() == "#PF 0x4"


def test_invlpg_anywhere_in_a_large_page_drops_all_of_it() -> None:
    k = kernel()
    k.mapped.put(2, FRAME | ALL | PS)
    assert k.reach(page=-5) == FRAME + (k.mapped.address - 5 * PAGE_SIZE) % (2 << 20)
    assert len(k.cpu.tlb) == 1
    k.mapped.put(2, 0)
    assert k.reach(page=-7) != "#PF 0x4", "another place in the same page is known"
    k.cpu.invlpg(VirtAddr(k.mapped.address & -(2 << 20)))
    assert k.reach(page=-7) == "#PF 0x4"


def test_hits_and_misses_are_counted() -> None:
    k = kernel()
    for operation in (READ, READ, WRITE, WRITE):
        k.reach(operation)
    assert (k.cpu.tlb.counters.hits, k.cpu.tlb.counters.misses) == (2, 2)


# Interrupts.


def test_an_instruction_is_not_split_by_an_interrupt() -> None:
    """A handler flushes a page, and gives its frame away.

    In every interleaving, the program's store has either been made before the handler
    began, or finds the page gone: it is never in between.
    """
    outcomes = set()

    def boot() -> Machine:
        mapped = Mapped("long", [ALL | A, ALL | A, ALL | A, ALL | A | D])
        memory = mapped.memory
        given_away: list[bytes] = []
        faults: list[int] = []

        async def page_fault(cpu: Cpu, at: VirtAddr, code: int, user: bool) -> None:
            faults.append(code)
            raise KeyError("the page is gone")

        cpu = Cpu(0, memory, page_fault)
        run_alone(cpu.set_up(cr3=mapped.table(0), **LEGACY["long"]))

        async def program() -> None:
            try:
                await cpu.store(mapped.address, b"x", user=True)
            except KeyError:
                return

        async def handler() -> None:
            async with cpu.interrupts:
                await memory.pointer(mapped.where(3)).write(0)
                cpu.invlpg(mapped.address)
                given_away.append(memory.read(PhysAddr(FRAME + 0x123), 1))

        def check() -> None:
            (seen,) = given_away
            assert (seen == b"x") == (not faults)
            assert memory.read(PhysAddr(FRAME + 0x123), 1) == seen
            outcomes.add(seen)

        bodies: list[Coroutine[Any, Any, None]] = [program(), handler()]
        threads = [KThread("t", n, 0, body) for n, body in enumerate(bodies)]
        return Machine(threads, check)

    assert search(boot, SourceDpor()).verdict == "proved"
    assert outcomes == {b"x", b"\0"}


def test_memory_of_a_recorded_size_costs_nothing_until_it_is_written() -> None:
    assert PhysicalMemory(FRAMES).written == {}
