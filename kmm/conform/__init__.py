"""Recorded behaviour of emulated hardware and real kernels, and the model beside it.

Called by `kmm conform`; `examples`, which has the same form, is for `kmm mmu`.

Reading order: `recorded` (files, and what is in them), then one module a kind.  Of the
hardware: `mmu` (page walks that were made on three x86 emulators) and `tlb` (scripts of
accesses and flushes), which use `machine`, a CPU and tables.  Of kernels: `vma`, `cow`,
`ksm` and `move_pages` (programs and what came of their calls; `frames` says which pages
share a frame), `buddy` and `compaction` (a whole machine's memory, as a `picture`).
`shape` says what a case must have.

A new kind is a module with the functions `check` and `hold`, and a line here.
"""

from __future__ import annotations

from collections.abc import Mapping

from . import buddy, compaction, cow, ksm, mmu, move_pages, tlb, vma
from .recorded import (
    Conformity,
    Difference,
    Kind,
    NotRecorded,
    Recorded,
    hold_against,
    read_recorded,
)

KINDS: Mapping[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind(
            "mmu",
            ("cases",),
            ("mode", "mem", "vaddr", "access", "expect"),
            mmu.check,
            mmu.hold,
        ),
        Kind("tlb", ("cases",), ("mode", "mem", "ops", "expect"), tlb.check, tlb.hold),
        Kind(
            "vma",
            ("arena_pages", "cases"),
            ("ops", "steps", "final"),
            vma.check,
            vma.hold,
        ),
        Kind("cow", ("cases",), ("ops", "steps", "stable"), cow.check, cow.hold),
        Kind("ksm", ("cases",), ("advised", "initial", "steps"), ksm.check, ksm.hold),
        Kind(
            "move_pages",
            ("cases",),
            ("flags", "rc", "errno", "pages"),
            move_pages.check,
            move_pages.hold,
        ),
        Kind(
            "buddy",
            ("kpf0", "events", "kpf1"),
            (),
            buddy.check,
            buddy.hold,
            single=True,
        ),
        Kind(
            "compaction",
            ("compaction", "buddy"),
            (),
            compaction.check,
            compaction.hold,
            single=True,
        ),
    )
}

__all__ = [
    "KINDS",
    "Conformity",
    "Difference",
    "Kind",
    "NotRecorded",
    "Recorded",
    "hold_against",
    "read_recorded",
]
