"""Small memories to walk, of the same shape as recorded cases.

Each maps one address, in one of the modes, and makes a point.  Everything is as on
Linux but for that.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import frozen

from ..hw.cpu import (
    CR0_PE,
    CR0_PG,
    CR0_WP,
    CR4_PAE,
    CR4_PGE,
    CR4_PSE,
    CR4_SMAP,
    EFER_LMA,
    EFER_LME,
    EFER_NXE,
)

CR0 = CR0_PE | CR0_WP | CR0_PG

# Registers as Linux has them, by mode.
REGISTERS: Mapping[str, Mapping[str, int]] = {
    "long": {
        "cr0": CR0,
        "cr4": CR4_PAE | CR4_PGE,
        "efer": EFER_LME | EFER_LMA | EFER_NXE,
    },
    "pae": {"cr0": CR0, "cr4": CR4_PAE | CR4_PGE, "efer": EFER_NXE},
    "32": {"cr0": CR0, "cr4": CR4_PSE | CR4_PGE, "efer": 0},
}

# Tables for the address 0x7fffffffe123: one entry in each.
UPPER = {"17f8": "2067", "2ff8": "3067", "3ff8": "4067"}
PTE = "4ff0"


@frozen
class Example:
    """A case, and what is to be seen in it."""

    name: str
    title: str
    case: Mapping[str, Any]


def long_mode(mem: Mapping[str, str], **more: Any) -> dict[str, Any]:
    case = {"mode": "long", "cr3": 0x1000, "vaddr": "7fffffffe123", "mem": mem}
    return {**case, **REGISTERS["long"], "cpl": 3, "access": "r", **more}


def legacy(mode: str, mem: Mapping[str, str], **more: Any) -> dict[str, Any]:
    case = {"mode": mode, "cr3": 0x1000, "mem": mem}
    return {**case, **REGISTERS[mode], "cpl": 3, "access": "r", **more}


EXAMPLES: Mapping[str, Example] = {
    example.name: example
    for example in (
        Example(
            "user-page",
            "a page of a program's stack",
            long_mode({**UPPER, PTE: "8000000000005067"}),
        ),
        Example(
            "first-write",
            "a page that is old and clean, and is written to",
            long_mode({**UPPER, PTE: "8000000000005007"}, access="w"),
        ),
        Example(
            "read-only",
            "a write to a page that two processes share until one writes",
            long_mode({**UPPER, PTE: "8000000000005065"}, access="w"),
        ),
        Example(
            "migration",
            "a migration entry, which is not present to the CPU",
            long_mode({**UPPER, PTE: "a3e"}),
        ),
        Example(
            "no-table",
            "nothing is mapped here, nor near",
            long_mode({"17f8": "2067", "2ff8": "0"}),
        ),
        Example(
            "no-execute",
            "a jump onto the stack",
            long_mode({**UPPER, PTE: "8000000000005067"}, access="x"),
        ),
        Example(
            "reserved",
            "an entry with address bits that the CPU does not have",
            long_mode({**UPPER, PTE: "10000005067"}),
        ),
        Example(
            "smap",
            "the kernel looks at a program's page, and has not said that it means to",
            long_mode(
                {**UPPER, PTE: "8000000000005067"},
                cpl=0,
                cr4=CR4_PAE | CR4_PGE | CR4_SMAP,
            ),
        ),
        Example(
            "large",
            "a 2-MByte page of the kernel's, global",
            long_mode(
                {"1ff8": "2063", "2ff0": "3063", "3000": "10001e3"},
                vaddr="ffffffff80012345",
                cpl=0,
            ),
        ),
        Example(
            "huge",
            "a 1-GByte page of the kernel's",
            long_mode(
                {"1880": "2063", "2008": "80000000400001e3"},
                vaddr="ffff880056789abc",
                cpl=0,
            ),
        ),
        Example(
            "not-canonical",
            "an address that is none",
            long_mode(UPPER, vaddr="800000000000"),
        ),
        Example(
            "pae",
            "PAE paging: its top entries are in registers",
            legacy(
                "pae",
                {"1010": "2001", "2ff8": "3067", "3ff0": "8000000000005067"},
                vaddr="bfffe123",
            ),
        ),
        Example(
            "two-level",
            "32-bit paging, as on a PC of 1995",
            legacy("32", {"1bfc": "2067", "2ff8": "5067"}, vaddr="bfffe123"),
        ),
        Example(
            "pse36",
            "a 4-MByte page above 4 GBytes, in entries of 32 bits",
            legacy("32", {"1c00": "c061e3"}, vaddr="c0123456", cpl=0),
        ),
    )
}
