"""What is run to find out whether anything notices that a site is left out (`marks`).

Races and random programs, each an `Item` (`noticing`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from history import EXPECTED
from mm.random_calls import varied
from tools.noticing import Item
from tools.shared_programs import (
    ALIKE,
    MERGING,
    MOVING,
    NOTIFIED,
    NOTIFYING,
    RECLAIMING,
    WANTED,
    shared_machine,
)
from tools.small_scenes import SCENES

from kmm.designs import find_kernel
from kmm.scenarios import find_race
from kmm.sim.machine import Machine
from kmm.sim.scene import Scene
from kmm.sim.strategies import Pct, RandomWalk, SourceDpor, Strategy


def race_item(name: str, kernel: str, budget: int, strategy: str = "dpor") -> Item:
    boot = find_race(name).booter(find_kernel(kernel))
    plain = name.partition(":")[0]
    makes: dict[str, Callable[[int], Strategy]] = {
        "dpor": lambda _: SourceDpor(),
        "pct": lambda _: Pct(7),
        "random": lambda _: RandomWalk(7),
    }
    fails = EXPECTED[plain, kernel] == "bug"
    return Item(
        f"{name} on {kernel} ({strategy})",
        (boot,),
        makes[strategy],
        budget,
        True,
        fails,
    )


def scene_item(make: Callable[[], Scene], budget: int) -> Item:
    """All runs of a small scene, or so many."""

    def boot() -> Machine:
        return make().boot()

    return Item(f"{make.__name__} (dpor)", (boot,), lambda _: SourceDpor(), budget)


def programs(
    seeds: range,
    make: Callable[[int], Machine],
    strategy: str,
    *,
    watched: bool = False,
) -> Item:
    """Some machines that `make` makes, and a run of each."""

    def strategy_of(number: int) -> Strategy:
        seed = seeds[number]
        return RandomWalk(seed) if strategy == "random" else Pct(seed)

    how = "watched" if watched else "plain"
    called = f"{make.__name__} {seeds.start} to {seeds.stop - 1} ({strategy}, {how})"
    boots = tuple(partial(make, seed) for seed in seeds)
    return Item(called, boots, strategy_of, 1, watched)


def alone(seed: int) -> Machine:
    return varied(seed, check=False)


def together(seed: int) -> Machine:
    return shared_machine(seed, threads=2 + seed % 2)


def together_before(seed: int) -> Machine:
    """On a kernel with anon_vmas as they were before there were roots."""
    return shared_machine(seed, threads=2 + seed % 2, kernel_name=BEFORE)


def alike(seed: int) -> Machine:
    """With memory that is merged, swapped out, and brought back."""
    return shared_machine(seed, threads=2, program=ALIKE, kernel=MERGING)


def swapping(seed: int) -> Machine:
    """With memory that is given up while all want it."""
    return shared_machine(seed, threads=3, program=WANTED, kernel=RECLAIMING)


def moving(seed: int) -> Machine:
    """The same, on the move, and with blocks that must be made first."""
    return shared_machine(seed, threads=2, program=WANTED, kernel=MOVING)


def notified(seed: int) -> Machine:
    """With address spaces that are locked as a whole, parents and children."""
    return shared_machine(
        seed,
        threads=2,
        program=NOTIFIED,
        kernel=NOTIFYING,
        kernel_name=BEFORE,
    )


def crowded(seed: int) -> Machine:
    """More than 8 CPUs, so that two of them share a slot for flushing TLBs."""
    return shared_machine(seed, threads=9, length=4, frames=192)


def checked(seed: int) -> Machine:
    """All that must always hold is asked at every step."""
    return shared_machine(seed, threads=2 + seed % 2, check=True)


BEFORE = "2.6.35,anon-vma-pin=refcount-locked"

RACES = (
    "exec-stack",
    "vma-adjust",
    "boundary-shift",
    "boundary-shift-child",
    "stack-growth",
    "fork-copy",
    "hole-punch",
    "mremap-move",
    "mremap-peek",
    "mremap-merge",
    "ksm-walk",
    "lock-order",
    "lock-order-newest-first",
    "stale-entry-reuse",
    "anon-vma-pinned",
    "anon-vma-lifetime",
    "anon-vma-window",
    "migration-wait",
    "tlb-flushed",
    "tlb-lazy",
)


def battery() -> list[Item]:
    items = [
        race_item(name, kernel, 30) for kernel in ("2.6.36", "2.6.34") for name in RACES
    ]
    items += [race_item(name, "2.6.36", 15, "pct") for name in RACES]
    for seeds in parts(0, 24, 3):
        items.append(programs(seeds, together, "random", watched=True))
        items.append(programs(seeds, together_before, "pct", watched=True))
    for seeds in parts(0, 24, 4):
        items.append(programs(seeds, alone, "random", watched=True))
    for seeds in parts(100, 220, 20):
        items.append(programs(seeds, together, "random"))
        items.append(programs(seeds, together_before, "pct"))
        items.append(programs(seeds, alone, "random"))
    for seeds in parts(0, 16, 2):
        items.append(programs(seeds, alike, "random", watched=True))
        items.append(programs(seeds, swapping, "random", watched=True))
    for seeds in parts(16, 30, 2):
        items.append(programs(seeds, alike, "random", watched=True))
    for seeds in parts(100, 140, 20):
        items.append(programs(seeds, alike, "pct"))
        items.append(programs(seeds, swapping, "pct"))
    items += [scene_item(make, 60) for make in SCENES]
    for seeds in parts(0, 16, 2):
        items.append(programs(seeds, moving, "random", watched=True))
        items.append(programs(seeds, notified, "random", watched=True))
    for seeds in parts(0, 6, 2):
        items.append(programs(seeds, crowded, "random", watched=True))
    for seeds in parts(300, 308, 2):
        items.append(programs(seeds, checked, "random"))
    return items


def parts(first: int, last: int, size: int) -> Iterator[range]:
    for start in range(first, last, size):
        yield range(start, min(start + size, last))
