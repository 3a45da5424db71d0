"""What can be seen of a kernel at one moment, as plain values.

A recording keeps one `State` for each moment; reports and screens show it.  Nothing
here is called while a search runs.  It looks at everything between two steps, so it
needs no lock.  (Nothing of it is in Linux.)
"""

from __future__ import annotations

from collections.abc import Iterator

from attrs import frozen

from ..hw.cpu import Cpu
from ..hw.memory import PAGE_SHIFT, Pfn, PhysAddr, VirtAddr
from ..hw.modes import RW, A, D, P
from ..hw.paging import WRITABLE, Translation
from ..sim.locks import ExclusiveLock
from .kernel import Kernel
from .mm_types import (
    PAGE_FLAG_NAMES,
    VM_FLAG_NAMES,
    AnonVma,
    Mm,
    Page,
    PG_reserved,
    VmArea,
)
from .pgtable import LEVELS, pte_pfn, pte_present, pte_write
from .swapops import is_migration_entry, is_write_migration_entry, swp_offset
from .tlb import TLBSTATE_LAZY


@frozen
class EntryView:
    """A bottom-level page-table entry that is not empty."""

    address: VirtAddr  # that it translates
    where: PhysAddr  # of the entry itself
    value: int
    kind: str  # "page", "migration entry" or "swap entry", whose slot is in `pfn`
    pfn: Pfn
    flags: tuple[str, ...]

    def __str__(self) -> str:
        return describe_entry(self.value)


@frozen
class VmaView:
    """A VMA, in the process's list or known to reverse mapping only."""

    name: str
    start: VirtAddr
    end: VirtAddr
    pgoff: int
    flags: tuple[str, ...]
    anon_vmas: tuple[str, ...]  # newest first
    listed: bool  # whether it is in mm->mmap


@frozen
class AnonVmaView:
    name: str
    lock: str
    vmas: tuple[str, ...]  # in the order in which a walk visits them
    refcount: int


@frozen
class PageView:
    pfn: Pfn
    use: str  # "anonymous", "page table", "free" or "kernel"
    flags: tuple[str, ...]
    locked_by: str | None
    count: int
    mapcount: int  # page-table entries that map it
    mapping: str | None
    index: int


@frozen
class MmView:
    name: str
    vmas: tuple[VmaView, ...]
    entries: tuple[EntryView, ...]
    mmap_sem: str
    page_table_lock: str
    cpu_vm_mask: int


@frozen
class TlbEntryView:
    """What one CPU remembers of one page."""

    address: VirtAddr  # the first of the page
    pfn: Pfn
    flags: tuple[str, ...]
    stale: bool  # whether the page table says otherwise by now

    def __str__(self) -> str:
        return f"page {self.pfn:#x} {' '.join(self.flags)}"


@frozen
class CpuView:
    """What runs on a CPU, and what its TLB remembers."""

    number: int
    task: str
    active_mm: str
    lazy: bool  # whether active_mm is only borrowed
    tlb: tuple[TlbEntryView, ...]


@frozen
class State:
    """The kernel at one moment."""

    cpus: tuple[CpuView, ...]
    mms: tuple[MmView, ...]
    anon_vmas: tuple[AnonVmaView, ...]
    pages: tuple[PageView, ...]  # those in use, or named by a migration entry
    tables: tuple[tuple[str, str], ...]  # an entry's key -> what it translates


def observe(k: Kernel) -> State:
    """The state of `k` now."""
    mms = tuple(view_mm(k, mm) for mm in k.mms.values())
    anon_vmas = reachable_anon_vmas(k)
    named = {e.pfn for mm in mms for e in mm.entries}
    tables = {pfn for mm in k.mms.values() for pfn in page_tables_of(k, mm)}
    pages = tuple(
        view_page(page, tables)
        for page in k.mem_map.in_order()
        if not page.flags & PG_reserved and (page.count > 0 or page.pfn in named)
    )
    return State(
        tuple(view_cpu(k, cpu) for cpu in k.cpus),
        mms,
        tuple(view_anon_vma(av) for av in anon_vmas),
        pages,
        tuple(slot for mm in k.mms.values() for slot in named_slots(k, mm)),
    )


def named_slots(k: Kernel, mm: Mm) -> Iterator[tuple[str, str]]:
    """What each entry translates, and for whom, if there is more than one."""
    whose = f" of {mm.name}" if len(k.mms) > 1 else ""
    for where, level, address in all_slots(k, mm):
        yield f"entry {where:#x}", f"{level} {address:#x}{whose}"


def view_cpu(k: Kernel, cpu: Cpu) -> CpuView:
    task, tlbstate = k.running[cpu.number], k.shootdown.cpu_tlbstate[cpu.number]
    walked = next((mm for mm in k.mms.values() if mm.pgd == cpu.tables.root), None)
    entries = dict(entries_of(k, walked)) if walked and len(cpu.tlb) else {}
    return CpuView(
        cpu.number,
        task.comm,
        tlbstate.active_mm.name,
        tlbstate.state == TLBSTATE_LAZY,
        tuple(view_translation(found, entries.get(found.page, 0)) for found in cpu.tlb),
    )


def view_translation(found: Translation, pte: int) -> TlbEntryView:
    """A remembered translation, beside what the page table says now."""
    writable = bool(found.rights & WRITABLE)
    flags = ["rw" if writable else "ro"]
    if found.dirty:
        flags.append("dirty")
    pfn = Pfn(found.frame >> PAGE_SHIFT)
    agrees = pte_present(pte) and pte_pfn(pte) == pfn
    stale = not agrees or (writable and not pte_write(pte))
    return TlbEntryView(found.page, pfn, tuple(flags), stale)


def view_mm(k: Kernel, mm: Mm) -> MmView:
    chained = [avc.vma for av in reachable_anon_vmas(k) for avc in av.head]
    vmas = list(mm.mmap) + [v for v in chained if v.mm is mm and v not in mm.mmap]
    distinct = {vma.name: vma for vma in vmas}
    return MmView(
        mm.name,
        tuple(view_vma(vma, listed=vma in mm.mmap) for vma in distinct.values()),
        tuple(view_entry(k, mm, address, pte) for address, pte in entries_of(k, mm)),
        str(mm.mmap_sem),
        str(mm.page_table_lock),
        mm.cpu_vm_mask,
    )


def view_vma(vma: VmArea, *, listed: bool) -> VmaView:
    return VmaView(
        vma.name,
        vma.vm_start,
        vma.vm_end,
        vma.vm_pgoff,
        flag_names(vma.vm_flags, VM_FLAG_NAMES),
        tuple(avc.anon_vma.name for avc in vma.anon_vma_chain),
        listed,
    )


def view_anon_vma(anon_vma: AnonVma) -> AnonVmaView:
    return AnonVmaView(
        anon_vma.name,
        str(anon_vma.lock),
        tuple(avc.vma.name for avc in anon_vma.head),
        anon_vma.external_refcount,
    )


def view_page(page: Page, tables: set[Pfn]) -> PageView:
    if page.count == 0:
        use = "free"
    elif page.pfn in tables:
        use = "page table"
    else:
        use = "anonymous" if page.mapping else "kernel"
    return PageView(
        page.pfn,
        use,
        flag_names(page.flags, PAGE_FLAG_NAMES),
        holder(page.lock_bit),
        page.count,
        page.mapcount + 1,
        page.mapping.name if page.mapping else None,
        page.index,
    )


def view_entry(k: Kernel, mm: Mm, address: VirtAddr, pte: int) -> EntryView:
    where = next(
        w for w, level, a in all_slots(k, mm) if (level, a) == ("pte", address)
    )
    if pte_present(pte):
        flags = flag_names(pte, {RW: "rw", A: "young", D: "dirty"})
        return EntryView(address, where, pte, "page", pte_pfn(pte), flags)
    if not is_migration_entry(pte):
        return EntryView(address, where, pte, "swap entry", Pfn(swp_offset(pte)), ())
    flags = ("write",) if is_write_migration_entry(pte) else ("read",)
    return EntryView(
        address, where, pte, "migration entry", Pfn(swp_offset(pte)), flags
    )


def describe_entry(value: int) -> str:
    """A bottom-level entry in a few words."""
    if value == 0:
        return "empty"
    if is_migration_entry(value):
        return f"migration entry (page {swp_offset(value):#x})"
    if not pte_present(value):
        return f"swap entry (slot {swp_offset(value)})"
    rights = "rw" if value & RW else "ro"
    return f"page {pte_pfn(value):#x} {rights}"


def entries_of(k: Kernel, mm: Mm) -> Iterator[tuple[VirtAddr, int]]:
    """The bottom-level entries that are not empty, by address."""
    for where, level, address in all_slots(k, mm):
        if level == "pte":
            yield address, k.memory.read_entry(where)


def owners_of(k: Kernel, page: Page) -> list[str]:
    """Who has a frame now, a line each: address spaces that map it, or nobody."""
    found = [
        f"{page.name} is mapped by {user_of(k, mm)} at {address:#x}"
        for mm in k.mms.values()
        for address, pte in entries_of(k, mm)
        if pte_present(pte) and pte_pfn(pte) == page.pfn
    ]
    if page.count == 0:
        found.append(f"{page.name} is free")
    return found or [f"{page.name} is mapped by nobody"]


def user_of(k: Kernel, mm: Mm) -> str:
    """The process that lives in an address space, or the address space itself."""
    names = [f"{t.comm}[{t.pid}]" for t in k.tasks.values() if t.mm is mm]
    return ", ".join(names) or mm.name


def page_tables_of(k: Kernel, mm: Mm) -> list[Pfn]:
    """The frames that hold the tables of an address space, empty ones included."""
    upper = [slot for slot in all_slots(k, mm) if slot[1] != "pte"]
    below = [pte_pfn(k.memory.read_entry(where)) for where, _, _ in upper]
    return [Pfn(mm.pgd >> PAGE_SHIFT), *below]


def all_slots(k: Kernel, mm: Mm) -> list[tuple[PhysAddr, str, VirtAddr]]:
    """Every entry of every level that is not empty: where, level, first address."""
    found: list[tuple[PhysAddr, str, VirtAddr]] = []
    layer = [(Pfn(mm.pgd >> PAGE_SHIFT), 0)]
    for level in LEVELS:
        below: list[tuple[Pfn, int]] = []
        for pfn, base in layer:
            for index, value in k.memory.entries(pfn):
                where = PhysAddr((pfn << PAGE_SHIFT) + index * 8)
                address = VirtAddr(base + (index << level.shift))
                found.append((where, level.linux, address))
                if value & P:
                    below.append((pte_pfn(value), address))
        layer = below
    return found


def reachable_anon_vmas(k: Kernel) -> list[AnonVma]:
    """The anon_vmas that some VMA or page leads to, by name."""
    found: dict[str, AnonVma] = {}
    for mm in k.mms.values():
        for vma in mm.mmap:
            found.update(
                (avc.anon_vma.name, avc.anon_vma) for avc in vma.anon_vma_chain
            )
    for page in k.mem_map.values():
        if isinstance(page.mapping, AnonVma):
            found[page.mapping.name] = page.mapping
    return [found[name] for name in sorted(found)]


def flag_names(flags: int, names: dict[int, str]) -> tuple[str, ...]:
    return tuple(name for bit, name in names.items() if flags & bit)


def holder(lock: ExclusiveLock | None) -> str | None:
    return lock.owner.name if lock is not None and lock.owner else None
