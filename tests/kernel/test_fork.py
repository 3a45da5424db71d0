"""fork: what a child has of its parent's address space, and what it has not."""

from __future__ import annotations

import pytest
from areas import AREA, Area, area
from building import (
    alone,
    boot,
    free_frames,
    is_free,
    move,
    settle,
    thread,
    use_up_memory,
)

from kmm.hw.memory import PAGE_SIZE, VirtAddr
from kmm.kernel.fork import copy_process, dup_mm, mm_alloc
from kmm.kernel.mm_end import mmput
from kmm.kernel.process import start_process
from kmm.kernel.syscalls import (
    sys_brk,
    sys_fork,
    sys_madvise,
    sys_mlock,
    sys_mmap,
    sys_mprotect,
)
from kmm.mm.audit import audit
from kmm.mm.boot import interrupt_threads
from kmm.mm.errno import EAGAIN, ENOMEM
from kmm.mm.kernel import Kernel
from kmm.mm.madvise import MADV_DOFORK, MADV_DONTFORK, MADV_MERGEABLE
from kmm.mm.mm_types import (
    MM_ANONPAGES,
    VM_DONTCOPY,
    VM_LOCKED,
    VM_MERGEABLE,
    Mm,
    Task,
    VmArea,
)
from kmm.mm.mmap import MAP_ANONYMOUS, MAP_FIXED, MAP_SHARED, PROT_READ, PROT_WRITE
from kmm.mm.swap import put_page
from kmm.mm.vmscan import isolate_lru_page
from kmm.sim.machine import Machine
from kmm.sim.search import search
from kmm.sim.strategies import RandomWalk


def filled(letters: str = "abcd", **config: int) -> Area:
    one = area(boot("2.6.34", **{"frames": 64, **config}), len(letters))
    one.fill_all(letters)
    settle(one.k)
    return one


def ranges(mm: Mm) -> list[tuple[int, int, int]]:
    return [(vma.vm_start, vma.vm_end, vma.vm_flags) for vma in mm.mmap]


def names(vma: VmArea) -> list[str]:
    """The VMAs on the list of a VMA's own anon_vma."""
    assert vma.anon_vma is not None
    return [avc.vma.name for avc in vma.anon_vma.head]


# What a child has.


def test_a_child_has_its_parents_areas_and_contents() -> None:
    one = filled()
    call = sys_mprotect(one.k, one.process.task, one.address(2), PAGE_SIZE, PROT_READ)
    assert one.process.run(call) == 0
    child = one.fork()
    assert len(one.process.mm.mmap) == 3
    assert ranges(child.process.mm) == ranges(one.process.mm)
    assert child.letters() == "abcd"
    assert child.process.mm.total_vm == one.process.mm.total_vm == 4
    assert child.process.mm.rss_stat == one.process.mm.rss_stat == {MM_ANONPAGES: 4}
    audit(one.k)


def test_a_child_is_a_task_of_its_own_in_an_address_space_of_its_own() -> None:
    one = filled()
    child, other = one.process.fork(cpu=1).task, one.process.fork().task
    assert child.mm is not None
    assert child.mm is not one.process.mm
    assert child.mm.pgd != one.process.mm.pgd
    assert child.active_mm is child.mm
    assert (child.parent, child.comm) == (one.process.task, one.process.task.comm)
    assert one.process.task.children == [child, other]
    assert len({one.process.task.pid, child.pid, other.pid}) == 3
    assert (child.cpu.number, other.cpu.number) == (1, 0)
    assert one.k.running[1] is not child, "it has not run yet"


def test_a_fork_takes_frames_for_tables_only() -> None:
    one = filled()
    before = free_frames(one.k)
    one.fork()
    assert before - free_frames(one.k) == 4


def test_what_is_marked_to_be_left_out_is() -> None:
    one = filled()

    def advise(behaviour: int) -> None:
        call = sys_madvise(
            one.k, one.process.task, one.address(1), 2 * PAGE_SIZE, behaviour
        )
        assert one.process.run(call) == 0

    advise(MADV_DONTFORK)
    child = one.fork()
    assert [vma.vm_start for vma in child.process.mm.mmap] == [AREA, one.address(3)]
    assert not any(vma.vm_flags & VM_DONTCOPY for vma in child.process.mm.mmap)
    assert child.process.mm.total_vm == 2
    assert child.pte(1) == 0
    assert one.letters() == "abcd"
    advise(MADV_DOFORK)
    assert one.fork().letters() == "abcd"
    audit(one.k)


def test_memory_is_not_locked_for_a_child() -> None:
    one = filled()
    call = sys_mlock(one.k, one.process.task, AREA, 4 * PAGE_SIZE)
    assert one.process.run(call) == 0
    child = one.fork()
    assert not child.vma.vm_flags & VM_LOCKED
    assert child.process.mm.locked_vm == 0
    assert one.vma.vm_flags & VM_LOCKED
    assert one.process.mm.locked_vm == 4


def test_a_child_has_a_heap_of_its_own_that_ends_where_its_parents_does() -> None:
    k = boot()
    parent = start_process(k, "parent")
    start = VirtAddr(0x1000_0000)
    parent.mm.start_brk = parent.mm.brk = start
    parent.run(sys_brk(k, parent.task, start + PAGE_SIZE))
    parent.store(start, b"heap")
    child = parent.fork()
    assert child.load(start, 4) == b"heap"
    assert child.run(sys_brk(k, child.task, start)) == start
    assert parent.mm.brk == start + PAGE_SIZE
    assert parent.load(start, 4) == b"heap"


def test_a_child_of_a_program_that_ksm_knows_is_known_to_it() -> None:
    one = filled()
    assert one.advise(MADV_MERGEABLE) == 0
    child = one.fork()
    assert child.vma.vm_flags & VM_MERGEABLE
    assert child.process.mm.merge_any


def test_shared_memory_stays_shared() -> None:
    k = boot()
    parent = start_process(k, "parent")
    flags = MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED
    prot = PROT_READ | PROT_WRITE
    call = sys_mmap(k, parent.task, AREA, PAGE_SIZE, prot, flags)
    assert parent.run(call) == AREA
    child = parent.fork(cpu=1)
    child.store(AREA, b"child")
    assert parent.load(AREA, 5) == b"child"
    file = parent.mm.mmap[0].vm_file
    assert file is not None
    assert file.f_mapping.i_mmap == [parent.mm.mmap[0], child.mm.mmap[0]]


# How it is found.


def test_a_child_is_behind_its_parent_on_every_list_and_has_one_of_its_own() -> None:
    one = filled("a")
    child = one.fork()
    grandchild = child.fork()
    second = one.fork()
    p, c, g, s = (x.vma.name for x in (one, child, grandchild, second))
    assert names(one.vma) == [p, c, g, s]
    assert names(child.vma) == [c, g]
    assert names(grandchild.vma) == [g]
    chain = [avc.anon_vma for avc in grandchild.vma.anon_vma_chain]
    assert chain == [grandchild.vma.anon_vma, child.vma.anon_vma, one.vma.anon_vma]


def test_a_page_that_is_moved_during_a_fork_is_found_in_both_afterwards() -> None:
    def boot_race() -> Machine:
        one = filled("a", frames=24)
        k, page = one.k, one.page(0)
        alone(isolate_lru_page(k, page))
        made: list[Task] = []

        async def fork() -> None:
            child = await copy_process(k, one.process.task)
            assert isinstance(child, Task)
            made.append(child)

        def check() -> None:
            settle(k)
            child = made[0]
            body = child.cpu.load(AREA, 1, user=True)
            assert one.letter(0) == "a"
            one.process.task = child
            assert one.process.run(body) == b"a"
            audit(k)

        threads = [thread(0, fork()), thread(1, move(k, page)), *interrupt_threads(k)]
        return Machine(threads, check)

    assert search(boot_race, RandomWalk(seed=1), budget=100).failure is None


# Without memory.


def left_with(k: Kernel, frames: int) -> None:
    """Take all memory but so many frames."""
    taken = use_up_memory(k)
    for page in taken[:frames]:
        alone(put_page(k, page), k)


@pytest.mark.parametrize("frames", range(4))
def test_a_fork_with_too_little_memory_fails_and_leaves_nothing(frames: int) -> None:
    one = filled()
    k, before = one.k, set(one.k.mms)
    pages = [one.page(n) for n in range(4)]
    left_with(k, frames)
    result = one.process.run(copy_process(k, one.process.task))
    assert result == -ENOMEM
    settle(k)
    assert free_frames(k) == frames
    assert set(k.mms) == before
    assert one.process.task.children == []
    assert [(page.count, page.mapcount) for page in pages] == [(1, 0)] * 4
    assert one.vma.anon_vma is not None
    assert names(one.vma) == [one.vma.name]
    assert one.process.mm.mmap_sem.writer is None
    one.fill_all("ABCD")
    assert [one.page(n) for n in range(4)] == pages, "all are its own again"


def test_a_fork_with_just_enough_memory_succeeds() -> None:
    one = filled()
    left_with(one.k, 4)
    assert isinstance(one.process.run(copy_process(one.k, one.process.task)), Task)
    assert free_frames(one.k) == 0


def test_a_fork_that_fails_half_way_takes_back_what_it_has_copied() -> None:
    """The second area is far from the first, and needs a table that is not to be had.

    The references and mappings of the first one's pages must go again.
    """
    one = filled("a")
    k = one.k
    far = VirtAddr(AREA + (1 << 30))
    flags = MAP_FIXED | MAP_ANONYMOUS | 0x2
    call = sys_mmap(k, one.process.task, far, PAGE_SIZE, PROT_READ | PROT_WRITE, flags)
    assert one.process.run(call) == far
    one.process.store(far, b"far")
    settle(k)
    left_with(k, 5)
    assert one.process.run(sys_fork(k, one.process.task)) == -ENOMEM
    settle(k)
    assert free_frames(k) == 5
    assert (one.page(0).count, one.page(0).mapcount) == (1, 0)
    assert one.process.load(far, 3) == b"far"


def test_an_address_space_needs_a_frame_for_its_top_table() -> None:
    k = boot()
    taken = use_up_memory(k)
    assert alone(mm_alloc(k), k) == -ENOMEM
    assert k.mms == {}
    alone(put_page(k, taken[0]), k)
    mm = alone(mm_alloc(k), k)
    assert isinstance(mm, Mm)
    assert list(k.mms.values()) == [mm]
    alone(mmput(k, mm), k)
    assert is_free(taken[0])
    assert k.mms == {}


def test_what_is_copied_is_given_back_with_the_copy() -> None:
    one = filled()
    before = free_frames(one.k)
    copy = alone(dup_mm(one.k, one.process.mm), one.k)
    assert isinstance(copy, Mm)
    alone(mmput(one.k, copy), one.k)
    settle(one.k)
    assert free_frames(one.k) == before
    assert names(one.vma) == [one.vma.name]
    audit(one.k)


def test_a_kernel_thread_cannot_fork() -> None:
    k = boot()
    kthread = Task("kthread", 9, k.cpus[0], None, k.init_mm)
    assert alone(sys_fork(k, kthread), k) == -EAGAIN
