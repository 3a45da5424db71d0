"""The TLB: translations that a CPU remembers, and what makes it forget them.

Intel SDM volume 3A, "Caching Translation Information": "Translation Lookaside Buffers
(TLBs)" with "Details of TLB Use" and "Global Pages", "Invalidation of TLBs and
Paging-Structure Caches".

A walk costs up to four reads of memory, so a CPU remembers what came out of it.  It
is not told when somebody changes an entry: the translation that it has stays as it is
until software has it dropped, on this CPU and on every other.  That is what a TLB
shootdown is for (`kmm/mm/tlb.py`), and what goes wrong without one is the race
`tlb-stale`.

    INVLPG a          drops the page that `a` is in, global or not
    MOV to CR3        drops every page that is not global
    CR4.PGE toggled   drops everything

A CPU remembers only translations of which every entry was present, had its reserved
bits 0 and its accessed flag 1.  So an entry that is not present is never remembered:
to make a page present needs no flush.

A CPU asks its TLB first (`Cpu.reach`), and then the tables.  Nothing here is shared:
each CPU has a TLB of its own and is the only one to touch it, so there are no locks,
and no preemption points.

The manual allows a CPU to forget anything at any time, and to remember more than this
one does.  Here one remembers what it used, and forgets when a set is full (first in,
first out) or when told to.  Left out: separate TLBs for instructions, a second level,
PCIDs, the caches of upper entries.  A large page is one translation, not many small
ones.
"""

from __future__ import annotations

from collections.abc import Iterator

from attrs import define, frozen

from .memory import VirtAddr
from .paging import Translation


@frozen
class Geometry:
    """How many translations of one page size fit, and where they may be."""

    entries: int
    ways: int  # translations whose page numbers end alike, that fit at the same time

    @property
    def sets(self) -> int:
        return self.entries // self.ways


@frozen
class TlbSize:
    """The size of a TLB; by default the first-level data TLB of a Core i7 of 2009.

    That is for small and large pages.  The size for huge ones is kmm's own choice.
    """

    small: Geometry = Geometry(entries=64, ways=4)  # 4-KByte pages
    large: Geometry = Geometry(entries=32, ways=4)  # 2 and 4 MBytes
    huge: Geometry = Geometry(entries=4, ways=4)  # 1 GByte

    def of(self, shift: int) -> Geometry:
        """The geometry for pages of 1 << shift bytes."""
        return {12: self.small, 30: self.huge}.get(shift, self.large)


USUAL_TLB = TlbSize()


@define
class Counters:
    """What a performance counter would say; nothing is decided by it."""

    hits: int = 0
    misses: int = 0
    evictions: int = 0  # dropped because their set was full
    dropped: int = 0  # dropped because software said so


class Tlb:
    """What one CPU remembers."""

    TALLIES = ("counters",)  # see `sim.state`

    def __init__(self, size: TlbSize | None = None) -> None:
        self.size = size or TlbSize()
        self.counters = Counters()
        # By page size (as a shift), and then by page number.
        self.arrays: dict[int, dict[int, Translation]] = {}

    def find(self, address: VirtAddr) -> Translation | None:
        """What is remembered about the page of `address`."""
        for shift, array in self.arrays.items():
            found = array.get(address >> shift)
            if found is not None:
                return found
        return None

    def remember(self, found: Translation) -> None:
        """Keep what a walk has found, in the place of what was known of the page."""
        self.forget(found.page)
        array = self.arrays.setdefault(found.shift, {})
        geometry = self.size.of(found.shift)
        number = found.page >> found.shift
        if len(array) >= geometry.ways:  # else no set can be full
            self._make_room(array, geometry, number)
        array[number] = found

    def _make_room(
        self, array: dict[int, Translation], geometry: Geometry, number: int
    ) -> None:
        """If the set of page `number` is full, drop what came into it first."""
        sets = geometry.sets
        same_set = [n for n in array if n % sets == number % sets]
        if len(same_set) >= geometry.ways:
            del array[same_set[0]]
            self.counters.evictions += 1

    def forget(self, address: VirtAddr) -> None:
        """Drop the page of `address`, global or not (INVLPG; a page fault, too)."""
        for shift, array in self.arrays.items():
            if array.pop(address >> shift, None) is not None:
                self.counters.dropped += 1

    def forget_all(self, *, keep_global: bool) -> None:
        """Drop everything, or everything that is not global (MOV to CR3)."""
        for shift, array in self.arrays.items():
            kept = {n: t for n, t in array.items() if keep_global and t.is_global}
            self.counters.dropped += len(array) - len(kept)
            self.arrays[shift] = kept

    def __iter__(self) -> Iterator[Translation]:
        for array in self.arrays.values():
            yield from array.values()

    def __len__(self) -> int:
        return sum(len(array) for array in self.arrays.values())
