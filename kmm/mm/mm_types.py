"""The structures: pages, address spaces, and what ties a page to its mappings.

Linux: include/linux/mm_types.h, include/linux/rmap.h, include/linux/sched.h.

Which lock protects which field is said beside the field.  Fields that are read
without it, on purpose, are touched only through `read_once` and its kin.
"""

from __future__ import annotations

from attrs import define, field, fields

from ..hw.cpu import Cpu
from ..hw.memory import Pfn, PhysAddr, VirtAddr
from ..sim.locks import Mutex, RwSem, SpinLock

# page->flags; the numbers are those of enum pageflags.  PG_locked is a lock of its own.
PG_uptodate = 1 << 3
PG_dirty = 1 << 4
PG_lru = 1 << 5
PG_active = 1 << 6
PG_swapbacked = 1 << 20

PAGE_FLAG_NAMES = {
    PG_uptodate: "uptodate",
    PG_dirty: "dirty",
    PG_lru: "lru",
    PG_active: "active",
    PG_swapbacked: "swapbacked",
}

# vma->vm_flags.
VM_READ = 0x1
VM_WRITE = 0x2
VM_EXEC = 0x4
VM_MAYREAD = 0x10
VM_MAYWRITE = 0x20
VM_MAYEXEC = 0x40
VM_GROWSDOWN = 0x100
VM_SEQ_READ = 0x8000
VM_RAND_READ = 0x10000
VM_ACCOUNT = 0x100000

VM_STACK_FLAGS = (
    VM_GROWSDOWN
    | VM_READ
    | VM_WRITE
    | VM_MAYREAD
    | VM_MAYWRITE
    | VM_MAYEXEC
    | VM_ACCOUNT
)
# Both at once cannot happen otherwise: madvise clears one when it sets the other.
VM_STACK_INCOMPLETE_SETUP = VM_RAND_READ | VM_SEQ_READ  # for exec-stack=skip-temporary

VM_FLAG_NAMES = {
    VM_READ: "read",
    VM_WRITE: "write",
    VM_EXEC: "exec",
    VM_GROWSDOWN: "growsdown",
    VM_SEQ_READ: "seq_read",
    VM_RAND_READ: "rand_read",
}


@define(eq=False)
class Page:
    """struct page: one frame of memory."""

    pfn: Pfn
    locked: Mutex  # PG_locked, a bit that can be slept on
    flags: int = 0  # PG_lru under zone.lru_lock, the others under PG_locked
    # Atomic; read without a lock:
    count: int = 0  # "_count": references.  0 is free (or frozen)
    mapcount: int = -1  # "_mapcount": page-table entries that map it, minus 1
    # Written under PG_locked, or before anyone else can see the page:
    mapping: AnonVma | None = None
    index: int = 0  # its place in the mapping, in pages

    @property
    def name(self) -> str:
        return f"page {self.pfn:#x}"


@define(eq=False)
class AnonVma:
    """The VMAs that may map an anonymous page."""

    name: str
    lock: SpinLock
    # Under `lock`, linked by same_anon_vma: parents before children.
    head: list[AnonVmaChain] = field(factory=list)
    # Atomic: migrations that need it to stay although its pages are unmapped.
    external_refcount: int = 0


@define(eq=False)
class AnonVmaChain:
    """avc: ties one VMA to one anon_vma, in a list of each."""

    vma: VmArea
    anon_vma: AnonVma


@define(eq=False)
class VmArea:
    """struct vm_area_struct: a range of addresses that are treated alike."""

    name: str
    mm: Mm
    # Written under mmap_sem for writing, or by stack growth (mmap_sem for reading and
    # the lock of `anon_vma`); rmap walks read them without mmap_sem.
    vm_start: VirtAddr
    vm_end: VirtAddr  # exclusive
    vm_pgoff: int  # the index of a page at vm_start
    # Written under mmap_sem for writing; read without it by the same walks.
    vm_flags: int
    vm_page_prot: int  # the bits of an entry that maps a page here
    # Under mmap_sem for writing; the first anon_vma under page_table_lock.
    anon_vma: AnonVma | None = None
    anon_vma_chain: list[AnonVmaChain] = field(factory=list)  # same_vma: newest first


@define(eq=False)
class Mm:
    """struct mm_struct: an address space."""

    name: str
    pgd: PhysAddr  # the top page table
    mmap_sem: RwSem
    page_table_lock: SpinLock
    # Under mmap_sem:
    mmap: list[VmArea] = field(factory=list)  # by address
    start_stack: VirtAddr = VirtAddr(0)
    arg_start: VirtAddr = VirtAddr(0)
    arg_end: VirtAddr = VirtAddr(0)
    # Under page_table_lock:
    nr_ptes: int = 0  # bottom-level page tables
    # Atomic: the CPUs whose TLBs may know this address space, a bit for each.
    cpu_vm_mask: int = 0


@define(eq=False)
class Task:
    """struct task_struct: what a process is to the memory manager."""

    comm: str
    pid: int
    cpu: Cpu
    mm: Mm | None  # None for a kernel thread
    active_mm: Mm  # the same, or the one that a kernel thread borrows


# The fields, for marked accesses: `await read_once(vma, VMA.vm_start)`.
PAGE = fields(Page)
VMA = fields(VmArea)
MM = fields(Mm)
ANON_VMA = fields(AnonVma)
