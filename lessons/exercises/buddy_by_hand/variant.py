"""A day of a small zone, made from a seed and lived through by the model's allocator.

A block is taken only where there is one alone that will do, so nobody need know the
order of a list; and days are drawn until one has something to ask.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from attrs import define, field, frozen

from kmm.designs import parse_kernel
from kmm.exercises.answers import Ask, Variant
from kmm.mm.boot import start_kernel
from kmm.mm.buddy import free_blocks, free_one_page, rmqueue
from kmm.mm.kernel import Config, Kernel
from kmm.mm.mm_types import Page
from kmm.mm.mmzone import Zone

CONFIG = Config(cpus=1, frames=64)
ORDERS = 5  # blocks of 1 to 16 pages: there are no larger ones
STEPS = 9
NAMES = "ABCDEFGHI"

Below = Callable[[int], int]
Blocks = set[tuple[int, int]]  # the first frame and the order of each


@frozen
class Step:
    """One call of the allocator, and the free blocks before it and after it."""

    name: str  # of the block that is taken, or given back
    order: int
    taken: bool
    pfn: int
    before: Blocks
    after: Blocks

    @property
    def text(self) -> str:
        if self.taken:
            return f"{self.name} = a block of order {self.order}"
        return f"{self.name} is given back"

    @property
    def splits(self) -> int:
        """Each leaves one block more, and the last half is taken."""
        return len(self.after) - len(self.before) + 1

    @property
    def merges(self) -> int:
        """One block comes, and each merge makes one of two."""
        return len(self.before) + 1 - len(self.after)


@define
class Day:
    """A zone, what is taken of it, and what was done so far."""

    k: Kernel
    held: dict[str, tuple[Page, int]] = field(factory=dict)
    steps: list[Step] = field(factory=list)

    @property
    def zone(self) -> Zone:
        return self.k.zones[0]

    @property
    def migratetype(self) -> int:
        """So small a zone is one pageblock, all of one type."""
        return self.zone.pageblock_type(self.zone.zone_start_pfn)

    def can_take(self, order: int) -> bool:
        """Whether there is one block to take it from, and no second one as small."""
        orders = [one for _, one in blocks(self.k) if one >= order]
        return bool(orders) and orders.count(min(orders)) == 1

    def take(self, order: int) -> None:
        before = blocks(self.k)
        name = NAMES[sum(step.taken for step in self.steps)]
        page = rmqueue(self.k, self.zone, order, self.migratetype)
        assert page is not None
        self.held[name] = (page, order)
        self.note(name, order, page.pfn, before, taken=True)

    def give_back(self, name: str) -> None:
        before = blocks(self.k)
        page, order = self.held.pop(name)
        free_one_page(self.k, self.zone, page, order, self.migratetype)
        self.note(name, order, page.pfn, before, taken=False)

    def note(
        self, name: str, order: int, pfn: int, before: Blocks, *, taken: bool
    ) -> None:
        after = blocks(self.k)
        self.steps.append(Step(name, order, taken, pfn, before, after))

    @property
    def last_taken(self) -> Step:
        return [step for step in self.steps if step.taken][-1]

    def is_worth_asking(self, merges: int) -> bool:
        """The last block that is taken splits another, and in the last step some merge.

        What is given back there is another one, and something is left that is not free.
        """
        last = self.steps[-1]
        return (
            self.last_taken.splits >= 1
            and not last.taken
            and last.merges == merges
            and last.name != self.last_taken.name
            and len(self.held) >= 2
        )


def variant(seed: int) -> Variant:
    """The questions of a seed.  Chance is `random()` alone, as in all variants."""
    chance = random.Random(seed)

    def below(limit: int) -> int:
        return int(chance.random() * limit)

    merges = 1 + below(2)
    while True:
        day = drawn(below)
        if day.is_worth_asking(merges):
            return Variant(text_of(day), asks_of(day))


def drawn(below: Below) -> Day:
    """Blocks are taken, and some given back; rather taken, at first."""
    base = CONFIG.frames // 2 * below(2)
    usable = [range(base + 2 + below(10), base + CONFIG.frames // 2)]
    day = Day(start_kernel(CONFIG, parse_kernel("2.6.34"), usable))
    for number in range(STEPS):
        orders = [order for order in range(3) if day.can_take(order)]
        if day.held and (not orders or below(STEPS) < number):
            day.give_back(sorted(day.held)[below(len(day.held))])
        else:
            day.take(orders[below(len(orders))])
    return day


def blocks(k: Kernel) -> Blocks:
    return {(page.pfn, order) for page, order, _ in free_blocks(k.zones[0])}


def text_of(day: Day) -> str:
    rows = [f"    {number}. {step.text}" for number, step in enumerate(day.steps, 1)]
    first = ", ".join(in_words(one) for one in sorted(day.steps[0].before))
    return f"At first these blocks are free: {first}.\n\n" + "\n".join(rows) + "\n"


def in_words(block: tuple[int, int]) -> str:
    pfn, order = block
    return f"{pfn} to {pfn + (1 << order) - 1}" if order else f"{pfn} alone"


def asks_of(day: Day) -> tuple[Ask, ...]:
    taken, last = day.last_taken, day.steps[-1]
    number = day.steps.index(taken) + 1
    merged = next(iter(last.after - last.before))
    counts = [[order for _, order in last.after].count(one) for one in range(ORDERS)]
    return (
        Ask("begins", f"Step {number}: at which frame does it begin?", taken.pfn),
        Ask("splits", f"Step {number}: how often is a block split?", taken.splits),
        Ask("merges", "The last step: how often do two blocks merge?", last.merges),
        Ask("becomes", "At which frame does the result begin?", merged[0]),
        Ask("order", "And which order has it?", merged[1]),
        Ask(
            "counts",
            "After it: how many blocks are free, of order 0, 1, 2, 3 and 4?",
            " ".join(str(count) for count in counts),
        ),
    )
