"""A recorded compaction of a fragmented machine, and the model's of the same memory.

The recording has a picture of all frames before and after, every page that moved, and
what the two scanners looked at.  The kernel was 6.12, whose compaction remembers where
it was and chooses its blocks otherwise; so the moves themselves are not compared.  What
both must show: every page moves upwards, the scanners meet, free blocks become larger,
and every page still holds what its program wrote.

In the model the pages that were on the LRU are those of one program, in the same
frames; all other frames that were in use stay so.
"""

from __future__ import annotations

from typing import Any

from attrs import frozen

from ..hw.memory import PAGE_SHIFT, PAGE_SIZE, Pfn, PhysAddr, VirtAddr
from ..kernel.process import Process, start_process
from ..mm.compaction import (
    COMPACT_ALL,
    COMPACT_COMPLETE,
    CompactControl,
    compact_zone,
)
from ..mm.kernel import Kernel
from ..mm.mm_types import PG_uptodate
from ..mm.page_alloc import drain_all_pages
from ..mm.pgtable import mk_pte, pte_alloc, pte_mkwrite
from ..mm.rmap import page_add_new_anon_rmap
from ..mm.swap import lru_add_drain_all, lru_cache_add_active_anon
from .frames import frame_at
from .picture import boot_from, buddyinfo, check_buddyinfo, check_picture, runs_of
from .recorded import Case, Malformed
from .shape import required

AREA = VirtAddr(0x7F00_0000_0000)
MOVABLE = "AKCM"  # letters of pages that are on the LRU

LARGE = 9  # the order that a large block has at least


def check(case: Case) -> None:
    """Raises Malformed."""
    run = required(case, "compaction")
    if not isinstance(run, dict):
        raise Malformed("compaction should be an object")
    for name in ("kpf0", "kpf1"):
        check_picture(name, required(run, name))
    for name in ("buddyinfo0", "buddyinfo1"):
        check_buddyinfo(name, required(run, name))
    for move in required(run, "moves"):
        if not isinstance(move, list) or len(move) != 2:
            raise Malformed(f"moves: {move!r} is not two pfns")


@frozen
class Shape:
    """What can be said of any compaction."""

    upwards: bool  # every page that moved is higher up now
    met: bool  # the scanners came to each other in every zone
    larger: bool  # fewer free blocks, and at least as many large ones
    intact: bool  # no page has lost what was written to it

    def __str__(self) -> str:
        words = {
            "upwards": self.upwards,
            "scanners met": self.met,
            "larger free blocks": self.larger,
            "contents intact": self.intact,
        }
        return ", ".join(w if holds else f"NOT {w}" for w, holds in words.items())


def hold(case: Case) -> tuple[str, str, str] | None:
    """Compact the same memory; what is different in shape, if anything is."""
    run = case["compaction"]
    expected, got = recorded_shape(run), model_shape(run)
    if got != expected:
        return "compaction of all zones", str(expected), str(got)
    return None


def recorded_shape(run: Case) -> Shape:
    """Of the recording, which ended by itself and found no page damaged."""
    upwards = all(old < new for old, new in run["moves"])
    larger = is_less_fragmented(run["buddyinfo0"], run["buddyinfo1"])
    return Shape(upwards, True, larger, True)


def is_less_fragmented(
    before: dict[str, list[int]], after: dict[str, list[int]]
) -> bool:
    """Whether free memory, all zones together, is in fewer and larger blocks."""
    few = sum(map(sum, after.values())) < sum(map(sum, before.values()))
    return few and large_blocks(after) >= large_blocks(before)


def large_blocks(free: dict[str, list[int]]) -> int:
    """How many free blocks are of order 9 or more."""
    return sum(sum(blocks[LARGE:]) for blocks in free.values())


def model_shape(run: Case) -> Shape:
    """Put pages where the recording had them, and compact every zone."""
    k = boot_from(run["kpf0"])
    process, pages = fill(k, run["kpf0"])
    before = buddyinfo(k)
    met = True
    process.run(lru_add_drain_all(k))
    for zone in k.zones:
        control = CompactControl(zone, COMPACT_ALL)
        met = met and process.run(compact_zone(k, control)) == COMPACT_COMPLETE
    process.run(lru_add_drain_all(k))
    process.run(drain_all_pages(k))
    upwards = intact = True
    for number, old in enumerate(pages):
        address = VirtAddr(AREA + number * PAGE_SIZE)
        new = frame_at(process, address)
        upwards = upwards and new is not None and old <= new
        intact = intact and process.load(address, 8) == mark(number)
    larger = is_less_fragmented(before, buddyinfo(k))
    return Shape(upwards, met, larger, intact)


def fill(k: Kernel, picture: list[list[Any]]) -> tuple[Process, list[Pfn]]:
    """A process with all movable pages of a picture; their frames, lowest first."""
    pages = [Pfn(pfn) for frames in runs_of(picture, MOVABLE) for pfn in frames]
    process = start_process(k, "frag")
    process.map_anonymous(AREA, len(pages))
    process.run(place_pages(k, process, pages))
    return process, pages


async def place_pages(k: Kernel, process: Process, pages: list[Pfn]) -> None:
    """Map frames, which nobody uses, as if the process had touched them in order."""
    (vma,) = process.mm.mmap
    await k.rmap_walk.anon_vma_prepare(k, vma)
    for number, pfn in enumerate(pages):
        address = VirtAddr(AREA + number * PAGE_SIZE)
        ptep = await pte_alloc(k, process.mm, address)
        assert ptep is not None
        page = k.mem_map[pfn]
        page.count, page.flags = 1, PG_uptodate
        k.memory.write(PhysAddr(pfn << PAGE_SHIFT), mark(number))
        page_add_new_anon_rmap(page, vma, address)
        await lru_cache_add_active_anon(k, page)
        await ptep.write(pte_mkwrite(mk_pte(page, vma.vm_page_prot)))


def mark(number: int) -> bytes:
    """What the process wrote into a page."""
    return (number + 1).to_bytes(8, "little")
