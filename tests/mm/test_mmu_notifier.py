"""Registering an mmu notifier holds everything still, and lets go of it again."""

from __future__ import annotations

import pytest
from areas import AREA
from building import alone, boot

from kmm.designs import QUESTIONS, KernelSpec, find_kernel
from kmm.hw.memory import PAGE_SIZE, VirtAddr
from kmm.kernel.process import Process, start_process
from kmm.kernel.syscalls import sys_mmap, sys_mprotect
from kmm.mm.audit import audit
from kmm.mm.mm_types import AnonVma
from kmm.mm.mmap import MAP_ANONYMOUS, MAP_SHARED, PROT_READ
from kmm.mm.mmu_notifier import mmu_notifier_register
from kmm.sim.locks import ExclusiveLock
from kmm.sim.machine import Machine
from kmm.sim.thread import KThread
from kmm.sim.trap import ACQUIRE, Op

ANSWERS = list(QUESTIONS["take-all-locks"])


def spec(answer: str, walk: str = "local-lock") -> KernelSpec:
    kernel = find_kernel("2.6.34").with_answer("take-all-locks", answer)
    return kernel.with_answer("rmap-walk", walk)


def family(kernel: KernelSpec) -> Process:
    """A grandchild: it has VMAs with three anon_vmas each, and one of a file."""
    process = start_process(boot(kernel, frames=128), "server")
    process.map_anonymous(AREA, 4)
    for page in range(4):
        process.store(VirtAddr(AREA + page * PAGE_SIZE), b"x")
    for _ in range(2):
        process = process.fork()
        process.store(AREA, b"mine")
    k, task = process.k, process.task
    process.run(sys_mprotect(k, task, AREA, PAGE_SIZE, PROT_READ))
    flags = MAP_SHARED | MAP_ANONYMOUS
    process.run(sys_mmap(k, task, AREA + 64 * PAGE_SIZE, PAGE_SIZE, 3, flags))
    return process


class Taken:
    """The order in which locks are taken, and which are held at the fullest moment."""

    def __init__(self) -> None:
        self.order: list[str] = []
        self.most: list[str] = []

    def before(self, machine: Machine, thread: KThread) -> None:
        pass

    def after(self, machine: Machine, thread: KThread, op: Op) -> None:
        if op.kind is ACQUIRE:
            self.order.append(op.key)
        if len(thread.held) > len(self.most):
            self.most = [lock.name for lock in thread.held]


def register(process: Process) -> Taken:
    taken = Taken()
    body = mmu_notifier_register(process.k, process.mm, "kvm")
    machine = Machine([KThread("qemu", 9, 0, body)])
    machine.watchers.append(taken)
    while machine.enabled():
        machine.step(machine.enabled()[0])
    assert machine.failure is None
    machine.close()
    return taken


def anon_vmas(process: Process) -> list[AnonVma]:
    found = [avc.anon_vma for vma in process.mm.mmap for avc in vma.anon_vma_chain]
    return list(dict.fromkeys(found))


@pytest.mark.parametrize("answer", ANSWERS)
def test_at_one_moment_every_lock_of_the_address_space_is_held(answer: str) -> None:
    process = family(spec(answer))
    names = {anon_vma.lock.name for anon_vma in anon_vmas(process)}
    assert len(names) == 3
    assert names <= set(register(process).most)


@pytest.mark.parametrize("answer", ANSWERS)
def test_afterwards_none_is_held_and_the_notifier_is_there(answer: str) -> None:
    process = family(spec(answer))
    register(process)
    locks: list[ExclusiveLock] = [a.lock for a in anon_vmas(process)]
    assert all(lock.owner is None for lock in locks)
    assert not any(a.taken for a in anon_vmas(process))
    assert process.k.mm_all_locks_mutex.owner is None
    assert process.mm.notifiers == ["kvm"]
    alone(mmu_notifier_register(process.k, process.mm, "drm"))
    assert process.mm.notifiers == ["kvm", "drm"]
    process.exit()
    audit(process.k)


def locks_of_anon_vmas(process: Process) -> list[int]:
    """The numbers of anon_vmas, as their locks are taken; the older, the smaller."""
    order = register(process).order
    return [
        int(name.partition("#")[2].partition(".")[0])
        for name in order
        if name.startswith("anon_vma#")
    ]


def test_newest_first_takes_a_vmas_own_anon_vma_before_its_ancestors() -> None:
    numbers = locks_of_anon_vmas(family(spec("newest-first")))
    assert numbers == sorted(numbers, reverse=True)


def test_oldest_first_goes_the_other_way() -> None:
    numbers = locks_of_anon_vmas(family(spec("oldest-first")))
    assert numbers == sorted(numbers)


def test_where_the_root_has_the_lock_it_is_taken_once() -> None:
    process = family(spec("root-mark", "root-lock"))
    assert len(anon_vmas(process)) == 3
    assert len(locks_of_anon_vmas(process)) == 1


def test_marks_on_each_anon_vma_would_lock_one_root_twice() -> None:
    process = family(spec("newest-first", "root-lock"))
    with pytest.raises(RuntimeError, match="would wait for ever"):
        alone(mmu_notifier_register(process.k, process.mm, "kvm"))
