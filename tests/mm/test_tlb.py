"""TLB shootdown: who is interrupted, who answers, and that nothing stale is used."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from attrs import evolve
from building import Process, alone, boot, process, thread

from kmm.designs import find_kernel
from kmm.hw.cpu import Cpu
from kmm.mm import tlb
from kmm.mm.boot import interrupt_threads, run_task
from kmm.mm.kernel import Kernel, new_mm
from kmm.mm.mm_types import Mm, Task
from kmm.mm.pgtable import find_pte
from kmm.mm.tlb import (
    TLBSTATE_LAZY,
    TLBSTATE_OK,
    flush_tlb_mm,
    flush_tlb_page,
    leave_mm,
    ptep_clear_flush,
    switch_mm,
)
from kmm.scenarios import find_race
from kmm.scenarios.tlb import TLB_FLUSHED, TLB_LAZY
from kmm.sim.access import clear_bit, set_bit
from kmm.sim.failure import KernelBug
from kmm.sim.machine import Machine
from kmm.sim.recording import record
from kmm.sim.search import SearchResult, search
from kmm.sim.strategies import RoundRobin, SourceDpor


def touched(pages: int = 1) -> Process:
    p = process(boot(cpus=3))
    for page in range(pages):
        p.write(page, b"contents")
    return p


def known(p: Process, cpu: int = 1) -> list[int]:
    """The addresses that a CPU's TLB remembers."""
    return sorted(found.page for found in p.k.cpus[cpu].tlb)


def steps_of(p: Process, body: Coroutine[Any, Any, object], cpu: int = 0) -> list[str]:
    """What a kernel function did, alone but for interrupts: kind and object."""
    threads = [thread(0, body), *interrupt_threads(p.k)]
    threads[0].cpu = cpu
    made = record(lambda: Machine(threads), RoundRobin())
    assert made.failure is None
    return [f"{step.kind} {step.target}" for step in made.steps]


# Flushing.


def test_a_flush_of_one_page_drops_it_from_another_cpus_tlb_and_nothing_else() -> None:
    p = touched(3)
    assert known(p) == [p.address(n) for n in range(3)]
    alone(flush_tlb_page(p.k, p.vma, p.address(1)), p.k)
    assert known(p) == [p.address(0), p.address(2)]


def test_a_flush_of_the_address_space_drops_all_of_it() -> None:
    p = touched(3)
    alone(flush_tlb_mm(p.k, p.mm), p.k)
    assert known(p) == []


@pytest.mark.parametrize("whole", [False, True])
def test_the_cpu_that_runs_the_program_flushes_without_an_interrupt(
    whole: bool,
) -> None:
    p = touched(2)
    if whole:
        body = flush_tlb_mm(p.k, p.mm)
    else:
        body = flush_tlb_page(p.k, p.vma, p.address(0))
    steps = steps_of(p, body, cpu=1)
    assert known(p) == ([] if whole else [p.address(1)])
    assert not any("pending" in step for step in steps)


def test_only_cpus_in_the_mask_are_interrupted() -> None:
    p = touched()
    assert p.mm.cpu_vm_mask == 1 << 1
    steps = steps_of(p, flush_tlb_page(p.k, p.vma, p.address(0)))
    sent = [step for step in steps if step.startswith("write interrupts pending")]
    assert sent == ["write interrupts pending at CPU 1"]
    p.mm.cpu_vm_mask = 0
    steps = steps_of(p, flush_tlb_page(p.k, p.vma, p.address(0)))
    assert not any("pending" in step for step in steps)


def test_the_asker_waits_until_every_cpu_has_answered() -> None:
    p = touched()
    run_task(p.k, "test", 8, cpu=2, mm=p.mm)
    steps = steps_of(p, flush_tlb_page(p.k, p.vma, p.address(0)))
    done = steps.index("wait flush_state[0].flush_cpumask")
    answer = "write flush_state[0].flush_cpumask"
    answers = [n for n, step in enumerate(steps) if step == answer]
    assert len(answers) == 3, "the asker sets the mask, and two CPUs answer"
    assert max(answers) < done
    assert steps.index("release flush_state[0].tlbstate_lock") > done


def test_each_cpu_asks_through_a_slot_of_its_own() -> None:
    p = touched()
    steps = steps_of(p, flush_tlb_page(p.k, p.vma, p.address(0)), cpu=2)
    assert "acquire flush_state[2].tlbstate_lock" in steps


def test_clearing_an_entry_tells_of_a_write_that_was_made_meanwhile() -> None:
    """Over all interleavings: the entry returned is dirty if the write was made."""
    seen = set()

    def boot_race() -> Machine:
        p = process(boot())
        p.write(0, b"\0")
        alone(flush_tlb_mm(p.k, p.mm), p.k)
        ptep = alone(find_pte(p.k, p.mm, p.address(0)))
        assert ptep is not None
        ptep.value &= ~(1 << 5 | 1 << 6)  # old and clean
        frame = p.page(0).pfn
        cleared: list[int] = []

        async def clear() -> None:
            cleared.append(await ptep_clear_flush(p.k, p.vma, p.address(0), ptep))
            cleared.append(p.k.memory.read(frame << 12, 1)[0])  # type: ignore[arg-type]

        async def program() -> None:
            await p.task.cpu.store(p.address(0), b"x", user=True)

        def check() -> None:
            pte, byte = cleared
            seen.add((bool(pte & 1 << 6), byte))

        threads = [thread(0, clear()), thread(1, program())]
        return Machine([*threads, *interrupt_threads(p.k)], check)

    assert search(boot_race, SourceDpor()).verdict == "proved"
    assert seen == {(False, 0), (True, ord("x"))}


# Address spaces.


def other_mm(k: Kernel) -> Mm:
    return new_mm(k, k.init_mm.pgd)


def test_another_address_space_takes_the_cpu_with_it() -> None:
    p = touched()
    other = other_mm(p.k)
    alone(switch_mm(p.k, p.task.cpu, p.mm, other))
    assert (p.mm.cpu_vm_mask, other.cpu_vm_mask) == (0, 1 << 1)
    assert p.task.cpu.cr3 == other.pgd
    assert known(p) == []


def borrow(p: Process) -> Task:
    """A kernel thread takes over the program's CPU."""
    return run_task(p.k, "events/1", 10, cpu=1)


def test_a_kernel_thread_keeps_cr3_and_the_tlb_of_who_was_before() -> None:
    p = touched()
    kthread = borrow(p)
    assert (kthread.mm, kthread.active_mm) == (None, p.mm)
    assert p.k.shootdown.cpu_tlbstate[1].state == TLBSTATE_LAZY
    assert p.task.cpu.cr3 == p.mm.pgd
    assert known(p) == [p.address(0)]
    assert p.mm.cpu_vm_mask == 1 << 1


def test_a_flush_takes_a_lazy_cpu_out_of_the_mask_once_and_for_all() -> None:
    p = touched()
    borrow(p)
    alone(flush_tlb_page(p.k, p.vma, p.address(0)), p.k)
    assert p.mm.cpu_vm_mask == 0
    assert p.task.cpu.cr3 == p.k.init_mm.pgd
    assert known(p) == []
    steps = steps_of(p, flush_tlb_page(p.k, p.vma, p.address(0)))
    assert not any("pending" in step for step in steps)


def test_a_kernel_thread_that_flushes_what_it_borrows_leaves_it() -> None:
    p = touched()
    borrow(p)
    alone(flush_tlb_page(p.k, p.vma, p.address(0)), p.k, cpu=1)
    assert p.mm.cpu_vm_mask == 0
    assert known(p) == []


def test_who_comes_back_loads_cr3_only_if_a_flush_came_meanwhile() -> None:
    for flushed in (False, True):
        p = touched()
        borrow(p)
        if flushed:
            alone(flush_tlb_mm(p.k, p.mm), p.k)
        alone(switch_mm(p.k, p.task.cpu, p.mm, p.mm))
        assert p.task.cpu.cr3 == p.mm.pgd
        assert p.mm.cpu_vm_mask == 1 << 1
        assert p.k.shootdown.cpu_tlbstate[1].state == TLBSTATE_OK
        assert (known(p) == []) == flushed


def test_to_leave_an_address_space_that_one_runs_in_is_a_bug() -> None:
    p = touched()
    with pytest.raises(KernelBug, match=r"arch/x86/mm/tlb\.c"):
        alone(leave_mm(p.k, p.task.cpu))


# What goes wrong if a part of it is left out.


async def nothing(*_: object) -> None:
    """In the place of a function that is left out."""


async def only_answer(k: Kernel, cpu: Cpu, vector: int) -> None:
    flush = k.shootdown.flush_state[vector - tlb.INVALIDATE_TLB_VECTOR_START]
    await clear_bit(flush, tlb.FLUSH.flush_cpumask, cpu.number)


async def send_and_go_on(k: Kernel, cpu: Cpu, mm: Mm, address: Any) -> None:
    """flush_tlb_others without the wait; the slot stays with the asker for ever."""
    flush = k.shootdown.flush_state[cpu.number]
    flush.flush_mm, flush.flush_va = mm, address
    for other in k.cpus:
        if other is not cpu and mm.cpu_vm_mask >> other.number & 1:
            await other.apic.send(tlb.INVALIDATE_TLB_VECTOR_START + cpu.number)


async def set_without_a_look(struct: Any, field: Any, number: int) -> bool:
    """test_and_set_bit that always says that the bit was set before."""
    await set_bit(struct, field, number)
    return True


def outcome(race: str) -> SearchResult:
    kernel = find_kernel("2.6.34")
    return search(find_race(race).booter(kernel), SourceDpor(), budget=2000)


@pytest.mark.parametrize("race", ["tlb-flushed", "tlb-lazy"])
def test_the_shootdown_is_sound_over_every_interleaving(race: str) -> None:
    assert outcome(race).verdict == "proved"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("race", "left_out", "instead", "kind"),
    [
        ("tlb-flushed", "flush_tlb_others", nothing, "corruption"),
        ("tlb-flushed", "flush_tlb_others", send_and_go_on, "corruption"),
        # CR3 stays the kernel's, so the program faults for ever.
        ("tlb-lazy", "test_and_set_bit", set_without_a_look, "livelock"),
    ],
)
def test_each_part_of_it_is_needed(
    monkeypatch: pytest.MonkeyPatch,
    race: str,
    left_out: str,
    instead: Callable[..., Any],
    kind: str,
) -> None:
    monkeypatch.setattr(tlb, left_out, instead)
    found = outcome(race)
    assert found.verdict == "bug"
    assert found.failure is not None
    assert found.failure.kind == kind


def test_a_cpu_that_answers_without_flushing_loses_a_write(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("kmm.mm.boot.smp_invalidate_interrupt", only_answer)
    assert outcome("tlb-flushed").verdict == "bug"


def test_the_races_differ_in_what_the_program_does_only() -> None:
    assert (
        evolve(
            TLB_FLUSHED,
            **{
                name: getattr(TLB_LAZY, name)
                for name in (
                    "name",
                    "title",
                    "asks",
                    "story",
                    "watch",
                    "threads",
                    "set_up",
                )
            },
        )
        == TLB_LAZY
    )
