"""A running kernel: its memory, its CPUs, and its answer to each question.

Every function that needs any of these takes the kernel as `k`.  A scenario makes one
with `boot.start_kernel`.  In Linux these are global variables, each in the file that it
belongs to; several kernels here can be compared in one process of Python.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Protocol

from attrs import define, field, fields, frozen

from ..hw.cpu import Cpu
from ..hw.memory import PhysAddr, PhysicalMemory
from ..hw.tlb import USUAL_TLB, TlbSize
from ..sim.locks import Mutex, RwSem, SpinLock
from ..sim.rcu import Rcu
from ..sim.thread import KThread
from ..sim.trap import get_current
from ..sim.wait import WaitQueue
from .mm_types import AddressSpace, Mm, Page, Task
from .mmzone import MemMap, Node, Zone

if TYPE_CHECKING:
    from ..designs.anon_vma_pin import AnonVmaPin
    from ..designs.call_rules import CallRules
    from ..designs.exec_stack import ExecStack
    from ..designs.pte_peek import PtePeek
    from ..designs.rmap_walk import RmapWalk
    from ..designs.take_all_locks import TakeAllLocks
    from ..designs.tlb_flush import TlbFlush
    from ..fs.vfs import Vfs
    from .ksm import Ksm
    from .slab import KmemCache
    from .smp import CallFunction
    from .swap import PageVecs
    from .swapfile import SwapInfo
    from .tlb import Shootdown


@frozen
class Config:
    """How big the machine is.  Settings that can sensibly be on together."""

    cpus: int = 2
    frames: int = 64  # pages of RAM
    nodes: int = 1  # of memory; CPUs are dealt out to them in turn
    pageblock_order: int = 9  # 512 pages: as large as a huge page
    # Memory that is kept back.  None: as much as Linux would, which is 128 at least,
    # so more than a toy has.
    min_free_kbytes: int | None = 0
    stack_shift: int = 6  # pages by which randomisation lowers a new stack
    migrate_passes: int = 10  # attempts of migrate_pages at one page (Linux: 10)
    offline_turns: int = 100  # rounds before hot-remove gives up (Linux: 120 seconds)
    swap_slots: int = 0  # of the swap device, its header included; 0: there is none
    tlb_size: TlbSize = USUAL_TLB  # of each CPU


class Designs(Protocol):
    """An answer to each question (`kmm.designs.KernelSpec` is one)."""

    @property
    def rmap_walk(self) -> RmapWalk: ...
    @property
    def exec_stack(self) -> ExecStack: ...
    @property
    def take_all_locks(self) -> TakeAllLocks: ...
    @property
    def anon_vma_pin(self) -> AnonVmaPin: ...
    @property
    def pte_peek(self) -> PtePeek: ...
    @property
    def tlb_flush(self) -> TlbFlush: ...
    @property
    def call_rules(self) -> CallRules: ...


@frozen
class Later:
    """What the page allocator calls of chapters that build on it.

    Memory that is short is made by giving up or moving pages, which takes all that the
    later chapters are about.  `boot` ties this knot.
    """

    wakeup_kswapd: Callable[[Kernel, Sequence[Zone], int], Awaitable[None]]
    try_to_compact_pages: Callable[
        [Kernel, Sequence[Zone], int, int, int], Awaitable[bool]
    ]
    try_to_free_pages: Callable[[Kernel, Sequence[Zone], int, int], Awaitable[int]]


@define(eq=False)
class Kswapd:
    """What kswapd of one node waits for, and is asked for.  No lock: each is a mark."""

    wait: WaitQueue
    order: int = 0  # the largest; kswapd_max_order
    asked: bool = False

    @property
    def name(self) -> str:
        return self.wait.name


KSWAPD = fields(Kswapd)


@define(eq=False)
class Kernel:
    """What the kernel's functions share.

    What is not said to be under a lock is what it is from the start, or has locks of
    its own.
    """

    TALLIES = ("vm_events",)  # see `sim.state`

    config: Config
    rmap_walk: RmapWalk
    exec_stack: ExecStack
    take_all_locks: TakeAllLocks
    anon_vma_pin: AnonVmaPin
    pte_peek: PtePeek
    tlb_flush: TlbFlush
    call_rules: CallRules
    memory: PhysicalMemory
    nodes: list[Node]
    mem_map: MemMap
    zero_page: Page  # the one page that every read of untouched memory gets
    init_mm: Mm  # the kernel's own address space, which has no user part
    shootdown: Shootdown
    call_function: CallFunction
    pagevecs: list[PageVecs]  # by CPU
    swap: SwapInfo
    swapper_space: AddressSpace  # the swap cache
    ksm: Ksm
    later: Later
    kswapds: list[Kswapd]  # by node
    rcu: Rcu
    anon_vma_cachep: KmemCache
    cpus: list[Cpu] = field(factory=list)
    running: list[Task] = field(factory=list)  # by CPU, which alone changes its own
    tasks: dict[int, Task] = field(factory=dict)  # by pid; under tasklist_lock
    mms: dict[str, Mm] = field(factory=dict)  # by name, for those who look on
    # Of files that exist, by name; one is taken out under its i_mmap_lock.
    mappings: dict[str, AddressSpace] = field(factory=dict)
    made: dict[str, int] = field(factory=dict)  # how many of each, for their names
    vm_events: Counter[str] = field(factory=Counter)  # see vmstat
    memalloc: set[KThread] = field(factory=set)  # PF_MEMALLOC: who is reclaiming
    # For `tasks`, and for who is whose child.  (Linux's is a rwlock_t.)
    tasklist_lock: SpinLock = field(factory=lambda: SpinLock("tasklist_lock"))
    mm_all_locks_mutex: Mutex = field(factory=lambda: Mutex("mm_all_locks_mutex"))
    page_group_by_mobility_disabled: bool = False  # memory is too small for it
    vfs: Vfs | None = None  # files with names, and pipes: see `kmm.fs.ramfs`

    @property
    def zones(self) -> list[Zone]:
        """All zones, the lowest first."""
        return self.mem_map.zones

    def node_of_cpu(self, cpu: int) -> int:
        """cpu_to_node."""
        return cpu % len(self.nodes)

    def next_name(self, struct: str) -> str:
        """A name for a new structure: vma#1, vma#2, ..."""
        number = self.made.get(struct, 0) + 1
        self.made[struct] = number
        return f"{struct}#{number}"


async def this_cpu(k: Kernel) -> Cpu:
    """The CPU that runs this (smp_processor_id)."""
    return k.cpus[(await get_current()).cpu]


async def current_task(k: Kernel) -> Task:
    """Who runs this: `current`.

    A thread that is nobody's in particular is that of whoever has the CPU.
    """
    thread = await get_current()
    task: Task = thread.task or k.running[thread.cpu]
    return task


def new_mm(k: Kernel, pgd: PhysAddr) -> Mm:
    """An empty address space whose top table is at `pgd` (kernel/fork.c:mm_init)."""
    mm = mm_init(k.next_name("mm"), pgd)
    k.mms[mm.name] = mm
    return mm


def mm_init(name: str, pgd: PhysAddr) -> Mm:
    """The structure, and its locks."""
    return Mm(
        name,
        pgd,
        RwSem(f"{name}.mmap_sem"),
        SpinLock(f"{name}.page_table_lock"),
        SpinLock(f"{name}.anon_vma_chain_lock"),
    )
