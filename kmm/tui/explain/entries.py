"""Page-table entries bit by bit, and what a TLB remembers of them."""

from __future__ import annotations

from collections.abc import Iterator

from ...hw.memory import PAGE_SHIFT
from ...mm.pgtable import LEVELS
from ...report.changes import tlb_entry_name
from ...report.mmu import bit_rows, seen_alone, what_it_is
from ..lines import FATAL, Line
from ..pictures.seen import LEVEL_NAMES, Seen, dim, entry_at
from .pages import whose_frame
from .things import Thing

HANG = 24  # of the meaning of a bit


def entry_lines(seen: Seen, thing: Thing) -> Iterator[Line]:
    """A bottom-level entry: where it is, its bits, and the frame that it leads to."""
    slot = thing.slot
    assert slot is not None
    entry = entry_at(slot.mm, slot.address)
    yield from decoded(thing, entry.value if entry else 0)
    if entry is None:
        yield Line("A touch of that page faults, and the fault finds it empty.", hang=2)
    elif entry.kind == "swap entry":
        yield Line(f"Its page is in slot {entry.pfn} of the swap device.", hang=2)
    else:
        yield from whose_frame(seen, entry.pfn)


def upper_lines(seen: Seen, thing: Thing) -> Iterator[Line]:
    slot = thing.slot
    assert slot is not None
    values: dict[int, int] = {upper.where: upper.value for upper in slot.mm.upper}
    yield from decoded(thing, values.get(slot.where, 0))


def decoded(thing: Thing, value: int) -> Iterator[Line]:
    """An entry as the manual reads it."""
    slot = thing.slot
    assert slot is not None
    level = LEVELS[LEVEL_NAMES.index(slot.level)]
    yield Line(
        f"{level.entry} of {slot.mm.name}, at physical address {slot.where:#x} "
        f"(entry {slot.where % (1 << PAGE_SHIFT) // level.entry_bytes:#x} of the table "
        f"in frame {slot.where >> PAGE_SHIFT:#x}).",
        hang=2,
    )
    yield Line(f"Its value is {value:#018x}:", hang=2)
    alone = seen_alone(level, value)
    for where, name, bit, meaning in bit_rows(alone):
        yield Line(f"  {where:>6} {name:8} {bit:>6} {meaning}", hang=HANG)
    yield Line(f"{what_it_is(alone)}.", hang=2)


def tlb_lines(seen: Seen, thing: Thing) -> Iterator[Line]:
    """A remembered translation."""
    for cpu in seen.state.cpus if seen.state else ():
        for known in cpu.tlb:
            if tlb_entry_name(cpu, known) == thing.name:
                yield Line(
                    f"CPU {cpu.number} goes to page {known.pfn:#x} for this address, "
                    f"without a look at the page table, until it is told to forget.",
                    hang=2,
                )
                yield dim(f"flags: {' '.join(known.flags)}")
                if known.stale:
                    text = "It is stale: the page table says otherwise by now."
                    yield Line(text, FATAL, hang=2)
                yield from whose_frame(seen, known.pfn)
