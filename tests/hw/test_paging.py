"""The page walk: rights, faults and flags, one by one and as on three emulators."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from kmm.hw.memory import PAGE_SIZE, PhysAddr, PhysicalMemory, VirtAddr
from kmm.hw.paging import (
    LEVELS,
    PF_INSTR,
    PF_PROT,
    PF_RSVD,
    PF_USER,
    PF_WRITE,
    PS,
    RW,
    US,
    XD,
    A,
    Access,
    Control,
    D,
    GeneralProtection,
    P,
    PageFault,
    translate,
)
from kmm.sim.machine import Machine, run_alone
from kmm.sim.search import search
from kmm.sim.strategies import SourceDpor
from kmm.sim.thread import KThread

RECORDED = Path(__file__).parent / "data" / "long_mode_walks.json.gz"
TABLES = [PhysAddr(number * PAGE_SIZE) for number in (1, 2, 3, 4)]
FRAME = 0x5000
ADDRESS = VirtAddr(0x7FFF_FFFF_E123)
ALL = P | RW | US
READ, WRITE, FETCH = Access.READ, Access.WRITE, Access.FETCH


def mapped(*flags: int) -> PhysicalMemory:
    """RAM in which ADDRESS is mapped to FRAME; `flags` of the entries, from the top."""
    memory = PhysicalMemory(frames=64)
    targets = [*TABLES[1:], FRAME]
    for table, level, target, bits in zip(TABLES, LEVELS, targets, flags, strict=True):
        memory.write_entry(slot(table, level), target | bits)
    return memory


def slot(table: PhysAddr, level: Any) -> PhysAddr:
    return PhysAddr(table + level.index(ADDRESS) * 8)


def entries(memory: PhysicalMemory) -> list[int]:
    return [
        memory.read_entry(slot(t, lv)) for t, lv in zip(TABLES, LEVELS, strict=True)
    ]


def reach(
    memory: PhysicalMemory, access: Access, *, user: bool = True, **control: bool
) -> int:
    """The physical address, or minus the error code of the fault."""
    registers = Control(TABLES[0], user, **control)
    try:
        return run_alone(translate(memory, registers, ADDRESS, access))
    except PageFault as fault:
        return -fault.error_code if fault.address == ADDRESS else 0


def test_a_mapped_address_leads_to_its_byte_in_the_frame() -> None:
    assert reach(mapped(ALL, ALL, ALL, ALL), READ) == FRAME + 0x123


@pytest.mark.parametrize("missing", range(4))
def test_an_entry_that_is_not_present_faults_at_any_level(missing: int) -> None:
    flags = [ALL] * 4
    flags[missing] = RW | US
    assert reach(mapped(*flags), WRITE) == -(PF_USER | PF_WRITE)


@pytest.mark.parametrize("level", range(4))
@pytest.mark.parametrize(
    ("denied", "access", "error"),
    [(US, READ, PF_USER), (RW, WRITE, PF_USER | PF_WRITE)],
)
def test_one_level_is_enough_to_deny(
    level: int, denied: int, access: Access, error: int
) -> None:
    flags = [ALL] * 4
    flags[level] &= ~denied
    assert reach(mapped(*flags), access) == -(error | PF_PROT)


def test_the_kernel_may_write_a_read_only_page_only_without_wp() -> None:
    memory = mapped(ALL, ALL, ALL, P)
    assert reach(memory, WRITE, user=False, wp=True) == -(PF_WRITE | PF_PROT)
    assert reach(memory, WRITE, user=False, wp=False) == FRAME + 0x123


def test_xd_forbids_fetches_only_if_nxe_honours_it() -> None:
    memory = mapped(ALL, ALL, ALL | XD, ALL)
    assert reach(memory, FETCH) == -(PF_USER | PF_PROT | PF_INSTR)
    assert reach(memory, READ) == FRAME + 0x123
    # Without NXE the bit is reserved, whatever the access.
    assert reach(memory, READ, nxe=False) == -(PF_USER | PF_PROT | PF_RSVD)


def test_a_reserved_bit_wins_over_missing_rights_but_not_over_absence() -> None:
    reserved = 1 << 45
    no_rights = mapped(ALL, ALL, P | reserved, ALL)
    assert reach(no_rights, WRITE) == -(PF_USER | PF_WRITE | PF_PROT | PF_RSVD)
    absent = mapped(ALL, ALL, reserved, ALL)
    assert reach(absent, WRITE) == -(PF_USER | PF_WRITE)


def test_a_read_sets_accessed_in_every_entry_and_dirty_in_none() -> None:
    memory = mapped(ALL, ALL, ALL, ALL)
    reach(memory, READ)
    assert [entry & (A | D) for entry in entries(memory)] == [A] * 4


def test_a_write_sets_dirty_in_the_leaf_alone() -> None:
    memory = mapped(ALL, ALL, ALL, ALL)
    reach(memory, WRITE)
    assert [entry & (A | D) for entry in entries(memory)] == [A, A, A, A | D]


def test_a_walk_that_faults_does_not_set_dirty() -> None:
    memory = mapped(ALL, ALL, ALL, P | US)
    reach(memory, WRITE)
    assert not any(entry & D for entry in entries(memory))


def test_a_large_page_ends_the_walk() -> None:
    memory = mapped(ALL, ALL, ALL, ALL)
    memory.write_entry(slot(TABLES[2], LEVELS[2]), 0x40_0000 | ALL | PS)
    assert reach(memory, READ) == 0x40_0000 + ADDRESS % (2 << 20)


def test_an_address_that_is_not_canonical_is_a_general_protection_fault() -> None:
    memory = mapped(ALL, ALL, ALL, ALL)
    control = Control(TABLES[0], user=True)
    with pytest.raises(GeneralProtection):
        run_alone(translate(memory, control, VirtAddr(1 << 47), READ))


def test_a_walk_never_marks_an_entry_that_was_emptied_under_it() -> None:
    """Another CPU empties the leaf; whichever comes first, it stays empty."""
    seen = set()

    def boot() -> Machine:
        memory = mapped(ALL | A, ALL | A, ALL | A, ALL)
        leaf = memory.pointer(slot(TABLES[3], LEVELS[3]))

        async def access() -> None:
            try:
                await translate(memory, Control(TABLES[0], True), ADDRESS, WRITE)
                outcome = "reached"
            except PageFault:
                outcome = "faulted"
            seen.add(outcome)

        async def unmap() -> None:
            old = await leaf.exchange(0)
            seen.add(f"dirty {bool(old & D)}")

        def check() -> None:
            assert memory.read_entry(leaf.address) == 0

        bodies = (access(), unmap())
        return Machine([KThread("t", i, i, b) for i, b in enumerate(bodies)], check)

    assert search(boot, SourceDpor()).verdict == "proved"
    assert seen == {"reached", "faulted", "dirty True", "dirty False"}


# Recorded cases.


def recorded() -> list[dict[str, Any]]:
    with gzip.open(RECORDED, "rt") as file:
        cases: list[dict[str, Any]] = json.load(file)["cases"]
    return cases


def run_recorded(case: dict[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """What the model does with a case: the outcome, and the entries that changed."""
    memory = PhysicalMemory(frames=1 << 28)
    before = {address: int(value, 16) for address, value in case["mem"].items()}
    for address, value in before.items():
        memory.write_entry(PhysAddr(int(address, 16)), value)
    control = Control(
        PhysAddr(case["cr3"]),
        user=case["cpl"] == 3,
        wp=bool(case["cr0"] & (1 << 16)),
        nxe=bool(case["efer"] & (1 << 11)),
    )
    access = {"r": READ, "w": WRITE, "x": FETCH}[case["access"]]
    address = VirtAddr(int(case["vaddr"], 16))
    outcome: dict[str, Any]
    try:
        physical = run_alone(translate(memory, control, address, access))
        outcome = {"phys": f"{physical:x}"}
    except PageFault as fault:
        outcome = {"vec": 14, "err": fault.error_code, "cr2": f"{fault.address:x}"}
    except GeneralProtection:
        outcome = {"vec": 13}
    after = {a: memory.read_entry(PhysAddr(int(a, 16))) for a in before}
    return outcome, {a: f"{after[a]:x}" for a in before if after[a] != before[a]}


def agrees(case: dict[str, Any]) -> bool:
    outcome, changed = run_recorded(case)
    expect = case["expect"]
    told = {name: expect[name] for name in outcome if name in expect}
    if outcome != told:
        return False
    may = expect.get("ad_may", {})
    must = expect["ad"]
    return all(changed.get(a) == value for a, value in must.items()) and all(
        a in must or may.get(a) == value for a, value in changed.items()
    )


def test_every_recorded_walk_comes_out_as_on_three_emulators() -> None:
    cases = recorded()
    assert len(cases) == 4426
    assert [case for case in cases if not agrees(case)] == []
