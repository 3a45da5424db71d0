"""Locks in an order that is not everybody's, or not all of them."""

from __future__ import annotations

from exercises.submissions import changed, starter
from exercises.wrong import Wrong

NAME = "order-the-locks"
LOOP = "        for avc in reversed(vma.anon_vma_chain):\n"
LOCK = "            await k.take_all_locks.vm_lock_anon_vma(mm, avc.anon_vma)\n"
IMPORT = "from kmm.mm.mm_types import Mm\n"
RECORD = "ANSWER = evolve(\n"
OWN_LOCK = "    mm_take_all_locks=mm_take_all_locks,\n"


def with_own_lock(*body: str) -> str:
    """The solution, and a vm_lock_anon_vma of its own."""
    lines = "".join(f"    {line}\n" for line in body)
    head = "async def vm_lock_anon_vma(mm: Mm, anon_vma: AnonVma) -> None:\n"
    return changed(
        NAME,
        (
            IMPORT,
            "from kmm.mm.mm_types import ANON_VMA, AnonVma, Mm\n"
            "from kmm.sim.access import write_once\n",
        ),
        (RECORD, f"{head}{lines}\n\n{RECORD}"),
        (OWN_LOCK, f"{OWN_LOCK}    vm_lock_anon_vma=vm_lock_anon_vma,\n"),
    )


WRONG = {
    "the newest first": Wrong(starter(NAME), "order", "blocked for more than 120"),
    "the VMA's own only": Wrong(
        changed(
            NAME,
            (LOOP, ""),
            (LOCK, LOCK.removeprefix("    ").replace("avc.anon_vma", "vma.anon_vma")),
        ),
        "all",
        "coming to mm_drop_all_locks: anon_vma#1.lock should be held too",
    ),
    "the root only": Wrong(
        changed(NAME, (LOOP, "        for avc in vma.anon_vma_chain[-1:]:\n")),
        "all",
        "coming to mm_drop_all_locks: anon_vma#2.lock should be held too",
    ),
    "nothing at all": Wrong(
        changed(NAME, (LOCK, "            pass\n")), "all", "should be held too"
    ),
    "what is busy is left out": Wrong(
        with_own_lock(
            "if not anon_vma.taken and await anon_vma.lock.trylock():",
            "    await write_once(anon_vma, ANON_VMA.taken, True)",
        ),
        "all",
        "should be held too",
    ),
    "what is locked is locked without a mark": Wrong(
        changed(
            NAME,
            (
                LOCK,
                "            await avc.anon_vma.lock.lock_nest_lock(mm.mmap_sem)\n",
            ),
        ),
        "works",
        "lock held at task exit: anon_vma#1.lock",
    ),
    "lockdep is not told that it is meant": Wrong(
        with_own_lock(
            "if not anon_vma.taken:",
            "    await anon_vma.lock.lock()",
            "    await write_once(anon_vma, ANON_VMA.taken, True)",
        ),
        "locks",
        "recursive locking",
    ),
    "the VMA's own last, and the others as they stand": Wrong(
        changed(
            NAME,
            (LOOP, LOOP.replace("reversed(vma.anon_vma_chain)", "others_first(vma)")),
            (IMPORT, "from kmm.mm.mm_types import AnonVmaChain, Mm, VmArea\n"),
            (
                RECORD,
                "def others_first(vma: VmArea) -> list[AnonVmaChain]:\n"
                "    return vma.anon_vma_chain[1:] + vma.anon_vma_chain[:1]\n\n\n"
                + RECORD,
            ),
        ),
        "generations",
        "blocked for more than 120 seconds",
    ),
}

RIGHT = {
    "the root first, and then as they stand": changed(
        NAME,
        (LOOP, LOOP.replace("reversed(vma.anon_vma_chain)", "root_first(vma)")),
        (IMPORT, "from kmm.mm.mm_types import AnonVmaChain, Mm, VmArea\n"),
        (
            RECORD,
            "def root_first(vma: VmArea) -> list[AnonVmaChain]:\n"
            "    return vma.anon_vma_chain[-1:] + vma.anon_vma_chain[:-1]\n\n\n"
            + RECORD,
        ),
    ),
}
