"""Counting what a piece of the kernel does, while nobody else is about.

Steps, locks and VMAs rather than seconds: a model's time says nothing of a kernel's.
`costs` asks.
"""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

from attrs import define

from ..mm.boot import interrupt_threads
from ..mm.kernel import Kernel
from ..mm.mm_types import Task
from ..sim.failure import Failure
from ..sim.machine import Machine
from ..sim.strategies import RoundRobin
from ..sim.thread import KThread
from ..sim.trap import ACQUIRE, READ, TRY, WRITE, Op


@define(eq=False)
class Counts:
    """A watcher that counts; of one thread, so others may be interrupted meanwhile."""

    thread: int = 0
    steps: int = 0
    anon_vma_locks: int = 0  # taken, one after the other
    held_at_once: int = 0  # at most
    steps_under_lock: int = 0  # of an anon_vma
    vmas_visited: int = 0  # whose bounds a walk has read
    chain_changes: int = 0  # anon_vma_chains linked or unlinked
    failure: Failure | None = None

    def before(self, machine: Machine, thread: KThread) -> None:
        """Nothing is counted before it is done."""

    def after(self, machine: Machine, thread: KThread, op: Op) -> None:
        if thread.index != self.thread:
            return
        self.steps += 1
        held = sum(is_anon_vma_lock(lock.name) for lock in thread.held)
        self.held_at_once = max(self.held_at_once, held)
        self.steps_under_lock += bool(held)
        if op.kind in (ACQUIRE, TRY) and is_anon_vma_lock(op.key):
            self.anon_vma_locks += 1
        elif op.kind is READ and op.key.endswith(".vm_start"):
            self.vmas_visited += 1
        elif op.kind is WRITE and op.key.endswith(".anon_vma_chain"):
            self.chain_changes += 1


def is_anon_vma_lock(name: str) -> bool:
    return name.startswith("anon_vma#") and name.endswith(".lock")


def count(k: Kernel, body: Coroutine[Any, Any, object], task: Task) -> Counts:
    """Run a coroutine as a task on its CPU, to its end; what it did."""
    thread = KThread(task.comm, task.pid, task.cpu.number, body, task=task)
    machine = Machine([thread, *interrupt_threads(k)], max_steps=10_000_000)
    counts = Counts()
    machine.watchers.append(counts)
    machine.run(RoundRobin())
    counts.failure = machine.failure
    machine.close()
    return counts
