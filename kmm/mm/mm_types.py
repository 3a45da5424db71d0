"""The structures: pages, address spaces, files, and what ties a page to its mappings.

What is there to be shared between CPUs, and which lock protects which field?  That is
said beside the field; a field of which nothing is said is what it is from the start.
Fields that are read without their lock, on purpose, are touched only through
`read_once` and its kin; what some kernel locks and another does not, by `read_plain`.

Linux: include/linux/mm_types.h, mm.h (VM_), page-flags.h (PG_), rmap.h, fs.h, sched.h,
and mm/ksm.c for what is KSM's.  Every chapter uses these.

Left out: compound pages, buffers (PG_private), poisoned pages, policies, vm_ops, the
trees beside the lists, and all of task_struct that is not about memory.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from attrs import define, field, fields, frozen

from ..hw.cpu import Cpu
from ..hw.memory import PAGE_MASK, PAGE_SHIFT, Pfn, PhysAddr, VirtAddr
from ..sim.locks import BitLock, Mutex, RwSem, SpinLock
from ..sim.seqlock import SeqCount
from ..sim.wait import Sleeper, WaitQueue

if TYPE_CHECKING:
    from ..fs.vfs import Dentry, Inode
    from ..kernel.files import FileOperations, FilesStruct
    from ..kernel.signal import SigAction
    from .list_head import ListHead
    from .mmzone import Zone
    from .slab import KmemCache

# page->flags; the numbers are those of enum pageflags.  PG_locked is a lock of its own.
PG_referenced = 1 << 2
PG_uptodate = 1 << 3
PG_dirty = 1 << 4
PG_lru = 1 << 5
PG_active = 1 << 6
PG_reserved = 1 << 10  # the kernel's own from boot on
PG_writeback = 1 << 13
PG_swapcache = 1 << 16  # `private` is its swap entry
PG_reclaim = 1 << 18  # to be freed as soon as it has been written
PG_buddy = 1 << 19  # the head of a free block; `private` is its order
PG_swapbacked = 1 << 20  # what it holds goes to swap, not to a file
PG_unevictable = 1 << 21
PG_mlocked = 1 << 22

PAGE_FLAG_NAMES = {
    PG_referenced: "referenced",
    PG_uptodate: "uptodate",
    PG_dirty: "dirty",
    PG_lru: "lru",
    PG_active: "active",
    PG_reserved: "reserved",
    PG_writeback: "writeback",
    PG_swapcache: "swapcache",
    PG_reclaim: "reclaim",
    PG_buddy: "buddy",
    PG_swapbacked: "swapbacked",
    PG_unevictable: "unevictable",
    PG_mlocked: "mlocked",
}

# What must not be set where a frame changes hands (PAGE_FLAGS_CHECK_AT_FREE); the rest
# is wiped.
PAGE_FLAGS_CHECK = (
    PG_lru
    | PG_active
    | PG_reserved
    | PG_writeback
    | PG_swapcache
    | PG_buddy
    | PG_unevictable
    | PG_mlocked
)

# vma->vm_flags.
VM_READ = 0x1
VM_WRITE = 0x2
VM_EXEC = 0x4
VM_SHARED = 0x8
VM_MAYREAD = 0x10
VM_MAYWRITE = 0x20
VM_MAYEXEC = 0x40
VM_MAYSHARE = 0x80
VM_GROWSDOWN = 0x100
VM_PFNMAP = 0x400
VM_LOCKED = 0x2000
VM_IO = 0x4000
VM_SEQ_READ = 0x8000
VM_RAND_READ = 0x10000
VM_DONTCOPY = 0x20000
VM_DONTEXPAND = 0x40000
VM_RESERVED = 0x80000
VM_ACCOUNT = 0x100000
VM_NORESERVE = 0x200000
VM_MERGEABLE = 0x8000_0000

VM_SPECIAL = VM_IO | VM_DONTEXPAND | VM_RESERVED | VM_PFNMAP

VM_DATA_DEFAULT_FLAGS = VM_READ | VM_WRITE | VM_MAYREAD | VM_MAYWRITE | VM_MAYEXEC
VM_STACK_FLAGS = VM_GROWSDOWN | VM_DATA_DEFAULT_FLAGS | VM_ACCOUNT
# Both at once cannot happen otherwise: madvise clears one when it sets the other.
VM_STACK_INCOMPLETE_SETUP = VM_RAND_READ | VM_SEQ_READ  # for exec-stack=skip-temporary

VM_FLAG_NAMES = {
    VM_READ: "read",
    VM_WRITE: "write",
    VM_EXEC: "exec",
    VM_SHARED: "shared",
    VM_GROWSDOWN: "growsdown",
    VM_LOCKED: "locked",
    VM_SEQ_READ: "seq_read",
    VM_RAND_READ: "rand_read",
    VM_DONTCOPY: "dontcopy",
    VM_NORESERVE: "noreserve",
    VM_MERGEABLE: "mergeable",
}


def is_cow_mapping(vm_flags: int) -> bool:
    """Whether a write here may have to copy: private, and writable at some time."""
    return vm_flags & (VM_SHARED | VM_MAYWRITE) == VM_MAYWRITE


@define(eq=False)
class Page:
    """struct page: one frame of memory, and who uses it now.

    It stays with its frame.  When a program's page is moved, its contents and its place
    in the program go to another frame's Page, and this one is freed.
    """

    pfn: Pfn
    zone: Zone
    # PG_lru under zone.lru_lock, PG_buddy under zone.lock, PG_swapcache under
    # PG_locked and tree_lock.  Others may change without a lock, each in one step
    # (Linux: atomic).  Of those only PG_writeback is announced, as somebody waits for
    # it; of conflicts about the rest a search knows nothing.  `sim.datarace` looks
    # for them, bit by bit, and finds none in the races on 2.6.36.
    flags: int = 0
    # Atomic; read without a lock:
    count: int = 0  # "_count": references.  0 is free (or frozen)
    # "_mapcount": page-table entries that map it, minus 1; drawings show how many.
    # Changed under the lock of the entry that comes or goes.
    mapcount: int = -1
    # Written under PG_locked, or before anyone else can see the page.  PageAnon and
    # PageKsm are told by what `mapping` is, as Linux does by its low bits.  It stays
    # when the last mapping has gone, and says nothing then: see page_lock_anon_vma.
    mapping: AnonVma | StableNode | AddressSpace | None = None
    index: int = 0  # its place in the mapping, in pages; as `mapping`
    # The swap entry (PG_swapcache; under PG_locked and tree_lock), the order (PG_buddy;
    # under zone.lock), or the migratetype (on a CPU's list, which is that CPU's).
    private: int = 0
    # The list that it is on, whichever that is, under the lock of that list; None if
    # it is on none, or on one of its isolator's own.
    lru: ListHead[Page] | None = None
    lock_bit: Mutex | None = None  # made when `locked` is first asked for

    @property
    def name(self) -> str:
        return f"page {self.pfn:#x}"

    @property
    def locked(self) -> Mutex:
        """PG_locked, a bit that can be slept on."""
        if self.lock_bit is None:
            self.lock_bit = BitLock(f"PG_locked of page {self.pfn:#x}")
        return self.lock_bit

    @property
    def locked_now(self) -> bool:
        """For those who hold it, or check: no preemption point.

        Who asks without holding it awaits `locked.is_locked()`.
        """
        return self.lock_bit is not None and self.lock_bit.owner is not None


def PageAnon(page: Page) -> bool:
    """Whether its mapping is an anon_vma, or KSM's (bit 0 of page->mapping).

    Needs the page locked, or nobody else who knows it; else ask `rmap.page_anon`.
    """
    return isinstance(page.mapping, AnonVma | StableNode)


def PageKsm(page: Page) -> bool:
    """Whether it is KSM's (bits 0 and 1).  Needs the page locked."""
    return isinstance(page.mapping, StableNode)


def page_to_phys(page: Page, where: int = 0) -> PhysAddr:
    """Where a byte of a page is in RAM: its first, or the one that `where` stands for.

    `where` is an address or a place in a file, in bytes; only its offset in the page
    matters.
    """
    return PhysAddr((page.pfn << PAGE_SHIFT) | (where & ~PAGE_MASK))


@define(eq=False)
class AnonVma:
    """struct anon_vma: the VMAs that may map an anonymous page.

    It lives as long as a VMA is on its list, or somebody has counted a reference.
    """

    name: str
    own_lock: SpinLock
    cache: KmemCache  # the slab cache that it is from
    # Under `lock`, linked by same_anon_vma: parents before children.
    head: list[AnonVmaChain] = field(factory=list)
    # Bit 0 of head.next: mm_take_all_locks has locked it.  Under mm_all_locks_mutex;
    # changed by who has `lock` besides.
    taken: bool = False
    # Atomic: migrations and KSM items that need it to stay although it maps nothing.
    # It goes down under `lock`, so that whoever is the last to let go knows it.
    external_refcount: int = 0
    # Whose lock is taken for this one: its own, or from 2.6.36 on that of the oldest of
    # the family (see `rmap-walk`), to which it then has a reference.  Written before
    # anybody can find the anon_vma; but a stale pointer may lead to it (see `slab`).
    root: AnonVma = field(init=False)
    # The model's own, for `slab.check_alive`.
    freed: bool = False  # back in its slab
    freed_after: int = 0  # the number of the last RCU read section that may know it

    def __attrs_post_init__(self) -> None:
        self.root = self

    @property
    def lock(self) -> SpinLock:
        """Keeps `head`: to be taken by all who follow it or change it.

        Whichever it is: where a chapter says that it takes anon_vma.lock, that is the
        anon_vma's own lock up to 2.6.35, and its root's from 2.6.36 on, which keeps out
        all who take the lock of any anon_vma of the family.
        """
        return self.root.own_lock


@define(eq=False)
class AnonVmaChain:
    """avc: ties one VMA to one anon_vma, in a list of each.

    `VmArea.anon_vma_chain` is the one (same_vma), `AnonVma.head` the other
    (same_anon_vma).
    """

    vma: VmArea
    anon_vma: AnonVma

    @property
    def name(self) -> str:
        return f"{self.vma.name} - {self.anon_vma.name}"


@define(eq=False)
class StableNode:
    """struct stable_node: a KSM page, and the places that were merged into it.

    Its place in the stable tree is by the contents of page `kpfn`.
    """

    name: str
    kpfn: Pfn  # under ksm_thread_mutex; hot-remove alone changes it, by migration
    # Under the page's PG_locked; the newest first.
    hlist: list[RmapItem] = field(factory=list)
    in_tree: bool = False  # not yet, while two pages are merged; ksm_thread_mutex


@define(eq=False)
class RmapItem:
    """struct rmap_item: one page-sized place that KSM keeps an eye on.

    Under ksm_thread_mutex.
    """

    mm: Mm
    address: VirtAddr  # of the page; Linux keeps flags in its low bits
    oldchecksum: int = 0
    # In the stable tree: the node, and the anon_vma by which to find its mappings.
    stable_node: StableNode | None = None
    anon_vma: AnonVma | None = None
    # In the unstable tree: the number of the scan that put it there, as a byte.
    unstable_seqnr: int | None = None


@define(eq=False)
class AddressSpace:
    """struct address_space: the pages of a file, and the VMAs that map it."""

    name: str
    tree_lock: SpinLock
    i_mmap_lock: SpinLock
    # Under tree_lock; by index, or by swap entry in swapper_space.
    page_tree: dict[int, Page] = field(factory=dict)
    # Under i_mmap_lock: in Linux a tree by offset (prio_tree), here in linking order.
    i_mmap: list[VmArea] = field(factory=list)
    # Bytes: i_size of its inode.  Written under i_mutex, and read without it.
    size: int = 0
    is_swapper_space: bool = False
    host: Inode | None = None  # of a file with a name, or a pipe (see `kmm.fs`)
    gfp_mask: int = 0  # for new pages


def address_space(name: str) -> AddressSpace:
    """A file's, with no page in it."""
    return AddressSpace(
        name, SpinLock(f"{name}.tree_lock"), SpinLock(f"{name}.i_mmap_lock")
    )


@define(eq=False)
class File:
    """struct file: an open file."""

    name: str
    f_mapping: AddressSpace
    writable: bool = True
    unlinked: bool = False  # it has no name: it goes with the last VMA that maps it
    # Of what a process has opened by name, and of a pipe's ends (see `kmm.fs`):
    f_op: FileOperations | None = None
    f_dentry: Dentry | None = None  # a pipe has none
    f_flags: int = 0
    f_count: int = 1  # atomic: the tables of open files that have it
    # Where the next read or write begins.  No lock keeps it, though processes that have
    # it from one open share it.
    f_pos: int = 0


@define(eq=False)
class VmArea:
    """struct vm_area_struct: a range of addresses that are treated alike."""

    name: str
    mm: Mm
    # Where the VMA is: vm_start, vm_end, vm_pgoff.
    #
    # Write, all three: vma_adjust (vma.store_bounds, vma.move_following; exec's
    #   shift_arg_pages goes by it), with mmap_sem for writing, and i_mmap_lock of the
    #   VMA's file.  Whether it has the lock of the VMA's own anon_vma too is what
    #   answers to `rmap-walk` differ in:
    #   2.6.34: never.
    #   2.6.36: if there is one, and the VMA's start moves, its neighbour changes, or a
    #           VMA comes in; not for an end that moves alone
    #           (designs.rmap_walk.locked_adjust).
    #   Of exec-stack, hold-lock and temporary-vma store them themselves.
    # Write, vm_start and vm_pgoff: the growth of a stack (mmap.expand_stack), with
    #   mmap_sem for reading, and the lock of the VMA's own anon_vma.  exec's new stack
    #   grows without mmap_sem: no other program knows its address space, but walks do.
    # Read, with mmap_sem for writing: they stand still.
    # Read, with mmap_sem for reading: they stand still, but for vm_start and vm_pgoff
    #   of a stack.  fault.reaches may get an old vm_start, and does no harm, since
    #   expand_stack looks again under its lock; rmap.linear_page_index may get the one
    #   new and the other old, which is a known hole.
    # Read, without mmap_sem: walks of the reverse map (rmap.vma_address,
    #   rmap.rmap_walk_ksm; rmap.page_add_anon_rmap when a migration entry goes), with
    #   i_mmap_lock for a file's pages, else the lock of an anon_vma:
    #   2.6.34: of the page's, so nothing keeps vma_adjust away, and a growing stack
    #           only if its own is the same.
    #   2.6.36: of the root of both (AnonVma.lock), so that both are kept away, but for
    #           an end that moves alone.
    vm_start: VirtAddr
    vm_end: VirtAddr  # exclusive
    vm_pgoff: int  # the index of a page at vm_start, in pages
    # Written under mmap_sem for writing; read without it by the same walks.
    vm_flags: int
    vm_page_prot: int  # the bits of an entry that maps a page here
    vm_file: File | None = None
    # The VMA's own (newest) anon_vma, to which new pages are tied, and all of them.
    # Under mmap_sem for writing, or, for the first one, mmap_sem for reading and
    # page_table_lock (anon_vma_prepare); so faults look for it with read_once.
    anon_vma: AnonVma | None = None
    anon_vma_chain: list[AnonVmaChain] = field(factory=list)  # same_vma: newest first
    # For rmap-walk=seqcount only: odd while the bounds are being stored.
    updating: SeqCount = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.updating = SeqCount(f"{self.name}.updating")


@define(eq=False)
class Mm:
    """struct mm_struct: an address space."""

    name: str
    pgd: PhysAddr  # the top page table
    mmap_sem: RwSem
    page_table_lock: SpinLock
    anon_vma_chain_lock: SpinLock  # in versions 3 and 4 of the series only
    # Written under mmap_sem for writing, or when no task has the mm any more; addresses
    # in bytes.
    mmap: list[VmArea] = field(factory=list)  # by address
    start_stack: VirtAddr = VirtAddr(0)
    arg_start: VirtAddr = VirtAddr(0)
    arg_end: VirtAddr = VirtAddr(0)
    start_brk: VirtAddr = VirtAddr(0)
    brk: VirtAddr = VirtAddr(0)
    def_flags: int = 0  # VM_ flags that every new VMA gets
    total_vm: int = 0  # pages; a growing stack adds to it under mmap_sem for reading
    locked_vm: int = 0  # pages
    notifiers: list[str] = field(factory=list)  # see mmu_notifier
    # Atomic (a bit of mm->flags): MMF_VM_MERGEABLE, KSM knows this address space.
    merge_any: bool = False
    # Under page_table_lock:
    nr_ptes: int = 0  # bottom-level page tables
    rss_stat: Counter[str] = field(factory=Counter)  # pages, by MM_FILEPAGES and so on
    # Atomic:
    cpu_vm_mask: int = 0  # the CPUs whose TLBs may know this mm, a bit for each
    mm_users: int = 1  # tasks that live in it; at 0 all is unmapped (`mmput`)
    mm_count: int = 1  # who need the structure; all users together are one (`mmdrop`)

    @property
    def map_count(self) -> int:
        return len(self.mmap)


MM_FILEPAGES = "file pages"
MM_ANONPAGES = "anonymous pages"
MM_SWAPENTS = "swap entries"


@define(eq=False)
class Sighand:
    """struct sighand_struct, and what signal_struct and task_struct have of signals.

    One structure, as a process has one thread here.  A signal is a bit of a mask:
    1 << (number - 1).
    """

    name: str
    siglock: SpinLock
    # Under siglock; only the process itself changes the first two.
    action: dict[int, SigAction] = field(factory=dict)  # what is not here is SIG_DFL
    blocked: int = 0
    pending: int = 0
    # Written under siglock, and read without it.
    sigpending: bool = False  # TIF_SIGPENDING: there is something to deliver
    sleeps_on: Sleep | None = None  # a sleep that a signal ends (TASK_INTERRUPTIBLE)


@frozen(eq=False)
class Sleep:
    """A task's place on a wait queue."""

    queue: WaitQueue
    sleeper: Sleeper

    @property
    def name(self) -> str:
        return self.queue.name


@define(eq=False)
class Task:
    """struct task_struct: what a process is to the memory manager."""

    TALLIES = ("min_flt", "maj_flt")  # see `sim.state`

    comm: str
    pid: int
    cpu: Cpu
    # Its own to change, on its CPU:
    mm: Mm | None  # None for a kernel thread
    active_mm: Mm  # the same, or the one that a kernel thread borrows
    # Under tasklist_lock:
    parent: Task | None = None
    children: list[Task] = field(factory=list)
    exit_code: int | None = None  # None while it lives
    # Its own:
    sp: VirtAddr = VirtAddr(0)  # the user's stack pointer, if it matters
    min_flt: int = 0
    maj_flt: int = 0
    files: FilesStruct | None = None  # made when it first opens something
    wait_chldexit: WaitQueue = field(init=False)  # where it waits for a child's end
    sighand: Sighand = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.wait_chldexit = WaitQueue(f"wait_chldexit of {self.pid}")
        siglock = SpinLock(f"siglock of {self.pid}")
        self.sighand = Sighand(f"signals of {self.pid}", siglock)


# The fields, for marked accesses: `await read_once(vma, VMA.vm_end)`.
PAGE = fields(Page)
VMA = fields(VmArea)
MM = fields(Mm)
ANON_VMA = fields(AnonVma)
ADDRESS_SPACE = fields(AddressSpace)
FILE = fields(File)
SIGHAND = fields(Sighand)
