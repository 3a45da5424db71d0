"""The paging modes, as tables: which bits of an address and of an entry mean what.

Intel SDM volume 3A, chapter 4 "Paging": "Paging Modes and Control Bits", "32-Bit
Paging", "PAE Paging", "IA-32e Paging" (in later editions "4-Level Paging").

With paging on, an x86 CPU of 2010 has three ways to look an address up, and they
differ in nothing but numbers: how many tables there are, which bits of the address pick
an entry in each, how wide an entry is, which of its bits must be 0.  `levels_of` puts
those numbers together once for a CPU and a setting of its control registers; the walk
in `paging` reads them and need not ask which mode it is in.

    mode     address split   tables                        entry    pages
    32-bit   10/10/12        PD, PT                        4 bytes  4K, 4M (CR4.PSE)
    PAE      2/9/9/12        PDPT (in registers), PD, PT   8 bytes  4K, 2M
    4-level  9/9/9/9/12      PML4, PDPT, PD, PT            8 bytes  4K, 2M, 1G (CPUID)

Used by `paging`, `cpu` and `watch`, and by `kmm.mm.pgtable`, which has Linux's names
for the bits.  Left out: what PWT, PCD and PAT select (memory types); they have names
here, so that an entry can be read out.
"""

from __future__ import annotations

from functools import cache

from attrs import evolve, field, frozen

from .memory import (
    PAGE_MASK,
    EntryPointer,
    PhysAddr,
    PhysicalMemory,
    VirtAddr,
)

# Bits of an entry, by the manual's names.
P = 1 << 0  # present
RW = 1 << 1  # writes allowed
US = 1 << 2  # user-mode accesses allowed
PWT = 1 << 3  # page-level write-through
PCD = 1 << 4  # page-level cache disable
A = 1 << 5  # accessed
D = 1 << 6  # dirty; only in an entry that maps a page
PS = 1 << 7  # page size: maps a page at an upper level
PAT = 1 << 7  # in an entry of the last level, where there is no choice of size
G = 1 << 8  # global: outlives MOV CR3 in the TLB
PAT_LARGE = 1 << 12  # PAT again, in an entry that maps a page at an upper level
XD = 1 << 63  # execute disable ("NX")


def bits(high: int, low: int) -> int:
    """A mask of bits `high` down to `low`, as the manual writes 51:40; 0 if none."""
    return (1 << (high + 1)) - (1 << low) if high >= low else 0


@frozen
class CpuId:
    """What the CPU can do, as CPUID tells."""

    maxphyaddr: int = 40  # bits of a physical address: 32 to 52
    pse36: bool = True  # 4-MByte pages above 4 GBytes
    page1gb: bool = True  # 1-GByte pages


USUAL_CPU = CpuId()


@frozen
class Level:
    """One level of the tables: how to find an entry in it, and how to read that."""

    table: str  # the manual's names
    entry: str
    linux: str  # Linux's name for an entry's type
    shift: int  # the entry is picked by `index_bits` bits of the address, from here up
    index_bits: int = 9
    entry_bytes: int = 8
    # The same as numbers to work with.
    size: int = field(init=False)  # bytes of linear address space that one entry spans
    entries: int = field(init=False)  # in one table
    in_register: bool = False  # loaded by MOV CR3, and not read from memory

    # An entry in which this bit is 1 maps a page; else it refers to another table.
    # At the last level it is P, which is 1 in any entry that is used at all.
    leaf_bit: int = 0
    # Bits that an entry of this format does not have, and that count as 1: it can
    # neither deny rights nor say that it was not used.
    implied: int = 0
    # What a walk sets in an entry that it has used: A, or nothing if there is no A.
    accessed: int = A
    # Where the address of the next table, or of the page, is.
    table_address: int = 0
    page_address: int = 0
    # Bits that must be 0 in an entry that refers to a table, and in one that maps a
    # page.  (Only looked at if P is 1.)
    reserved: int = 0
    reserved_in_leaf: int = 0

    @size.default
    def _size(self) -> int:
        return 1 << self.shift

    @entries.default
    def _entries(self) -> int:
        return 1 << self.index_bits

    def index(self, address: VirtAddr) -> int:
        """Which entry of its table translates `address`."""
        return (address >> self.shift) & (self.entries - 1)

    def slot(
        self, memory: PhysicalMemory, table: int, address: VirtAddr
    ) -> EntryPointer:
        """The entry of the table at `table` that translates `address`."""
        index = (address >> self.shift) & (self.entries - 1)
        return memory.pointers[self.entry_bytes][table + index * self.entry_bytes]

    def next_table(self, entry: int) -> PhysAddr:
        return PhysAddr(entry & self.table_address)

    def page_frame(self, entry: int) -> PhysAddr:
        """The first byte of the page that `entry` maps."""
        frame = entry & self.page_address
        if self.entry_bytes == 4 and self.shift > 12:
            # "PSE-36": bits 20:13 of a 4-byte entry hold bits 39:32 of the address.
            frame = (frame & bits(31, 22)) | (frame & bits(20, 13)) << (32 - 13)
        return PhysAddr(frame)


@frozen
class Mode:
    """A paging mode: its levels from the top, before CPU and settings are known."""

    name: str  # as recorded cases have it
    title: str  # the manual's
    levels: tuple[Level, ...]
    address_bits: int  # of a linear address; above them it must be canonical, or zero


NO_PAGING = Mode("none", "no paging", (), 32)

BITS_32 = Mode(
    "32",
    "32-bit paging",
    (
        Level("page directory", "PDE", "pgd", 22, 10, 4),
        Level("page table", "PTE", "pte", 12, 10, 4),
    ),
    32,
)

PAE = Mode(
    "pae",
    "PAE paging",
    (
        Level("page-directory-pointer table", "PDPTE", "pgd", 30, 2, in_register=True),
        Level("page directory", "PDE", "pmd", 21),
        Level("page table", "PTE", "pte", 12),
    ),
    32,
)

LONG = Mode(
    "long",
    "4-level paging",
    (
        Level("PML4", "PML4E", "pgd", 39),
        Level("page-directory-pointer table", "PDPTE", "pud", 30),
        Level("page directory", "PDE", "pmd", 21),
        Level("page table", "PTE", "pte", 12),
    ),
    48,
)

MODES = {mode.name: mode for mode in (BITS_32, PAE, LONG)}


@cache
def levels_of(mode: Mode, cpu: CpuId, *, pse: bool, nxe: bool) -> tuple[Level, ...]:
    """The levels of a mode, ready for walks on a CPU with CR4.PSE and EFER.NXE so."""
    finish = finish_4_byte if mode is BITS_32 else finish_8_byte
    return tuple(finish(level, mode, cpu, pse, nxe) for level in mode.levels)


def finish_4_byte(level: Level, mode: Mode, cpu: CpuId, pse: bool, nxe: bool) -> Level:
    """A level of 32-bit paging, from the tables "Format of a 32-Bit ..." in the manual.

    `mode` and `nxe` make no difference: these entries have no XD.
    """
    level = evolve(level, table_address=bits(31, 12))
    if level.entry == "PTE":
        return evolve(level, leaf_bit=P, page_address=bits(31, 12))
    if not pse:
        return level  # bit 7 means nothing
    high = min(cpu.maxphyaddr, 40) - 32 if cpu.pse36 else 0  # address bits from 32 up
    used = bits(12 + high, 13)
    return evolve(
        level,
        leaf_bit=PS,
        page_address=bits(31, 22) | used,
        reserved_in_leaf=bits(21, 13) & ~used,
    )


def finish_8_byte(level: Level, mode: Mode, cpu: CpuId, pse: bool, nxe: bool) -> Level:
    """The same from "Format of a PAE ..." and "Format of an IA-32e ...".

    `pse` makes no difference: PS means the same whatever CR4.PSE is.
    """
    # Above the address: all reserved in PAE; 62:52 are software's in 4-level paging.
    reserved = bits(62 if mode is PAE else 51, cpu.maxphyaddr)
    if not nxe:
        reserved |= XD
    address = bits(cpu.maxphyaddr - 1, 12)
    level = evolve(
        level, table_address=address, reserved=reserved, reserved_in_leaf=reserved
    )
    if level.entry == "PTE":
        return evolve(level, leaf_bit=P, page_address=address)
    if level.in_register:  # a PDPTE of PAE paging
        return evolve(
            level,
            implied=RW | US | A,
            accessed=0,
            reserved=bits(63, cpu.maxphyaddr) | bits(8, 5) | bits(2, 1),
        )
    if level.entry == "PML4E" or (level.entry == "PDPTE" and not cpu.page1gb):
        return evolve(level, reserved=reserved | PS)
    # Its page is aligned to its size, and bit 12 is PAT.
    below = (level.size - 1) & PAGE_MASK
    return evolve(
        level,
        leaf_bit=PS,
        page_address=address & ~below,
        reserved_in_leaf=reserved | (below & ~PAT_LARGE),
    )
