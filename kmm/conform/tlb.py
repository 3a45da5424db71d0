"""Recorded scripts of accesses, stores to entries, and flushes.

Each script flushes whatever it changes, as the manual asks.  So every CPU that keeps to
the manual gives the same answers, however much its TLB remembers; one that remembers
too much gives others.

How the recording knew a physical address: every place that a script touches held its
own address, as a number and as code.  A write puts other bytes there.  So a read from
a place that the script has written to says only that it was written to (`WRITTEN`),
and a fetch from it executes those bytes, which ends in one fault or another.

Recorded on QEMU 7.2 and Bochs 2.7.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..hw.cpu import CR0_WP
from ..hw.memory import PhysAddr, VirtAddr
from ..hw.paging import GeneralProtection
from ..sim.machine import run_alone
from .machine import (
    OPERATIONS,
    REFUSED,
    RecordedMachine,
    access_in_words,
    expected_outcome,
    hexadecimal,
    in_words,
    registers,
    ways,
)
from .recorded import Case, Malformed, Skip
from .shape import (
    check_access,
    check_entry,
    check_machine,
    check_outcome,
    entry_bytes,
    linear_bits,
    number,
    one_of,
    required,
)

Op = Sequence[Any]  # kind, CPL, EFLAGS.AC, a, b

ANSWERED = "rwxP"  # the operations that have a result
OTHERS = {
    "S": "store to entry",
    "P": "entry",
    "i": "INVLPG",
    "c": "MOV CR3,",
    "g": "MOV CR4,",
    "z": "CR0.WP",
}

# A place held its address divided by 8; a write puts this there.
WRITTEN = 0x44556677 * 8


def check(case: Case) -> None:
    """Raises Malformed."""
    check_machine(case)
    ops, expect = required(case, "ops"), required(case, "expect")
    if not isinstance(ops, list) or not isinstance(expect, list):
        raise Malformed("ops and expect should be lists")
    for place, op in enumerate(ops):
        try:
            check_op(op, case["mode"])
        except Malformed as error:
            raise Malformed(f"operation {place}: {error}") from None
    answered = [op[0] for op in ops if op[0] in ANSWERED]
    if len(answered) != len(expect):
        raise Malformed(
            f"{len(answered)} operations have a result, but expect has {len(expect)}"
        )
    for place, (kind, result) in enumerate(zip(answered, expect, strict=True)):
        check_result(f"result {place}", kind, result)


def check_op(op: object, mode: str) -> None:
    if not isinstance(op, list) or len(op) != 5:
        raise Malformed("it is not a list of five: kind, CPL, AC, a, b")
    kind, cpl, ac, a, b = op
    one_of("kind", kind, (*OPERATIONS, *OTHERS))
    number("a", a, linear_bits(mode))
    if kind in OPERATIONS:
        check_access(kind, cpl, ac)
    elif kind in "SP":
        check_entry("a, b", a, b, entry_bytes(mode))
    elif kind == "z":
        one_of("CR0.WP", hexadecimal(a), (0, CR0_WP))


def check_result(name: str, kind: str, result: object) -> None:
    if kind != "P":
        check_outcome(name, result)
    elif not isinstance(result, dict) or "val" not in result:
        raise Malformed(f"{name} has no 'val', as that of a P should")
    else:
        number(f"{name}: val", result["val"])


def hold(case: Case) -> tuple[str, str, str] | None:
    """Run one script; the first answer that differs, if one does."""
    if not case.get("agree", True):
        raise Skip("the emulators disagree")
    try:
        machine = RecordedMachine(case)
    except GeneralProtection as refusal:
        return registers(case), "taken", f"#GP(0): {refusal}"
    expect = iter(case["expect"])
    written: set[int] = set()  # physical addresses
    for place, op in enumerate(case["ops"]):
        got = run(machine, op)
        expected = answer(next(expect)) if op[0] in ANSWERED else {}
        if not agrees(op, expected, got, written):
            asked = f"operation {place}, {op_in_words(op)}"
            now = registers_now(case, machine)
            return f"{asked}, {now}", said(expected), said(got)
        if op[0] == "w" and "phys" in got:
            written.add(got["phys"])
    return None


def run(machine: RecordedMachine, op: Op) -> dict[str, Any]:
    """Do one operation; {} if it has no result."""
    kind, cpl, ac, a, b = op
    value = hexadecimal(a)
    match kind:
        case "r" | "w" | "x":
            return machine.reach(VirtAddr(value), ways(cpl, kind, ac))
        case "P":
            return {"val": machine.entry(PhysAddr(value))}
        case "S":
            where, entry = PhysAddr(value), hexadecimal(b)
            machine.memory.write_entry(where, entry, machine.entry_bytes)
            return {}
        case "i":
            machine.cpu.invlpg(VirtAddr(value))
            return {}
        case _:
            return set_register(machine, kind, value)


def set_register(machine: RecordedMachine, kind: str, value: int) -> dict[str, Any]:
    """MOV to a register; {}, or what comes of it if the CPU refuses."""
    cpu = machine.cpu
    try:
        match kind:
            case "c":
                run_alone(cpu.mov_to_cr3(value))
            case "g":
                run_alone(cpu.mov_to_cr4(value))
            case "z":
                run_alone(cpu.mov_to_cr0((cpu.cr0 & ~CR0_WP) | value))
    except GeneralProtection:
        return REFUSED
    return {}


def agrees(
    op: Op, expected: dict[str, Any], got: dict[str, Any], written: set[int]
) -> bool:
    """Whether an answer is the recorded one.

    `written` has the physical addresses that the script has written to.
    """
    if op[0] not in "rx" or got.get("phys") not in written:
        return got == expected
    if op[0] == "r":
        return expected == {"phys": WRITTEN}
    # The fetch came off, and what was fetched was executed; a fault of the fetch
    # itself would have its address in CR2.
    return "vec" in expected and expected.get("cr2") != hexadecimal(op[3])


def answer(expect: Case) -> dict[str, Any]:
    if "val" in expect:
        return {"val": hexadecimal(expect["val"])}
    return expected_outcome(expect)


def said(outcome: dict[str, Any]) -> str:
    if "val" in outcome:
        return f"entry {outcome['val']:#x}"
    return in_words(outcome) if outcome else "done"


def op_in_words(op: Op) -> str:
    kind, cpl, ac, a, _ = op
    if kind in OPERATIONS:
        return access_in_words(kind, hexadecimal(a), cpl, ac)
    return f"{OTHERS[kind]} {hexadecimal(a):#x}"


def registers_now(case: Case, machine: RecordedMachine) -> str:
    cpu = machine.cpu
    now = {"cr0": cpu.cr0, "cr3": cpu.cr3, "cr4": cpu.cr4, "efer": cpu.efer}
    return registers({**case, **now})
