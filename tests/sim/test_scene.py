"""A machine of a scene that was put back is like the machine of a new one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from types import FunctionType, MethodType

import pytest
from attrs import define

from kmm.designs import find_kernel
from kmm.hw.memory import PhysicalMemory
from kmm.scenarios import RACES, find_race
from kmm.sim.checkpoint import caches_of, class_of, fields_of, reached, vars_of
from kmm.sim.locks import SpinLock
from kmm.sim.machine import Machine
from kmm.sim.scene import Rewound, Scene
from kmm.sim.strategies import RandomWalk
from kmm.sim.thread import KThread

RUNS = 5


def shape(root: object) -> list[object]:
    """What is reached, in numbers instead of identities: equal for equal graphs."""
    found = list(reached(root))
    numbers = {id(one): number for number, one in enumerate(found)}

    def known(one: object) -> object:
        return numbers.get(id(one), one if plain(one) else type(one).__name__)

    def contents(one: object) -> Iterator[object]:
        if isinstance(one, set | frozenset):
            yield sorted(map(known, one), key=repr)
        elif isinstance(one, list | tuple):
            yield from map(known, one)
        elif isinstance(one, dict):
            yield from [(known(key), known(value)) for key, value in one.items()]
        elif isinstance(one, bytearray):
            yield bytes(one)
        if isinstance(one, FunctionType | MethodType | partial):
            return
        for name in fields_of(class_of(one)):
            yield name, known(getattr(one, name, "unset"))
        yield from [(name, known(value)) for name, value in vars_of(one).items()]

    return [(type(one).__name__, *contents(one)) for one in found]


def plain(one: object) -> bool:
    return isinstance(one, int | float | str | bytes | None | range)


@pytest.mark.parametrize("name", list(RACES), ids=str)
@pytest.mark.parametrize("kernel", ["2.6.34", "2.6.36"])
def test_every_race_is_put_back_whole(name: str, kernel: str) -> None:
    race = find_race(name)
    spec = find_kernel(kernel)
    new = shape(race.scene(spec))
    scene = race.scene(spec)
    boot = Rewound(scene)
    for seed in range(RUNS):
        machine = boot()
        machine.run(RandomWalk(seed))
        machine.close()
    assert boot.checkpoint is not None
    boot.checkpoint.restore()
    assert shape(scene) == new


@pytest.mark.parametrize("name", list(RACES), ids=str)
def test_runs_on_what_was_put_back_are_those_on_a_new_scene(name: str) -> None:
    race = find_race(name)
    spec = find_kernel("2.6.34")
    rewound = Rewound(race.scene(spec))
    for seed in range(RUNS):
        assert told(rewound(), seed) == told(race.scene(spec).boot(), seed)


def told(machine: Machine, seed: int) -> object:
    walk = Walk(seed)
    machine.run(walk)
    machine.close()
    return walk.steps, machine.choices, machine.failure


class Walk(RandomWalk):
    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.next_run()
        self.steps: list[str] = []

    def choose(self, machine: Machine, enabled: Sequence[KThread]) -> KThread:
        chosen = super().choose(machine, enabled)
        self.steps.append(repr(chosen.pending))
        return chosen


def test_caches_are_named_rightly() -> None:
    assert caches_of(PhysicalMemory) <= vars(PhysicalMemory(1)).keys()


@define(eq=False)
class Counting:
    lock: SpinLock
    value: int = 0

    async def add(self) -> None:
        async with self.lock:
            self.value += 1


def test_a_machine_begins_where_its_scene_says_and_its_history_too() -> None:
    counting = Counting(SpinLock("lock"))

    def advance(machine: Machine) -> None:
        while not counting.value:
            machine.step(machine.threads[0])

    scene = Scene(lambda: [KThread("a", 1, 0, counting.add())])
    boot = Rewound(scene.beginning(advance))
    for _ in range(3):
        machine = boot()
        assert machine.choices == []
        assert counting.value == 1
        assert counting.lock.owner is machine.threads[0]
        assert scene.beginning(advance) != scene
        machine.close()
