"""What can be seen of a machine at work, at one moment: what both faces show live.

Plain values, so that one thread may read them while another goes on with the run.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from attrs import frozen

from ..mm.vmstat import free_blocks_by_order
from .userland import System

EVENTS = {
    "faults": "pgfault",
    "migrations": "pgmigrate_success",
    "swapped in": "pswpin",
    "swapped out": "pswpout",
}


@frozen
class Gauges:
    """One moment of a run."""

    seconds: float  # of virtual time
    steps: int
    events: Mapping[str, int]  # since the start: what the kernel counts (EVENTS)
    counts: Mapping[str, int]  # and what the programs do
    processes: Mapping[str, int]  # that live, by the name of their program
    address_spaces: int
    wanting: int  # threads that want a CPU
    running: tuple[str, ...]  # by CPU; "idle" if nobody does
    free: Mapping[str, tuple[int, ...]]  # blocks by order, of each zone
    swap_used: int  # slots
    swap_slots: int


def read_gauges(system: System) -> Gauges:
    k, machine = system.k, system.machine
    alive = (t for t in k.tasks.values() if t.mm is not None and t.exit_code is None)
    return Gauges(
        system.table.seconds(system.now),
        machine.steps,
        {name: k.vm_events[event] for name, event in EVENTS.items()},
        dict(sorted(system.counts.items())),
        dict(sorted(Counter(task.comm for task in alive).items())),
        len(k.mms),
        sum(rq.load for rq in machine.rqs),
        tuple(rq.current.thread.name if rq.current else "idle" for rq in machine.rqs),
        {f"node {z.node} {z.name}": tuple(free_blocks_by_order(z)) for z in k.zones},
        k.swap.inuse_pages,
        k.config.swap_slots,
    )
