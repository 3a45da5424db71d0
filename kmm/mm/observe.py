"""What can be seen of a kernel at one moment, as plain values.

A recording keeps one `State` for each moment; reports and screens show it.  Nothing
here is called while a search runs.  It looks at everything between two steps, so it
needs no lock.  (Nothing of it is in Linux.)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

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
    AddressSpace,
    AnonVma,
    Mm,
    Page,
    PG_reserved,
    RmapItem,
    StableNode,
    VmArea,
)
from .mmzone import LRU_NAMES, MIGRATETYPE_NAMES, Zone
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
class UpperView:
    """An entry of an upper level that is in use: it leads to a table below."""

    level: str  # Linux's name: pgd, pud or pmd
    address: VirtAddr  # the first that it translates
    where: PhysAddr
    value: int
    below: Pfn  # the frame of that table


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
    use: str  # "anonymous", "file", "KSM", "page table", "free" or "kernel"
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
    users: str  # who lives in it: "date[4021]"; "" if nobody does any more
    pgd: Pfn  # the frame of its top table
    upper: tuple[UpperView, ...]  # level by level, from the top


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
class FreeView:
    """The free blocks of one order and one migratetype, as they are listed."""

    order: int
    migratetype: str
    heads: tuple[Pfn, ...]  # the first frame of each


@frozen
class ZoneView:
    """A part of memory: what is free in it, and what may be reclaimed."""

    name: str
    start: Pfn
    end: int  # the first frame that is not in it
    block: int  # frames in a pageblock
    blocks: tuple[str, ...]  # each pageblock's migratetype
    free: tuple[FreeView, ...]  # what is not empty
    reserved: tuple[Pfn, ...]  # the kernel's own from boot on
    cpu_lists: tuple[tuple[Pfn, ...], ...]  # free pages that each CPU keeps for itself
    lru: tuple[tuple[str, tuple[Pfn, ...]], ...]  # each list's pages, the newest first


@frozen
class ItemView:
    """A place that KSM keeps an eye on, and the page that is there."""

    mm: str
    address: VirtAddr
    checksum: int
    pfn: Pfn | None


@frozen
class StableView:
    """A KSM page, and the places that were merged into it."""

    name: str
    pfn: Pfn
    items: tuple[ItemView, ...]  # the newest first


@frozen
class KsmView:
    """KSM's two trees, each in order of contents, and where its scan is."""

    stable: tuple[StableView, ...]
    unstable: tuple[ItemView, ...]
    scanned: tuple[str, ...]  # address spaces that it goes round
    rounds: int  # full scans so far
    cursor: str  # the address space that comes next, and the address; "" before any


@frozen
class State:
    """The kernel at one moment."""

    cpus: tuple[CpuView, ...]
    mms: tuple[MmView, ...]
    anon_vmas: tuple[AnonVmaView, ...]
    pages: tuple[PageView, ...]  # those in use, or named by a migration entry
    tables: tuple[tuple[str, str], ...]  # an entry's key -> what it translates
    zones: tuple[ZoneView, ...]
    pagevecs: tuple[
        tuple[tuple[str, Pfn], ...], ...
    ]  # by CPU: a list, and who is to go
    ksm: KsmView


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
        tuple(view_zone(k, zone) for zone in k.zones),
        tuple(view_pagevecs(vecs.lru_add) for vecs in k.pagevecs),
        view_ksm(k),
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
    slots = [(*slot, k.memory.read_entry(slot[0])) for slot in all_slots(k, mm)]
    return MmView(
        mm.name,
        tuple(view_vma(vma, listed=vma in mm.mmap) for vma in distinct.values()),
        tuple(view_entry(w, a, value) for w, name, a, value in slots if name == "pte"),
        str(mm.mmap_sem),
        str(mm.page_table_lock),
        mm.cpu_vm_mask,
        users_of(k, mm),
        Pfn(mm.pgd >> PAGE_SHIFT),
        tuple(
            UpperView(level, address, where, value, pte_pfn(value))
            for where, level, address, value in slots
            if level != "pte"
        ),
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
    return PageView(
        page.pfn,
        use_of(page, tables),
        flag_names(page.flags, PAGE_FLAG_NAMES),
        holder(page.lock_bit),
        page.count,
        page.mapcount + 1,
        page.mapping.name if page.mapping else None,
        page.index,
    )


def use_of(page: Page, tables: set[Pfn]) -> str:
    if page.count == 0:
        return "free"
    if page.pfn in tables:
        return "page table"
    match page.mapping:
        case AnonVma():
            return "anonymous"
        case StableNode():
            return "KSM"
        case AddressSpace():
            return "file"
        case None:
            return "kernel"


def view_entry(where: PhysAddr, address: VirtAddr, pte: int) -> EntryView:
    if pte_present(pte):
        flags = flag_names(pte, {RW: "rw", A: "young", D: "dirty"})
        return EntryView(address, where, pte, "page", pte_pfn(pte), flags)
    if not is_migration_entry(pte):
        return EntryView(address, where, pte, "swap entry", Pfn(swp_offset(pte)), ())
    flags = ("write",) if is_write_migration_entry(pte) else ("read",)
    return EntryView(
        address, where, pte, "migration entry", Pfn(swp_offset(pte)), flags
    )


def view_zone(k: Kernel, zone: Zone) -> ZoneView:
    size = zone.pageblock_nr_pages
    first = zone.zone_start_pfn - zone.zone_start_pfn % size
    return ZoneView(
        zone.full_name,
        zone.zone_start_pfn,
        zone.end_pfn,
        size,
        tuple(
            MIGRATETYPE_NAMES[zone.pageblock_type(pfn)]
            for pfn in range(first, zone.end_pfn, size)
        ),
        tuple(
            FreeView(order, name, pfns_of(listed))
            for order, area in enumerate(zone.free_area)
            for name, listed in zip(MIGRATETYPE_NAMES, area.free_list, strict=True)
            if listed
        ),
        pfns_of(
            page
            for page in k.mem_map.in_order()
            if page.flags & PG_reserved and page.zone is zone
        ),
        tuple(
            tuple(pfn for listed in pages.lists for pfn in pfns_of(listed))
            for pages in zone.pageset
        ),
        tuple(
            (name, pfns_of(listed))
            for name, listed in zip(LRU_NAMES, zone.lru, strict=True)
        ),
    )


def view_pagevecs(lists: list[list[Page]]) -> tuple[tuple[str, Pfn], ...]:
    """What a CPU has collected for the LRU lists."""
    return tuple(
        (name, page.pfn)
        for name, pages in zip(LRU_NAMES, lists, strict=True)
        for page in pages
    )


def pfns_of(pages: Iterable[Page]) -> tuple[Pfn, ...]:
    return tuple(page.pfn for page in pages)


def view_ksm(k: Kernel) -> KsmView:
    slots, scan = k.ksm.mm_slots, k.ksm.scan
    at = slots[scan.slot].mm.name if scan.begun and scan.slot < len(slots) else ""
    return KsmView(
        tuple(view_stable(k, node) for node in k.ksm.stable_tree),
        tuple(view_item(k, item) for item in k.ksm.unstable_tree),
        tuple(slot.mm.name for slot in slots),
        scan.seqnr,
        f"{at} at {scan.address:#x}" if at else "",
    )


def view_stable(k: Kernel, node: StableNode) -> StableView:
    items = tuple(view_item(k, item) for item in node.hlist)
    return StableView(node.name, node.kpfn, items)


def view_item(k: Kernel, item: RmapItem) -> ItemView:
    mapped = dict(entries_of(k, item.mm)).get(item.address, 0)
    pfn = pte_pfn(mapped) if pte_present(mapped) else None
    return ItemView(item.mm.name, item.address, item.oldchecksum, pfn)


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
    return users_of(k, mm) or mm.name


def users_of(k: Kernel, mm: Mm) -> str:
    """The processes that live in an address space, e.g. `date[4021]`; maybe none."""
    return ", ".join(f"{t.comm}[{t.pid}]" for t in k.tasks.values() if t.mm is mm)


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
