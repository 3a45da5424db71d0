"""Memory and locks at one moment, as the lines of two panes.

A `*` marks what the last step changed, and a `!` what has gone wrong.  Called by
`session`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from attrs import frozen

from ..hw.memory import PAGE_SHIFT
from ..mm.observe import (
    AnonVmaView,
    CpuView,
    MmView,
    PageView,
    State,
    VmaView,
)
from ..report.changes import (
    entry_name,
    lock_holders,
    page_number,
    thread_name,
    tlb_entry_name,
)
from ..report.graph import is_stale
from ..sim.recording import Moment, ThreadInfo
from .lines import CHANGED, FATAL, Line

INDENT = 2


@frozen
class Look:
    """Where a reverse-mapping walk from a page looks, in one VMA."""

    page: PageView
    vma: VmaView
    address: int  # where the page would be mapped, which may be outside the VMA

    @property
    def is_inside(self) -> bool:
        return self.vma.start <= self.address < self.vma.end


def memory_lines(state: State, changed: Collection[str]) -> list[Line]:
    """Entries, VMAs, reverse mapping and pages; `changed` has names of objects."""
    lines: list[Line] = []
    looks = list(rmap_looks(state))
    for mm in state.mms:
        lines.append(title("PAGE TABLE: address, and what its entry says"))
        lines += entry_lines(state, mm, looks, changed)
        lines.append(title("VMAS: ranges of addresses (the end is not in them)"))
        for vma in mm.vmas:
            lines += vma_lines(vma, vma.name in changed)
    if looks:
        lines.append(title("REVERSE MAPPING: where a walk looks for a page"))
        lines += [look_line(state, look) for look in looks]
    if any(cpu.tlb for cpu in state.cpus):
        lines.append(title("TLBS: what CPUs remember"))
        for cpu in state.cpus:
            lines += tlb_lines(cpu, changed)
    lines.append(title("PAGES: frames of memory"))
    for page in state.pages:
        if page.use != "page table":
            lines += page_lines(page, is_page_changed(page, changed))
    for anon_vma in state.anon_vmas:
        lines.append(anon_vma_line(anon_vma, anon_vma.name in changed))
    return lines


def title(text: str) -> Line:
    return Line(text, look="title")


def entry_lines(
    state: State, mm: MmView, looks: list[Look], changed: Collection[str]
) -> Iterator[Line]:
    if not mm.entries:
        yield Line("every entry is empty", look="dim")
    for entry in mm.entries:
        name = entry_name(mm, entry.address, several=len(state.mms) > 1)
        mark = CHANGED if name in changed else " "
        rest = [flag for flag in entry.flags if flag in ("young", "dirty")]
        text = " ".join([f"{entry.address:#x}  {entry}", *rest])
        yield Line(text, mark, hang=INDENT)
        if is_stale(state, entry):
            yield Line(
                f"  left behind: page {entry.pfn:#x} is not locked any more", FATAL
            )
        elif entry.kind != "page" and not any(
            look.address == entry.address and look.is_inside for look in looks
        ):
            yield Line("  no walk looks here (see reverse mapping)", FATAL)


def vma_lines(vma: VmaView, is_changed: bool) -> Iterator[Line]:
    mark = CHANGED if is_changed else " "
    yield Line(f"{vma.name}  {vma.start:#x} to {vma.end:#x}", mark, hang=INDENT)
    size = (vma.end - vma.start) >> PAGE_SHIFT
    pages = f"{size} page{'s' if size != 1 else ''} from {page_number(vma.start)}"
    yield Line(f"  {pages}, vm_pgoff {vma.pgoff:#x}", hang=INDENT * 2)
    chain = ", ".join(vma.anon_vmas) or "no anon_vma"
    listed = "" if vma.listed else "; known to reverse mapping only"
    yield Line(f"  {chain}; {' '.join(vma.flags)}{listed}", look="dim", hang=INDENT * 2)


def rmap_looks(state: State) -> Iterator[Look]:
    """For each page with a mapping, the address in each VMA that it may be mapped at.

    What `vma_address` works out: the VMA's start, plus the page's index less that of
    the VMA's first page.
    """
    vmas = {vma.name: vma for mm in state.mms for vma in mm.vmas}
    anon_vmas = {anon_vma.name: anon_vma for anon_vma in state.anon_vmas}
    for page in state.pages:
        anon_vma = anon_vmas.get(page.mapping or "")
        if anon_vma is None or page.use == "page table":
            continue
        for name in anon_vma.vmas:
            vma = vmas[name]
            offset = (page.index - vma.pgoff) << PAGE_SHIFT
            yield Look(page, vma, vma.start + offset)


def look_line(state: State, look: Look) -> Line:
    who = f"page {look.page.pfn:#x} in {look.vma.name}"
    if not look.is_inside:
        return Line(f"{who}: nowhere (outside the VMA)", hang=INDENT)
    there = next(
        (
            str(entry).partition(" (")[0]
            for mm in state.mms
            for entry in mm.entries
            if entry.address == look.address
        ),
        "empty",
    )
    return Line(f"{who}: {look.address:#x}, {there}", hang=INDENT)


def page_lines(page: PageView, is_changed: bool) -> Iterator[Line]:
    lock = f"locked by {page.locked_by}" if page.locked_by else "not locked"
    use = "free" if page.count == 0 else f"count {page.count}"
    text = f"page {page.pfn:#x}  {use}, mapcount {page.mapcount}, {lock}"
    yield Line(text, CHANGED if is_changed else " ", hang=INDENT)
    mapping = f"{page.mapping}, index {page.index:#x}" if page.mapping else "no mapping"
    flags = " ".join(page.flags) or "no flags"
    yield Line(f"  {mapping}; {flags}", look="dim", hang=INDENT * 2)


def tlb_lines(cpu: CpuView, changed: Collection[str]) -> Iterator[Line]:
    for known in cpu.tlb:
        is_changed = tlb_entry_name(cpu, known) in changed
        text = f"CPU {cpu.number}: {known.address:#x} is {known}"
        yield Line(text, CHANGED if is_changed else " ", hang=INDENT)
        if known.stale:
            yield Line("  stale: the page table says otherwise", FATAL)


def is_page_changed(page: PageView, changed: Collection[str]) -> bool:
    """Itself, or its lock."""
    name = f"page {page.pfn:#x}"
    return name in changed or f"PG_locked of {name}" in changed


def anon_vma_line(anon_vma: AnonVmaView, is_changed: bool) -> Line:
    text = (
        f"{anon_vma.name}  lists {', '.join(anon_vma.vmas) or 'no VMA'}; "
        f"external_refcount {anon_vma.refcount}"
    )
    return Line(text, CHANGED if is_changed else " ", hang=INDENT * 4)


def lock_lines(
    moment: Moment, threads: Sequence[ThreadInfo], changed: Collection[str]
) -> list[Line]:
    """Locks that are held or wanted, then those that are known to be free."""
    held = lock_holders(moment, threads)
    wanted = lock_waiters(moment, threads)
    taken = [*held, *(lock for lock in wanted if lock not in held)]
    free = [lock for lock in known_locks(moment.state) if lock not in taken]
    width = max((len(lock) for lock in [*taken, *free]), default=0)
    lines = []
    for lock in taken:
        text = f"{lock:{width}}  {held.get(lock, 'free')}"
        if lock in wanted:
            text += f"; {', '.join(wanted[lock])} waits"
        lines.append(Line(text, CHANGED if lock in changed else " ", hang=width + 2))
    for lock in free:
        mark = CHANGED if lock in changed else " "
        lines.append(Line(f"{lock:{width}}  free", mark, look="dim"))
    return lines or [Line("no lock is held", look="dim")]


def lock_waiters(moment: Moment, threads: Sequence[ThreadInfo]) -> dict[str, list[str]]:
    """Each lock that somebody waits for, and who."""
    waiters: dict[str, list[str]] = {}
    for thread, op, blocked in zip(
        threads, moment.about_to, moment.blocked, strict=True
    ):
        if blocked and op is not None:
            waiters.setdefault(op.partition(" ")[2], []).append(thread_name(thread))
    return waiters


MM_LOCKS = ("mmap_sem", "page_table_lock")


def known_locks(state: object) -> list[str]:
    """The locks of all address spaces and anon_vmas."""
    if not isinstance(state, State):
        return []
    ours = [f"{mm.name}.{lock}" for mm in state.mms for lock in MM_LOCKS]
    return ours + [f"{anon_vma.name}.lock" for anon_vma in state.anon_vmas]
