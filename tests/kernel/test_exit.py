"""The end of a process: everything comes back, and its parent is told."""

from __future__ import annotations

from areas import AREA, Area, area
from building import (
    alone,
    boot,
    free_frames,
    functions_of,
    go_while_possible,
    is_free,
    lru_pages,
    settle,
    thread,
    to_end,
)

from kmm.hw.memory import PAGE_SHIFT, PAGE_SIZE, Pfn, VirtAddr
from kmm.kernel.exit import do_exit, do_wait
from kmm.kernel.mm_end import mmput
from kmm.kernel.process import Process, start_process, thread_of
from kmm.kernel.syscalls import sys_madvise, sys_mmap, sys_munmap, sys_wait
from kmm.mm.audit import audit, check_always
from kmm.mm.boot import interrupt_threads
from kmm.mm.errno import ECHILD
from kmm.mm.kernel import Kernel
from kmm.mm.madvise import MADV_DONTNEED, MADV_MERGEABLE
from kmm.mm.mm_types import Page, Task
from kmm.mm.tlb import TLBSTATE_LAZY, TLBSTATE_OK
from kmm.mm.vmstat import global_page_state
from kmm.sim.machine import Machine
from kmm.sim.search import search
from kmm.sim.strategies import RandomWalk, SourceDpor


def filled(letters: str = "abc", cpu: int = 0, **config: int) -> Area:
    one = area(boot("2.6.34", **{"frames": 64, **config}), len(letters), cpu)
    one.fill_all(letters)
    settle(one.k)
    return one


def top_table(one: Area) -> Page:
    return one.k.mem_map[Pfn(one.process.mm.pgd >> PAGE_SHIFT)]


# Memory.


def test_the_end_of_a_process_gives_all_of_its_memory_back() -> None:
    """All but the top table, which its CPU still has in CR3."""
    k = boot(frames=64)
    before = free_frames(k)
    one = area(k, 4)
    one.fill_all("abc")
    one.letter(3)
    one.process.exit()
    settle(k)
    assert free_frames(k) == before - 1
    assert lru_pages(k) == []
    for state in ("nr_anon_pages", "nr_page_table_pages", "nr_file_pages"):
        assert global_page_state(k, state) == 0
    audit(k)


def test_with_another_task_on_the_cpu_the_top_table_goes_too() -> None:
    k = boot(frames=64)
    parent = area(k, 1)
    parent.fill(0, "p")
    settle(k)
    before = free_frames(k)
    child = parent.fork()
    child.fill(0, "c")
    pgd = top_table(child)
    child.process.exit()
    settle(k)
    assert pgd.count == 1
    assert parent.letter(0) == "p"
    assert is_free(pgd)
    assert free_frames(k) == before
    assert len(k.mms) == 1
    audit(k)


def test_a_process_that_never_ran_leaves_nothing_in_any_cpu() -> None:
    one = filled()
    before = free_frames(one.k)
    child = one.fork(cpu=1)
    child.process.exit()
    settle(one.k)
    assert free_frames(one.k) == before
    assert one.k.cpus[1].cr3 == one.k.init_mm.pgd
    one.fill_all("ABC")
    audit(one.k)


def test_pages_that_the_child_shared_are_the_parents_own_afterwards() -> None:
    one = filled()
    pages = [one.page(n) for n in range(3)]
    child = one.fork(cpu=1)
    child.process.exit()
    settle(one.k)
    assert [(page.count, page.mapcount) for page in pages] == [(1, 0)] * 3
    one.fill_all("ABC")
    assert [one.page(n) for n in range(3)] == pages


def test_a_child_outlives_its_parent_and_keeps_the_pages_alone() -> None:
    one = filled()
    pages = [one.page(n) for n in range(3)]
    child = one.fork(cpu=1)
    one.process.exit()
    settle(one.k)
    assert child.letters() == "abc"
    child.fill_all("ABC")
    assert [child.page(n) for n in range(3)] == pages
    anon_vma = child.vma.anon_vma
    assert anon_vma is not None
    assert [avc.vma for avc in anon_vma.head] == [child.vma]
    audit(one.k)


def test_the_anon_vmas_go_with_the_last_process_that_needs_them() -> None:
    one = filled("a")
    child = one.fork(cpu=1)
    a, b = one.vma.anon_vma, child.vma.anon_vma
    assert a is not None
    assert b is not None
    one.process.exit()
    assert (a.freed, b.freed) == (False, False)
    child.process.exit()
    assert (a.freed, b.freed) == (True, True)


def test_an_address_space_stays_for_as_long_as_somebody_lives_in_it() -> None:
    one = filled()
    mm = one.process.mm
    mm.mm_users += 1
    one.process.exit()
    assert mm.nr_ptes == 1
    assert mm.name in one.k.mms
    alone(mmput(one.k, mm), one.k)
    assert mm.nr_ptes == 0


def test_ksm_forgets_a_process_that_has_ended() -> None:
    one = filled()
    assert one.advise(MADV_MERGEABLE) == 0
    child = one.fork(cpu=1)
    known = [one.process.mm, child.process.mm]
    assert [slot.mm for slot in one.k.ksm.mm_slots] == known
    one.process.exit()
    assert [slot.mm for slot in one.k.ksm.mm_slots] == known[1:]
    child.process.exit()
    assert one.k.ksm.mm_slots == []
    assert [mm.mm_count for mm in known] == [1, 0], "a CPU is in the first still"


# The CPU goes on in the dead address space.


def test_a_cpu_keeps_the_dead_tables_until_somebody_else_gets_it() -> None:
    one = filled()
    k, mm, task = one.k, one.process.mm, one.process.task
    pgd, cpu = top_table(one), task.cpu
    one.process.exit()
    assert (task.mm, task.active_mm, k.running[0]) == (None, mm, task)
    assert (mm.mm_users, mm.mm_count) == (0, 1)
    assert k.shootdown.cpu_tlbstate[0].state == TLBSTATE_LAZY
    assert pgd.count == 1
    assert list(cpu.tlb) == []


def test_a_process_that_gets_the_cpu_drops_the_dead_tables() -> None:
    one = filled()
    k, pgd = one.k, top_table(one)
    child = one.fork()  # on the same CPU, but it has not run
    one.process.exit()
    settle(k)
    assert pgd.count == 1
    assert child.letter(0) == "a"
    assert is_free(pgd)
    assert child.process.task.cpu.cr3 == child.process.mm.pgd
    assert k.shootdown.cpu_tlbstate[0].state == TLBSTATE_OK
    audit(k)


def test_the_flush_at_the_end_takes_the_cpu_out_of_the_address_space() -> None:
    one = filled()
    mm = one.process.mm
    one.process.exit()
    assert mm.cpu_vm_mask == 0
    assert one.process.task.cpu.cr3 == one.k.init_mm.pgd


# Its parent.


def test_a_parent_gets_the_pid_and_the_code_and_the_child_is_forgotten() -> None:
    one = filled()
    child = one.process.fork()
    child.exit(42)
    assert child.task.pid in one.k.tasks
    waited = one.process.run(sys_wait(one.k, one.process.task))
    assert waited == (child.task.pid, 42)
    assert child.task.pid not in one.k.tasks
    assert one.process.task.children == []


def test_who_has_no_children_does_not_wait() -> None:
    one = filled()
    assert one.process.run(sys_wait(one.k, one.process.task)) == (-ECHILD, 0)
    one.process.fork().exit()
    one.process.run(sys_wait(one.k, one.process.task))
    assert one.process.run(do_wait(one.k, one.process.task)) == -ECHILD


def test_children_are_waited_for_one_at_a_time_whoever_ends_first() -> None:
    one = filled()
    first, second = one.process.fork(), one.process.fork()
    second.exit(2)
    task = one.process.task
    assert one.process.run(sys_wait(one.k, task)) == (second.task.pid, 2)
    assert task.children == [first.task]
    first.exit(1)
    assert one.process.run(sys_wait(one.k, task)) == (first.task.pid, 1)


def test_a_parent_sleeps_until_its_child_has_ended() -> None:
    one = filled()
    child = one.process.fork(cpu=1)
    got: list[Task | int] = []

    async def wait() -> None:
        got.append(await do_wait(one.k, one.process.task))

    machine = Machine(
        [
            thread(0, wait()),
            thread(1, do_exit(one.k, child.task, 3)),
            *interrupt_threads(one.k),
        ]
    )
    go_while_possible(machine, 0)
    assert "do_wait" in functions_of(machine.threads[0])
    to_end(machine, 1)
    to_end(machine, 0)
    assert machine.failure is None
    assert got == [child.task]
    assert child.task.exit_code == 3
    assert one.process.task.wait_chldexit.sleepers == []


def test_no_end_of_a_child_is_missed() -> None:
    """Over all interleavings."""

    def boot_race() -> Machine:
        k = boot(frames=16)
        parent = start_process(k, "parent")
        child = parent.fork(cpu=1)
        got: list[Task | int] = []

        async def wait() -> None:
            got.append(await do_wait(k, parent.task))

        threads = [thread(0, wait()), thread(1, do_exit(k, child.task, 0))]

        def check() -> None:
            assert got == [child.task]

        return Machine([*threads, *interrupt_threads(k)], check)

    assert search(boot_race, SourceDpor()).verdict == "proved"


# While others run.


def test_a_process_may_end_while_its_child_uses_the_same_pages_on_another_cpu() -> None:
    """After each step everything adds up, and no CPU remembers what is free."""

    def boot_race() -> Machine:
        one = filled("a", frames=32)
        k, page = one.k, one.page(0)
        child = one.fork(cpu=1)

        async def write(k: Kernel, task: Task) -> int:
            await task.cpu.store(AREA, b"b", user=True)
            return 0 if await task.cpu.load(AREA, 2, user=True) == b"ba" else 1

        async def leave(k: Kernel, task: Task) -> int:
            return 0

        def check() -> None:
            assert child.process.task.exit_code == 0, "it read what it had written"
            settle(k)
            assert is_free(page)
            assert lru_pages(k) == []
            audit(k)

        threads = [
            thread_of(k, one.process.task, leave),
            thread_of(k, child.process.task, write),
            *interrupt_threads(k),
        ]
        made = Machine(threads, check, always=lambda: check_always(k))
        made.is_checked = True
        return made

    assert search(boot_race, RandomWalk(seed=1), budget=30).failure is None


def test_parent_and_child_may_end_at_the_same_time() -> None:
    def boot_race() -> Machine:
        k = boot(frames=32)
        before = free_frames(k)
        one = area(k, 1)
        one.fill(0, "a")
        child = one.fork(cpu=1)
        child.letter(0)
        settle(k)

        def check() -> None:
            settle(k)
            assert free_frames(k) == before - 2, "both CPUs keep a top table"
            audit(k)

        threads = [
            thread(0, do_exit(k, one.process.task, 0)),
            thread(1, do_exit(k, child.process.task, 0)),
        ]
        return Machine([*threads, *interrupt_threads(k)], check)

    assert search(boot_race, SourceDpor(), budget=100).failure is None
    assert search(boot_race, RandomWalk(seed=2), budget=50).failure is None


def test_a_reader_of_the_dead_address_space_elsewhere_is_not_disturbed() -> None:
    """A second task lives on in it: the memory stays until that ends too."""
    one = filled()
    k, mm = one.k, one.process.mm
    second = Task("second", 77, k.cpus[1], mm, mm, parent=one.process.task)
    k.tasks[77] = second
    mm.mm_users += 1
    other = Process(k, second)
    assert other.load(AREA, 1) == b"a"
    one.process.exit()
    assert other.load(AREA, 1) == b"a"
    call = sys_madvise(k, second, AREA, 3 * PAGE_SIZE, MADV_DONTNEED)
    assert other.run(call) == 0
    assert other.load(AREA, 1) == b"\0"
    other.exit()
    settle(k)
    assert mm.nr_ptes == 0
    audit(k)


def test_shared_memory_goes_with_the_last_process_that_maps_it() -> None:
    k = boot(frames=64, cpus=1)
    process = start_process(k, "sharer")
    call = sys_mmap(k, process.task, 0x7F00_0000_0000, 8192, 3, 0x21)
    where = VirtAddr(process.run(call))
    process.store(where, b"x")
    child = process.fork()
    process.exit()
    assert child.load(where, 1) == b"x"
    assert len(k.mappings) == 1
    child.run(sys_munmap(k, child.task, where, 8192))
    settle(k)
    assert k.mappings == {}
    audit(k)
