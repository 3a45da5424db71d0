"""Each answer to how walks and changes agree: what holds with nobody else about."""

from __future__ import annotations

import pytest
from building import alone, boot

from kmm.designs import QUESTIONS, find_kernel
from kmm.hw.memory import PAGE_SIZE, VirtAddr
from kmm.kernel.process import Process, start_process
from kmm.kernel.syscalls import sys_mprotect, sys_munmap
from kmm.mm.audit import audit
from kmm.mm.kernel import Kernel
from kmm.mm.mm_types import AnonVma, Page, VmArea
from kmm.mm.mmap import PROT_READ, PROT_WRITE
from kmm.mm.pgtable import find_pte, pte_pfn
from kmm.mm.rmap import (
    SWAP_AGAIN,
    SWAP_SUCCESS,
    page_unlock_anon_vma,
    rmap_walk,
)
from kmm.sim.machine import run_alone

ANSWERS = list(QUESTIONS["rmap-walk"])
AREA = VirtAddr(0x7F00_0000_0000)
PAGES = 4


def family(answer: str) -> list[Process]:
    """A process, its child and its grandchild, with one page that all have."""
    spec = find_kernel("2.6.34").with_answer("rmap-walk", answer)
    first = start_process(boot(spec, frames=96), "first", 0)
    first.map_anonymous(AREA, PAGES)
    first.store(AREA, b"shared")
    second = first.fork()
    return [first, second, second.fork()]


def page_at(process: Process, page: int = 0) -> Page:
    where = VirtAddr(AREA + page * PAGE_SIZE)
    ptep = run_alone(find_pte(process.k, process.mm, where))
    assert ptep is not None
    return process.k.mem_map[pte_pfn(ptep.value)]


def visited(page: Page, k: Kernel, enough: int = 9) -> list[tuple[VmArea, int]]:
    """The VMAs that a walk offers, and where; it ends after so many."""
    found: list[tuple[VmArea, int]] = []

    async def visit(k: Kernel, page: Page, vma: VmArea, where: VirtAddr) -> int:
        found.append((vma, where))
        return SWAP_SUCCESS if len(found) == enough else SWAP_AGAIN

    async def body() -> None:
        async with page.locked, k.rcu:
            await rmap_walk(k, page, visit)

    alone(body(), k)
    return found


def areas(process: Process) -> list[VmArea]:
    return list(process.mm.mmap)


@pytest.mark.parametrize("answer", ANSWERS)
def test_a_walk_visits_each_process_that_has_the_page_once(answer: str) -> None:
    processes = family(answer)
    page, k = page_at(processes[0]), processes[0].k
    found = visited(page, k)
    assert {id(vma.mm) for vma, _ in found} == {id(p.mm) for p in processes}
    assert len(found) == len(processes)
    assert {where for _, where in found} == {AREA}


@pytest.mark.parametrize("answer", ANSWERS)
def test_a_walk_for_an_own_page_offers_its_owner(answer: str) -> None:
    processes = family(answer)
    child = processes[1]
    child.store(VirtAddr(AREA + PAGE_SIZE), b"own")
    found = [vma.mm for vma, _ in visited(page_at(child, 1), child.k)]
    assert child.mm in found


@pytest.mark.parametrize("answer", ANSWERS)
def test_a_walk_ends_when_it_is_told_to_and_leaves_nothing_locked(answer: str) -> None:
    processes = family(answer)
    page = page_at(processes[0])
    assert len(visited(page, processes[0].k, enough=1)) == 1
    for process in processes:
        for vma in process.mm.mmap:
            for avc in vma.anon_vma_chain:
                assert avc.anon_vma.lock.owner is None


@pytest.mark.parametrize("answer", ANSWERS)
def test_a_boundary_that_moves_takes_the_page_to_its_new_vma(answer: str) -> None:
    process = family(answer)[2]
    address = VirtAddr(AREA + PAGE_SIZE)
    process.store(address, b"own")
    page = page_at(process, 1)
    for prot in (PROT_READ, PROT_READ | PROT_WRITE):
        call = sys_mprotect(process.k, process.task, address, PAGE_SIZE, prot)
        assert process.run(call) == 0
        audit(process.k)
        owners = [
            (vma, where)
            for vma, where in visited(page, process.k)
            if vma in areas(process)
        ]
        assert [where for _, where in owners] == [address]
        assert owners[0][0].vm_start <= address < owners[0][0].vm_end
    assert len(areas(process)) == 1


@pytest.mark.parametrize("answer", ANSWERS)
def test_the_lock_of_a_page_is_its_anon_vmas_or_its_roots(answer: str) -> None:
    process = family(answer)[2]
    address = VirtAddr(AREA + PAGE_SIZE)
    process.store(address, b"own")
    page = page_at(process, 1)
    k = process.k

    async def body() -> AnonVma | None:
        anon_vma = await k.rmap_walk.page_lock_anon_vma(k, page)
        assert anon_vma is not None
        locked = anon_vma.root if answer == "root-lock" else anon_vma
        assert locked.own_lock.owner is not None
        await page_unlock_anon_vma(k, anon_vma)
        assert locked.own_lock.owner is None
        return anon_vma

    assert alone(body(), k) is page.mapping


@pytest.mark.parametrize("answer", ANSWERS)
def test_a_page_that_nobody_maps_any_more_has_no_anon_vma_to_lock(answer: str) -> None:
    process = family(answer)[2]
    address = VirtAddr(AREA + PAGE_SIZE)
    process.store(address, b"own")
    page = page_at(process, 1)
    process.run(sys_munmap(process.k, process.task, address, PAGE_SIZE))
    k = process.k

    async def body() -> AnonVma | None:
        return await k.rmap_walk.page_lock_anon_vma(k, page)

    assert alone(body(), k) is None
