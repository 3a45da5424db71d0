"""Ways not to wait for a page that is moving."""

from __future__ import annotations

from exercises.submissions import changed, starter
from exercises.wrong import Wrong

NAME = "wait-for-migration"


RECHECK = """    if not is_migration_entry(pte):
        await ptl.unlock()
        return
"""
READ = """    await ptl.lock()
    pte = await ptep.read()
"""
NAMES = """    page = await migration_entry_to_page(k, pte)
    got = await get_page_unless_zero(page)
"""
UNLOCK = "    await ptl.unlock()\n    if got:\n"
PUT = "        await put_page(k, page)\n"
SLEEP = "        await page.locked.wait_unlocked()\n"


def wrong(check: str, why: str, *pairs: tuple[str, str]) -> Wrong:
    return Wrong(changed(NAME, *pairs), check, why)


WRONG = {
    "the program comes back at once": Wrong(
        starter(NAME), "waits", "no end after 3000 steps"
    ),
    "with the page-table lock": wrong(
        "waits",
        "sleeping function called from invalid context",
        (UNLOCK, "    if got:\n"),
        (PUT, PUT + "        await ptl.unlock()\n"),
    ),
    "the entry is not looked at again": wrong("waits", "no RAM at pfn", (RECHECK, "")),
    "the entry is looked at before the lock": wrong(
        "waits",
        "swapops.h:105",
        (READ, "    pte = await ptep.read()\n    await ptl.lock()\n"),
    ),
    "the page is looked for without the lock": wrong(
        "waits",
        "swapops.h:105",
        (NAMES + UNLOCK, "    await ptl.unlock()\n" + NAMES + "    if got:\n"),
    ),
    "the reference is kept": wrong("waits", "2 references, 1 users", (PUT, "")),
    "the page-table lock is kept": wrong(
        "waits",
        "lock held at task exit: mm#1.page_table_lock",
        (RECHECK, RECHECK.replace("        await ptl.unlock()\n", "")),
    ),
    "the page's lock is taken and kept": wrong(
        "waits",
        "lock held at task exit: PG_locked",
        (SLEEP, "        await page.locked.lock()\n"),
    ),
}
