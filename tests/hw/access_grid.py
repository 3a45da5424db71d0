"""Every combination of rights, flags and accesses: a grid, and an oracle beside it.

The grid is the one that kvm-unit-tests walks through in its test of x86 accesses,
rebuilt from a description: 4-level paging, MAXPHYADDR 40, no protection keys.  One
page is reached through a PDPTE (which may be read-only), a PDE (which may map it by
itself, as 2 MBytes), and a PTE.  Each of their bits is a flag of the grid, as are the
kind of access and two control bits.

Left out are combinations in which more than one reserved bit is set (XD counts as one
without NXE), and those that mean nothing: a write that is a fetch, bit 13 of a PDE that
refers to a table.  There are 1,916,928 left.

    14 flags of two values      2^14   P R/W U/S A D of PDE and PTE, the PDPTE's R/W,
                                       user mode, the access made twice, CR0.WP
    read, write or fetch           3
    XD of PDE and PTE, NXE,       39   28 with NXE: 4 for XD, times 3 without PS and
    PS, a reserved bit                 4 with it; 11 without NXE: 5 and 6

The oracle is a list of rules, written without a look at the model.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import product

from attrs import frozen

from kmm.hw.cpu import (
    CR0_PE,
    CR0_PG,
    CR0_WP,
    CR4_PAE,
    CR4_PGE,
    EFER_LMA,
    EFER_LME,
    EFER_NXE,
    Cpu,
)
from kmm.hw.memory import PhysAddr, PhysicalMemory, VirtAddr
from kmm.hw.paging import Operation, PageFault, access
from kmm.sim.machine import run_alone

SIZE = 1_916_928

READ, WRITE, FETCH = "read", "write", "fetch"

# Which reserved bit is set, if any.
NONE, PTE_51, PDE_51, PDE_13 = "none", "pte 51", "pde 51", "pde 13"


@frozen(eq=False)
class Cell:
    """One combination."""

    pde_p: bool
    pde_rw: bool
    pde_us: bool
    pde_a: bool
    pde_d: bool
    pte_p: bool
    pte_rw: bool
    pte_us: bool
    pte_a: bool
    pte_d: bool
    pdpte_rw: bool
    user: bool
    twice: bool
    wp: bool
    kind: str
    pde_ps: bool
    pde_xd: bool
    pte_xd: bool
    nxe: bool
    reserved: str


def odd_bits() -> list[tuple[bool, bool, bool, bool, str]]:
    """PS, XD of PDE and PTE, NXE, and the reserved bit: what may go together."""
    found = []
    for ps, pde_xd, pte_xd, nxe in product((False, True), repeat=4):
        for reserved in (NONE, PTE_51, PDE_51, PDE_13):
            count = (reserved != NONE) + (not nxe) * (pde_xd + pte_xd)
            if count <= 1 and (ps or reserved != PDE_13):
                found.append((ps, pde_xd, pte_xd, nxe, reserved))
    return found


# What a cell's number is made of: the 14 flags first, which change slowest.
FLAGS = list(product((False, True), repeat=14))
KINDS = (READ, WRITE, FETCH)
ODD = odd_bits()


def grid(numbers: Iterable[int] = range(SIZE)) -> Iterator[Cell]:
    """The cells of these numbers; all of them, in a fixed order, if none are named."""
    for number in numbers:
        rest, odd = divmod(number, len(ODD))
        flags, kind = divmod(rest, len(KINDS))
        yield Cell(*FLAGS[flags], KINDS[kind], *ODD[odd])  # type: ignore[call-arg, arg-type]


def tenth() -> Iterator[Cell]:
    """One cell of every ten in a row, at a place that changes from ten to ten."""
    tens = range(-(-SIZE // 10))
    return grid(ten * 10 + (ten * 7 + ten // 10) % 10 for ten in tens)


# The oracle.

P_BIT, W_BIT, U_BIT, RSVD_BIT, I_BIT = 1, 2, 4, 8, 16


@frozen
class Outcome:
    """An error code, or the flags that the entries end with."""

    error: int | None
    pde_a: bool | None = None  # None: either will do
    pde_d: bool | None = None
    pte_a: bool | None = None
    pte_d: bool | None = None


def expected(cell: Cell) -> Outcome:
    """What must come of the access, rule by rule."""
    tried = (
        (W_BIT if cell.kind == WRITE else 0)
        | (U_BIT if cell.user else 0)
        | (I_BIT if cell.kind == FETCH and cell.nxe else 0)
    )

    def fault(bits: int) -> Outcome:
        # The PDE's A may have been set on the way; nothing else may.
        return Outcome(tried | bits, None, cell.pde_d, cell.pte_a, cell.pte_d)

    if not cell.pde_p:
        return fault(0)
    if cell.reserved in (PDE_51, PDE_13) or (cell.pde_xd and not cell.nxe):
        return fault(P_BIT | RSVD_BIT)
    small = not cell.pde_ps
    if small and not cell.pte_p:
        return fault(0)
    if small and (cell.reserved == PTE_51 or (cell.pte_xd and not cell.nxe)):
        return fault(P_BIT | RSVD_BIT)

    user_page = cell.pde_us and (cell.pte_us or not small)
    writable = cell.pdpte_rw and cell.pde_rw and (cell.pte_rw or not small)
    no_execute = cell.pde_xd or (small and cell.pte_xd)
    if cell.user and not user_page:
        return fault(P_BIT)
    if cell.kind == WRITE and not writable and (cell.user or cell.wp):
        return fault(P_BIT)
    if cell.kind == FETCH and no_execute:
        return fault(P_BIT)

    wrote = cell.kind == WRITE
    if small:
        return Outcome(None, True, cell.pde_d, True, cell.pte_d or wrote)
    return Outcome(None, True, cell.pde_d or wrote, cell.pte_a, cell.pte_d)


# The model.

ADDRESS = VirtAddr(0x1234_0012_3456)
PML4, PDPT, PD, PT = (PhysAddr(n << 12) for n in (1, 2, 3, 4))
PAGE, LARGE_PAGE = 0x40_5000, 0x60_0000

P, RW, US, A, D, PS, XD = 1, 2, 4, 1 << 5, 1 << 6, 1 << 7, 1 << 63
OPERATIONS = {
    READ: Operation.READ,
    WRITE: Operation.WRITE,
    FETCH: Operation.FETCH,
}


class Bench:
    """RAM with one path through the tables, and a CPU for each setting."""

    def __init__(self) -> None:
        memory = PhysicalMemory(1 << 28)
        memory.write_entry(PhysAddr(PML4 + entry_at(39)), PDPT | P | RW | US | A)
        self.pdpte = memory.pointer(PhysAddr(PDPT + entry_at(30)))
        self.pde = memory.pointer(PhysAddr(PD + entry_at(21)))
        self.pte = memory.pointer(PhysAddr(PT + entry_at(12)))
        self.cpus = {
            (nxe, wp): new_cpu(memory, nxe=nxe, wp=wp)
            for nxe, wp in product((False, True), repeat=2)
        }

    def set_entries(self, cell: Cell) -> None:
        self.pdpte.value = PD | P | US | A | RW * cell.pdpte_rw
        self.pde.value = (
            (LARGE_PAGE if cell.pde_ps else PT)
            | P * cell.pde_p
            | RW * cell.pde_rw
            | US * cell.pde_us
            | A * cell.pde_a
            | D * cell.pde_d
            | PS * cell.pde_ps
            | XD * cell.pde_xd
            | (1 << 51) * (cell.reserved == PDE_51)
            | (1 << 13) * (cell.reserved == PDE_13)
        )
        self.pte.value = (
            PAGE
            | P * cell.pte_p
            | RW * cell.pte_rw
            | US * cell.pte_us
            | A * cell.pte_a
            | D * cell.pte_d
            | XD * cell.pte_xd
            | (1 << 51) * (cell.reserved == PTE_51)
        )

    def wrong(self, cell: Cell) -> str:
        """What the model does otherwise than the oracle; "" if nothing."""
        self.set_entries(cell)
        cpu = self.cpus[cell.nxe, cell.wp]
        cpu.tlb.forget_all(keep_global=False)
        before = self.but_for_flags()
        outcome = expected(cell)
        for attempt in range(1 + cell.twice):
            got = self.reach(cpu, cell)
            if got != self.place(cell, outcome):
                return f"attempt {attempt}: got {got}, expected {outcome}: {cell}"
        for name, pointer in (("pde", self.pde), ("pte", self.pte)):
            for letter, bit in (("a", A), ("d", D)):
                want = getattr(outcome, f"{name}_{letter}")
                if want is not None and bool(pointer.value & bit) != want:
                    return f"{name}'s {letter} is not {want}: {cell}"
        if self.but_for_flags() != before:
            return f"more than A and D has changed: {cell}"
        return ""

    def but_for_flags(self) -> tuple[int, int, int]:
        """The entries without what the oracle speaks of: A and D of PDE and PTE."""
        flags = A | D
        return self.pdpte.value, self.pde.value & ~flags, self.pte.value & ~flags

    def reach(self, cpu: Cpu, cell: Cell) -> tuple[str, int]:
        how = access(OPERATIONS[cell.kind], user=cell.user)
        try:
            found = run_alone(cpu.reach(ADDRESS, how))
        except PageFault as fault:
            return ("fault" if fault.address == ADDRESS else "CR2"), fault.error_code
        return "physical", found.physical(ADDRESS)

    def place(self, cell: Cell, outcome: Outcome) -> tuple[str, int]:
        if outcome.error is not None:
            return "fault", outcome.error
        if cell.pde_ps:
            return "physical", LARGE_PAGE + ADDRESS % (2 << 20)
        return "physical", PAGE + ADDRESS % 4096


def entry_at(shift: int) -> int:
    return ((ADDRESS >> shift) & 0x1FF) * 8


def new_cpu(memory: PhysicalMemory, *, nxe: bool, wp: bool) -> Cpu:
    async def page_fault(cpu: Cpu, at: VirtAddr, code: int, user: bool) -> None:
        raise AssertionError("faults are looked at, not handled")

    cpu = Cpu(0, memory, page_fault)
    run_alone(
        cpu.set_up(
            cr0=CR0_PE | CR0_PG | CR0_WP * wp,
            cr3=PML4,
            cr4=CR4_PAE | CR4_PGE,
            efer=EFER_LME | EFER_LMA | EFER_NXE * nxe,
        )
    )
    return cpu
