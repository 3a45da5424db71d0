"""`kmm mmu`: a page walk, or one entry, from an example or a file."""

from __future__ import annotations

import json
import os
from argparse import Namespace
from collections.abc import Mapping
from typing import Any

from ..conform.examples import EXAMPLES, REGISTERS
from ..conform.machine import OPERATIONS, RecordedMachine, hexadecimal, ways
from ..conform.recorded import NotRecorded, parse, read_bytes, unpack
from ..hw.cpu import CR0_WP, CR4_SMAP, CR4_SMEP, EFER_NXE
from ..hw.memory import VirtAddr
from ..hw.modes import MODES, CpuId, Level, Mode
from ..hw.paging import GeneralProtection
from ..hw.watch import WatchedWalk, watch
from ..report.mmu import decode_json, decode_text, level_named, walk_json, walk_text
from .exits import OK, Usage
from .output import deliver, text_width

USUAL_EXAMPLE = "user-page"
MOST_ENTRIES = 100_000

# The options that set a bit of a register.
SWITCHES = {
    "wp": ("cr0", CR0_WP),
    "nxe": ("efer", EFER_NXE),
    "smep": ("cr4", CR4_SMEP),
    "smap": ("cr4", CR4_SMAP),
}


def mmu_command(options: Namespace) -> int:
    return walk_command(options) if options.what == "walk" else decode_command(options)


def walk_command(options: Namespace) -> int:
    walk = watched(options)
    if options.json:
        deliver(json.dumps(walk_json(walk)) + "\n", None)
    else:
        deliver(walk_text(walk, text_width()) + "\n", None)
    return OK


def watched(options: Namespace) -> WatchedWalk:
    """The walk that the options ask for.  Raises Usage."""
    case = with_options(case_of(options), options)
    address = case.get("vaddr")
    if address is None:
        raise Usage("no address: give one, as in `kmm mmu walk 7fffffffe123`")
    if case["mode"] != "long" and address >= 1 << 32:
        raise Usage(
            f"{address:#x} has more than the 32 bits that a linear address has in "
            f"mode {case['mode']}"
        )
    try:
        machine = RecordedMachine(case, CpuId(maxphyaddr=options.maxphyaddr))
    except GeneralProtection as error:
        raise Usage(f"the CPU refuses these registers, #GP(0): {error}") from None
    except ValueError as error:
        raise Usage(f"{options.memory or 'the example'}: {error}") from None
    how = ways(case["cpl"], case["access"], case["ac"])
    return watch(machine.cpu, VirtAddr(address), how)


def decode_command(options: Namespace) -> int:
    level, mode = level_and_mode(options)
    if options.json:
        deliver(json.dumps(decode_json(level, mode, options.entry)) + "\n", None)
    else:
        deliver(decode_text(level, mode, options.entry, text_width()) + "\n", None)
    return OK


def level_and_mode(options: Namespace) -> tuple[Level, Mode]:
    """Of which level of which mode the entry is.  Raises Usage if it is of none."""
    mode = MODES[options.mode]
    cpu = CpuId(maxphyaddr=options.maxphyaddr)
    level = level_named(options.level, mode, cpu, nxe=options.nxe)
    if level is None:
        known = ", ".join(level.entry.lower() for level in mode.levels)
        raise Usage(f"mode {mode.name} has no level {options.level!r}; it has {known}")
    if options.entry >> level.entry_bytes * 8:
        raise Usage(
            f"{options.entry:#x} is longer than the {level.entry_bytes} bytes "
            f"of an entry in mode {mode.name}"
        )
    return level, mode


# Where the tables come from.


def case_of(options: Namespace) -> dict[str, Any]:
    """The case of the example or of the file, with every number a number."""
    if options.memory is None:
        case = EXAMPLES[options.example or USUAL_EXAMPLE].case
        return checked("the example", case)
    try:
        document = parse(
            options.memory, unpack(options.memory, read_bytes(options.memory))
        )
    except NotRecorded as error:
        raise Usage(str(error)) from None
    except OSError as error:
        why = os.strerror(error.errno) if error.errno else str(error)
        raise Usage(f"cannot read {options.memory!r}: {why}") from None
    return checked(repr(options.memory), document)


def checked(name: str, document: object) -> dict[str, Any]:
    """A case that can be run.  Raises Usage if something is wrong with it."""
    if not isinstance(document, Mapping):
        raise Usage(f"{name} is JSON, but not an object with cr3 and mem")
    for key in ("cr3", "mem"):
        if key not in document:
            raise Usage(f"{name} has no {key!r}; see `kmm mmu walk --help`")
    mode = document.get("mode", "long")
    if mode not in REGISTERS:
        raise Usage(f"{name}: no mode is called {mode!r}; there is long, pae and 32")
    access = document.get("access", "r")
    if access not in OPERATIONS:
        raise Usage(f"{name}: access is {access!r}, and should be r, w or x")
    case: dict[str, Any] = {"mode": mode, "access": access}
    case["mem"] = entries(name, document["mem"], 4 if mode == "32" else 8)
    usual = {**REGISTERS[mode], "ac": 0, "cpl": 3}
    for key in ("cr0", "cr3", "cr4", "efer", "ac", "cpl", "vaddr"):
        if key in document or key in usual:
            case[key] = number(name, key, document.get(key, usual.get(key)))
    return case


def entries(name: str, mem: object, size: int) -> dict[str, int]:
    if not isinstance(mem, Mapping):
        raise Usage(f"{name}: mem should map addresses of entries to their values")
    if len(mem) > MOST_ENTRIES:
        raise Usage(f"{name}: mem has more than {MOST_ENTRIES:,} entries")
    for address, value in mem.items():
        where = number(name, "an address in mem", address)
        if where % size or where >> 40:
            raise Usage(
                f"{name}: mem has an entry at {where:#x}; entries of {size} bytes are "
                f"at multiples of {size}, below 2^40"
            )
        if number(name, f"the entry at {where:#x}", value) >> size * 8:
            raise Usage(f"{name}: the entry at {where:#x} is longer than {size} bytes")
    return dict(mem)


def number(name: str, key: str, value: object) -> int:
    try:
        found = hexadecimal(value)
    except ValueError:
        found = -1
    if not 0 <= found < 1 << 64:
        raise Usage(f"{name}: {key} is not a number of up to 64 bits")
    return found


def with_options(case: dict[str, Any], options: Namespace) -> dict[str, Any]:
    """What the command line says goes before what the file says."""
    if options.mode is not None and options.mode != case["mode"]:
        case.update(REGISTERS[options.mode], mode=options.mode)
        case["mem"] = entries("mem", case["mem"], 4 if options.mode == "32" else 8)
    for key, value in (
        ("vaddr", options.address),
        ("cr3", options.cr3),
        ("cpl", options.cpl),
        ("access", options.access),
        ("ac", options.ac),
    ):
        if value is not None:
            case[key] = int(value) if isinstance(value, bool) else value
    for switch, (register, bit) in SWITCHES.items():
        wanted = getattr(options, switch)
        if wanted is not None:
            case[register] = case[register] & ~bit | (bit if wanted else 0)
    return case
