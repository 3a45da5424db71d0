"""A frame and its struct page: flags in sentences, and what the counts count."""

from __future__ import annotations

from collections.abc import Iterator

from ...hw.memory import PAGE_SHIFT
from ...mm.observe import PageView
from ..lines import Line
from ..pictures.seen import Seen, living
from .things import Thing

FLAGS = {
    "referenced": "it has been used since reclaim looked at it last",
    "uptodate": "its contents are valid",
    "dirty": "it was written to, and what it holds is nowhere else",
    "lru": "it is on one of its zone's LRU lists, so it can be isolated",
    "active": "it belongs on an active list: it was found in use",
    "reserved": "it is the kernel's own from boot on",
    "writeback": "it is being written to its device",
    "swapcache": "it has a slot of the swap device",
    "reclaim": "it is to be freed as soon as it has been written",
    "buddy": "it is the first of a free block",
    "swapbacked": "what it holds goes to swap, and not to a file",
    "unevictable": "it must not be reclaimed",
    "mlocked": "a program has locked it into memory",
}
USES = {
    "anonymous": "memory of programs that is in no file",
    "file": "a part of a file",
    "KSM": "one page for several places with the same contents",
    "page table": "a table of the MMU",
    "free": "free, or about to be",
    "kernel": "in use, and no program's",
}


def page_lines(seen: Seen, thing: Thing) -> Iterator[Line]:
    page = seen.page(int(thing.name.rpartition(" ")[2], 16))
    if page is None:
        yield Line("It is free, or the kernel's own from boot on.")
        return
    yield Line(
        f"Frame {page.pfn:#x} of memory: the 4,096 bytes from physical address "
        f"{page.pfn << PAGE_SHIFT:#x} on.  It is {USES[page.use]}.",
        hang=2,
    )
    yield from counts(seen, page)
    lock = f"PG_locked, held by {page.locked_by}" if page.locked_by else "not locked"
    yield Line(f"lock: {lock}", hang=2)
    if page.mapping:
        yield Line(
            f"mapping {page.mapping}, index {page.index:#x}: who looks for its "
            f"mappings goes by that list, and by that number in each VMA on it",
            hang=2,
        )
    for flag in page.flags:
        yield Line(f"{flag}: {FLAGS[flag]}", hang=2)
    yield from mappers(seen, page.pfn)


def counts(seen: Seen, page: PageView) -> Iterator[Line]:
    """What the two counts count, as far as it can be seen."""
    rest = page.count - page.mapcount
    others = []
    if page.mapcount:
        others.append(f"{page.mapcount} for page-table entries that map it")
    if any(pfn == page.pfn for listed in pagevecs(seen) for _, pfn in listed):
        others.append("1 for the pagevec that it is in")
        rest -= 1
    if "swapcache" in page.flags:
        others.append("1 for the swap cache")
        rest -= 1
    if rest > 0:
        others.append(f"{rest} for whoever else keeps it from being freed")
    told = ", ".join(others) if page.count else "nobody keeps it"
    yield Line(f"count {page.count}, references: {told}", hang=2)
    yield Line(f"mapcount {page.mapcount}: the entries that map it", hang=2)


def pagevecs(seen: Seen) -> tuple[tuple[tuple[str, int], ...], ...]:
    return seen.state.pagevecs if seen.state else ()


def whose_frame(seen: Seen, pfn: int) -> Iterator[Line]:
    """The frame that something leads to, and who owns it."""
    page = seen.page(pfn)
    use = USES[page.use] if page else "free, or the kernel's own"
    lock = f", locked by {page.locked_by}" if page and page.locked_by else ""
    yield Line(f"Frame {pfn:#x} is {use}{lock}.", hang=2)
    yield from mappers(seen, pfn)


def mappers(seen: Seen, pfn: int) -> Iterator[Line]:
    """Every entry that has to do with a frame."""
    for mm in seen.state.mms if seen.state else ():
        for entry in mm.entries:
            if entry.pfn == pfn and entry.kind != "swap entry":
                how = "maps it" if entry.kind == "page" else "names it while it moves"
                yield Line(
                    f"The entry of {entry.address:#x} in {living(mm)} {how}.", hang=2
                )
