"""What is counted is what was done, and by the one thread alone."""

from __future__ import annotations

from building import boot

from kmm.mm.boot import run_task
from kmm.mm.mm_types import VMA
from kmm.mm.slab import kmem_cache_alloc
from kmm.scenarios.process import start_in_scene
from kmm.sim.access import read_plain
from kmm.sim.failure import bug_on
from kmm.workloads.counting import Counts, count


def counted(locks: int, reads: int = 0, *, fails: bool = False) -> Counts:
    """Take so many locks inside one another, and read a VMA so often under them."""
    k = boot()
    vma = start_in_scene(k, "test", 7, 1).vma
    task = run_task(k, "counted", 8, 0)

    async def body() -> None:
        taken = [await kmem_cache_alloc(k.anon_vma_cachep) for _ in range(locks)]
        for anon_vma in taken:
            await anon_vma.lock.lock()
        for _ in range(reads):
            await read_plain(vma, VMA.vm_start)
        bug_on(fails, "here")
        for anon_vma in taken:
            await anon_vma.lock.unlock()

    return count(k, body(), task)


def test_locks_are_counted_as_they_are_taken_and_as_they_are_held() -> None:
    counts = counted(3)
    assert (counts.anon_vma_locks, counts.held_at_once) == (3, 3)
    assert counted(0).anon_vma_locks == counted(0).held_at_once == 0


def test_a_step_under_several_locks_is_counted_once() -> None:
    assert counted(2, 5).steps_under_lock - counted(2).steps_under_lock == 5
    assert counted(0, 5).steps_under_lock == 0


def test_each_read_of_a_start_is_a_visit() -> None:
    assert counted(1, 4).vmas_visited == 4
    assert counted(1, 4).steps - counted(1).steps == 4


def test_a_failure_is_kept() -> None:
    failure = counted(1, fails=True).failure
    assert failure is not None
    assert "here" in failure.message
    assert counted(1).failure is None
