"""What can be asked about: the objects of the last step, then all others."""

from __future__ import annotations

from collections.abc import Iterator

from attrs import frozen

from ...mm.observe import MmView
from ...report.changes import entry_name, tlb_entry_name
from ..pictures.seen import ENTRY, Seen, Slot
from ..tables import known_locks
from .lock_facts import is_lock


@frozen
class Thing:
    """Something with a name.  `kind` says who explains it."""

    kind: str  # "pte", "upper", "tlb", "vma", "anon_vma", "page", "lock" or "other"
    name: str
    target: str  # what steps call it, or what the names of its fields begin with
    slot: Slot | None = None  # of an entry
    field: str = ""  # that the last step had to do with

    def has(self, target: str) -> bool:
        """Whether a step on `target` is one on this."""
        return target == self.target or target.startswith(f"{self.target}.")


def things(seen: Seen) -> list[Thing]:
    """What the last step had to do with, what it changed, and all else."""
    found: dict[str, Thing] = {}
    everything = {thing.name: thing for thing in all_things(seen)}
    if seen.step is not None:
        of_step = thing_of(seen, seen.step.target)
        found[of_step.name] = of_step
    for name in sorted(seen.changed):
        if name in everything:
            found.setdefault(name, everything[name])
    for name, thing in everything.items():
        found.setdefault(name, thing)
    return list(found.values())


def thing_of(seen: Seen, target: str) -> Thing:
    """What a step had to do with."""
    slot = seen.slot_of(target)
    if slot is not None:
        return entry_thing(seen, slot)
    for thing in all_things(seen):
        if thing.has(target) and thing.kind != "lock":
            rest = target.removeprefix(thing.target).lstrip(".")
            if rest == "lock":
                break
            return Thing(thing.kind, thing.name, thing.target, thing.slot, rest)
    return named(target)


def named(target: str) -> Thing:
    """A lock, or something else of which there is only the name."""
    return Thing("lock" if is_lock(target) else "other", target, target)


def entry_thing(seen: Seen, slot: Slot) -> Thing:
    several = seen.state is not None and len(seen.state.mms) > 1
    target = f"{ENTRY}{slot.where:#x}"
    if slot.level == "pte":
        name = entry_name(slot.mm, slot.address, several=several)
        return Thing("pte", name, target, slot)
    whose = f" of {slot.mm.name}" if several else ""
    return Thing("upper", f"{slot.level} of {slot.address:#x}{whose}", target, slot)


def all_things(seen: Seen) -> Iterator[Thing]:
    """In the order of the memory pane, and then the locks that are held or wanted."""
    state = seen.state
    if state is not None:
        for mm in state.mms:
            yield from things_of(seen, mm)
        for cpu in state.cpus:
            for known in cpu.tlb:
                name = tlb_entry_name(cpu, known)
                yield Thing("tlb", name, name)
        for page in state.pages:
            yield Thing("page", f"page {page.pfn:#x}", f"page {page.pfn:#x}")
        for anon_vma in state.anon_vmas:
            yield Thing("anon_vma", anon_vma.name, anon_vma.name)
    held = (lock for locks in seen.moment.held for lock in locks)
    for lock in dict.fromkeys([*held, *wanted(seen), *known_locks(state)]):
        yield named(lock)


def things_of(seen: Seen, mm: MmView) -> Iterator[Thing]:
    """The entries and VMAs of an address space."""
    for entry in mm.entries:
        yield entry_thing(seen, Slot(mm, "pte", entry.address, entry.where))
    for vma in mm.vmas:
        yield Thing("vma", vma.name, vma.name)
    for upper in mm.upper:
        yield entry_thing(seen, Slot(mm, upper.level, upper.address, upper.where))


def wanted(seen: Seen) -> Iterator[str]:
    """What threads wait for."""
    pairs = zip(seen.moment.about_to, seen.moment.blocked, strict=True)
    for op, blocked in pairs:
        if blocked and op is not None:
            yield op.partition(" ")[2]
