"""Every Linux on x86: each CPU that may remember a translation is made to drop it.

The CPU that changes an entry drops the translation from its own TLB, interrupts the
other CPUs in the address space's cpu_vm_mask, and spins until each has answered.  Only
then may what the entry led to be copied, freed or given to somebody else.
"""

from __future__ import annotations

from attrs import evolve

from ...mm.tlb import flush_tlb_mm, flush_tlb_page
from .t0_omit import OMIT

FLUSH = evolve(
    OMIT,
    name="flush",
    title="the CPUs in cpu_vm_mask are interrupted, and answer",
    tag="T1",
    source="arch/x86/mm/tlb.c; Linux 2.6.34",
    closes="tlb-stale",
    costs="an interrupt of each other CPU that the program has run on",
    story=__doc__,
    base=OMIT,
    flush_tlb_page=flush_tlb_page,
    flush_tlb_mm=flush_tlb_mm,
)
