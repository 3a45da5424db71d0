"""Moving a page: what moves with it, what stops it, and who waits for it."""

from __future__ import annotations

import pytest
from building import (
    Process,
    alone,
    boot,
    free_frames,
    functions_of,
    go_until,
    go_while_possible,
    is_free,
    lru_pages,
    new_frame,
    process,
    settle,
    thread,
    to_end,
)

from kmm.designs import find_kernel
from kmm.hw.memory import PAGE_SIZE
from kmm.hw.modes import RW, A, D
from kmm.kernel.syscalls import sys_mmap
from kmm.mm.audit import audit
from kmm.mm.boot import interrupt_threads, run_task, start_kernel
from kmm.mm.errno import EAGAIN, ENOMEM
from kmm.mm.gfp import GFP_HIGHUSER_MOVABLE
from kmm.mm.kernel import Config, Kernel
from kmm.mm.migrate import migrate_pages, unmap_and_move
from kmm.mm.mm_types import (
    AnonVma,
    Page,
    PG_active,
    PG_buddy,
    PG_dirty,
    PG_lru,
    PG_swapbacked,
)
from kmm.mm.mmap import (
    MAP_ANONYMOUS,
    MAP_FIXED,
    MAP_SHARED,
    PROT_READ,
    PROT_WRITE,
)
from kmm.mm.page_alloc import alloc_page, get_page
from kmm.mm.pgtable import find_pte, pte_alloc, pte_present, pte_write
from kmm.mm.rmap import anon_vma_clone
from kmm.mm.swap import put_page
from kmm.mm.swapops import migration_entry
from kmm.mm.vmscan import isolate_lru_page, putback_lru_page
from kmm.scenarios.migrating import compact
from kmm.scenarios.process import DATA, start_in_scene
from kmm.scenarios.running import race_scene
from kmm.sim.failure import Corruption
from kmm.sim.machine import Machine
from kmm.sim.scene import Rewound
from kmm.sim.search import search
from kmm.sim.strategies import SourceDpor
from kmm.sim.thread import KThread
from kmm.sim.trap import RELEASE, WAIT, Op


def touched(kernel: str = "2.6.34", **config: int) -> Process:
    p = process(boot(kernel, **config))
    p.write(0, b"contents")
    return p


def isolated(p: Process) -> Page:
    page = p.page(0)
    assert alone(isolate_lru_page(p.k, page))
    return page


def migrate(p: Process, *pages: Page) -> int:
    """Migrate isolated pages, and let what became free be free."""
    left = alone(migrate_pages(p.k, list(pages), new_frame), p.k)
    settle(p.k)
    return left


def move_once(p: Process, page: Page) -> int:
    """One attempt at an isolated page."""
    body = unmap_and_move(p.k, page, [page], new_frame, force=False, offlining=False)
    rc = alone(body, p.k)
    settle(p.k)
    return rc


def test_a_page_moves_with_its_contents_and_the_program_sees_no_difference() -> None:
    p = touched()
    old = isolated(p)
    assert migrate(p, old) == 0
    assert p.page(0) is not old
    assert p.read(0, 8) == b"contents"
    audit(p.k)


def test_what_the_page_was_moves_along_and_the_old_frame_is_free() -> None:
    p = touched()
    old = isolated(p)
    old.flags |= PG_active
    index, mapping = old.index, old.mapping
    migrate(p, old)
    new = p.page(0)
    assert (new.index, new.mapping) == (index, mapping)
    assert new.flags & PG_swapbacked
    assert new.flags & PG_dirty
    assert new.flags & PG_active
    assert new.flags & PG_lru
    assert (new.count, new.mapcount) == (1, 0)
    assert is_free(old)
    assert (old.count, old.mapcount, old.mapping) == (0, -1, None)
    assert not old.flags & ~PG_buddy


def test_a_restored_entry_is_old_and_clean_and_as_writable_as_it_was() -> None:
    p = touched()
    migrate(p, isolated(p))
    pte = p.pte(0)
    assert pte_present(pte)
    assert pte_write(pte)
    assert not pte & (A | D)


def make_read_only(p: Process) -> None:
    pointer = alone(find_pte(p.k, p.mm, p.address(0)))
    assert pointer is not None
    alone(pointer.write(p.pte(0) & ~RW))


def test_an_entry_that_was_not_writable_does_not_become_so() -> None:
    p = touched()
    make_read_only(p)
    migrate(p, isolated(p))
    assert pte_present(p.pte(0))
    assert not pte_write(p.pte(0))


def test_a_reference_too_many_stops_the_move_and_everything_is_put_back() -> None:
    p = touched()
    page = isolated(p)
    index, mapping, free = page.index, page.mapping, free_frames(p.k)
    alone(get_page(page))
    assert move_once(p, page) == -EAGAIN
    assert p.page(0) is page
    assert pte_write(p.pte(0))
    assert page.count == 3, "the mapping, the isolation, and the one too many"
    assert (page.mapcount, page.index, page.mapping) == (0, index, mapping)
    assert page.locked.owner is None
    assert free_frames(p.k) == free, "the new frame has been given back"
    assert isinstance(mapping, AnonVma)
    assert mapping.external_refcount == 0
    alone(put_page(p.k, page))
    alone(putback_lru_page(p.k, page))
    settle(p.k)
    audit(p.k)


def test_a_locked_page_is_left_alone_unless_forced() -> None:
    p = touched()
    page = isolated(p)
    alone(page.locked.lock())
    assert move_once(p, page) == -EAGAIN
    assert pte_present(p.pte(0))


def test_without_a_new_frame_the_page_stays_and_is_put_back() -> None:
    p = touched()
    page = isolated(p)

    async def nothing_left(*_: object) -> None:
        return None

    assert alone(migrate_pages(p.k, [page], nothing_left), p.k) == -ENOMEM
    settle(p.k)
    assert page.flags & PG_lru
    assert p.read(0, 8) == b"contents"


def test_pages_that_moved_before_memory_ran_out_are_not_put_back_again() -> None:
    """Of three pages one is busy and one moves; for the last there is no frame."""
    p = touched()
    p.write(1, b"contents")
    p.write(2, b"contents")
    pages = [p.page(n) for n in range(3)]
    for page in pages:
        assert alone(isolate_lru_page(p.k, page))
    alone(get_page(pages[0]))
    frames = 2

    async def scarce(k: Kernel, page: Page) -> Page | None:
        nonlocal frames
        frames -= 1
        return await alloc_page(k, GFP_HIGHUSER_MOVABLE) if frames >= 0 else None

    assert alone(migrate_pages(p.k, [*pages], scarce), p.k) == -ENOMEM
    alone(put_page(p.k, pages[0]))
    settle(p.k)
    assert [p.page(n) is pages[n] for n in range(3)] == [True, False, True]
    assert sorted(page.pfn for page in lru_pages(p.k)) == sorted(
        p.page(n).pfn for n in range(3)
    )
    audit(p.k)


def test_a_page_that_was_freed_while_isolated_is_just_dropped() -> None:
    k = boot()
    page = alone(alloc_page(k, GFP_HIGHUSER_MOVABLE))
    assert page is not None
    assert alone(migrate_pages(k, [page], new_frame), k) == 0
    settle(k)
    assert is_free(page)


def test_pages_are_counted_as_moved_when_they_have_moved_and_not_when_freed() -> None:
    p = touched()
    k, page = p.k, isolated(p)
    freed = alone(alloc_page(k, GFP_HIGHUSER_MOVABLE))
    assert freed is not None
    alone(get_page(page))  # so that there are ten attempts at both
    assert migrate(p, freed, page) == 1
    assert k.vm_events["pgmigrate_success"] == 0
    alone(put_page(k, page))
    assert migrate(p, isolated(p)) == 0
    assert k.vm_events["pgmigrate_success"] == 1


def test_a_page_that_stays_busy_is_tried_ten_times() -> None:
    p = touched()
    page = isolated(p)
    alone(get_page(page))
    tries = []

    async def counted(k: object, page: Page) -> Page | None:
        tries.append(page)
        return await new_frame(p.k, page)

    assert alone(migrate_pages(p.k, [page], counted), p.k) == 1
    assert len(tries) == 10
    alone(put_page(p.k, page))
    audit(p.k)


def test_a_page_that_was_busy_at_first_is_moved_by_a_later_attempt() -> None:
    p = touched()
    page = isolated(p)
    alone(get_page(page))
    tries = 0

    async def busy_once(k: Kernel, page: Page) -> Page | None:
        nonlocal tries
        tries += 1
        if tries == 2:
            await put_page(k, page)
        return await alloc_page(k, GFP_HIGHUSER_MOVABLE)

    assert alone(migrate_pages(p.k, [page], busy_once), p.k) == 0
    assert tries == 2
    assert p.page(0) is not page
    audit(p.k)


def test_a_page_that_nothing_maps_any_more_is_left_alone() -> None:
    p = touched()
    page = isolated(p)
    alone(get_page(page))  # somebody still uses it, though no page table does
    page.mapcount = -1
    assert move_once(p, page) == -EAGAIN
    assert p.page(0) is page


def test_every_mapping_of_a_shared_page_follows_it() -> None:
    """Two processes map one page, as after a fork."""
    p = touched()
    make_read_only(p)
    page = p.page(0)
    child = process(p.k)
    alone(anon_vma_clone(child.vma, p.vma))
    child.vma.anon_vma = p.vma.anon_vma
    slot = alone(pte_alloc(p.k, child.mm, child.address(0)))
    assert slot is not None
    alone(slot.write(p.pte(0)))
    page.count += 1
    page.mapcount += 1

    isolated(p)
    assert page.count == 3, "two mappings and the isolation"
    assert migrate(p, page) == 0
    new = p.page(0)
    assert new is child.page(0)
    assert new is not page
    assert (new.count, new.mapcount) == (2, 1)
    audit(p.k)


# A migration that is stopped on its way.


def about_to_copy(_: KThread, op: Op) -> bool:
    return op.key.startswith("frame ")


def about_to_count(thread: KThread, op: Op) -> bool:
    """Before the look at the references that decides."""
    return op.key.endswith(".count") and "migrate_page" in functions_of(thread)


def about_to_unlock_the_old_page(thread: KThread, op: Op) -> bool:
    unlocks = op.kind is RELEASE and op.key == "PG_locked of page 0x14"
    return unlocks and functions_of(thread)[0] == "unmap_and_move"


def moving(p: Process) -> Machine:
    """A migration of the page at 0 (thread 0), and a write of the program's."""
    old = p.page(0)
    assert old.pfn == 0x14

    async def migrate() -> None:
        if await isolate_lru_page(p.k, old):
            await migrate_pages(p.k, [old], new_frame)

    async def program() -> None:
        await p.task.cpu.store(p.address(0), b"written!", user=True)

    threads = [thread(0, migrate()), thread(1, program())]
    return Machine([*threads, *interrupt_threads(p.k)])


def test_in_flight_a_page_has_the_isolations_reference_and_nothing_maps_it() -> None:
    p = touched()
    old, machine = p.page(0), moving(p)
    go_until(machine, 0, about_to_copy)
    assert p.pte(0) == migration_entry(old.pfn, write=True)
    assert (old.count, old.mapcount) == (1, -1)
    assert isinstance(old.mapping, AnonVma)
    assert old.mapping.external_refcount == 1, "kept, though nothing maps the page"
    go_until(machine, 0, about_to_unlock_the_old_page)
    new = p.page(0)
    assert new is not old
    assert (new.count, new.mapcount) == (2, 0), "its allocation, and the mapping"
    assert old.mapping is None
    machine.close()


def test_a_program_that_comes_after_the_count_waits_and_finds_the_new_page() -> None:
    p = touched()
    old, machine = p.page(0), moving(p)
    go_until(machine, 0, about_to_copy)
    go_while_possible(machine, 1)
    waits_for = machine.threads[1].pending
    assert waits_for is not None
    assert (waits_for.kind, waits_for.key) == (WAIT, old.locked.name)
    assert old.count == 2, "the waiter holds the page"
    to_end(machine, 0)
    assert p.page(0) is not old
    assert p.read(0, 8) == b"contents"
    to_end(machine, 1)
    assert p.read(0, 8) == b"written!"
    audit(p.k)


def test_a_program_that_comes_before_the_count_makes_the_attempt_fail() -> None:
    p = touched(migrate_passes=1)
    old, machine = p.page(0), moving(p)
    go_until(machine, 0, about_to_count)
    go_while_possible(machine, 1)
    to_end(machine, 0)
    assert p.page(0) is old, "-EAGAIN: the waiter's reference was one too many"
    to_end(machine, 1)
    assert p.read(0, 8) == b"written!"
    audit(p.k)


def test_from_the_fourth_attempt_on_a_migration_sleeps_for_the_page() -> None:
    p = touched()
    old, tries = p.page(0), []

    async def counted(k: Kernel, page: Page) -> Page | None:
        tries.append(page)
        return await alloc_page(k, GFP_HIGHUSER_MOVABLE)

    async def migrate() -> None:
        if await isolate_lru_page(p.k, old):
            await migrate_pages(p.k, [old], counted)

    async def hold() -> None:
        async with old.locked:
            await old.zone.lock.lock()
            await old.zone.lock.unlock()

    threads = [thread(0, migrate()), thread(1, hold())]
    machine = Machine([*threads, *interrupt_threads(p.k)])
    machine.step(machine.threads[1])
    go_while_possible(machine, 0)
    assert len(tries) == 4
    assert repr(machine.threads[0].pending) == f"acquire {old.locked.name}"
    to_end(machine, 1)
    to_end(machine, 0)
    assert p.page(0) is not old
    audit(p.k)


# Every interleaving.


@pytest.mark.parametrize("kernel", ["2.6.34", "2.6.35"])
@pytest.mark.parametrize("access", ["read", "write"])
def test_a_program_that_touches_a_moving_page_waits_and_loses_nothing(
    kernel: str, access: str
) -> None:
    """All interleavings of a migration and one access of the program."""
    moved = set()

    def boot_race() -> Machine:
        p = process(boot(find_kernel(kernel), migrate_passes=1))
        p.write(0, b"contents")
        old = p.page(0)

        async def migrate() -> None:
            if await isolate_lru_page(p.k, old):
                await migrate_pages(p.k, [old], new_frame)

        async def program() -> None:
            if access == "write":
                await p.task.cpu.store(p.address(0), b"CONTENTS", user=True)
            elif await p.task.cpu.load(p.address(0), 8, user=True) != b"contents":
                raise Corruption("the program read something else")

        def check() -> None:
            moved.add(p.page(0) is not old)
            written = b"CONTENTS" if access == "write" else b"contents"
            if p.read(0, 8) != written:
                raise Corruption("the write was lost")
            audit(p.k)

        threads = [thread(0, migrate()), thread(1, program())]
        return Machine([*threads, *interrupt_threads(p.k)], check)

    result = search(boot_race, SourceDpor())
    assert result.failure is None
    assert result.verdict == "proved"
    # A waiter's reference comes before the count is looked at in some, not in others.
    assert moved == {True, False}


def test_a_fault_on_a_files_moving_page_comes_to_an_end() -> None:
    """The copy takes the page's place in the mapping while its count is 0.

    Who meets the migration entry then cannot take a reference, and waits.
    """
    k = start_kernel(Config(cpus=2, frames=48, migrate_passes=1), find_kernel("2.6.34"))
    run_task(k, "compact", 3977, cpu=0)
    program = start_in_scene(k, "program", 4021, 1, 1, DATA)
    flags = MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED
    shared = program.address(1)
    program.run(
        sys_mmap(k, program.task, shared, PAGE_SIZE, PROT_READ | PROT_WRITE, flags)
    )
    page = program.store(1, b"data")

    def threads() -> list[KThread]:
        return [
            KThread("compact", 3977, 0, compact(k, page)),
            KThread("program", 4021, 1, program.read_back(1)),
        ]

    result = search(Rewound(race_scene(k, threads, [program])), SourceDpor())
    assert (result.failure, result.verdict) == (None, "proved")
