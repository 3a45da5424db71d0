"""What changed between two moments of a run, item by item.

Each moment is spread out into objects and their fields, all in words; two moments
are then compared field by field, so a change is named at the depth where it happened:
`vma#1.vm_start`, not "the address space".  Used by `exports` and the screen
(`kmm.tui.session`); its panes have the names of objects from here, so that all speak of
the same things.
"""

from __future__ import annotations

from collections.abc import Sequence

from attrs import frozen

from ..hw.memory import PAGE_SHIFT
from ..mm.observe import (
    AnonVmaView,
    CpuView,
    MmView,
    PageView,
    State,
    TlbEntryView,
    VmaView,
)
from ..sim.recording import Moment, ThreadInfo

Fields = dict[str, str]

# An object that is not there has this in the place of each value, by its kind.
ABSENT = {
    "entry": "empty",
    "tlb": "nothing",
    "vma": "not there",
    "page": "free",
    "anon_vma": "not there",
    "lock": "free",
    "thread": "runs",
}
# Of these, the whole is said only when they come or go; else their fields say more.
DETAILED = ("vma", "anon_vma")
# The fields whose changes one would want to stop at; "" is the object as a whole.
LOUD = ("", "vm_start", "vm_end", "vm_flags", "vmas", "flags", "mapping")


@frozen
class Fact:
    """An object at one moment."""

    kind: str  # a key of ABSENT
    fields: Fields  # "" stands for the object as a whole


@frozen
class Change:
    """One field of one object, before and after."""

    kind: str
    name: str  # of the object
    field: str  # "" if it is the object as a whole
    before: str
    after: str

    @property
    def what(self) -> str:
        return f"{self.name}.{self.field}" if self.field else self.name

    @property
    def is_loud(self) -> bool:
        """Whether this is worth stopping at: memory, or the lock of a page."""
        if self.kind == "lock":
            return self.name.startswith("PG_locked")
        return self.kind != "thread" and self.field in LOUD

    def __str__(self) -> str:
        return f"{self.what}  {self.before} -> {self.after}"


def changes_between(
    before: Moment, after: Moment, threads: Sequence[ThreadInfo]
) -> list[Change]:
    """The changes, page-table entries first."""
    old, new = facts(before, threads), facts(after, threads)
    found: list[Change] = []
    for name in {**new, **old}:
        found += compare(name, old.get(name), new.get(name))
    kinds = list(ABSENT)
    return sorted(found, key=lambda change: kinds.index(change.kind))


def compare(name: str, old: Fact | None, new: Fact | None) -> list[Change]:
    """The changes of one object; one change only if it came or went."""
    if old is None or new is None:
        fact = new or old
        assert fact is not None
        absent = ABSENT[fact.kind]
        before = old.fields[""] if old else absent
        after = new.fields[""] if new else absent
        return [Change(fact.kind, name, "", before, after)]
    return [
        Change(new.kind, name, field, old.fields[field], value)
        for field, value in new.fields.items()
        if old.fields[field] != value and (field or new.kind not in DETAILED)
    ]


def facts(moment: Moment, threads: Sequence[ThreadInfo]) -> dict[str, Fact]:
    """Everything that can be seen at one moment, by the name of the object."""
    found: dict[str, Fact] = {}
    if isinstance(moment.state, State):
        several = len(moment.state.mms) > 1
        for mm in moment.state.mms:
            found.update(mm_facts(mm, several=several))
        for cpu in moment.state.cpus:
            for known in cpu.tlb:
                found[tlb_entry_name(cpu, known)] = Fact("tlb", {"": str(known)})
        for page in moment.state.pages:
            found[f"page {page.pfn:#x}"] = page_fact(page)
        for anon_vma in moment.state.anon_vmas:
            found[anon_vma.name] = anon_vma_fact(anon_vma)
    for lock, holders in lock_holders(moment, threads).items():
        found[lock] = Fact("lock", {"": f"held by {holders}"})
    for thread, op, blocked in zip(
        threads, moment.about_to, moment.blocked, strict=True
    ):
        if blocked and op is not None:
            wanted = op.partition(" ")[2]
            found[thread_name(thread)] = Fact("thread", {"": f"waits for {wanted}"})
    return found


def mm_facts(mm: MmView, *, several: bool) -> dict[str, Fact]:
    found = {
        entry_name(mm, entry.address, several=several): Fact("entry", {"": str(entry)})
        for entry in mm.entries
    }
    found.update({vma.name: vma_fact(vma) for vma in mm.vmas})
    return found


def entry_name(mm: MmView, address: int, *, several: bool) -> str:
    """A bottom-level entry, and whose it is if there are several address spaces."""
    whose = f" of {mm.name}" if several else ""
    return f"pte of {address:#x}{whose}"


def vma_fact(vma: VmaView) -> Fact:
    where = "in the list" if vma.listed else "for reverse mapping only"
    return Fact(
        "vma",
        {
            "": f"{where}, {vma.start:#x} to {vma.end:#x}",
            "vm_start": f"{vma.start:#x}",
            "vm_end": f"{vma.end:#x}",
            "vm_pgoff": f"{vma.pgoff:#x}",
            "vm_flags": " ".join(vma.flags),
            "anon_vma_chain": ", ".join(vma.anon_vmas) or "empty",
        },
    )


def tlb_entry_name(cpu: CpuView, known: TlbEntryView) -> str:
    return f"TLB of CPU {cpu.number} at {known.address:#x}"


def page_fact(page: PageView) -> Fact:
    return Fact(
        "page",
        {
            "": "free" if page.count == 0 else "in use",
            "count": str(page.count),
            "mapcount": str(page.mapcount),
            "flags": " ".join(page.flags) or "none",
            "mapping": page.mapping or "none",
            "index": f"{page.index:#x}",
        },
    )


def anon_vma_fact(anon_vma: AnonVmaView) -> Fact:
    return Fact(
        "anon_vma",
        {
            "": f"with {', '.join(anon_vma.vmas)}",
            "vmas": ", ".join(anon_vma.vmas) or "none",
            "external_refcount": str(anon_vma.refcount),
        },
    )


def lock_holders(moment: Moment, threads: Sequence[ThreadInfo]) -> dict[str, str]:
    """Each lock that is held, and by whom; twice if it is held twice."""
    holders: dict[str, list[str]] = {}
    for thread, held in zip(threads, moment.held, strict=True):
        for lock in dict.fromkeys(held):
            times = held.count(lock)
            again = f" ({times} times)" if times > 1 else ""
            holders.setdefault(lock, []).append(thread_name(thread) + again)
    return {lock: ", ".join(names) for lock, names in holders.items()}


def thread_name(thread: ThreadInfo) -> str:
    return f"{thread.comm}:{thread.pid}"


def page_number(address: int) -> str:
    """The number of the page that an address is in, as vm_pgoff counts."""
    return f"{address >> PAGE_SHIFT:#x}"
