"""Moving a page: what moves with it, what stops it, and who waits for it."""

from __future__ import annotations

import pytest
from building import Process, alone, boot, new_frame, process, thread

from kmm.designs import find_kernel
from kmm.hw.paging import A, D
from kmm.mm.audit import audit
from kmm.mm.migrate import EAGAIN, ENOMEM, migrate_pages, unmap_and_move
from kmm.mm.mm_types import Page, PG_dirty, PG_lru, PG_swapbacked
from kmm.mm.page_alloc import alloc_page, get_page, put_page
from kmm.mm.pgtable import pte_present, pte_write
from kmm.mm.swap import isolate_lru_page
from kmm.sim.failure import Corruption
from kmm.sim.machine import Machine
from kmm.sim.search import search
from kmm.sim.strategies import SourceDpor


def touched(kernel: str = "2.6.34", **config: int) -> Process:
    p = process(boot(kernel, **config))
    p.write(0, b"contents")
    return p


def isolated(p: Process) -> Page:
    page = p.page(0)
    assert alone(isolate_lru_page(p.k, page))
    return page


def test_a_page_moves_with_its_contents_and_the_program_sees_no_difference() -> None:
    p = touched()
    old = isolated(p)
    assert alone(migrate_pages(p.k, [old], new_frame)) == 0
    assert p.page(0) is not old
    assert p.read(0, 8) == b"contents"
    audit(p.k)


def test_what_the_page_was_moves_along_and_the_old_frame_is_free() -> None:
    p = touched()
    old = isolated(p)
    index, mapping = old.index, old.mapping
    alone(migrate_pages(p.k, [old], new_frame))
    new = p.page(0)
    assert (new.index, new.mapping) == (index, mapping)
    assert new.flags & PG_swapbacked
    assert new.flags & PG_dirty
    assert new.flags & PG_lru
    assert (new.count, new.mapcount) == (1, 0)
    assert old in p.k.zone.free
    assert (old.count, old.mapcount, old.mapping, old.flags) == (0, -1, None, 0)


def test_a_restored_entry_is_old_and_clean_and_as_writable_as_it_was() -> None:
    p = touched()
    alone(migrate_pages(p.k, [isolated(p)], new_frame))
    pte = p.pte(0)
    assert pte_present(pte)
    assert pte_write(pte)
    assert not pte & (A | D)


def test_a_reference_too_many_stops_the_move_and_everything_is_put_back() -> None:
    p = touched()
    page = isolated(p)
    alone(get_page(page))
    assert alone(unmap_and_move(p.k, page, new_frame, force=False)) == -EAGAIN
    assert p.page(0) is page
    assert pte_write(p.pte(0))
    assert page.count == 3, "the mapping, the isolation, and the one too many"
    assert page.locked.owner is None


def test_a_locked_page_is_left_alone_unless_forced() -> None:
    p = touched()
    page = isolated(p)
    alone(page.locked.lock())
    assert alone(unmap_and_move(p.k, page, new_frame, force=False)) == -EAGAIN
    assert pte_present(p.pte(0))


def test_without_a_new_frame_the_page_stays_and_is_put_back() -> None:
    p = touched()
    page = isolated(p)

    async def nothing_left(*_: object) -> None:
        return None

    assert alone(migrate_pages(p.k, [page], nothing_left)) == -ENOMEM
    assert page.flags & PG_lru
    assert p.read(0, 8) == b"contents"


def test_a_page_that_was_freed_while_isolated_is_just_dropped() -> None:
    k = boot()
    page = alone(alloc_page(k))
    assert page is not None
    assert alone(migrate_pages(k, [page], new_frame)) == 0
    assert page in k.zone.free


def test_a_page_that_stays_busy_is_tried_ten_times() -> None:
    p = touched()
    page = isolated(p)
    alone(get_page(page))
    tries = []

    async def counted(k: object, page: Page) -> Page | None:
        tries.append(page)
        return await new_frame(p.k, page)

    assert alone(migrate_pages(p.k, [page], counted)) == 1
    assert len(tries) == 10
    alone(put_page(p.k, page))
    audit(p.k)


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

        return Machine([thread(0, migrate()), thread(1, program())], check)

    result = search(boot_race, SourceDpor())
    assert result.failure is None
    assert result.verdict == "proved"
    # A waiter's reference comes before the count is looked at in some, not in others.
    assert moved == {True, False}
