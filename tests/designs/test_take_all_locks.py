"""The order in which all anon_vmas of an address space are locked."""

from __future__ import annotations

import pytest
from building import alone, boot

from kmm.designs import QUESTIONS, find_kernel
from kmm.designs.take_all_locks import TakeAllLocks
from kmm.hw.memory import VirtAddr
from kmm.kernel.process import Process, start_process
from kmm.mm.mm_types import AnonVma
from kmm.sim.trap import get_current

AREA = VirtAddr(0x7F00_0000_0000)
ANSWERS = list(QUESTIONS["take-all-locks"])


def grandchild(answer: str, walks: str) -> Process:
    """A process with two ancestors, and so three anon_vmas."""
    spec = find_kernel("2.6.34").with_answer("take-all-locks", answer)
    k = boot(spec.with_answer("rmap-walk", walks), frames=64)
    process = start_process(k, "first", 0)
    process.map_anonymous(AREA, 1)
    process.store(AREA, b"x")
    return process.fork().fork()


def names_locked(process: Process) -> tuple[list[AnonVma], list[str]]:
    """All its anon_vmas from the oldest, and the locks as they are taken."""
    k, mm = process.k, process.mm
    (vma,) = (vma for vma in mm.mmap if vma.anon_vma is not None)
    oldest_first = [avc.anon_vma for avc in reversed(vma.anon_vma_chain)]
    spec = k.take_all_locks
    assert isinstance(spec, TakeAllLocks)

    async def body() -> list[str]:
        async with mm.mmap_sem.for_write:
            await spec.mm_take_all_locks(k, mm)
            held = [lock.name for lock in (await get_current()).held]
            for anon_vma in oldest_first:
                await spec.vm_unlock_anon_vma(anon_vma)
            await k.mm_all_locks_mutex.unlock()
            assert [lock.name for lock in (await get_current()).held] == held[:1]
            return held

    held = alone(body(), k)
    return oldest_first, [name for name in held if name.startswith("anon_vma#")]


def test_the_newest_comes_first_in_2_6_34() -> None:
    oldest_first, taken = names_locked(grandchild("newest-first", "local-lock"))
    assert taken == [anon_vma.lock.name for anon_vma in reversed(oldest_first)]
    assert len(taken) == 3


def test_the_oldest_comes_first_in_version_6() -> None:
    oldest_first, taken = names_locked(grandchild("oldest-first", "root-order"))
    assert taken == [anon_vma.lock.name for anon_vma in oldest_first]


def test_one_root_is_locked_once_where_all_locks_are_its_own() -> None:
    oldest_first, taken = names_locked(grandchild("root-mark", "root-lock"))
    assert taken == [oldest_first[0].lock.name]
    assert not any(anon_vma.taken for anon_vma in oldest_first)


@pytest.mark.parametrize("answer", ANSWERS)
def test_no_anon_vma_is_marked_as_locked_afterwards(answer: str) -> None:
    walks = "root-lock" if answer == "root-mark" else "local-lock"
    oldest_first, _ = names_locked(grandchild(answer, walks))
    assert not any(anon_vma.taken for anon_vma in oldest_first)
    assert all(anon_vma.lock.owner is None for anon_vma in oldest_first)
