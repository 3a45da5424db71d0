"""Which structures the CPUs share, for those who check that nothing is unprotected.

`kmm.sim.datarace` hears of every access to the fields that are named here:

    with instrumented(SHARED_STRUCTURES, SHARED_BITS):
        search(with_watchers(boot, races), strategy)

What is left out is left out for a reason, which stands beside it.  What protects each
field is said where the field is (`mm_types`, `mmzone`, `ksm`, `tlb`); whether that is
so is what this is for.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from attrs import fields, has

from .kernel import Kernel, Kswapd
from .ksm import Ksm, KsmScan, MmSlot
from .list_head import ListHead
from .mm_types import (
    AddressSpace,
    AnonVma,
    AnonVmaChain,
    File,
    Mm,
    Page,
    RmapItem,
    Sighand,
    StableNode,
    Task,
    VmArea,
)
from .mmzone import FreeArea, PerCpuPages, ReclaimStat, Zone
from .slab import KmemCache
from .smp import Call, CallFunction
from .swap import PageVecs
from .swapfile import SwapInfo
from .tlb import CpuTlbState, FlushState

FIXED = "it is what it is from the start"
OURS = "the model's own: nothing in Linux"
APART = "each CPU or task has its own, and that alone it touches"

LEFT_OUT: Mapping[type, Mapping[str, str]] = {
    Page: {
        "pfn": FIXED,
        "zone": FIXED,
        "lock_bit": "PG_locked, made when it is first asked for",
    },
    AnonVma: {"own_lock": FIXED, "cache": FIXED},
    AnonVmaChain: {"vma": FIXED, "anon_vma": FIXED},
    RmapItem: {"mm": FIXED, "address": FIXED},
    AddressSpace: {
        "tree_lock": FIXED,
        "i_mmap_lock": FIXED,
        "host": FIXED,
        "gfp_mask": FIXED,
    },
    VmArea: {"mm": FIXED, "updating": FIXED},
    Mm: {
        "pgd": FIXED,
        "mmap_sem": FIXED,
        "page_table_lock": FIXED,
        "anon_vma_chain_lock": FIXED,
    },
    Task: {
        "comm": FIXED,
        "pid": FIXED,
        "cpu": FIXED,
        "files": APART,
        "sighand": FIXED,
    },
    Sighand: {"siglock": FIXED},
    Zone: {
        "node": FIXED,
        "zone_start_pfn": FIXED,
        "pageblock_order": FIXED,
        "cpus": FIXED,
        "lock": FIXED,
        "lru_lock": FIXED,
        "vm_stat": "counters that each CPU bumps for itself; nothing decides by them",
    },
    KmemCache: {"rcu": FIXED, "made": OURS},
    Kernel: {
        "config": FIXED,
        "rmap_walk": FIXED,
        "exec_stack": FIXED,
        "take_all_locks": FIXED,
        "anon_vma_pin": FIXED,
        "pte_peek": FIXED,
        "tlb_flush": FIXED,
        "call_rules": FIXED,
        "memory": FIXED,
        "nodes": FIXED,
        "mem_map": "a page of it is made when it is first asked for",
        "cpus": FIXED,
        "ksm": FIXED,
        "swap": FIXED,
        "rcu": FIXED,
        "later": FIXED,
        "made": OURS,
        "mms": "what there is, for those who look on: nothing decides by it",
        "running": APART,
        "memalloc": APART,
        "vfs": FIXED,
        "vm_events": "counters that each CPU bumps for itself; nothing decides by them",
    },
}


def fields_of(structure: type) -> tuple[str, ...]:
    """The fields of a structure that are watched; a name never is."""
    described: Any = structure  # has() is no promise that mypy could keep
    if has(structure):
        names = [attribute.name for attribute in fields(described)]
    else:
        names = list(described.__slots__)
    left_out = {"name", *LEFT_OUT.get(structure, ())}
    return tuple(name for name in names if name not in left_out)


SHARED_STRUCTURES: Mapping[type, Collection[str]] = {
    structure: fields_of(structure)
    for structure in (
        Page,
        AnonVma,
        AnonVmaChain,
        StableNode,
        RmapItem,
        AddressSpace,
        File,
        VmArea,
        Mm,
        Task,
        Sighand,
        Zone,
        ReclaimStat,
        FreeArea,
        PerCpuPages,
        ListHead,
        Ksm,
        KsmScan,
        MmSlot,
        KmemCache,
        SwapInfo,
        Call,
        CallFunction,
        CpuTlbState,
        FlushState,
        Kswapd,
        Kernel,
    )
} | {PageVecs: ("lru_add",)}

# Linux changes and tests these bit by bit, each atomically.
SHARED_BITS: Mapping[type, Collection[str]] = {Page: ("flags",)}
