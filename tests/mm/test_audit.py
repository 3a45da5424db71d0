"""The audit notices counts that do not add up."""

from __future__ import annotations

import pytest
from building import Process, alone, boot, process, settle

from kmm.kernel.exit import do_exit
from kmm.mm.audit import audit
from kmm.mm.gfp import GFP_KERNEL
from kmm.mm.page_alloc import alloc_page, get_page
from kmm.sim.failure import Leak


def touched() -> Process:
    p = process(boot())
    p.write(0, b"x")
    return p


def test_a_process_at_rest_adds_up() -> None:
    audit(touched().k)


def test_a_reference_that_nobody_holds_is_a_leak() -> None:
    p = touched()
    alone(get_page(p.page(0)))
    with pytest.raises(Leak, match="2 references, 1 users"):
        audit(p.k)


def test_a_mapping_that_nobody_counted_is_noticed() -> None:
    p = touched()
    p.page(0).mapcount = -1
    with pytest.raises(Leak, match="mapcount says 0, page tables say 1"):
        audit(p.k)


def test_a_frame_that_was_never_given_back_is_a_leak() -> None:
    p = touched()
    alone(alloc_page(p.k, GFP_KERNEL))
    with pytest.raises(Leak, match="1 references, 0 users"):
        audit(p.k)


def test_a_frame_that_is_free_and_in_use_is_noticed() -> None:
    p = touched()
    page = p.page(0)
    page.zone.pageset[0].lists[0].add(page)
    with pytest.raises(Leak, match="free list"):
        audit(p.k)


def ended() -> Process:
    """A process that has ended, whose address space its CPU still has."""
    p = touched()
    alone(do_exit(p.k, p.task, 0), p.k, cpu=1)
    settle(p.k)
    audit(p.k)
    assert p.mm.name in p.k.mms
    return p


def test_a_dead_address_space_that_no_cpu_has_borrowed_is_a_leak() -> None:
    p = ended()
    p.k.running[1].active_mm = p.k.init_mm
    with pytest.raises(Leak, match="dead address space"):
        audit(p.k)


def test_a_dead_address_space_that_nobody_counts_is_a_leak() -> None:
    p = ended()
    p.mm.mm_count = 0
    with pytest.raises(Leak, match="dead address space"):
        audit(p.k)
