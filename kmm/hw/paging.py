"""The page walk: how an x86 MMU turns a linear address into a physical one.

Intel SDM volume 3A, chapter 4 "Paging".  The steps of a translation, and the sections
that describe them:

1. the address must be canonical            ("Canonical Addressing", volume 1)
2. one entry a level, from the top; each    ("32-Bit Paging", "PAE Paging",
   must be present, and its reserved bits    "IA-32e Paging"; "Page-Fault
   must be 0                                 Exceptions")
3. the rights of all levels together must   ("Access Rights")
   allow the access
4. the accessed flags are set, and for a    ("Accessed and Dirty Flags",
   write the dirty flag of the last entry    "Automatic Locking")

There is one walk for all modes: what differs between them is in the tables of
`modes`.  It reads the entries one by one, and other CPUs may store to them between any
two of those reads; each `await` here is such a place.  A CPU takes no lock for it.

Called by `cpu` when the TLB does not know the page, and by `watch`.

Left out: protection keys, 5-level paging, PCIDs, the caches of upper entries, and
accesses that the CPU makes on its own behalf (to the IDT, say).
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from functools import cache
from typing import Protocol

from attrs import define, frozen

from .memory import PhysAddr, PhysicalMemory, VirtAddr
from .modes import (
    LONG,
    RW,
    US,
    USUAL_CPU,
    XD,
    A,
    CpuId,
    D,
    G,
    Level,
    Mode,
    P,
    levels_of,
)

# Bits of a page fault's error code, by Linux's names.
PF_PROT = 1 << 0  # the entry was present: its rights or its reserved bits forbade it
PF_WRITE = 1 << 1
PF_USER = 1 << 2
PF_RSVD = 1 << 3
PF_INSTR = 1 << 4


class Operation(Enum):
    """What an access does."""

    READ = "read"
    WRITE = "write"
    FETCH = "fetch"


@frozen(eq=False)
class Access:
    """One way to touch memory: what is done, and with which privilege.

    There is one object for each way; `access` finds it.
    """

    operation: Operation
    user: bool  # CPL 3: a user-mode access
    ac: bool  # EFLAGS.AC, by which a supervisor says that it means it (SMAP)
    number: int  # its place in `ACCESSES` and in `Paging.allowed`
    writes: bool  # whether the operation is a write


ACCESSES = tuple(
    Access(operation, user, ac, number, operation is Operation.WRITE)
    for number, (operation, user, ac) in enumerate(
        (operation, user, ac)
        for operation in Operation
        for user in (False, True)
        for ac in (False, True)
    )
)
BY_NATURE = {(a.operation, a.user, a.ac): a for a in ACCESSES}


def access(operation: Operation, *, user: bool, ac: bool = False) -> Access:
    """The one object for accesses of this nature."""
    return BY_NATURE[operation, user, ac]


class PageFault(Exception):
    """#PF: an access was refused.  CR2 gets the linear address."""

    def __init__(self, address: VirtAddr, error_code: int) -> None:
        super().__init__(f"#PF at {address:#x}, error code {error_code:#x}")
        self.address = address
        self.error_code = error_code


class GeneralProtection(Exception):
    """#GP(0), in words that say why.  CR2 stays as it was."""


# What may be touched, and how.

# The rights that all levels grant together, as a number from 0 to 7.
WRITABLE = 1  # R/W is 1 in every entry
USER = 2  # U/S is 1 in every entry: a "user-mode address"
NO_EXECUTE = 4  # XD is 1 in some entry


@frozen(eq=False)
class Paging:
    """How a CPU translates: a mode, and the control bits that walks look at."""

    mode: Mode
    levels: Sequence[Level]
    wp: bool  # CR0.WP: even the supervisor may not write where R/W is 0
    nxe: bool  # EFER.NXE, in a mode that has XD: code may not run where XD is 1
    smep: bool  # CR4.SMEP: the supervisor may not fetch from user pages
    smap: bool  # CR4.SMAP: nor touch their data, unless EFLAGS.AC says so
    pge: bool  # CR4.PGE: G in an entry makes its page global
    # For each access, by its number: bit n is 1 if pages whose rights are n allow it.
    allowed: Sequence[int]

    def allows(self, access: Access, rights: int) -> bool:
        """Whether pages with these rights (of all levels) may be touched so."""
        return bool(self.allowed[access.number] >> rights & 1)


@cache
def paging(
    mode: Mode = LONG,
    cpu: CpuId = USUAL_CPU,
    *,
    wp: bool = True,
    nxe: bool = True,
    smep: bool = False,
    smap: bool = False,
    pge: bool = True,
    pse: bool = True,
) -> Paging:
    """The paging of a CPU whose control bits are so; Linux's of 2010 by default."""
    has_xd = any(level.entry_bytes == 8 for level in mode.levels)
    nxe = nxe and has_xd
    levels = levels_of(mode, cpu, pse=pse, nxe=nxe)
    allowed = [
        sum(
            1 << rights
            for rights in range(8)
            if permits(access, rights, wp=wp, nxe=nxe, smep=smep, smap=smap)
        )
        for access in ACCESSES
    ]
    return Paging(mode, levels, wp, nxe, smep, smap, pge, allowed)


def permits(
    access: Access, rights: int, *, wp: bool, nxe: bool, smep: bool, smap: bool
) -> bool:
    """The rules of "Access Rights", one after the other."""
    user_page = bool(rights & USER)
    writable = bool(rights & WRITABLE)
    executable = not (nxe and rights & NO_EXECUTE)
    fetches = access.operation is Operation.FETCH
    if access.user:
        may_touch = user_page
    elif fetches:
        may_touch = not (smep and user_page)
    else:
        may_touch = not (smap and user_page) or access.ac
    if access.writes:
        return may_touch and (writable or not (access.user or wp))
    return may_touch and (executable or not fetches)


# Where walks start, and what they find.


class Slot(Protocol):
    """Where an entry is kept: in RAM (`EntryPointer`), or in a register."""

    async def read(self) -> int: ...

    async def compare_exchange(self, expected: int, value: int) -> bool: ...


class PdpteRegister:
    """One of the four registers that MOV to CR3 loads in PAE paging."""

    def __init__(self, number: int, value: int) -> None:
        self.name = f"PDPTE{number} register"
        self.value = value

    async def read(self) -> int:
        return self.value  # the CPU's own: no other can see it, or get in here

    async def compare_exchange(self, expected: int, value: int) -> bool:
        raise AssertionError("a PDPTE of PAE paging has no accessed flag")


@define(eq=False)
class Tables:
    """The tables that a CPU walks: what MOV to CR3 has set."""

    memory: PhysicalMemory
    root: PhysAddr  # of the top table, without CR3's flags
    pdptes: Sequence[PdpteRegister] = ()  # PAE paging only

    def top_slot(self, level: Level, address: VirtAddr) -> Slot:
        """The entry of the top table that translates `address`."""
        if level.in_register:
            return self.pdptes[level.index(address)]
        return level.slot(self.memory, self.root, address)


# An entry that a walk has used: where it is, what it said, and on which level.
Used = tuple[Slot, int, Level]


@define
class Translation:
    """What a walk has found out about one page; a TLB remembers it as it is."""

    page: VirtAddr  # the first linear address of the page
    shift: int  # its size is 1 << shift bytes
    frame: PhysAddr  # the first byte of the page
    rights: int  # of all levels together
    dirty: bool  # D of the last entry
    is_global: bool  # G of the last entry, if CR4.PGE

    def physical(self, address: VirtAddr) -> PhysAddr:
        """Where `address`, which must be in the page, is in RAM."""
        return PhysAddr(self.frame | (address & ((1 << self.shift) - 1)))


# The walk.


async def translate(
    tables: Tables, paging: Paging, address: VirtAddr, access: Access
) -> Translation:
    """Walk the tables for an access, and set the accessed and dirty flags.

    Raises PageFault or GeneralProtection.
    """
    check_canonical(paging.mode, address)
    while True:
        path = await walk(tables, paging, address, access)
        in_all, in_any = common_bits(path)
        rights = rights_of(in_all, in_any)
        if not paging.allows(access, rights):
            raise PageFault(address, error_code(paging, access) | PF_PROT)
        last = path[-1]
        # Most often all flags are set, and nothing has to be written.
        is_marked = in_all & A and (last[1] & D or not access.writes)
        if is_marked or await set_flags(path, access):
            return remembered(paging, last, rights, address, access)
        # An entry changed under the walk, and the locked update of its flags was not
        # made.  The CPU walks again.


def check_canonical(mode: Mode, address: VirtAddr) -> None:
    """The upper bits of a 48-bit address must repeat bit 47.  ("Canonical")"""
    if mode is LONG and address >> 47 not in (0, 0x1FFFF):
        raise GeneralProtection(f"{address:#x} is not canonical")


async def walk(
    tables: Tables, paging: Paging, address: VirtAddr, access: Access
) -> list[Used]:
    """The entries for `address`, from the top to the one that maps its page.

    Raises PageFault at an entry that is not present, or has a reserved bit set.
    """
    path: list[Used] = []
    level = paging.levels[0]
    slot = tables.top_slot(level, address)
    while True:
        entry = await slot.read()
        is_leaf = entry & level.leaf_bit
        # P comes first: in an entry that is not present, no other bit means anything.
        if not entry & P:
            raise PageFault(address, error_code(paging, access))
        if entry & (level.reserved_in_leaf if is_leaf else level.reserved):
            code = error_code(paging, access) | PF_PROT | PF_RSVD
            raise PageFault(address, code)
        path.append((slot, entry, level))
        if is_leaf:
            return path
        table = entry & level.table_address
        level = paging.levels[len(path)]
        slot = level.slot(tables.memory, table, address)


def common_bits(path: list[Used]) -> tuple[int, int]:
    """The bits that are 1 in every entry used, and those that are 1 in any."""
    in_all, in_any = -1, 0
    for _, entry, level in path:
        in_all &= entry | level.implied
        in_any |= entry
    return in_all, in_any


def rights_of(in_all: int, in_any: int) -> int:
    """What all levels grant together: each must allow, and any may forbid to fetch."""
    # R/W and U/S are bits 1 and 2 of an entry, and 0 and 1 here.
    return (in_all & (RW | US)) >> 1 | (NO_EXECUTE if in_any & XD else 0)


def error_code(paging: Paging, access: Access) -> int:
    """The part of the error code that says what was tried, and from where."""
    code = PF_USER if access.user else 0
    if access.operation is Operation.WRITE:
        code |= PF_WRITE
    elif access.operation is Operation.FETCH and (paging.nxe or paging.smep):
        code |= PF_INSTR
    return code


async def set_flags(path: list[Used], access: Access) -> bool:
    """Set A in every entry used, and D in the last one for a write.

    Each is a locked update of the entry that was read; False if one has changed
    since, and then A may have been set in those above it.
    """
    last = path[-1][0]
    for slot, entry, level in path:
        flags = level.accessed
        if access.writes and slot is last:
            flags |= D
        if entry & flags != flags and not await slot.compare_exchange(
            entry, entry | flags
        ):
            return False
    return True


def remembered(
    paging: Paging, last: Used, rights: int, address: VirtAddr, access: Access
) -> Translation:
    """What is worth remembering of a walk that came through."""
    _, entry, level = last
    return Translation(
        VirtAddr(address & -level.size),
        level.shift,
        level.page_frame(entry),
        rights,
        access.writes or entry & D != 0,
        paging.pge and entry & G != 0,
    )
