"""A running kernel: its memory, its CPUs, and its answer to each question.

Every function that needs any of these takes the kernel as `k`.  A scenario makes one
with `boot.start_kernel`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from attrs import define, field, frozen

from ..hw.cpu import Cpu
from ..hw.memory import PhysAddr, PhysicalMemory
from ..hw.tlb import USUAL_TLB, TlbSize
from ..sim.locks import Rcu, RwSem, SpinLock
from .mm_types import AnonVma, Mm, Page, Task

if TYPE_CHECKING:
    from ..designs.exec_stack import ExecStack
    from ..designs.pte_peek import PtePeek
    from ..designs.rmap_walk import RmapWalk
    from ..designs.tlb_flush import TlbFlush
    from .tlb import Shootdown


@frozen
class Config:
    """How big the machine is.  Settings that can sensibly be on together."""

    cpus: int = 2
    frames: int = 64  # pages of RAM
    stack_shift: int = 6  # pages by which randomisation lowers a new stack
    migrate_passes: int = 10  # attempts of migrate_pages at one page (Linux: 10)
    tlb_size: TlbSize = USUAL_TLB  # of each CPU


class Designs(Protocol):
    """An answer to each question (`kmm.designs.KernelSpec` is one)."""

    @property
    def rmap_walk(self) -> RmapWalk: ...
    @property
    def exec_stack(self) -> ExecStack: ...
    @property
    def pte_peek(self) -> PtePeek: ...
    @property
    def tlb_flush(self) -> TlbFlush: ...


@define(eq=False)
class Zone:
    """struct zone: the frames, and the lists that free and used ones are on."""

    name: str = "Normal"
    lock: SpinLock = field(factory=lambda: SpinLock("zone.lock"))
    lru_lock: SpinLock = field(factory=lambda: SpinLock("zone.lru_lock"))
    free: list[Page] = field(factory=list)  # under lock; the last one goes first
    lru: list[Page] = field(factory=list)  # under lru_lock; newest first


@define(eq=False)
class Kernel:
    """What the kernel's functions share."""

    config: Config
    rmap_walk: RmapWalk
    exec_stack: ExecStack
    pte_peek: PtePeek
    tlb_flush: TlbFlush
    memory: PhysicalMemory
    mem_map: list[Page]
    init_mm: Mm  # the kernel's own address space, which has no user part
    shootdown: Shootdown
    cpus: list[Cpu] = field(factory=list)
    running: list[Task] = field(factory=list)  # on each CPU: `current` there
    zone: Zone = field(factory=Zone)
    rcu: Rcu = field(factory=Rcu)
    mms: list[Mm] = field(factory=list)
    made: dict[str, int] = field(factory=dict)

    def next_name(self, struct: str) -> str:
        """A name for a new structure: vma#1, vma#2, ..."""
        number = self.made.get(struct, 0) + 1
        self.made[struct] = number
        return f"{struct}#{number}"


def new_mm(k: Kernel, pgd: PhysAddr) -> Mm:
    """An empty address space whose top table is at `pgd` (kernel/fork.c:mm_init)."""
    mm = mm_init(k.next_name("mm"), pgd)
    k.mms.append(mm)
    return mm


def mm_init(name: str, pgd: PhysAddr) -> Mm:
    return Mm(name, pgd, RwSem(f"{name}.mmap_sem"), SpinLock(f"{name}.page_table_lock"))


def new_anon_vma(k: Kernel) -> AnonVma:
    """anon_vma_alloc."""
    name = k.next_name("anon_vma")
    return AnonVma(name, SpinLock(f"{name}.lock"))
