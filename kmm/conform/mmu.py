"""Recorded page walks: one access with given tables and registers.

What must be the same: the physical address, or the fault with its error code and CR2;
and which entries have changed, and to what.  Implementations may differ in one thing:
whether a walk that ends in a fault sets the accessed flags on its way (`ad_may`).
The model sets none.

Recorded on Unicorn 2.1.4, QEMU 7.2 and Bochs 2.7.  Cases on which these disagree are
skipped.
"""

from __future__ import annotations

from ..hw.memory import PhysAddr, VirtAddr
from ..hw.paging import GeneralProtection
from .machine import (
    REFUSED,
    RecordedMachine,
    access_in_words,
    expected_outcome,
    hexadecimal,
    in_words,
    registers,
    ways,
)
from .recorded import Case, Skip
from .shape import (
    check_access,
    check_entries,
    check_machine,
    check_outcome,
    entry_bytes,
    linear_bits,
    number,
    required,
)


def check(case: Case) -> None:
    """Raises Malformed."""
    check_machine(case)
    check_access(required(case, "access"), required(case, "cpl"), case.get("ac", 0))
    number("vaddr", required(case, "vaddr"), linear_bits(case["mode"]))
    expect = required(case, "expect")
    check_outcome("expect", expect)
    size = entry_bytes(case["mode"])
    check_entries("ad", required(expect, "ad"), size)
    check_entries("ad_may", expect.get("ad_may", {}), size)


def hold(case: Case) -> tuple[str, str, str] | None:
    """Run one case; what was asked, expected and got if that differs."""
    if not case.get("agree", True):
        raise Skip("the emulators disagree")
    expect = case["expect"]
    expected = expected_outcome(expect)
    must = entries_of(expect["ad"])
    may = entries_of(expect.get("ad_may", {}))
    address = VirtAddr(hexadecimal(case["vaddr"]))
    operation, cpl, ac = case["access"], case["cpl"], case.get("ac", 0)
    try:
        machine = RecordedMachine(case)
    except GeneralProtection:  # PDPTEs that MOV CR3 refuses
        got, changed = REFUSED, dict[PhysAddr, int]()
    else:
        how = ways(cpl, operation, ac)
        got, changed = machine.reach(address, how), machine.changed()
    if got == expected and is_allowed(changed, must, may):
        return None
    return (
        f"{access_in_words(operation, address, cpl, ac)}, {registers(case)}",
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
