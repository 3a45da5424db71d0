"""vma_adjust with no lock, another lock, or its lock at the wrong time."""

from __future__ import annotations

from exercises.submissions import changed, starter
from exercises.wrong import Wrong

NAME = "vma-adjust-lock"
SHARE = "        await share_anon_vma(change)\n"
STORE = "            await store_bounds(change)\n"
LINK = "            relink(change)\n"
DROP = "        await drop_following(change)\n"
OWN = "            anon_vma = vma.anon_vma\n"
ASK = "            if anon_vma is not None:\n"
TAKE = ASK + "                await anon_vma.lock.lock()\n"
GIVE = ASK + "                await anon_vma.lock.unlock()\n"
STORED = """\
            vma.vm_start = change.start
            vma.vm_end, vma.vm_pgoff = change.end, change.pgoff
"""
MOVE = "            await move_following(change)\n"
MOVED = """\
            other = change.following
            if other is not None and not change.removes:
                other.vm_start += change.shift << PAGE_SHIFT
                other.vm_pgoff += change.shift
"""
OTHER = "vma.mm.page_table_lock"


def further_left(lines: str) -> str:
    return "".join(line[4:] for line in lines.splitlines(keepends=True))


WRONG = {
    "no lock": Wrong(starter(NAME), "torn", "swapops.h"),
    "a lock that walks take too late": Wrong(
        changed(
            NAME,
            (TAKE, TAKE.replace("anon_vma.lock", OTHER)),
            (GIVE, GIVE.replace("anon_vma.lock", OTHER)),
        ),
        "torn",
        "swapops.h",
    ),
    "given back between the two neighbours": Wrong(
        changed(NAME, (GIVE, ""), (STORE, STORE + GIVE)), "pair", "swapops.h"
    ),
    "taken for each neighbour by itself": Wrong(
        changed(NAME, (STORE, STORE + GIVE + TAKE)), "pair", "swapops.h"
    ),
    "taken before anon_vmas are handed on, which takes it too": Wrong(
        changed(NAME, (OWN + TAKE, ""), (SHARE, further_left(OWN + TAKE) + SHARE)),
        "works",
        "blocked for more than 120 seconds",
    ),
    "kept until the neighbour is freed, which takes it too": Wrong(
        changed(NAME, (GIVE, ""), (DROP, DROP + further_left(GIVE))),
        "works",
        "blocked for more than 120 seconds",
    ),
    "not given back": Wrong(
        changed(NAME, (GIVE, "")),
        "works",
        "sleeping function called from invalid context",
    ),
    "every VMA has an anon_vma": Wrong(
        changed(NAME, (TAKE, "            await anon_vma.lock.lock()\n")),
        "works",
        "AttributeError in line",
    ),
    "bounds are stored under no lock, and no search is told": Wrong(
        changed(
            NAME,
            (OWN + TAKE, ""),
            (STORE, STORED),
            (MOVE, MOVED),
            (GIVE, ""),
            ("hw.memory import VirtAddr", "hw.memory import PAGE_SHIFT, VirtAddr"),
        ),
        "locks",
        "data-race in vma_address / vma_adjust",
    ),
    "the model's own": Wrong(
        changed(
            NAME,
            (
                "from kmm.hw.memory",
                "from kmm.designs.rmap_walk.locked_adjust import locked_anon_vma\n"
                "from kmm.hw.memory",
            ),
        ),
        None,
        "has the answer: write your own",
    ),
}
