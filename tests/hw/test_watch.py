"""A watched walk shows what the model's own walk did, and says why it faulted."""

from __future__ import annotations

import pytest

from kmm.conform.examples import EXAMPLES
from kmm.conform.machine import RecordedMachine, hexadecimal, ways
from kmm.hw.memory import VirtAddr
from kmm.hw.paging import GeneralProtection
from kmm.hw.watch import WatchedWalk, bit_list, watch, why
from kmm.sim.machine import run_alone


def walked(name: str) -> WatchedWalk:
    case = EXAMPLES[name].case
    machine = RecordedMachine(case)
    how = ways(case["cpl"], case["access"], case.get("ac", 0))
    return watch(machine.cpu, VirtAddr(hexadecimal(case["vaddr"])), how)


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_watched_walk_ends_as_one_that_nobody_watches(name: str) -> None:
    case, walk = EXAMPLES[name].case, walked(name)
    machine = RecordedMachine(case)
    how = ways(case["cpl"], case["access"], case.get("ac", 0))
    if walk.fault is None:
        assert run_alone(machine.cpu.reach(walk.address, how)) == walk.found
    else:
        with pytest.raises(type(walk.fault)) as caught:
            run_alone(machine.cpu.reach(walk.address, how))
        assert str(caught.value) == str(walk.fault)
    changed = {seen.where: seen.after for seen in walk.seen if seen.after != seen.entry}
    assert changed == machine.changed()


@pytest.mark.parametrize("name", EXAMPLES)
def test_each_level_is_read_once_from_the_top(name: str) -> None:
    walk = walked(name)
    levels = [seen.level.entry for seen in walk.seen]
    assert levels == [level.entry for level in walk.paging.levels][: len(levels)]
    if not isinstance(walk.fault, GeneralProtection):
        assert levels


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("user-page", ""),
        ("read-only", "R/W is 0 in the PTE"),
        ("migration", "the PTE is not present"),
        ("no-table", "the PDPTE is not present"),
        ("no-execute", "XD is 1 in the PTE"),
        ("reserved", "reserved bits of the PTE are 1: 40"),
        ("smap", "CR4.SMAP"),
        ("not-canonical", "not canonical"),
    ],
)
def test_the_cause_of_a_fault_is_named(name: str, reason: str) -> None:
    said = why(walked(name))
    assert reason in said
    assert bool(said) == bool(reason)


def test_the_flags_that_a_walk_sets_are_seen() -> None:
    *upper, last = walked("first-write").seen
    assert last.after == last.entry | 0x60
    assert all(seen.after == seen.entry for seen in upper)


def test_bits_are_listed_from_the_highest() -> None:
    assert bit_list(1 << 51 | 1 << 40 | 1) == "51, 40, 0"
