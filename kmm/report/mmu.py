"""A page walk drawn entry by entry, and one entry bit by bit.

Called by `kmm mmu walk` and `kmm mmu decode`.  Names of bits are the manual's (Intel
SDM volume 3A, "Paging"); what Linux keeps in an entry that is not present is read as
2.6.34 does on 64 bits.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import Any

from attrs import frozen

from ..hw.modes import (
    PAT_LARGE,
    PCD,
    PS,
    PWT,
    RW,
    US,
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
from ..hw.paging import (
    NO_EXECUTE,
    PF_INSTR,
    PF_PROT,
    PF_RSVD,
    PF_USER,
    PF_WRITE,
    USER,
    WRITABLE,
    Access,
    GeneralProtection,
    PageFault,
)
from ..hw.watch import LevelSeen, WatchedWalk, bit_list, why
from ..mm.pgtable import pte_none
from ..mm.swapops import (
    MAX_SWAPFILES,
    is_write_migration_entry,
    swp_offset,
    swp_type,
)

ERROR_BITS = (
    (PF_PROT, "P"),
    (PF_WRITE, "W/R"),
    (PF_USER, "U/S"),
    (PF_RSVD, "RSVD"),
    (PF_INSTR, "I/D"),
)


@frozen
class Flag:
    """A bit of an entry: the manual's name, and what 1 and 0 mean."""

    mask: int
    name: str
    one: str
    zero: str

    @property
    def number(self) -> int:
        return self.mask.bit_length() - 1


PRESENT = Flag(P, "P", "present", "not present: no other bit means anything")
RIGHTS = (
    Flag(RW, "R/W", "writes allowed", "read-only"),
    Flag(US, "U/S", "user-mode accesses allowed", "supervisor only"),
)
CACHING = (
    Flag(PWT, "PWT", "write-through caching", "write-back caching"),
    Flag(PCD, "PCD", "not cached", "cached"),
)
ACCESSED = Flag(A, "A", "accessed", "not accessed")
DIRTY = Flag(D, "D", "written to", "not written to")
SIZE = Flag(PS, "PS", "maps a page", "refers to a table")
# The PAT bit of an entry picks a memory type together with PWT and PCD, as its bit 2.
PAT_BIT = Flag(PS, "PAT", "memory type: bit 2 is 1", "memory type: bit 2 is 0")
PAT_ABOVE = Flag(PAT_LARGE, "PAT", PAT_BIT.one, PAT_BIT.zero)
GLOBAL = Flag(G, "G", "global: outlives MOV to CR3", "not global")
EXECUTE = Flag(XD, "XD", "no code may run here", "code may run here")


def flags_of(level: Level, *, leaf: bool) -> list[Flag]:
    """The bits that mean something in an entry of this level, lowest first."""
    flags = [PRESENT]
    flags += () if level.in_register else RIGHTS
    flags += CACHING
    flags += () if level.in_register else (ACCESSED,)
    if leaf:
        flags += [DIRTY, PAT_BIT if level.shift == 12 else SIZE, GLOBAL]
        flags += () if level.shift == 12 else (PAT_ABOVE,)
    elif level.leaf_bit:
        flags.append(SIZE)
    if level.entry_bytes == 8 and not level.in_register:
        flags.append(EXECUTE)
    return flags


# A walk.


def walk_text(walk: WatchedWalk, width: int) -> str:
    """The walk from the top table to its end, and what came of it."""
    mode = walk.paging.mode
    lines = [f"{mode.title}: {asked(walk)}"]
    lines += [""] * bool(walk.seen)
    for seen in walk.seen:
        lines += level_lines(seen)
    if walk.found is not None and walk.seen:
        lines += ["", f"All levels together: {rights_in_words(walk)}."]
    lines += ["", *(textwrap.fill(line, width) for line in outcome_lines(walk))]
    return "\n".join(lines)


def asked(walk: WatchedWalk) -> str:
    return f"{access_in_words(walk.access)} at {walk.address:#x}"


def access_in_words(access: Access) -> str:
    who = "user-mode" if access.user else "supervisor-mode"
    ac = " with EFLAGS.AC" if access.ac else ""
    return f"{who} {access.operation.value}{ac}"


def level_lines(seen: LevelSeen) -> Iterator[str]:
    level = seen.level
    high = level.shift + level.index_bits - 1
    picks = f"entry {seen.index:#x} (address bits {high}:{level.shift})"
    if seen.table is None:
        yield f"{level.table}, in registers, {picks}"
        where = f"PDPTE{seen.index} register"
    else:
        yield f"{level.table} at {seen.table:#x}, {picks}"
        where = f"{level.entry} at {seen.where:#x}"
    digits = level.entry_bytes * 2
    yield f"  {where} = {seen.entry:#0{digits + 2}x}"
    yield f"    {bits_in_words(seen)}"


def bits_in_words(seen: LevelSeen) -> str:
    """The names of the bits that are 1, and where the entry leads."""
    level = seen.level
    if not seen.entry & P:
        return "not present" + ("" if seen.entry else ": empty")
    names = [f.name for f in flags_of(level, leaf=seen.is_leaf) if seen.entry & f.mask]
    if seen.reserved:
        return f"{' '.join(names)}; reserved bits that are 1: {bit_list(seen.reserved)}"
    leads = (
        f"{size_in_words(level.shift)} page at {level.page_frame(seen.entry):#x}"
        if seen.is_leaf
        else f"table at {level.next_table(seen.entry):#x}"
    )
    return f"{' '.join(names)} -> {leads}"


def size_in_words(shift: int) -> str:
    for unit, name in ((30, "GByte"), (20, "MByte"), (10, "KByte")):
        if shift >= unit:
            return f"{1 << (shift - unit)}-{name}"
    raise ValueError(f"no page is of {1 << shift} bytes")


def rights_in_words(walk: WatchedWalk) -> str:
    found = walk.found
    assert found is not None
    who = "user and supervisor" if found.rights & USER else "supervisor only"
    write = "writable" if found.rights & WRITABLE else "read-only"
    execute = "no code" if found.rights & NO_EXECUTE else "code may run"
    return f"{who}, {write}, {execute}"


def outcome_lines(walk: WatchedWalk) -> Iterator[str]:
    if walk.found is not None:
        yield f"Physical address {walk.found.physical(walk.address):#x}."
        updates = [words for seen in walk.seen if (words := update_in_words(seen))]
        yield f"The CPU sets {', '.join(updates) or 'no flag: all are set already'}."
    elif isinstance(walk.fault, PageFault):
        yield f"#PF, error code {error_in_words(walk.fault.error_code)}: {why(walk)}."
        yield f"CR2 = {walk.fault.address:#x}."
    else:
        yield f"#GP(0): {why(walk)}.  CR2 is left as it is."


def update_in_words(seen: LevelSeen) -> str:
    """What the walk has set in an entry, e.g. `A and D in the PTE`."""
    new = seen.after & ~seen.entry
    names = [name for mask, name in ((A, "A"), (D, "D")) if new & mask]
    return f"{' and '.join(names)} in the {seen.level.entry}" if names else ""


def error_in_words(code: int) -> str:
    names = [name for mask, name in ERROR_BITS if code & mask]
    return f"{code:#x} ({' | '.join(names) or 'no bit set'})"


def walk_json(walk: WatchedWalk) -> dict[str, Any]:
    outcome: dict[str, Any]
    if walk.found is not None:
        outcome = {
            "phys": hex(walk.found.physical(walk.address)),
            "page_size": 1 << walk.found.shift,
            "user": bool(walk.found.rights & USER),
            "writable": bool(walk.found.rights & WRITABLE),
            "executable": not walk.found.rights & NO_EXECUTE,
        }
    elif isinstance(walk.fault, PageFault):
        outcome = {
            "vector": 14,
            "error_code": walk.fault.error_code,
            "error_bits": [n for mask, n in ERROR_BITS if walk.fault.error_code & mask],
            "cr2": hex(walk.fault.address),
            "why": why(walk),
        }
    else:
        assert isinstance(walk.fault, GeneralProtection)
        outcome = {"vector": 13, "error_code": 0, "why": why(walk)}
    return {
        "mode": walk.paging.mode.name,
        "address": hex(walk.address),
        "access": walk.access.operation.value,
        "user": walk.access.user,
        "ac": walk.access.ac,
        "levels": [level_json(seen) for seen in walk.seen],
        "outcome": outcome,
    }


def level_json(seen: LevelSeen) -> dict[str, Any]:
    level = seen.level
    present = bool(seen.entry & P)
    flags = flags_of(level, leaf=seen.is_leaf) if present else [PRESENT]
    return {
        "table": level.table,
        "entry": level.entry,
        "linux": level.linux,
        "table_address": None if seen.table is None else hex(seen.table),
        "index": seen.index,
        "address": None if seen.where is None else hex(seen.where),
        "value": hex(seen.entry),
        "after": hex(seen.after),
        "bits": {f.name: int(bool(seen.entry & f.mask)) for f in flags},
        "maps_page": seen.is_leaf,
        "leads_to": leads_to(seen),
        "reserved": [n for n in range(64) if seen.reserved >> n & 1],
    }


def leads_to(seen: LevelSeen) -> str | None:
    if not seen.entry & P or seen.reserved:
        return None
    level = seen.level
    if seen.is_leaf:
        return hex(level.page_frame(seen.entry))
    return hex(level.next_table(seen.entry))


# One entry.


def level_named(name: str, mode: Mode, cpu: CpuId, *, nxe: bool) -> Level | None:
    """A level by the manual's name of its entries, by Linux's, or by number.

    The last level is 1, as in the kernel's own counting.  None if it is unknown.
    """
    levels = levels_of(mode, cpu, pse=True, nxe=nxe)
    for number, level in zip(range(len(levels), 0, -1), levels, strict=True):
        if name.lower() in (level.entry.lower(), level.linux, str(number)):
            return level
    return None


def seen_alone(level: Level, entry: int) -> LevelSeen:
    """An entry that no walk has come to."""
    return LevelSeen(level, None, 0, None, entry, entry)


def decode_text(level: Level, mode: Mode, entry: int, width: int) -> str:
    """The bits of an entry, one a line, and what it is."""
    digits = level.entry_bytes * 2
    seen = seen_alone(level, entry)
    lines = [f"{level.entry} of {mode.title}: {entry:#0{digits + 2}x}", ""]
    rows = list(bit_rows(seen))
    places = max(len(row[0]) for row in rows)
    names = max(len(row[1]) for row in rows)
    values = max(len(row[2]) for row in rows)
    lines += [
        f"  {where:>{places}}  {name:{names}}  {value:>{values}}  {meaning}".rstrip()
        for where, name, value, meaning in rows
    ]
    return "\n".join([*lines, "", textwrap.fill(f"{what_it_is(seen)}.", width)])


def bit_rows(seen: LevelSeen) -> Iterator[tuple[str, str, str, str]]:
    """Position, name, value and meaning of each field, lowest first."""
    level, entry = seen.level, seen.entry
    if not entry & P:
        yield "0", "P", "0", PRESENT.zero
        return
    rows = [
        (f.number, str(f.number), f.name, str(entry >> f.number & 1), meaning(f, entry))
        for f in flags_of(level, leaf=seen.is_leaf)
    ]
    mask = level.page_address if seen.is_leaf else level.table_address
    low = (mask & -mask).bit_length() - 1
    frame = level.page_frame(entry) if seen.is_leaf else level.next_table(entry)
    what = "the page" if seen.is_leaf else "the table"
    rows.append((low, ranges(mask), "address", f"{frame:#x}", f"where {what} is"))
    rows += [
        (number, str(number), "reserved", "1", "must be 0")
        for number in range(level.entry_bytes * 8)
        if seen.reserved >> number & 1
    ]
    for row in sorted(rows):
        yield row[1:]


def ranges(mask: int) -> str:
    """The runs of bits in a mask as the manual writes them, e.g. `31:22, 20:13`."""
    runs: list[str] = []
    high = None
    for number in reversed(range(-1, 65)):
        is_set = number >= 0 and bool(mask >> number & 1)
        if is_set and high is None:
            high = number
        elif not is_set and high is not None:
            runs.append(f"{high}:{number + 1}")
            high = None
    return ", ".join(runs)


def meaning(flag: Flag, entry: int) -> str:
    return flag.one if entry & flag.mask else flag.zero


def what_it_is(seen: LevelSeen) -> str:
    """What a walk would make of the entry."""
    level, entry = seen.level, seen.entry
    if not entry & P:
        return "A walk ends here with a page fault" + to_linux(level, entry)
    if seen.reserved:
        return "A walk ends here with a page fault: a reserved bit is 1"
    if seen.is_leaf:
        frame = level.page_frame(entry)
        return f"It maps the {size_in_words(level.shift)} page at {frame:#x}"
    return f"It refers to the table at {level.next_table(entry):#x}"


def to_linux(level: Level, entry: int) -> str:
    """What Linux keeps in an entry that the CPU does not look into."""
    if pte_none(entry):
        return ".  To Linux it is empty"
    if level.entry != "PTE" or level.entry_bytes != 8:
        return ""
    kind, offset = swp_type(entry), swp_offset(entry)
    if kind >= MAX_SWAPFILES:
        write = "writable" if is_write_migration_entry(entry) else "read-only"
        return (
            f".  To Linux it is a migration entry: page frame {offset:#x} is "
            f"being moved, and was {write} here"
        )
    return f".  To Linux it is a swap entry: device {kind}, offset {offset:#x}"


def decode_json(level: Level, mode: Mode, entry: int) -> dict[str, Any]:
    seen = seen_alone(level, entry)
    found = level_json(seen)
    wanted = ("entry", "linux", "value", "bits", "maps_page", "leads_to", "reserved")
    return {
        "mode": mode.name,
        **{key: found[key] for key in wanted},
        "means": what_it_is(seen),
    }
