"""What must hold of every operation that a race or a random program announces."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import Enum

import pytest
from tools.shared_programs import (
    ALIKE,
    KERNEL,
    MERGING,
    MOVING,
    PROGRAM,
    RECLAIMING,
    WANTED,
    shared_machine,
)

from kmm.designs import find_kernel
from kmm.scenarios import RACES, find_race
from kmm.scenarios.found import names_elsewhere
from kmm.sim.machine import Machine
from kmm.sim.strategies import RandomWalk
from kmm.sim.thread import KThread
from kmm.sim.trap import Op


class Onlooker:
    """Looks at every value that a recording would have, and at all who wait."""

    def __init__(self) -> None:
        self.waiting: list[tuple[KThread, Op, bool]] = []
        self.nameless: set[tuple[str, str]] = set()  # values that are no plain ones
        self.unannounced: set[tuple[str, str]] = set()  # a step, and whom it let go on

    def before(self, machine: Machine, thread: KThread) -> None:
        assert thread.pending is not None
        self.look(thread.pending)
        self.waiting = [
            (other, other.pending, other.pending.possible())
            for other in machine.threads
            if other is not thread and other.pending is not None
        ]

    def after(self, machine: Machine, thread: KThread, op: Op) -> None:
        self.look(op)
        for other, wanted, before in self.waiting:
            is_changed = other.pending is wanted and wanted.possible() != before
            if is_changed and not op.conflicts(wanted):
                self.unannounced.add((repr(op), repr(wanted)))

    def look(self, op: Op) -> None:
        value = op.peek()
        if not is_plain(value) or " at 0x" in repr(value):
            self.nameless.add((op.key, repr(value)[:80]))


def is_plain(value: object) -> bool:
    """Whether a value is printed alike in every run."""
    if isinstance(value, tuple):
        return all(map(is_plain, value))
    return value is None or isinstance(value, int | str | bytes | Enum)


def random_runs(name: str, runs: int) -> Iterator[Machine]:
    race = find_race(name)
    boot = race.rewinder(find_kernel("2.6.34"))
    for _ in range(runs):
        yield boot()


def looked_at(machine: Machine, seed: int) -> Onlooker:
    onlooker, strategy = Onlooker(), RandomWalk(seed)
    machine.watchers.append(onlooker)
    strategy.next_run()
    machine.run(strategy)
    machine.close()
    return onlooker


@pytest.mark.parametrize("name", [*RACES, *names_elsewhere()])
def test_races_name_things_alike_and_announce_who_may_go_on(name: str) -> None:
    for seed, machine in enumerate(random_runs(name, runs=3)):
        onlooker = looked_at(machine, seed)
        assert not onlooker.nameless
        assert not onlooker.unannounced


@pytest.mark.parametrize(
    ("program", "kernel"),
    [(PROGRAM, KERNEL), (ALIKE, MERGING), (WANTED, RECLAIMING), (WANTED, MOVING)],
    ids=["all", "merging", "reclaiming", "moving"],
)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_random_programs_do_so_too(
    program: Sequence[str], kernel: Sequence[str], seed: int
) -> None:
    onlooker = looked_at(shared_machine(seed, program=program, kernel=kernel), seed)
    assert not onlooker.nameless
    assert not onlooker.unannounced
