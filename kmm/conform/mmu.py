"""Recorded page walks: one access with given tables and registers.

What must be the same: the physical address, or the fault with its error code and CR2;
and which entries have changed, and to what.  Implementations may differ in one thing:
whether a walk that ends in a fault sets the accessed flags on its way (`ad_may`).
"""

from __future__ import annotations

from ..hw.memory import PhysAddr, VirtAddr
from ..hw.paging import GeneralProtection
from .machine import (
    GP,
    RecordedMachine,
    expected_outcome,
    hexadecimal,
    in_words,
    registers,
    ways,
)
from .recorded import Case, Skip


def hold(case: Case) -> tuple[str, str, str] | None:
    """Run one case; what was asked, expected and got if that differs."""
    if not case.get("agree", True):
        raise Skip("the emulators disagree")
    expect = case["expect"]
    expected = expected_outcome(expect)
    must = entries_of(expect["ad"])
    may = entries_of(expect.get("ad_may", {}))
    address = VirtAddr(hexadecimal(case["vaddr"]))
    try:
        machine = RecordedMachine(case)
    except GeneralProtection:  # PDPTEs that MOV CR3 refuses
        got, changed = {"vec": GP}, dict[PhysAddr, int]()
    else:
        how = ways(case["cpl"], case["access"], case.get("ac", 0))
        got, changed = machine.reach(address, how), machine.changed()
    if got == expected and is_allowed(changed, must, may):
        return None
    return (
        f"{case['access']} at {address:#x}, CPL {case['cpl']}, {registers(case)}",
        f"{in_words(expected)}; {entries_in_words(must)}",
        f"{in_words(got)}; {entries_in_words(changed)}",
    )


def entries_of(entries: Case) -> dict[PhysAddr, int]:
    return {PhysAddr(hexadecimal(a)): hexadecimal(v) for a, v in entries.items()}


def is_allowed(
    changed: dict[PhysAddr, int], must: dict[PhysAddr, int], may: dict[PhysAddr, int]
) -> bool:
    """Whether all that had to change has, and nothing that might not."""
    return all(changed.get(a) == value for a, value in must.items()) and all(
        a in must or may.get(a) == value for a, value in changed.items()
    )


def entries_in_words(entries: dict[PhysAddr, int]) -> str:
    if not entries:
        return "no entry changed"
    return ", ".join(f"{a:#x} = {value:#x}" for a, value in sorted(entries.items()))
