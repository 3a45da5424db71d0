"""Reclaim: which pages go to swap when memory is short, which stay, and who wakes."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from areas import Area, area
from building import (
    alone,
    answer_interrupts,
    boot,
    free_frames,
    go_until,
    lru_pages,
    new_frame,
    settle,
    to_end,
)

from kmm.hw.modes import A
from kmm.kernel.syscalls import sys_mlock
from kmm.mm.audit import audit
from kmm.mm.boot import interrupt_threads
from kmm.mm.gfp import GFP_ATOMIC, GFP_HIGHUSER_MOVABLE, GFP_KERNEL, GFP_WAIT
from kmm.mm.kernel import Kernel
from kmm.mm.memory import OutOfMemory
from kmm.mm.migrate import migrate_pages
from kmm.mm.mm_types import Page, PG_active, PG_lru, PG_swapcache, PG_unevictable
from kmm.mm.mmzone import (
    LRU_ACTIVE_ANON,
    LRU_INACTIVE_ANON,
    WMARK_HIGH,
    WMARK_LOW,
    WMARK_MIN,
    Zone,
)
from kmm.mm.page_alloc import alloc_page, get_page
from kmm.mm.pgtable import pte_present
from kmm.mm.swap import put_page
from kmm.mm.swapops import is_swap_entry
from kmm.mm.vmscan import (
    ISOLATE_ACTIVE,
    ISOLATE_BOTH,
    ISOLATE_INACTIVE,
    SWAP_CLUSTER_MAX,
    balance_pgdat,
    get_scan_ratio,
    inactive_is_low,
    isolate_lru_page,
    isolate_lru_page_locked,
    kswapd,
    lru_sizes,
    putback_lru_page,
    shrink_active_list,
    shrink_inactive_list,
    try_to_free_pages,
    wakeup_kswapd,
)
from kmm.sim.machine import Chooser, Machine
from kmm.sim.strategies import RandomWalk, RoundRobin
from kmm.sim.thread import KThread
from kmm.sim.trap import Op

ALPHABET = "abcdefghijklmnopqrstuvwxyz"


def touched(pages: int = 4, **config: int) -> Area:
    """A program that has written to all of its pages, on a machine with swap."""
    config = {"frames": 128, "cpus": 1, "swap_slots": 256, **config}
    made = area(boot("2.6.34", **config), pages)
    made.fill_all(text(pages))
    settle(made.k)
    return made


def text(pages: int) -> str:
    return "".join(ALPHABET[n % len(ALPHABET)] for n in range(pages))


def zone_of(k: Kernel) -> Zone:
    return k.zones[0]


def sizes(k: Kernel) -> tuple[int, int]:
    """How many anonymous pages are active, and inactive."""
    lru = zone_of(k).lru
    return len(lru[LRU_ACTIVE_ANON]), len(lru[LRU_INACTIVE_ANON])


def deactivate(made: Area, number: int = SWAP_CLUSTER_MAX) -> None:
    k = made.k
    alone(shrink_active_list(k, zone_of(k), number, LRU_ACTIVE_ANON), k)


def reclaim(made: Area, number: int = SWAP_CLUSTER_MAX) -> int:
    k = made.k
    body = shrink_inactive_list(k, zone_of(k), number, LRU_INACTIVE_ANON)
    freed = alone(body, k)
    settle(k)
    return freed


def swapped_out(made: Area) -> list[int]:
    """The numbers of the pages that are not in memory."""
    return [n for n in range(made.pages) if is_swap_entry(made.pte(n))]


# More memory than there is.


def test_a_program_can_use_half_as_much_memory_again_as_there_is() -> None:
    one = touched(pages=144, frames=96, swap_slots=200)
    assert len(swapped_out(one)) >= 144 - 96
    assert one.letters() == text(144)
    for page in range(0, 144, 3):
        one.fill(page, "z")
    settle(one.k)
    expected = "".join("z" if n % 3 == 0 else c for n, c in enumerate(text(144)))
    assert one.letters() == expected
    assert one.k.vm_events["pswpout"] > 48
    assert one.k.vm_events["pswpin"] > 48
    settle(one.k)
    audit(one.k)


def test_what_is_reclaimed_is_the_same_each_time() -> None:
    results = []
    for _ in range(2):
        one = touched(pages=144, frames=96)
        one.letters()
        results.append(
            (
                [one.pte(n) for n in range(144)],
                dict(one.k.vm_events),
                dict(one.k.swap.swap_map),
            )
        )
    assert results[0] == results[1]


def test_two_programs_can_share_memory_that_is_too_small_for_both() -> None:
    one = touched(pages=60, frames=96)
    other = area(one.k, 60)
    other.fill_all(text(60).upper())
    assert one.letters() == text(60)
    assert other.letters() == text(60).upper()
    settle(one.k)
    audit(one.k)


def test_a_fork_whose_pages_were_swapped_out_gets_them_back_like_its_parent() -> None:
    one = touched(pages=40, frames=96)
    child = one.fork()
    child.fill(0, "X")
    other = area(one.k, 60)
    other.fill_all(text(60))
    assert swapped_out(one)
    assert one.letters() == text(40)
    assert child.letters() == "X" + text(40)[1:]
    settle(one.k)
    audit(one.k)


def test_the_end_of_a_program_gives_its_swap_slots_back() -> None:
    one = touched(pages=144, frames=96)
    k = one.k
    assert k.swap.inuse_pages >= 48
    one.process.exit()
    settle(k)
    assert k.swap.inuse_pages == 0
    assert k.swap.swap_map == {}
    assert lru_pages(k) == []
    audit(k)


# Active and inactive.


def test_a_new_page_is_active() -> None:
    one = touched()
    assert sizes(one.k) == (4, 0)
    assert one.page(0).flags & PG_active
    audit(one.k)


def test_pages_leave_the_active_list_from_its_tail_and_become_old() -> None:
    one = touched(pages=4)
    deactivate(one, 2)
    assert sizes(one.k) == (2, 2)
    assert [bool(one.page(n).flags & PG_active) for n in range(4)] == [0, 0, 1, 1]
    assert [bool(one.pte(n) & A) for n in range(4)] == [0, 0, 1, 1]
    assert all(one.page(n).flags & PG_lru for n in range(4))
    assert one.k.vm_events["pgdeactivate"] == 2
    audit(one.k)


def test_the_inactive_list_is_low_if_the_other_is_longer() -> None:
    one = touched(pages=4)
    zone = zone_of(one.k)
    seen = []
    for _ in range(4):
        is_low = alone(inactive_is_low(zone, LRU_ACTIVE_ANON))
        seen.append((sizes(one.k), is_low))
        deactivate(one, 1)
    assert seen == [((4, 0), True), ((3, 1), True), ((2, 2), False), ((1, 3), False)]
    audit(one.k)


def test_an_old_page_goes_and_a_young_one_becomes_active_again() -> None:
    one = touched(pages=4)
    deactivate(one)
    assert one.letter(1) + one.letter(3) == "bd"  # makes them young
    assert reclaim(one) == 2
    assert swapped_out(one) == [0, 2]
    assert sizes(one.k) == (2, 0)
    assert one.k.vm_events["pgactivate"] == 2
    assert one.k.vm_events["pswpout"] == 2
    assert one.letters() == "abcd"
    settle(one.k)
    audit(one.k)


def test_pages_are_given_up_from_the_tail_and_no_more_than_asked_for() -> None:
    one = touched(pages=8)
    deactivate(one)
    assert reclaim(one, 3) == 3
    assert swapped_out(one) == [0, 1, 2], "those that were written first"
    audit(one.k)


def test_a_page_that_was_swapped_out_is_free_and_its_contents_are_on_the_device() -> (
    None
):
    one = touched(pages=1)
    page = one.page(0)
    deactivate(one)
    before = free_frames(one.k)
    assert reclaim(one) == 1
    assert free_frames(one.k) == before + 1
    assert (page.count, page.mapcount, page.mapping) == (0, -1, None)
    assert list(one.k.swap.device.values()) == [b"a" * 4096]
    assert list(one.k.swap.swap_map.values()) == [1]
    audit(one.k)


def test_a_page_that_comes_back_is_in_the_swap_cache_until_it_is_written_to() -> None:
    one = touched(pages=4)
    deactivate(one)
    reclaim(one)
    assert one.letter(0) == "a"
    settle(one.k)
    page = one.page(0)
    assert page.flags & PG_swapcache
    assert not page.flags & PG_active
    audit(one.k)
    one.fill(0, "A")
    assert one.page(0) is page
    assert not page.flags & PG_swapcache
    assert one.letters() == "Abcd"
    settle(one.k)
    audit(one.k)


def test_a_clean_page_of_the_swap_cache_is_not_written_again() -> None:
    one = touched(pages=1, swap_slots=8)
    deactivate(one)
    reclaim(one)
    assert one.letter(0) == "a"
    settle(one.k)
    reclaim(one)  # it is young at first
    deactivate(one)
    assert reclaim(one) == 1
    assert one.k.vm_events["pswpout"] == 1
    assert one.letter(0) == "a"
    settle(one.k)
    audit(one.k)


# What stays.


def test_locked_memory_stays() -> None:
    one = touched(pages=8)
    call = sys_mlock(one.k, one.process.task, one.address(2), 2 * 4096)
    assert one.process.run(call) == 0
    for _ in range(3):
        deactivate(one)
        reclaim(one)
    assert swapped_out(one) == [0, 1, 4, 5, 6, 7]
    assert one.letters() == text(8)
    settle(one.k)
    audit(one.k)


def test_locked_memory_stays_while_another_program_needs_more_than_there_is() -> None:
    one = touched(pages=20, frames=96)
    one.process.run(sys_mlock(one.k, one.process.task, one.address(0), 20 * 4096))
    before = one.pfns()
    other = area(one.k, 100)
    other.fill_all(text(100))
    assert other.letters() == text(100)
    assert one.pfns() == before
    settle(one.k)
    audit(one.k)


def test_a_pinned_page_is_not_given_up() -> None:
    one = touched(pages=2)
    page = one.page(0)
    alone(get_page(page))
    deactivate(one)
    assert reclaim(one) == 1
    assert page.count > 0
    assert one.letters() == "ab"
    assert one.page(0) is page, "found again in the swap cache"
    alone(put_page(one.k, page))
    settle(one.k)
    audit(one.k)


def test_a_locked_page_is_passed_over() -> None:
    one = touched(pages=2)
    deactivate(one)
    page = one.page(0)
    alone(page.locked.lock())
    assert reclaim(one) == 1
    assert one.page(0) is page
    alone(page.locked.unlock())
    assert reclaim(one) == 1
    assert one.letters() == "ab"
    settle(one.k)
    audit(one.k)


def test_a_page_that_is_isolated_or_cannot_be_evicted_is_not_met() -> None:
    one = touched(pages=3)
    deactivate(one)
    isolated, unevictable = one.page(0), one.page(1)
    for page in (isolated, unevictable):
        assert alone(isolate_lru_page(one.k, page))
    unevictable.flags |= PG_unevictable
    alone(putback_lru_page(one.k, unevictable))
    settle(one.k)
    assert reclaim(one) == 1
    assert swapped_out(one) == [2]
    alone(putback_lru_page(one.k, isolated))
    settle(one.k)
    audit(one.k)


@pytest.mark.parametrize(
    ("mode", "active", "inactive"),
    [
        (ISOLATE_BOTH, True, True),
        (ISOLATE_ACTIVE, True, False),
        (ISOLATE_INACTIVE, False, True),
    ],
)
def test_who_isolates_says_whether_pages_may_be_active(
    mode: int, active: bool, inactive: bool
) -> None:
    one = touched(pages=2)
    deactivate(one, 1)

    async def isolate(page: Page) -> bool:
        async with page.zone.lru_lock:
            return await isolate_lru_page_locked(page, mode, file=None)

    taken = [alone(isolate(one.page(n))) for n in range(2)]
    assert taken == [inactive, active]
    for number in range(2):
        if taken[number]:
            alone(putback_lru_page(one.k, one.page(number)))
    settle(one.k)
    audit(one.k)


def test_reclaim_never_meets_a_page_under_migration() -> None:
    """Whoever goes first, and wherever the other comes in."""
    for seed in range(40):
        one = touched(pages=3, cpus=2)
        k = one.k
        deactivate(one)
        pages = [one.page(n) for n in range(3)]

        async def migrate(k: Kernel = k, pages: list[Page] = pages) -> None:
            taken = [page for page in pages if await isolate_lru_page(k, page)]
            await migrate_pages(k, taken, new_frame)

        async def shrink(k: Kernel = k) -> None:
            await shrink_inactive_list(
                k, zone_of(k), SWAP_CLUSTER_MAX, LRU_INACTIVE_ANON
            )

        threads = [KThread("migrate", 100, 0, migrate())]
        threads.append(KThread("reclaim", 101, 1, shrink()))
        machine = Machine([*threads, *interrupt_threads(k)])
        walk = RandomWalk(seed)
        walk.next_run()
        machine.run(walk)
        assert machine.failure is None
        settle(k)
        assert one.letters() == "abc"
        settle(k)
        audit(k)


# No way out.


def test_without_swap_an_allocation_fails_instead_of_looping() -> None:
    one = touched(pages=60, frames=96, swap_slots=0)
    k = one.k
    taken = []
    while (page := alone(alloc_page(k, GFP_HIGHUSER_MOVABLE), k)) is not None:
        taken.append(page)
    assert free_frames(k) == 0
    assert k.vm_events["allocstall"] >= 1
    assert k.vm_events["pswpout"] == 0
    for page in taken:
        alone(put_page(k, page))
    settle(k)
    assert one.letters() == text(60)
    audit(k)


def test_a_program_that_wants_more_than_memory_and_swap_is_told_so() -> None:
    one = area(boot("2.6.34", frames=64, cpus=1, swap_slots=17), 128)
    with pytest.raises(OutOfMemory):
        one.fill_all(text(128))
    settle(one.k)
    assert one.k.swap.nr_swap_pages == 0
    here = [n for n in range(128) if pte_present(one.pte(n))]
    assert len(swapped_out(one)) == 16
    assert len(here) + 16 > 64
    assert "".join(map(one.letter, here)) == "".join(text(128)[n] for n in here)
    with pytest.raises(OutOfMemory):
        one.letter(swapped_out(one)[0])
    audit(one.k)
    one.process.exit()
    settle(one.k)
    audit(one.k)


def test_without_free_slots_only_pages_of_files_would_be_scanned() -> None:
    def ratio(slots: int) -> tuple[int, int]:
        one = touched(swap_slots=slots)
        zone = zone_of(one.k)
        return alone(get_scan_ratio(one.k, zone, alone(lru_sizes(zone))))

    assert ratio(0) == (0, 100)
    anon, file = ratio(8)
    assert anon + file == 100
    assert anon > 0


@pytest.mark.parametrize("gfp", [GFP_ATOMIC, GFP_WAIT])
def test_who_cannot_wait_for_the_device_reclaims_nothing(gfp: int) -> None:
    one = touched(pages=40, frames=96)
    k = one.k
    taken = []
    while (page := alone(alloc_page(k, gfp), k)) is not None:
        taken.append(page)
    assert k.vm_events["pswpout"] == 0
    page = alone(alloc_page(k, GFP_KERNEL), k)
    assert page is not None
    assert k.vm_events["pswpout"] > 0
    for each in (*taken, page):
        alone(put_page(k, each))
    assert one.letters() == text(40)
    settle(k)
    audit(k)


def test_direct_reclaim_frees_a_cluster_and_no_more_than_it_must() -> None:
    one = touched(pages=100, frames=160)
    k = one.k
    freed = alone(try_to_free_pages(k, k.zones, 0, GFP_KERNEL), k)
    assert SWAP_CLUSTER_MAX <= freed < 3 * SWAP_CLUSTER_MAX
    settle(k)
    assert len(swapped_out(one)) == freed
    assert k.vm_events["allocstall"] == 1
    assert k.vm_events["pgscan_direct_dma"] >= freed
    assert k.vm_events["pgscan_kswapd_dma"] == 0
    assert one.letters() == text(100)
    settle(k)
    audit(k)


# kswapd.


RESERVE = 64  # min_free_kbytes: 16 pages, so that LOW is 20 and HIGH 24


def with_kswapd(frames: int = 128) -> Kernel:
    k = boot("2.6.34", frames=frames, swap_slots=256, min_free_kbytes=RESERVE)
    assert zone_of(k).watermark == [16, 20, 24]
    return k


class DaemonsFirst:
    """Whoever serves others goes on as soon as there is anything to do."""

    def choose(self, machine: Machine, enabled: Sequence[KThread]) -> KThread:
        return next((thread for thread in enabled if thread.daemon), enabled[0])


PROGRAM, KSWAPD = 0, 1


def beside_kswapd(k: Kernel, made: Area, pages: int) -> Machine:
    """A program that writes to its first pages, with kswapd on the other CPU."""
    task = made.process.task

    async def run() -> None:
        for page, letter in enumerate(text(pages)):
            await task.cpu.store(made.address(page), letter.encode(), user=True)

    threads = [
        KThread("program", 100, 0, run(), task=task),
        KThread("kswapd0", 101, 1, kswapd(k, 0), daemon=True),
    ]
    return Machine([*threads, *interrupt_threads(k)], max_steps=200_000)


def run_beside_kswapd(k: Kernel, made: Area, pages: int, turns: Chooser) -> None:
    """Let it run to its end."""
    machine = beside_kswapd(k, made, pages)
    assert machine.run(turns)
    assert machine.failure is None
    machine.close()
    settle(k)


def test_kswapd_sleeps_while_memory_is_not_low() -> None:
    k = with_kswapd()
    one = area(k, 80)
    run_beside_kswapd(k, one, 80, DaemonsFirst())
    assert zone_of(k).nr_free_pages > zone_of(k).watermark[WMARK_LOW]
    assert k.vm_events["pageoutrun"] == 0
    assert swapped_out(one) == []
    audit(k)


def test_kswapd_wakes_below_low_and_works_until_there_is_more_than_high() -> None:
    k = with_kswapd()
    one, zone = area(k, 104), zone_of(k)
    machine = beside_kswapd(k, one, 104)

    def woken(_thread: KThread, _op: Op) -> bool:
        kswapd = machine.threads[KSWAPD].pending
        return kswapd is not None and kswapd.possible()

    answer_interrupts(machine)  # all daemons go on until they have nothing to do
    go_until(machine, PROGRAM, woken)
    assert zone.nr_free_pages == zone.watermark[WMARK_LOW]
    assert swapped_out(one) == []
    answer_interrupts(machine)
    assert k.vm_events["pgscan_kswapd_dma"] > 0
    freed = len(swapped_out(one))
    assert zone.nr_free_pages > zone.watermark[WMARK_HIGH]
    assert 4 < freed < 3 * SWAP_CLUSTER_MAX
    to_end(machine, PROGRAM)
    assert k.vm_events["allocstall"] == 0
    machine.close()
    settle(k)
    assert one.letters() == text(104)
    settle(k)
    audit(k)


def test_a_kswapd_that_is_quick_saves_the_program_all_reclaiming() -> None:
    k = with_kswapd()
    one = area(k, 160)
    run_beside_kswapd(k, one, 160, DaemonsFirst())
    assert k.vm_events["allocstall"] == 0
    assert k.vm_events["pswpout"] >= 60
    assert one.letters() == text(160)
    settle(k)
    audit(k)


@pytest.mark.parametrize("quantum", [1, 7, 50])
def test_program_and_kswapd_reclaim_side_by_side_and_nothing_is_lost(
    quantum: int,
) -> None:
    k = with_kswapd()
    one = area(k, 160)
    turns = RoundRobin(quantum)
    turns.next_run()
    run_beside_kswapd(k, one, 160, turns)
    assert k.vm_events["pswpout"] >= 50
    assert one.letters() == text(160)
    settle(k)
    audit(k)


def test_kswapd_of_a_node_is_asked_only_if_a_zone_is_low() -> None:
    k = with_kswapd()
    alone(wakeup_kswapd(k, k.zones, 0), k)
    assert not k.kswapds[0].asked
    taken = []
    while zone_of(k).nr_free_pages > zone_of(k).watermark[WMARK_MIN]:
        page = alone(alloc_page(k, GFP_ATOMIC), k)
        assert page is not None
        taken.append(page)
    assert k.kswapds[0].asked
    for page in taken:
        alone(put_page(k, page))
    audit(k)


def test_balancing_a_node_that_has_enough_does_nothing() -> None:
    one = touched(pages=20, min_free_kbytes=RESERVE)
    before = sizes(one.k)
    assert alone(balance_pgdat(one.k, 0, 0), one.k) == 0
    assert sizes(one.k) == before
    assert swapped_out(one) == []
    audit(one.k)
