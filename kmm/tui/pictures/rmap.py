"""Pages, their anon_vmas, and the VMAs that these list: what reverse mapping goes by.

`>` is where a walk is: the VMA that it looks into, and the entry that it looks at.
"""

from __future__ import annotations

from collections.abc import Iterator

from attrs import frozen

from ...mm.observe import AnonVmaView, MmView, State, VmaView
from ...report.words import kernel_trace
from ..lines import CURRENT, Line
from ..tables import Look, rmap_looks
from .seen import Seen, Slot, dim, entry_at, title

# What the functions that walk are called, whatever the design.
WALKS = ("rmap_walk", "try_to_unmap", "page_referenced")


@frozen
class Walk:
    """Where a thread is that follows the reverse mapping."""

    thread: str
    function: str
    vma: str | None  # that it looked into last
    slot: Slot | None  # the entry that it looked at last, in that VMA


def reverse_mapping(seen: Seen, width: int) -> list[Line]:
    state = seen.state
    if state is None:
        return []
    walks = list(walks_of(seen))
    looks = list(rmap_looks(state))
    lines = [walk_line(walk) for walk in walks]
    lines.append(title("page -> anon_vma -> VMAs -> where the page would be"))
    if not looks:
        lines.append(dim("no page is in an anon_vma that lists a VMA"))
    for anon_vma in state.anon_vmas:
        lines += graph(seen, state, anon_vma, looks, walks)
    lines.append(title("VMA -> its anon_vmas, the newest first (anon_vma_chain)"))
    for mm in state.mms:
        for vma in mm.vmas:
            lines.append(vma_line(seen, vma, mm.name))
    return lines


def walks_of(seen: Seen) -> Iterator[Walk]:
    """The threads that are in the middle of a walk."""
    for index in range(len(seen.recording.threads)):
        names = [place.function for place in seen.moment.standing[index]]
        outer = [name for name in names if name.startswith(WALKS)]
        if outer:
            vma, slot = looked_into(seen, index)
            yield Walk(seen.thread(index), outer[-1], vma, slot)


def looked_into(seen: Seen, thread: int) -> tuple[str | None, Slot | None]:
    """The last VMA that a walk looked into, and the entry that it looked at since."""
    slot: Slot | None = None
    for step in reversed(seen.recording.steps[: seen.at]):
        if step.thread != thread:
            continue
        if not any(p.function.startswith(WALKS) for p in kernel_trace(step.trace)):
            return None, None
        if step.target.startswith("vma#"):
            return step.target.partition(".")[0], slot
        slot = slot or seen.slot_of(step.target)
    return None, None


def walk_line(walk: Walk) -> Line:
    where = f"in {walk.vma}" if walk.vma else "at no VMA yet"
    at = ""
    if walk.slot is not None:
        at = f", at the {walk.slot.level} of {walk.slot.address:#x}"
    return Line(f"{walk.thread} walks ({walk.function}): {where}{at}", CURRENT, hang=2)


def graph(
    seen: Seen,
    state: State,
    anon_vma: AnonVmaView,
    looks: list[Look],
    walks: list[Walk],
) -> Iterator[Line]:
    """The pages that one anon_vma is the mapping of, and the VMAs on its list."""
    pages = [page for page in state.pages if page.mapping == anon_vma.name]
    names = [f"page {page.pfn:#x}" for page in pages]
    shown = [f"{n} (index {p.index:#x})" for n, p in zip(names, pages, strict=True)]
    yield Line(", ".join(shown) or "no page", seen.mark(*names), hang=2)
    yield Line(
        f"  -> {anon_vma.name}: lock {anon_vma.lock}, "
        f"external_refcount {anon_vma.refcount}",
        seen.mark(anon_vma.name, f"{anon_vma.name}.lock"),
        "loud",
        hang=5,
    )
    spaces = {vma.name: (mm, vma) for mm in state.mms for vma in mm.vmas}
    for name in anon_vma.vmas:
        mm, vma = spaces[name]
        here = [walk.thread for walk in walks if walk.vma == name]
        mark = CURRENT if here else seen.mark(name)
        told = f"  <- {', '.join(here)} is here" if here else ""
        bounds = f"{vma.start:#x} to {vma.end:#x}"
        yield Line(f"       -> {name} of {mm.name}, {bounds}{told}", mark, hang=10)
        for look in looks:
            if look.vma.name == name and look.page.mapping == anon_vma.name:
                yield look_line(look, mm, walks)
    if not anon_vma.vmas:
        yield dim("       -> no VMA")


def look_line(look: Look, mm: MmView, walks: list[Walk]) -> Line:
    """Where in one VMA one page would be, and what is there."""
    text = f"            page {look.page.pfn:#x}"
    if not look.is_inside:
        return Line(f"{text}: nowhere, {look.address:#x} is outside", hang=14)
    entry = entry_at(mm, look.address)
    here = [
        walk.thread
        for walk in walks
        if walk.slot and (walk.slot.level, walk.slot.address) == ("pte", look.address)
    ]
    told = f"  <- {', '.join(here)} looks here" if here else ""
    there = str(entry) if entry else "empty"
    mark = CURRENT if here else " "
    return Line(f"{text}: {look.address:#x}, {there}{told}", mark, hang=14)


def vma_line(seen: Seen, vma: VmaView, mm: str) -> Line:
    chain = " -> ".join(vma.anon_vmas) or "none"
    listed = "" if vma.listed else "; known to reverse mapping only"
    return Line(f"{vma.name} of {mm} -> {chain}{listed}", seen.mark(vma.name), hang=4)
