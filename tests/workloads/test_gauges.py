"""What can be seen of a run while it goes on."""

from __future__ import annotations

from attrs import evolve

from kmm.designs import parse_kernel
from kmm.workloads.endurance import run
from kmm.workloads.gauges import Gauges, read_gauges
from kmm.workloads.stress import small
from kmm.workloads.userland import System

RECIPE = evolve(small(parse_kernel("v6")), only="bcd")
TICK = 0.000_5  # seconds


def watched(duration: float) -> list[Gauges]:
    found: list[Gauges] = []

    def look(system: System) -> bool:
        found.append(read_gauges(system))
        return True

    run(RECIPE, duration, look, tick=TICK)
    return found


def test_there_is_a_moment_for_each_tick() -> None:
    moments = watched(0.002)
    assert [round(moment.seconds / TICK) for moment in moments] == [1, 2, 3, 4]
    assert moments[0].steps < moments[-1].steps
    assert moments[0].events["faults"] < moments[-1].events["faults"]


def test_who_lives_is_told_by_the_name_of_his_program() -> None:
    (first, *_, last) = watched(0.002)
    assert first.processes["stress-d"] == last.processes["stress-d"] == 1
    assert not any(name.startswith("kswapd") for name in last.processes)
    assert len(last.running) == RECIPE.cpus


def test_memory_is_told_by_zone_and_order_and_swap_by_its_slots() -> None:
    last = watched(0.002)[-1]
    (free,) = last.free.values()
    pages = sum(number << order for order, number in enumerate(free))
    assert 0 < pages < RECIPE.frames
    assert len(free) == 11
    assert last.swap_slots == RECIPE.swap_slots > RECIPE.frames
    assert 0 <= last.swap_used < last.swap_slots
