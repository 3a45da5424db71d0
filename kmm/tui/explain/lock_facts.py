"""What there is to know of each class of locks.

The order is that of docs/memory.md, to which a test holds it.
"""

from __future__ import annotations

from attrs import frozen

from ...sim.lockdep import class_name


@frozen
class About:
    """What there is to know of a class of locks."""

    kind: str
    protects: str
    takers: str


# Outer to inner: who has one may take those behind it, and none before it.
ORDER = (
    "ksm_thread_mutex",
    "mmap_sem",
    "PG_locked",
    "i_mmap_lock",
    "anon_vma.lock",
    "page_table_lock",
    "lru_lock",
    "swap_lock",
    "tree_lock",
    "zone.lock",
    "tlbstate_lock",
)
ABOUT = {
    "ksm_thread_mutex": About(
        "mutex",
        "KSM's trees, items and counters, and where its scan is",
        "ksmd for a whole round of scanning, hot-remove, and writes to its files",
    ),
    "mmap_sem": About(
        "rwsem: many readers, or one writer",
        "the VMAs of one address space: their list, bounds and flags",
        "page faults for reading; mmap, munmap, mprotect, mremap, exec and fork for "
        "writing",
    ),
    "PG_locked": About(
        "a bit that can be slept on",
        "a page's mapping and index, and the page from being moved or reclaimed",
        "migration from start to end, reclaim, KSM, and faults that wait for these",
    ),
    "i_mmap_lock": About(
        "spinlock",
        "the VMAs that map a file",
        "mmap and munmap of files, and reverse mapping of their pages",
    ),
    "anon_vma.lock": About(
        "spinlock",
        "the list of VMAs through which reverse mapping looks for a page",
        "reverse mapping all along the list; fork, faults and munmap to change it",
    ),
    "page_table_lock": About(
        "spinlock",
        "the page-table entries of one address space",
        "whoever stores an entry: faults, munmap, mremap, migration, reclaim; and who "
        "must see that one does not change",
    ),
    "lru_lock": About(
        "spinlock",
        "the LRU lists of a zone",
        "reclaim and migration to isolate pages, pagevecs when they are full",
    ),
    "swap_lock": About("spinlock", "the slots of the swap device", "reclaim, faults"),
    "tree_lock": About(
        "spinlock",
        "the pages of a file, or of the swap cache",
        "faults, reads and writes of files, reclaim, migration",
    ),
    "zone.lock": About(
        "spinlock",
        "the free blocks of a zone",
        "allocation and freeing when a CPU's own list is empty or full; compaction",
    ),
    "tlbstate_lock": About(
        "spinlock",
        "one place through which a CPU sends a flush to others",
        "whoever changes an entry that others may remember, until all have answered",
    ),
    "rcu": About(
        "read section: nobody waits for it",
        "what its readers find from being freed before they have left",
        "whoever looks at an anon_vma that it does not hold",
    ),
    "interrupts": About(
        "the CPU's own",
        "an instruction from an interrupt in its midst",
        "the CPU for each instruction, handlers, and code with interrupts off",
    ),
    "call_function.lock": About(
        "spinlock",
        "the one call that is sent to all CPUs",
        "whoever wants every CPU to do something, such as to empty its pagevecs",
    ),
}


def about(name: str) -> tuple[str, About] | None:
    """The class of a lock, and what is known of it."""
    if name.startswith("interrupts pending"):
        return None
    whole = class_name(name)
    field = whole.rpartition(".")[2]
    for key in (whole, field):
        if key in ABOUT:
            return key, ABOUT[key]
    return None


def is_lock(name: str) -> bool:
    return about(name) is not None
