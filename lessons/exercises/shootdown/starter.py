"""flush_tlb_others, begun.  Linux: arch/x86/mm/tlb.c."""

from __future__ import annotations

from kmm.hw.cpu import Cpu
from kmm.hw.memory import VirtAddr
from kmm.mm.kernel import Kernel
from kmm.mm.mm_types import MM, Mm
from kmm.mm.tlb import FLUSH, INVALIDATE_TLB_VECTOR_START, NUM_INVALIDATE_TLB_VECTORS
from kmm.sim.access import read_once, write_once, write_plain


async def flush_tlb_others(k: Kernel, cpu: Cpu, mm: Mm, address: VirtAddr) -> None:
    """Ask the other CPUs in the mask to flush, and spin until they have.

    `address` may be TLB_FLUSH_ALL.  Takes the tlbstate_lock of this CPU's slot, which
    it shares with every eighth CPU.
    """
    others = await read_once(mm, MM.cpu_vm_mask) & ~(1 << cpu.number)
    if not others:
        return
    slot = cpu.number % NUM_INVALIDATE_TLB_VECTORS
    flush = k.shootdown.flush_state[slot]
    async with flush.tlbstate_lock:
        pass  # Your part: request, mask, interrupts, wait.


# What your part calls.
USES = (FLUSH, INVALIDATE_TLB_VECTOR_START)
AND = (write_once, write_plain)
