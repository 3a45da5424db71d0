"""What a case must look like, looked at before any case is run.

Called for every case while files are read, so that what is wrong with one is said
before minutes of work, and so that whatever is raised later is kmm's own mistake.
Each function raises Malformed, which says what is wrong.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..hw.cpu import mode_of
from ..hw.modes import MODES
from ..hw.paging import GeneralProtection
from .machine import CPUID, OPERATIONS, PF, hexadecimal
from .recorded import Case, Malformed

REGISTERS = ("cr0", "cr3", "cr4", "efer")
SHOWN = 40  # characters of a value in a complaint


def number(name: str, value: object, bits: int = 64) -> int:
    """A number of up to so many bits."""
    try:
        found = hexadecimal(value)
    except ValueError:
        raise Malformed(f"{name}: {shown(value)} is not a number") from None
    if found >> bits:
        raise Malformed(f"{name}: {shown(value)} has more than {bits} bits")
    return found


def required(case: Case, name: str) -> Any:
    """The value of a key that must be there."""
    if name not in case:
        raise Malformed(f"it has no {name!r}")
    return case[name]


def operations(case: Case) -> tuple[list[Any], list[Any]]:
    """What was done, and what was seen after each.  Raises Malformed."""
    ops, steps = required(case, "ops"), required(case, "steps")
    if not isinstance(ops, list) or not isinstance(steps, list):
        raise Malformed("ops and steps should be lists")
    if len(ops) != len(steps):
        raise Malformed(f"{len(ops)} operations, but {len(steps)} steps")
    return ops, steps


def one_of(name: str, value: object, allowed: tuple[object, ...]) -> None:
    """A value that must be one of a few, and of the same type."""
    # True is no 1 here, and 1.0 neither.
    if not any(type(value) is type(one) and value == one for one in allowed):
        known = ", ".join(map(str, allowed))
        raise Malformed(f"{name} is {shown(value)}, and should be one of {known}")


def shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= SHOWN else text[:SHOWN] + "..."


def check_machine(case: Case) -> None:
    """The registers and the entries of a case, and whether its sources agree."""
    one_of("agree", case.get("agree", True), (True, False))
    mode = required(case, "mode")
    one_of("mode", mode, tuple(MODES))
    for name in REGISTERS:
        if not isinstance(required(case, name), int):
            raise Malformed(f"{name}: {shown(case[name])} is not a decimal number")
        number(name, case[name])
    check_entries("mem", required(case, "mem"), entry_bytes(mode))
    try:
        selected = mode_of(case["cr0"], case["cr4"], case["efer"]).name
    except GeneralProtection as error:
        raise Malformed(f"no CPU takes these registers: {error}") from None
    if selected != mode:
        raise Malformed(f"mode is {mode!r}, but the registers select {selected}")


def entry_bytes(mode: str) -> int:
    """The size of an entry in a mode: 4 or 8."""
    return MODES[mode].levels[-1].entry_bytes


def linear_bits(mode: str) -> int:
    """Bits of an address that a program can write down."""
    return 64 if mode == "long" else 32


def check_entries(name: str, entries: object, size: int) -> None:
    """Entries of `size` bytes, by their physical addresses."""
    if not isinstance(entries, Mapping):
        raise Malformed(f"{name} should map addresses of entries to their values")
    for address, value in entries.items():
        check_entry(name, address, value, size)


def check_entry(name: str, address: object, value: object, size: int) -> None:
    """One entry of `size` bytes, at an address that it is aligned to."""
    if number(f"{name}: address", address, CPUID.maxphyaddr) % size:
        raise Malformed(f"{name}: {shown(address)} is not a multiple of {size}")
    number(f"{name}: entry at {shown(address)}", value, size * 8)


def check_access(operation: object, cpl: object, ac: object) -> None:
    """The letter of an access, the privilege, and EFLAGS.AC."""
    one_of("access", operation, tuple(OPERATIONS))
    one_of("cpl", cpl, (0, 3))
    one_of("ac", ac, (0, 1))


def check_outcome(name: str, expect: object) -> None:
    """What came of an access: a physical address, or an exception."""
    if not isinstance(expect, Mapping):
        raise Malformed(f"{name} is not an object")
    if ("phys" in expect) == ("vec" in expect):
        raise Malformed(f"{name} should have one of 'phys' and 'vec'")
    if "phys" in expect:
        number(f"{name}: phys", expect["phys"])
        return
    is_page_fault = number(f"{name}: vec", expect["vec"], bits=8) == PF
    number(f"{name}: err", expect.get("err", None if is_page_fault else 0))
    if is_page_fault:
        number(f"{name}: cr2", expect.get("cr2"))
