"""Recorded scripts of accesses, stores to entries, and flushes.

Each script flushes whatever it changes, as the manual asks.  So every CPU that keeps to
the manual gives the same answers, however much its TLB remembers; one that remembers
too much gives others.

How the recording knew a physical address: every place that a script touches held its
own address, as a number and as code.  A write puts other bytes there.  So a read from
a place that the script has written to says only that it was written to (`WRITTEN`),
and a fetch from it executes those bytes, which ends in one fault or another.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..hw.cpu import CR0_WP
from ..hw.memory import PhysAddr, VirtAddr
from ..sim.machine import run_alone
from .machine import (
    RecordedMachine,
    expected_outcome,
    hexadecimal,
    in_words,
    registers,
    ways,
)
from .recorded import Case, Skip

Op = Sequence[Any]  # kind, CPL, EFLAGS.AC, a, b

ANSWERED = "rwxP"  # the operations that have a result
WRITTEN = 0x222AB33B8  # what a written place says in the place of its address


def hold(case: Case) -> tuple[str, str, str] | None:
    """Run one script; the first answer that differs, if one does."""
    if not case.get("agree", True):
        raise Skip("the emulators disagree")
    machine = RecordedMachine(case)
    expect = iter(case["expect"])
    written: set[int] = set()  # physical addresses
    for number, op in enumerate(case["ops"]):
        got = run(machine, op)
        if op[0] not in ANSWERED:
            continue
        expected = answer(next(expect))
        if op[0] in "rx" and got.get("phys") in written:
            agrees = is_of_written_place(op[0], expected)
        else:
            agrees = got == expected
        if op[0] == "w" and "phys" in got:
            written.add(got["phys"])
        if not agrees:
            return (
                f"operation {number} ({' '.join(map(str, op))}), {registers(case)}",
                said(expected),
                said(got),
            )
    return None


def run(machine: RecordedMachine, op: Op) -> dict[str, Any]:
    """Do one operation; {} if it has no result."""
    kind, cpl, ac, a, b = op
    cpu, value = machine.cpu, hexadecimal(a)
    match kind:
        case "r" | "w" | "x":
            return machine.reach(VirtAddr(value), ways(cpl, kind, ac))
        case "P":
            return {"val": machine.entry(PhysAddr(value))}
        case "S":
            where, entry = PhysAddr(value), hexadecimal(b)
            machine.memory.write_entry(where, entry, machine.entry_bytes)
        case "i":
            cpu.invlpg(VirtAddr(value))
        case "c":
            run_alone(cpu.mov_to_cr3(value))
        case "g":
            run_alone(cpu.mov_to_cr4(value))
        case "z":
            run_alone(cpu.mov_to_cr0((cpu.cr0 & ~CR0_WP) | value))
        case _:
            raise ValueError(f"no operation is called {kind!r}")
    return {}


def is_of_written_place(kind: str, expected: dict[str, Any]) -> bool:
    """Whether a read or a fetch was recorded to have found written bytes."""
    if kind == "r":
        return expected == {"phys": WRITTEN}
    return "vec" in expected


def answer(expect: Case) -> dict[str, Any]:
    if "val" in expect:
        return {"val": hexadecimal(expect["val"])}
    return expected_outcome(expect)


def said(outcome: dict[str, Any]) -> str:
    return f"entry {outcome['val']:#x}" if "val" in outcome else in_words(outcome)
