"""4-level paging: the entries, and the walk that turns a linear address physical.

Intel SDM volume 3A, chapter 4, "Paging": "IA-32e paging" (4.5), "Access rights"
(4.6), "Page-fault exceptions" (4.7), "Accessed and dirty flags" (4.8).

A walk reads one entry a level, and other CPUs may store to the tables between any two
of those reads.  Called by `cpu`; it needs no lock, and takes none.

Left out so far: 32-bit and PAE paging, SMEP and SMAP, the TLB.
"""

from __future__ import annotations

from enum import Enum

from attrs import frozen

from .memory import (
    ENTRY_BYTES,
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
PWT = 1 << 3
PCD = 1 << 4
A = 1 << 5  # accessed
D = 1 << 6  # dirty; only in an entry that maps a page
PS = 1 << 7  # maps a page at an upper level
G = 1 << 8  # global
XD = 1 << 63  # execute disable ("NX")

# Physical addresses have this many bits on the CPU that is modelled (MAXPHYADDR).
MAXPHYADDR = 40
ADDRESS = ((1 << MAXPHYADDR) - 1) & PAGE_MASK
RESERVED = ((1 << 52) - 1) & ~((1 << MAXPHYADDR) - 1)

# Bits of a page fault's error code.
PF_PROT = 1 << 0  # the entry was present: a protection or reserved-bit fault
PF_WRITE = 1 << 1
PF_USER = 1 << 2
PF_RSVD = 1 << 3
PF_INSTR = 1 << 4


@frozen
class Level:
    """One level of the tables: the manual's names, and Linux's."""

    table: str
    entry: str
    linux: str
    shift: int  # of the bits of a linear address that index the table
    large: bool  # whether PS in an entry makes it map a page

    def index(self, address: VirtAddr) -> int:
        return (address >> self.shift) & 0x1FF

    def slot(
        self, memory: PhysicalMemory, table: PhysAddr, address: VirtAddr
    ) -> EntryPointer:
        """The entry of `table` that translates `address`."""
        return memory.pointer(PhysAddr(table + self.index(address) * ENTRY_BYTES))

    @property
    def size(self) -> int:
        """Bytes that one entry spans."""
        return 1 << self.shift


LEVELS = (
    Level("PML4", "PML4E", "pgd", 39, large=False),
    Level("page-directory-pointer table", "PDPTE", "pud", 30, large=True),
    Level("page directory", "PDE", "pmd", 21, large=True),
    Level("page table", "PTE", "pte", 12, large=False),
)


class Access(Enum):
    """What a CPU wants to do at an address."""

    READ = "read"
    WRITE = "write"
    FETCH = "fetch"


class PageFault(Exception):
    """#PF: the access at linear address `address` was refused."""

    def __init__(self, address: VirtAddr, error_code: int) -> None:
        super().__init__(f"#PF at {address:#x}, error code {error_code:#x}")
        self.address = address
        self.error_code = error_code


class GeneralProtection(Exception):
    """#GP(0): the address is not canonical."""


@frozen
class Control:
    """The control bits that a walk looks at."""

    cr3: PhysAddr
    user: bool  # CPL 3
    wp: bool = True  # CR0.WP: even the supervisor may not write where R/W is 0
    nxe: bool = True  # EFER.NXE: XD is honoured


def canonical(address: VirtAddr) -> bool:
    """Whether bits 63:47 are all alike."""
    return address >> 47 in (0, (1 << 17) - 1)


async def translate(
    memory: PhysicalMemory, control: Control, address: VirtAddr, access: Access
) -> PhysAddr:
    """The physical address of `address`, with the accessed and dirty flags set.

    Raises PageFault or GeneralProtection.
    """
    if not canonical(address):
        raise GeneralProtection(f"{address:#x}")
    while True:
        path = await walk(memory, control, address, access)
        check_rights(control, [entry for _, entry, _ in path], address, access)
        if await set_flags(path, access):
            break
        # An entry changed under the walk.  The manual's locked update of the flags
        # fails then, and the CPU walks again.
    _, leaf, level = path[-1]
    return PhysAddr((leaf & ADDRESS & ~(level.size - 1)) | (address & (level.size - 1)))


Path = list[tuple[EntryPointer, int, Level]]


async def walk(
    memory: PhysicalMemory, control: Control, address: VirtAddr, access: Access
) -> Path:
    """The entries used for `address`, from the top table to the one that maps it.

    Raises PageFault at an entry that is not present or has a reserved bit set.
    """
    table = PhysAddr(control.cr3 & ADDRESS)  # the bits below are flags
    path: Path = []
    for level in LEVELS:
        slot = level.slot(memory, table, address)
        entry = await slot.read()
        if not entry & P:
            raise PageFault(address, error_code(control, access))
        if entry & reserved_bits(control, level, entry):
            raise PageFault(address, error_code(control, access) | PF_PROT | PF_RSVD)
        path.append((slot, entry, level))
        if level.large and entry & PS:
            break
        table = PhysAddr(entry & ADDRESS)
    return path


def reserved_bits(control: Control, level: Level, entry: int) -> int:
    """The bits that must be 0 in a present entry of this level."""
    reserved = RESERVED
    if not control.nxe:
        reserved |= XD
    if level.table == "PML4":
        reserved |= PS
    if level.large and entry & PS:
        # The page's frame is aligned to its size; bit 12 is PAT here.
        reserved |= (level.size - 1) & PAGE_MASK & ~(1 << 12)
    return reserved


def check_rights(
    control: Control, entries: list[int], address: VirtAddr, access: Access
) -> None:
    """Combine the rights of all levels; raise PageFault if they do not suffice."""
    user = all(entry & US for entry in entries)
    writable = all(entry & RW for entry in entries)
    executable = not (control.nxe and any(entry & XD for entry in entries))
    denied = (
        (control.user and not user)
        or (access is Access.WRITE and not writable and (control.user or control.wp))
        or (access is Access.FETCH and not executable)
    )
    if denied:
        raise PageFault(address, error_code(control, access) | PF_PROT)


def error_code(control: Control, access: Access) -> int:
    """The part of the error code that says what was tried, and from where."""
    code = PF_USER if control.user else 0
    if access is Access.WRITE:
        code |= PF_WRITE
    if access is Access.FETCH and control.nxe:
        code |= PF_INSTR
    return code


async def set_flags(path: Path, access: Access) -> bool:
    """Set A in every entry used, and D in the leaf for a write.

    Each is a locked update of the entry that was read; False if one has changed.
    """
    leaf = path[-1][0]
    for slot, entry, _ in path:
        flags = A | D if slot is leaf and access is Access.WRITE else A
        if entry & flags != flags and not await slot.compare_exchange(
            entry, entry | flags
        ):
            return False
    return True
