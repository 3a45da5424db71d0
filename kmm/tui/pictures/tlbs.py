"""What each CPU remembers of the page tables, beside what they say now."""

from __future__ import annotations

from collections.abc import Iterator

from ...mm.observe import CpuView, State, TlbEntryView
from ...report.changes import tlb_entry_name
from ..lines import FATAL, Line
from .seen import Seen, dim, entry_at, title


def tlbs(seen: Seen, width: int) -> list[Line]:
    state = seen.state
    if state is None:
        return []
    lines: list[Line] = []
    for cpu in state.cpus:
        lazy = " (lazy: only borrowed)" if cpu.lazy else ""
        lines.append(title(f"CPU {cpu.number}: {cpu.task}, in {cpu.active_mm}{lazy}"))
        lines += tlb(seen, state, cpu)
    masks = [f"{mm.name} {mm.cpu_vm_mask:#b}" for mm in state.mms]
    lines.append(
        dim(f"cpu_vm_mask, a bit for each CPU that a flush goes to: {', '.join(masks)}")
    )
    return lines


def tlb(seen: Seen, state: State, cpu: CpuView) -> Iterator[Line]:
    if not cpu.tlb:
        yield dim("remembers nothing: the next access walks the tables")
    for known in cpu.tlb:
        mark = FATAL if known.stale else seen.mark(tlb_entry_name(cpu, known))
        stale = "  STALE" if known.stale else ""
        yield Line(f"{known.address:#x}  TLB: {known}{stale}", mark, hang=4)
        yield dim(f"{' ' * len(hex(known.address))}  now: {now(state, cpu, known)}", 4)


def now(state: State, cpu: CpuView, known: TlbEntryView) -> str:
    """What the page table says that the CPU would walk."""
    mm = next((one for one in state.mms if one.name == cpu.active_mm), None)
    entry = entry_at(mm, known.address) if mm else None
    return str(entry) if entry else "empty"
