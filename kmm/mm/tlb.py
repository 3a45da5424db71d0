"""TLB shootdown: making every CPU forget what the page tables no longer say.

Linux: arch/x86/mm/tlb.c; arch/x86/include/asm/mmu_context.h (changing address spaces),
include/asm-generic/tlb.h (MmuGather), arch/x86/mm/pgtable.c (ptep_).

A CPU drops a translation from its own TLB with one instruction.  No instruction drops
it from another's, so the kernel asks that CPU by an interrupt, and spins until it has
answered.  To interrupt no more CPUs than need be, each address space knows the CPUs
whose TLB may hold translations of it: `cpu_vm_mask`.  A CPU is added before it loads
CR3, so that no flush can miss it.  It is taken out before it loads another, so a flush
of the old one may miss it.  That is true to 2.6.34 (831d52bc1539, 2.6.38, changed it),
and harmless here: the kernel touches no user address between the two, and a CPU here
translates nothing that nobody asks for.

A kernel thread has no address space.  It goes on in that of whoever ran before, and
leaves CR3 alone: that is *lazy TLB*.  It never looks at user addresses, so a flush may
take its CPU out of the mask altogether (`leave_mm`), which saves the next interrupt;
whoever comes back to that address space on this CPU must then load CR3 again.

What each CPU is doing about this is in its `CpuTlbState`.  It is touched by that CPU
alone, by what runs there and by its interrupt handler; what must not be split by the
handler runs with interrupts off (`Cpu.interrupts`).

Who flushes, and what goes wrong if that line is left out:

- `ptep_clear_flush`: CPUs go on using a page that is being unmapped (`rmap`), copied
  (`memory.wp_page_copy`, `ksm_merge`) or moved (`mremap`): what they write then is
  lost, or another process's.  This one also makes D in the entry the last word.
- `ptep_clear_flush_young`: a CPU that remembers the page sets A no more, so a page that
  is in use looks idle, and is reclaimed.
- `ptep_set_access_flags`, `memory.touch_pte`: a CPU that remembers less than is allowed
  now faults once more for nothing; wrong is nothing.
- `mprotect.change_protection`, and fork's at the end of `dup_mmap`: CPUs write to what
  may only be read by now; after a fork, to a page that the child has too.
- `MmuGather.flush`: CPUs use a page that has been given back, and is somebody else's.
- `pgtable.free_pgd_range`: CPUs walk a table that is somebody else's page.
- `switch_mm` to another address space: the CPU uses the old one's translations.  To the
  same one after a flush came (`leave_mm`): it uses what that flush was about.

Who notices if one is missing:

- a migration's: the race `tlb-flushed`; that of `switch_mm` for a CPU that was lazy:
  `tlb-lazy`
- `MmuGather.flush`: `audit.check_tlbs`, which looks for frames that were given back,
  and for nothing else; tests/mm/test_madvise.py
- `ptep_clear_flush_young`, mprotect's: tests/mm/test_vmscan.py, test_mprotect.py
- fork's: tests/mm/test_memory_cow.py
  (test_what_is_written_on_another_cpu_after_the_fork_is_not_the_childs), and
  `kmm conform` by the recorded fork trees.  The parent must have written to the page
  before, so that its CPU knows that it may, and write again before that CPU loads
  another CR3.  The parent of `fork-copy` does not, and `--check` looks at free frames
  only

An entry that was not present needs no flush: no CPU remembers that there was nothing.

The answer to the question `tlb-flush` is `flush_tlb_page` and `flush_tlb_mm`, as here,
or nothing at all.

Left out: global pages, paravirtualisation.  Linux turns preemption off around a flush;
here a thread never changes its CPU.
"""

from __future__ import annotations

from attrs import define, field, fields

from ..hw.cpu import Cpu
from ..hw.memory import EntryPointer, VirtAddr
from ..sim.access import clear_bit, read_once, set_bit, test_and_set_bit, write_once
from ..sim.failure import bug_on
from ..sim.locks import SpinLock
from ..sim.trap import WAIT, GateOp, Op, trap
from .kernel import Kernel, this_cpu
from .mm_types import MM, Mm, Page, VmArea
from .pgtable import pte_mkold, pte_wrprotect, pte_young
from .swap import put_page

TLBSTATE_OK = 1  # the CPU runs in active_mm
TLBSTATE_LAZY = 2  # a kernel thread borrows it

NUM_INVALIDATE_TLB_VECTORS = 8
INVALIDATE_TLB_VECTOR_START = 0xF0

TLB_FLUSH_ALL = VirtAddr(-1)  # in the place of an address: all of them


@define(eq=False)
class CpuTlbState:
    """cpu_tlbstate: in which address space a CPU is, and how.

    Touched by that CPU alone, with interrupts off, but for `activate_mm`.
    """

    active_mm: Mm
    state: int = TLBSTATE_OK


@define(eq=False)
class FlushState:
    """One of the slots through which CPUs ask others to flush."""

    name: str
    tlbstate_lock: SpinLock
    # Under tlbstate_lock; read by the CPUs that are asked, while the asker waits.
    flush_mm: Mm | None = None
    flush_va: VirtAddr = TLB_FLUSH_ALL
    # Atomic: the CPUs that have not answered yet, a bit for each.
    flush_cpumask: int = 0

    def admits(self, op: Op) -> bool:
        """Whether who waits for answers may go on (a gate, see `sim.trap`)."""
        return self.flush_cpumask == 0

    async def wait_for_answers(self) -> None:
        """Spin until every CPU that was asked has flushed."""
        key = f"{self.name}.{FLUSH.flush_cpumask.name}"
        await trap(GateOp(WAIT, key, self, sleeps=False))

    def __str__(self) -> str:
        waits = [str(n) for n in range(64) if self.flush_cpumask >> n & 1]
        return f"waits for CPU {', '.join(waits)}" if waits else "all have answered"


FLUSH = fields(FlushState)


@define(eq=False)
class Shootdown:
    """What the kernel keeps for this chapter: one state a CPU, and the slots."""

    cpu_tlbstate: list[CpuTlbState] = field(factory=list)
    flush_state: list[FlushState] = field(factory=list)


def set_up_shootdown(cpus: int, init_mm: Mm) -> Shootdown:
    """Every CPU starts in `init_mm`, the kernel's own address space."""
    init_mm.cpu_vm_mask = (1 << cpus) - 1
    return Shootdown(
        [CpuTlbState(init_mm) for _ in range(cpus)],
        [
            FlushState(f"flush_state[{n}]", SpinLock(f"flush_state[{n}].tlbstate_lock"))
            for n in range(NUM_INVALIDATE_TLB_VECTORS)
        ],
    )


# Flushing.


async def flush_tlb_page(k: Kernel, vma: VmArea, address: VirtAddr) -> None:
    """Make every CPU forget one page of a VMA's address space.  Spins until all have.

    `address` is any in the page.  Spinlocks may be held, a page-table lock for
    instance.  Nobody may call this with interrupts off: two CPUs could wait for each
    other.
    """
    cpu = await this_cpu(k)
    if k.running[cpu.number].active_mm is vma.mm:
        async with cpu.interrupts:
            current = k.running[cpu.number]
            if current.active_mm is not vma.mm:
                pass  # somebody else has the CPU by now, and CR3 was loaded for that
            elif current.mm is not None:
                cpu.invlpg(address)
            else:
                await leave_mm(k, cpu)
    await flush_tlb_others(k, cpu, vma.mm, address)


async def flush_tlb_mm(k: Kernel, mm: Mm) -> None:
    """Make every CPU forget a whole address space.  (flush_tlb_range is the same.)

    To be called as flush_tlb_page is.
    """
    cpu = await this_cpu(k)
    if k.running[cpu.number].active_mm is mm:
        async with cpu.interrupts:
            current = k.running[cpu.number]
            if current.active_mm is not mm:
                pass  # as in flush_tlb_page
            elif current.mm is not None:
                await local_flush_tlb(cpu)
            else:
                await leave_mm(k, cpu)
    await flush_tlb_others(k, cpu, mm, TLB_FLUSH_ALL)


async def flush_tlb_others(k: Kernel, cpu: Cpu, mm: Mm, address: VirtAddr) -> None:
    """Ask the other CPUs in the mask to flush, and spin until they have.

    flush_tlb_others_ipi.  `address` may be TLB_FLUSH_ALL.  Takes the tlbstate_lock of
    this CPU's slot, which it shares with every eighth CPU.
    """
    others = await read_once(mm, MM.cpu_vm_mask) & ~(1 << cpu.number)
    if not others:
        return
    slot = cpu.number % NUM_INVALIDATE_TLB_VECTORS
    flush = k.shootdown.flush_state[slot]
    async with flush.tlbstate_lock:
        flush.flush_mm, flush.flush_va = mm, address
        await write_once(flush, FLUSH.flush_cpumask, others)
        for other in k.cpus:
            if others >> other.number & 1:
                await other.apic.send(INVALIDATE_TLB_VECTOR_START + slot)
        await flush.wait_for_answers()
        flush.flush_mm = None


async def smp_invalidate_interrupt(k: Kernel, cpu: Cpu, vector: int) -> None:
    """On a CPU that was asked to flush.  Runs with interrupts off.

    Reads flush_mm and flush_va without the lock: the asker holds it, and waits.
    """
    flush = k.shootdown.flush_state[vector - INVALIDATE_TLB_VECTOR_START]
    tlbstate = k.shootdown.cpu_tlbstate[cpu.number]
    if flush.flush_mm is tlbstate.active_mm:
        if tlbstate.state == TLBSTATE_LAZY:
            await leave_mm(k, cpu)
        elif flush.flush_va == TLB_FLUSH_ALL:
            await local_flush_tlb(cpu)
        else:
            cpu.invlpg(flush.flush_va)
    await clear_bit(flush, FLUSH.flush_cpumask, cpu.number)


async def local_flush_tlb(cpu: Cpu) -> None:
    """Load CR3 with what is in it: this CPU forgets all that is not global.

    Called with interrupts off.
    """
    await cpu.mov_to_cr3(cpu.cr3)


# Changing address spaces.


async def switch_mm(k: Kernel, cpu: Cpu, prev: Mm, following: Mm) -> None:
    """Take a CPU from one address space to the next.

    Called with interrupts off, but for `activate_mm`.
    """
    tlbstate = k.shootdown.cpu_tlbstate[cpu.number]
    if prev is not following:
        # No more interrupts for the old one, and from here on for the new one: a
        # flush that comes before CR3 is loaded finds nothing, one that comes after
        # finds this CPU in the mask.
        await clear_bit(prev, MM.cpu_vm_mask, cpu.number)
        tlbstate.state, tlbstate.active_mm = TLBSTATE_OK, following
        await set_bit(following, MM.cpu_vm_mask, cpu.number)
        await cpu.mov_to_cr3(following.pgd)
        return
    tlbstate.state = TLBSTATE_OK
    bug_on(tlbstate.active_mm is not following, "arch/x86/include/asm/mmu_context.h")
    if not await test_and_set_bit(following, MM.cpu_vm_mask, cpu.number):
        # A flush came while we were lazy, and leave_mm took this CPU out.
        await cpu.mov_to_cr3(following.pgd)


async def activate_mm(k: Kernel, cpu: Cpu, prev: Mm, following: Mm) -> None:
    """The running task itself changes its address space (execve).

    Interrupts are on, and the handler of a flush may come at any await of switch_mm.
    That is safe: the CPU's state changes at one moment.  Before it, the handler flushes
    or leaves (`leave_mm`) the address space that is being left anyway.  After it, a
    flush of that one is passed over, though CR3 is still the old; nothing uses it by
    then.  One of the new address space can only flush too much.
    """
    await switch_mm(k, cpu, prev, following)


def enter_lazy_tlb(k: Kernel, cpu: Cpu) -> None:
    """A kernel thread goes on in the address space of the task before it.

    Called with interrupts off.
    """
    tlbstate = k.shootdown.cpu_tlbstate[cpu.number]
    if tlbstate.state == TLBSTATE_OK:
        tlbstate.state = TLBSTATE_LAZY


async def leave_mm(k: Kernel, cpu: Cpu) -> None:
    """Stop borrowing: no flush of this address space concerns this CPU any more.

    Called with interrupts off.
    """
    tlbstate = k.shootdown.cpu_tlbstate[cpu.number]
    bug_on(tlbstate.state == TLBSTATE_OK, "arch/x86/mm/tlb.c")
    await clear_bit(tlbstate.active_mm, MM.cpu_vm_mask, cpu.number)
    await cpu.mov_to_cr3(k.init_mm.pgd)


# Flushing with a change of an entry.


async def ptep_clear_flush(
    k: Kernel, vma: VmArea, address: VirtAddr, ptep: EntryPointer
) -> int:
    """Empty an entry, and let no CPU go on using it; return what was there.

    Needs the page-table lock.  Between the two, other CPUs may still write to the
    page; after the flush none can, and D in the entry returned tells of them all.
    """
    pte = await ptep.exchange(0)
    await k.tlb_flush.flush_tlb_page(k, vma, address)
    return pte


async def ptep_clear_flush_young(
    k: Kernel, vma: VmArea, address: VirtAddr, ptep: EntryPointer
) -> bool:
    """Clear the accessed flag; say whether it was set.  Needs the page-table lock.

    Without the flush, a CPU that remembers the page would never set it again.
    """
    pte = await ptep.read()
    while pte_young(pte):
        if await ptep.compare_exchange(pte, pte_mkold(pte)):
            await k.tlb_flush.flush_tlb_page(k, vma, address)
            return True
        pte = await ptep.read()
    return False


async def ptep_set_wrprotect(ptep: EntryPointer) -> None:
    """Make an entry read-only, and flush nothing.  Needs the page-table lock."""
    pte = await ptep.read()
    while not await ptep.compare_exchange(pte, pte_wrprotect(pte)):
        pte = await ptep.read()


async def ptep_set_access_flags(
    k: Kernel,
    vma: VmArea,
    address: VirtAddr,
    ptep: EntryPointer,
    entry: int,
    *,
    dirty: bool,
) -> bool:
    """Give an entry more rights or flags; say whether there was anything to change.

    Needs the page-table lock.  `dirty` says that it is for a write.  That it was read
    is left to the CPU to note, so without `dirty` nothing is stored.
    """
    changed = await ptep.read() != entry
    if changed and dirty:
        await ptep.write(entry)
        await k.tlb_flush.flush_tlb_page(k, vma, address)
    return changed


# Giving back pages that were unmapped.

FREE_PTE_NR = 506  # pages that one batch holds


@define(eq=False)
class MmuGather:
    """struct mmu_gather: pages that have been unmapped, and may be in use still.

    A CPU may go on writing to a page by what its TLB remembers.  So the references
    that the entries held are dropped only after a flush.  It is its maker's own; Linux
    has one for each CPU, and drops references at once if there is but one CPU.
    """

    mm: Mm
    pages: list[Page] = field(factory=list)
    need_flush: bool = False

    async def remove_page(self, k: Kernel, page: Page) -> None:
        """tlb_remove_page: give its entry's reference to this.

        FREE_PTE_NR of them are flushed at once, though a page-table lock is held.
        """
        self.need_flush = True
        self.pages.append(page)
        if len(self.pages) >= FREE_PTE_NR:
            await self.flush(k)

    async def flush(self, k: Kernel) -> None:
        """Flush, and drop the references (tlb_flush_mmu, tlb_finish_mmu).

        May take zone.lru_lock and zone.lock, for pages that nobody has any more.
        """
        if not self.need_flush:
            return
        self.need_flush = False
        pages, self.pages = self.pages, []
        await k.tlb_flush.flush_tlb_mm(k, self.mm)
        for page in pages:
            await put_page(k, page)
