"""Version 6's hole, half closed; and what the other half costs."""

from __future__ import annotations

from exercises.submissions import changed, starter
from exercises.wrong import Wrong

NAME = "boundary-hole"
TAKE = """\
            for avc in reversed(vma.anon_vma_chain):
                await avc.anon_vma.lock.lock_nest_lock(vma.mm.mmap_sem)
"""
GIVE = """\
            for avc in vma.anon_vma_chain:
                await avc.anon_vma.lock.unlock()
"""
STORE = "            await store_bounds(change)\n"
BASE = "from kmm.designs.rmap_walk.a5_root_order import ROOT_ORDER\n"
TYPES = "from kmm.mm.mm_types import VmArea\n"
RECORD = "ANSWER = evolve(\n"
OWN_ADJUST = "    vma_adjust=vma_adjust,\n"

KEEPS_THE_NESTED_LOCK = '''\
async def rmap_walk_anon(k: Kernel, page: Page, rmap_one: RmapOne) -> int:
    """A nested lock is kept until another one is needed."""
    root = await page_anon_vma_lock_root(page)
    if root is None:
        return SWAP_AGAIN
    result, kept = SWAP_AGAIN, None
    for avc in root.head:
        own = avc.vma.anon_vma
        if own is not kept:
            if kept is not None and kept is not root:
                await kept.lock.unlock()
            kept = own
            await lock_own(avc.vma, root)
        address = await vma_address(page, avc.vma)
        if address is not None:
            result = await rmap_one(k, page, avc.vma, address)
        if result != SWAP_AGAIN:
            break
    if kept is not None and kept is not root:
        await kept.lock.unlock()
    await root.lock.unlock()
    return result


'''
NO_NESTED_LOCK = '''\
async def rmap_walk_anon(k: Kernel, page: Page, rmap_one: RmapOne) -> int:
    """The root's lock is enough, as vma_adjust takes it too."""
    root = await page_anon_vma_lock_root(page)
    if root is None:
        return SWAP_AGAIN
    result = SWAP_AGAIN
    for avc in root.head:
        address = await vma_address(page, avc.vma)
        if address is not None:
            result = await rmap_one(k, page, avc.vma, address)
        if result != SWAP_AGAIN:
            break
    await root.lock.unlock()
    return result


'''


def with_walk(walk: str, *pairs: tuple[str, str]) -> str:
    """The solution with a walk of its own, and what else is changed in it."""
    names = "ROOT_ORDER, lock_own, page_anon_vma_lock_root"
    return changed(
        NAME,
        (BASE, BASE.replace("ROOT_ORDER", names)),
        (TYPES, "from kmm.mm.mm_types import Page, VmArea\n"),
        (
            "from kmm.mm.vma",
            "from kmm.mm.rmap import SWAP_AGAIN, RmapOne, vma_address\nfrom kmm.mm.vma",
        ),
        (RECORD, walk + RECORD),
        (OWN_ADJUST, f"{OWN_ADJUST}    rmap_walk_anon=rmap_walk_anon,\n"),
        *pairs,
    )


def own_lock(what: str) -> str:
    return f"            await vma.anon_vma.lock.{what}()\n"


WRONG = {
    "version 6": Wrong(starter(NAME), "child", "swapops.h"),
    "the newest first": Wrong(
        changed(NAME, ("reversed(vma.anon_vma_chain)", "vma.anon_vma_chain")),
        "child",
        "blocked for more than 120 seconds",
    ),
    "given back between the two neighbours": Wrong(
        changed(NAME, (GIVE, ""), (STORE, STORE + GIVE)), "down", "swapops.h"
    ),
    "the walk keeps a lock until it needs another": Wrong(
        with_walk(
            KEEPS_THE_NESTED_LOCK, (TAKE, own_lock("lock")), (GIVE, own_lock("unlock"))
        ),
        "sibling",
        "swapops.h",
    ),
    "lockdep is not told that it is meant": Wrong(
        changed(NAME, ("lock_nest_lock(vma.mm.mmap_sem)", "lock()")),
        "locks",
        "recursive locking",
    ),
    "the walk takes the root's lock alone": Wrong(
        with_walk(NO_NESTED_LOCK), "growth", "swapops.h"
    ),
    "what was merged": Wrong(
        changed(
            NAME,
            (BASE, "from kmm.designs.rmap_walk.a7_root_lock import ROOT_LOCK\n" + BASE),
        ),
        None,
        "a7_root_lock.ROOT_LOCK has the answer",
    ),
}

RIGHT = {
    "the root's lock, and the VMA's own inside of it": changed(
        NAME,
        (
            TAKE,
            """\
            root, own = vma.anon_vma_chain[-1].anon_vma, vma.anon_vma
            await root.lock.lock()
            if own is not root:
                await own.lock.lock_nested(1)
""",
        ),
        (
            GIVE,
            """\
            if own is not root:
                await own.lock.unlock()
            await root.lock.unlock()
""",
        ),
    ),
}
