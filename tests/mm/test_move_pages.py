"""move_pages(2) of 2.6.34: what it says of each page, and where that is afterwards."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from areas import Area, area
from building import alone, boot, free_frames, settle

from kmm.kernel.syscalls import sys_mprotect
from kmm.mm.audit import audit
from kmm.mm.boot import run_on
from kmm.mm.errno import (
    EACCES,
    EAGAIN,
    EBUSY,
    EFAULT,
    EINVAL,
    ENODEV,
    ENOENT,
    ENOMEM,
)
from kmm.mm.gfp import GFP_ATOMIC, GFP_THISNODE
from kmm.mm.ksm import ksm_do_scan
from kmm.mm.madvise import MADV_MERGEABLE
from kmm.mm.mm_types import VM_IO, PageKsm
from kmm.mm.mmap import PROT_READ
from kmm.mm.move_pages import (
    CHUNK,
    MPOL_MF_MOVE,
    MPOL_MF_MOVE_ALL,
    page_to_nid,
    sys_move_pages,
)
from kmm.mm.page_alloc import alloc_page, get_page
from kmm.mm.swap import put_page
from kmm.mm.vmscan import isolate_lru_page, putback_lru_page

HOLE = 100  # a page number far above all memory of the program


def touched(pages: int = 4, nodes: str = "", frames: int = 512) -> Area:
    """A program on node 0 that has touched its pages, each on CPU 0 or 1.

    A first touch takes a page from the CPU's own node.
    """
    made = area(boot(frames=frames, nodes=2), pages)
    k, task = made.k, made.process.task
    for page, node in enumerate(nodes or "0" * pages):
        cpu = k.cpus[int(node)]
        data = bytes([page % 256]) * 8
        run_on(k, cpu.store(made.address(page), data, user=True), int(node), task)
    settle(k)
    return made


def move(
    made: Area,
    pages: Sequence[int],
    nodes: Sequence[int] | None,
    flags: int = MPOL_MF_MOVE,
) -> tuple[int, list[int]]:
    """What the call returned, and the statuses that it wrote."""
    where = [made.address(page) for page in pages]
    call = sys_move_pages(made.k, made.process.mm, where, nodes, flags)
    rc, statuses = made.process.run(call)
    settle(made.k)
    return rc, [statuses[place] for place in sorted(statuses)]


def nodes_of(made: Area) -> list[int]:
    return [page_to_nid(made.page(page)) for page in range(made.pages)]


def check(made: Area) -> None:
    """The pages hold what was written to them, and nothing is lost."""
    for page in range(made.pages):
        assert made.process.load(made.address(page), 8) == bytes([page % 256]) * 8
    audit(made.k)


# Pages that move.


def test_pages_are_on_the_node_that_was_asked_for_and_keep_their_contents() -> None:
    one = touched(4, "0101")
    free = free_frames(one.k)
    assert move(one, range(4), [1, 1, 0, 0]) == (0, [1, 1, 0, 0])
    assert nodes_of(one) == [1, 1, 0, 0]
    assert free_frames(one.k) == free
    check(one)


def test_a_page_that_is_there_already_stays_in_its_frame() -> None:
    one = touched(2, "01")
    before = one.pfns()
    assert move(one, range(2), [0, 1]) == (0, [0, 1])
    assert one.pfns() == before
    check(one)


def test_only_the_pages_that_were_named_move() -> None:
    one = touched(4)
    assert move(one, [2, 0], [1, 1]) == (0, [1, 1])
    assert nodes_of(one) == [1, 0, 1, 0]
    check(one)


def test_any_address_within_a_page_names_it() -> None:
    one = touched(1)
    call = sys_move_pages(
        one.k, one.process.mm, [one.address(0) + 123], [1], MPOL_MF_MOVE
    )
    assert one.process.run(call) == (0, {0: 1})
    settle(one.k)
    assert nodes_of(one) == [1]
    check(one)


def test_pages_move_in_chunks_of_169() -> None:
    assert CHUNK == 169
    one = touched(170, frames=1024)
    assert move(one, range(170), [1] * 170) == (0, [1] * 170)
    assert nodes_of(one) == [1] * 170
    check(one)


# Errors of the whole call.


@pytest.mark.parametrize("flags", [1, 8, MPOL_MF_MOVE | 1, 0x100])
def test_unknown_flags_are_an_error_and_nothing_moves(flags: int) -> None:
    one = touched()
    assert move(one, range(4), [1] * 4, flags) == (-EINVAL, [])
    assert move(one, range(4), None, flags) == (-EINVAL, [])
    assert nodes_of(one) == [0] * 4
    check(one)


@pytest.mark.parametrize("node", [-1, 2, 64])
def test_a_node_that_is_none_ends_the_call_before_its_chunk_moves(node: int) -> None:
    one = touched()
    assert move(one, range(4), [1, 1, 1, node]) == (-ENODEV, [])
    assert nodes_of(one) == [0] * 4
    check(one)


def test_the_chunks_before_the_one_with_the_bad_node_have_moved() -> None:
    one = touched(170, frames=1024)
    assert move(one, range(170), [1] * 169 + [2]) == (-ENODEV, [1] * 169)
    assert nodes_of(one) == [1] * 169 + [0]
    check(one)
    one = touched(170, frames=1024)
    assert move(one, range(170), [1] * 168 + [2, 1]) == (-ENODEV, [])
    assert nodes_of(one) == [0] * 170
    check(one)


def test_where_a_node_is_full_the_call_fails_for_lack_of_memory() -> None:
    one = touched()
    k = one.k
    full = []
    while (page := alone(alloc_page(k, GFP_ATOMIC | GFP_THISNODE, 1), k)) is not None:
        full.append(page)
    rc, _ = move(one, range(4), [1] * 4)
    assert rc == -ENOMEM
    assert nodes_of(one) == [0] * 4
    for page in full:
        alone(put_page(k, page))
    check(one)


# Statuses of pages that do not move.


def test_a_page_that_was_never_touched_is_not_there() -> None:
    one = touched(3, "00")
    assert move(one, range(3), [1] * 3) == (0, [1, 1, -ENOENT])
    assert one.pte(2) == 0, "nobody has touched it now either"
    audit(one.k)


def test_the_zero_page_counts_as_not_there() -> None:
    one = touched(2, "0")
    assert one.process.load(one.address(1), 1) == b"\0"
    assert move(one, range(2), [1] * 2) == (0, [1, -ENOENT])
    assert one.page(1) is one.k.zero_page
    audit(one.k)


def test_pages_of_ksm_count_as_not_there() -> None:
    one = area(boot(frames=512, nodes=2), 3)
    one.advise(MADV_MERGEABLE)
    one.fill_all("aab")
    settle(one.k)
    for _ in range(4):
        alone(ksm_do_scan(one.k, 100), one.k)
    shared = one.page(0)
    assert PageKsm(shared)
    assert move(one, range(3), [1] * 3) == (0, [-ENOENT, -ENOENT, 1])
    assert one.page(0) is one.page(1) is shared
    assert one.letters() == "aab"
    audit(one.k)


def test_in_a_hole_below_memory_it_is_the_page_that_is_missing() -> None:
    """2.6.34 does not ask whether the VMA that it found starts above the address."""
    one = touched(3)
    one.unmap(1)
    assert move(one, [0, 1, 2], [1] * 3) == (0, [1, -ENOENT, 1])
    call = sys_move_pages(one.k, one.process.mm, [0x1000], [1], MPOL_MF_MOVE)
    assert one.process.run(call) == (0, {0: -ENOENT})
    audit(one.k)


def test_above_all_memory_the_address_is_bad() -> None:
    one = touched(2)
    assert move(one, [0, HOLE, 1], [1] * 3) == (0, [1, -EFAULT, 1])
    assert nodes_of(one) == [1, 1]
    check(one)


def test_memory_of_a_device_is_a_bad_address() -> None:
    one = touched(2)
    one.vma.vm_flags |= VM_IO
    assert move(one, range(2), [1] * 2) == (0, [-EFAULT] * 2)
    assert nodes_of(one) == [0, 0]
    audit(one.k)


def test_a_page_that_is_isolated_already_is_busy() -> None:
    one = touched(2)
    page = one.page(0)
    assert alone(isolate_lru_page(one.k, page))
    assert move(one, range(2), [1] * 2) == (0, [-EBUSY, 1])
    alone(putback_lru_page(one.k, page))
    settle(one.k)
    assert move(one, range(2), [1] * 2) == (0, [1, 1])
    check(one)


def test_a_pinned_page_says_try_again() -> None:
    one = touched(2)
    page = one.page(0)
    alone(get_page(page))
    assert move(one, range(2), [1] * 2) == (0, [-EAGAIN, 1])
    assert one.page(0) is page
    alone(put_page(one.k, page))
    check(one)


# Pages of several programs.


def test_a_page_that_two_programs_map_stays_unless_all_are_to_be_moved() -> None:
    one = touched(2)
    child = one.fork()
    child.process.store(child.address(1), b"childish")
    settle(one.k)
    assert move(one, range(2), [1] * 2) == (0, [-EACCES, 1])
    assert nodes_of(one) == [0, 1]
    check(one)
    assert move(one, range(2), [1] * 2, MPOL_MF_MOVE_ALL) == (0, [1, 1])
    assert nodes_of(one) == [1, 1]
    assert child.page(0) is one.page(0)
    assert page_to_nid(child.page(1)) == 0
    check(one)
    assert child.process.load(child.address(1), 8) == b"childish"
    audit(one.k)


def test_a_shared_page_that_is_there_already_is_no_error() -> None:
    one = touched(1)
    one.fork()
    assert move(one, [0], [0]) == (0, [0])
    check(one)


def test_a_moved_page_that_was_shared_is_still_copied_on_a_write() -> None:
    one = touched(1)
    child = one.fork()
    move(one, [0], [1], MPOL_MF_MOVE_ALL)
    child.process.store(child.address(0), b"childish")
    settle(one.k)
    assert child.page(0) is not one.page(0)
    check(one)


def test_a_page_of_memory_that_may_not_be_written_moves_and_stays_so() -> None:
    one = touched(1)
    call = sys_mprotect(one.k, one.process.task, one.address(0), 4096, PROT_READ)
    assert one.process.run(call) == 0
    before = one.pte(0) & 0xFFF
    assert move(one, [0], [1]) == (0, [1])
    assert one.pte(0) & 2 == before & 2 == 0
    check(one)


# Only asking.


def test_without_nodes_the_call_says_where_pages_are() -> None:
    one = touched(4, "010")
    before = one.pfns()[:3]
    assert move(one, [*range(4), HOLE], None, 0) == (0, [0, 1, 0, -ENOENT, -EFAULT])
    assert one.pfns()[:3] == before
    audit(one.k)


def test_asking_does_not_see_the_zero_page_or_pages_of_ksm() -> None:
    one = area(boot(frames=512, nodes=2), 4)
    one.advise(MADV_MERGEABLE)
    one.fill_all("aab")
    one.letter(3)
    settle(one.k)
    for _ in range(4):
        alone(ksm_do_scan(one.k, 100), one.k)
    assert move(one, range(4), None) == (0, [-ENOENT, -ENOENT, 0, -ENOENT])
    audit(one.k)


def test_asking_does_not_see_holes_as_bad_addresses_unless_nothing_is_above() -> None:
    one = touched(3)
    one.unmap(1)
    one.unmap(2)
    two = touched(3)
    two.unmap(1)
    assert move(one, [0, 1], None) == (0, [0, -EFAULT])
    assert move(two, [0, 1, 2], None) == (0, [0, -ENOENT, 0])
    audit(one.k)
    audit(two.k)


def test_asking_and_moving_do_nothing_for_no_pages() -> None:
    one = touched(1)
    assert move(one, [], []) == (0, [])
    assert move(one, [], None) == (0, [])
    check(one)
