"""References that come too late, or stay, or keep nothing."""

from __future__ import annotations

from exercises.submissions import changed, starter
from exercises.wrong import Wrong

NAME = "keep-the-anon-vma"
FIND = "    anon_vma = await k.rmap_walk.page_lock_anon_vma(k, page)\n"
LOOK = "    mapped = await page_mapped(page)\n"
COUNT = """\
    if mapped:
        await get_anon_vma(anon_vma)
"""
UNLOCK = "    await page_unlock_anon_vma(k, anon_vma)\n"
DROP = "    await drop_anon_vma(anon_vma)\n"
POINTER = "    anon_vma = page.mapping if isinstance(page.mapping, AnonVma) else None\n"

WRONG = {
    "nothing keeps it": Wrong(starter(NAME), "unmapped", "use-after-free of anon_vma"),
    "a reference, counted without the lock": Wrong(
        changed(NAME, (FIND, POINTER), (UNLOCK, "")), "window", "double-free"
    ),
    "a reference, counted whether or not the page is mapped": Wrong(
        changed(NAME, (FIND, POINTER), (LOOK, "    mapped = True\n"), (UNLOCK, "")),
        "unmapped",
        "double-free",
    ),
    "a reference, counted when the lock was given back": Wrong(
        changed(NAME, (COUNT, ""), (UNLOCK, UNLOCK + COUNT)), "window", "double-free"
    ),
    "the page is not looked at again under the lock": Wrong(
        changed(NAME, (LOOK, "    mapped = True\n")), "others", "double-free"
    ),
    "the reference is kept": Wrong(
        changed(NAME, (DROP, '    """Nothing is given back."""\n')),
        "works",
        "the references to anon_vmas are not as they should be",
    ),
    "the lock is kept": Wrong(
        changed(NAME, (UNLOCK, "")), "works", "blocked for more than 120 seconds"
    ),
    "no page is ever migrated": Wrong(
        changed(NAME, ("return anon_vma if mapped else None", "return None")),
        "works",
        "the page-table entries are not as they should be",
    ),
    "the model's own": Wrong(
        changed(
            NAME,
            (
                "from kmm.mm.kernel",
                "from kmm.designs.kernels import find_kernel\nfrom kmm.mm.kernel",
            ),
        ),
        None,
        "kmm.designs.kernels.find_kernel has the answer",
    ),
}
