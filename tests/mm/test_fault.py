"""Page faults: what a program gets, and what ends it."""

from __future__ import annotations

import pytest
from building import BASE, alone, boot, lru_pages, process, settle, thread

from kmm.hw.memory import PAGE_SIZE, VirtAddr
from kmm.hw.modes import RW, US, D, P
from kmm.mm.audit import audit
from kmm.mm.boot import interrupt_threads
from kmm.mm.fault import SEGV_ACCERR, SEGV_MAPERR, SIGSEGV, FatalSignal
from kmm.mm.gup import get_user_page
from kmm.mm.memory import OutOfMemory
from kmm.mm.mm_types import VM_GROWSDOWN, VM_READ, VM_WRITE
from kmm.mm.mmap import RLIMIT_STACK
from kmm.mm.swap import put_page
from kmm.sim.machine import Machine
from kmm.sim.search import search
from kmm.sim.strategies import SourceDpor


def test_a_first_write_gets_a_page_of_zeros_that_is_the_programs_own() -> None:
    p = process(boot())
    p.write(1, b"x")
    assert p.read(1, 4) == b"x\0\0\0"
    assert p.pte(1) & (P | RW | US | D) == P | RW | US | D
    page = p.page(1)
    assert (page.count, page.mapcount) == (1, 0)
    assert page in lru_pages(p.k)
    audit(p.k)


def test_pages_are_numbered_by_their_addresses() -> None:
    p = process(boot())
    p.write(3, b"x")
    assert p.page(3).index == (BASE >> 12) + 3


def test_an_address_without_a_vma_is_sigsegv() -> None:
    p = process(boot(), pages=2)
    with pytest.raises(FatalSignal, match=r"test\[7\]: segfault at 7f0000002000") as e:
        p.write(2, b"x")
    assert (e.value.signal, e.value.si_code) == (SIGSEGV, SEGV_MAPERR)
    assert p.mm.mmap_sem.readers == [], "a signal is not an oops: no lock is left held"


def test_a_write_to_a_read_only_vma_is_sigsegv() -> None:
    p = process(boot(), flags=VM_READ)
    with pytest.raises(FatalSignal, match="error 6") as e:
        p.write(0, b"x")
    assert (e.value.signal, e.value.si_code) == (SIGSEGV, SEGV_ACCERR)


def test_a_stack_grows_to_where_it_is_touched_but_not_beyond_its_limit() -> None:
    p = process(boot())
    p.write(-3, b"deep")
    assert p.vma.vm_start == p.address(-3)
    assert p.vma.vm_pgoff == p.vma.vm_start >> 12, "the pages keep their numbers"
    with pytest.raises(FatalSignal):
        p.write(-RLIMIT_STACK // PAGE_SIZE - 1, b"too deep")


def test_what_is_no_stack_does_not_grow() -> None:
    p = process(boot(), flags=VM_READ | VM_WRITE)
    assert not p.vma.vm_flags & VM_GROWSDOWN
    with pytest.raises(FatalSignal):
        p.write(-1, b"x")


def test_without_a_free_frame_a_fault_is_out_of_memory() -> None:
    p = process(boot(frames=4))
    with pytest.raises(OutOfMemory):
        p.write(0, b"x")


def test_the_kernel_can_fault_a_page_in_for_itself() -> None:
    p = process(boot())
    page = alone(get_user_page(p.k, p.mm, p.address(2), write=True))
    settle(p.k)
    assert page is p.page(2)
    assert page is not None
    assert page.count == 2
    alone(put_page(p.k, page))
    nowhere = VirtAddr(0x1000)
    p.vma.vm_flags &= ~VM_GROWSDOWN
    assert alone(get_user_page(p.k, p.mm, nowhere, write=True)) is None


def test_two_threads_that_fault_on_one_page_get_the_same_page() -> None:
    """All interleavings: the loser of the race gives its frame back."""

    def boot_race() -> Machine:
        p = process(boot(frames=12), pages=1)
        k = p.k

        async def touch() -> None:
            page = await get_user_page(k, p.mm, BASE, write=True)
            assert page is not None
            await put_page(k, page)

        def check() -> None:
            audit(k)

        threads = [thread(0, touch()), thread(1, touch())]
        return Machine([*threads, *interrupt_threads(k)], check)

    result = search(boot_race, SourceDpor(), budget=400)
    assert result.failure is None
