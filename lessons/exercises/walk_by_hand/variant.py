"""Four tables and an address, made from a seed; the answers are the model's own."""

from __future__ import annotations

import random
from typing import Any

from kmm.conform.examples import REGISTERS
from kmm.conform.machine import RecordedMachine, ways
from kmm.exercises.answers import Ask, Variant
from kmm.hw.memory import PAGE_SIZE, VirtAddr
from kmm.hw.modes import RW, US, A, D, P

LEVELS = ("PML4", "PDPT", "PD", "PT")
SHIFTS = (39, 30, 21, 12)
STORES = ("done", "page fault")


def variant(seed: int) -> Variant:
    """The questions of a seed.

    Chance is `random()` alone, whose numbers are the same on every Python.
    """
    chance = random.Random(seed)

    def below(limit: int) -> int:
        return int(chance.random() * limit)

    indexes = (below(256), below(512), below(512), below(512))
    address = sum(i << shift for i, shift in zip(indexes, SHIFTS, strict=True))
    address += below(PAGE_SIZE)
    frames = [0x1000 + 0x100 * level + below(0x100) for level in range(5)]
    writable = chance.random() < 0.5
    read_only_at = 1 + below(3)
    mem = {}
    for level, index in enumerate(indexes):
        entry = frames[level + 1] * PAGE_SIZE | P | RW | US | A
        entry |= D if level == 3 else 0
        if level == read_only_at and not writable:
            entry &= ~RW
        mem[f"{frames[level] * PAGE_SIZE + index * 8:x}"] = f"{entry:x}"
        other = (index + 1 + below(500)) % 512  # stands there to be taken for it
        decoy = (0x2000 + below(0x1000)) * PAGE_SIZE | P | RW | US
        mem[f"{frames[level] * PAGE_SIZE + other * 8:x}"] = f"{decoy:x}"
    case = {"mode": "long", **REGISTERS["long"], "mem": mem}
    case["cr3"] = frames[0] * PAGE_SIZE
    return Variant(text_of(case, address), asks_of(case, address, indexes, frames))


def text_of(case: dict[str, Any], address: int) -> str:
    rows = sorted(
        (int(where, 16), int(value, 16)) for where, value in case["mem"].items()
    )
    listed = "\n".join(f"    {where:#9x}   {value:#018x}" for where, value in rows)
    return (
        f"CR3 is {case['cr3']:#x}, CR0.WP and EFER.NXE are 1.\n"
        f"The address is **{address:#x}**.\n\n"
        f"    where       entry\n{listed}\n"
    )


def asks_of(
    case: dict[str, Any], address: int, indexes: tuple[int, ...], frames: list[int]
) -> tuple[Ask, ...]:
    read = RecordedMachine(case).reach(VirtAddr(address), ways(3, "r", 0))
    store = RecordedMachine(case).reach(VirtAddr(address), ways(3, "w", 0))
    return (
        Ask("pml4_index", "At which index of the top table (PML4)?", indexes[0]),
        Ask("pdpt_index", "At which index of the second (PDPT)?", indexes[1]),
        Ask("pd_index", "At which index of the third (PD)?", indexes[2]),
        Ask("pt_index", "At which index of the last (PT)?", indexes[3]),
        Ask(
            "pte_at",
            "At which physical address does the last entry stand?",
            frames[3] * PAGE_SIZE + indexes[3] * 8,
        ),
        Ask("physical", "To which physical address does a read go?", read["phys"]),
        Ask(
            "store",
            f"What becomes of a store from user mode: {' or '.join(STORES)}?",
            STORES["vec" in store],
        ),
    )
