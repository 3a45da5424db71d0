"""Random programs on one to four CPUs, under random schedules, with every check on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st
from mm.random_calls import (
    KERNEL,
    PROGRAM,
    Action,
    machine,
    random_machine,
    varied,
)

from kmm.designs.rmap_walk import a7_root_lock
from kmm.mm import ksm_merge, memory, migrate, mremap, tlb
from kmm.mm.kernel import Kernel
from kmm.mm.swap import put_page
from kmm.sim.machine import Machine
from kmm.sim.strategies import RandomWalk

# Linux 2.6.35, which this far differs from 2.6.36 in what protects walks alone.
PERIOD = "2.6.35,anon-vma-pin=refcount-locked"

START: list[Action] = [("map", 0, 2, 1), ("map", 3, 2, 1), ("advise", 0, 0, 1)]


def actions(kinds: tuple[str, ...]) -> st.SearchStrategy[list[Action]]:
    number = st.integers(0, 63)
    one = st.tuples(st.sampled_from(sorted(set(kinds))), number, number, number)
    return st.lists(one, min_size=3, max_size=24)


def play(made: Machine, seed: int) -> Machine:
    walk = RandomWalk(seed)
    walk.next_run()
    made.run(walk)
    return made


@settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(
    programs=st.lists(actions(tuple(PROGRAM)), min_size=1, max_size=3),
    kernel=actions(KERNEL),
    seed=st.integers(0, 1 << 16),
    nodes=st.integers(1, 2),
    frames=st.sampled_from([112, 192]),
    swap_slots=st.sampled_from([0, 64]),
)
def test_everything_adds_up_after_every_step(
    programs: list[list[Action]],
    kernel: list[Action],
    seed: int,
    nodes: int,
    frames: int,
    swap_slots: int,
) -> None:
    made = machine(
        [START + program for program in programs],
        kernel,
        nodes=nodes,
        frames=frames,
        swap_slots=swap_slots,
    )
    play(made, seed)
    for cpu, program in enumerate(programs):
        note(f"CPU {cpu}: {program}")
    note(f"kernel: {kernel}, schedule: {made.choices}")
    assert made.failure is None, made.failure


@pytest.mark.slow
@pytest.mark.parametrize("first", range(0, 400, 100))
def test_no_program_reads_what_it_did_not_write(first: int) -> None:
    """Many runs, looked at from the programs' side and at the end only."""
    for seed in range(first, first + 100):
        made = play(varied(seed, check=False), seed)
        assert made.failure is None, (seed, made.failure)


def test_on_a_kernel_of_2010_a_random_program_meets_the_races_of_2010() -> None:
    """A VMA changes while a page of it migrates, and nothing keeps the walk away."""
    seed = 1218
    assert play(varied(seed, check=False), seed).failure is None
    failure = play(varied(seed, check=False, kernel_name=PERIOD), seed).failure
    assert failure is not None
    assert failure.message == "kernel BUG at include/linux/swapops.h:105!"


@pytest.mark.slow
def test_the_runs_get_into_every_corner() -> None:
    """What is not exercised is not tested."""
    seen: set[str] = set()
    for seed in range(60):
        made = random_machine(
            seed, cpus=2, length=30, check=False, frames=128, swap_slots=64
        )
        play(made, seed)
        assert isinstance(made.model, Kernel)
        seen.update(name for name, count in made.model.vm_events.items() if count)
        seen.update(["full_scans"] * (made.model.ksm.scan.seqnr > 0))
    wanted = {"pgfault", "pgmajfault", "pswpin", "pswpout", "compact_pages_moved"}
    assert wanted | {"allocstall", "full_scans", "pgactivate"} <= seen


# Planted errors: each is met by some run.


def no_reference(monkeypatch: pytest.MonkeyPatch) -> None:
    """fork forgets to take a reference to the pages that it shares."""

    async def nothing(_: object) -> None:
        return None

    monkeypatch.setattr(memory, "get_page", nothing)


def no_write_protection(monkeypatch: pytest.MonkeyPatch) -> None:
    """fork leaves the parent's entries writable."""

    async def nothing(_: object) -> None:
        return None

    monkeypatch.setattr(memory, "ptep_set_wrprotect", nothing)
    monkeypatch.setattr(memory, "pte_wrprotect", lambda pte: pte)


def no_flush_on_unmap(monkeypatch: pytest.MonkeyPatch) -> None:
    """munmap frees pages that CPUs may still remember."""

    async def flush(self: Any, k: Kernel) -> None:
        pages, self.pages, self.need_flush = self.pages, [], False
        for page in pages:
            await put_page(k, page)

    monkeypatch.setattr(tlb.MmuGather, "flush", flush)


def child_not_on_the_lists(monkeypatch: pytest.MonkeyPatch) -> None:
    """fork does not tie the child's VMAs to the parent's anon_vmas."""

    async def nothing(vma: Any, source: Any) -> None:
        pass

    monkeypatch.setattr(a7_root_lock, "anon_vma_clone", nothing)


def entries_are_not_moved(monkeypatch: pytest.MonkeyPatch) -> None:
    """mremap moves the VMA and leaves the pages behind."""

    async def all_done(*arguments: Any) -> int:
        length: int = arguments[-1]
        return length

    monkeypatch.setattr(mremap, "move_page_tables", all_done)


def equal_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """KSM takes all pages for equal."""

    async def always_equal(*_: object) -> int:
        return 0

    monkeypatch.setattr(ksm_merge, "memcmp_pages", always_equal)


def copied_too_late(monkeypatch: pytest.MonkeyPatch) -> None:
    """A migration copies nothing."""

    async def nothing(k: Kernel, newpage: Any, page: Any) -> None:
        newpage.flags |= page.flags
        newpage.flags &= ~(1 << 5)
        page.mapping = None

    monkeypatch.setattr(migrate, "migrate_page_copy", nothing)


@pytest.mark.slow
@pytest.mark.parametrize(
    "plant",
    [
        no_reference,
        no_write_protection,
        no_flush_on_unmap,
        child_not_on_the_lists,
        entries_are_not_moved,
        equal_enough,
        copied_too_late,
    ],
)
def test_a_planted_error_does_not_go_unnoticed(
    plant: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(monkeypatch)
    for seed in range(80):
        made = random_machine(seed, cpus=2, length=20, frames=192, swap_slots=64)
        try:
            play(made, seed)
        except (RuntimeError, AssertionError, KeyError, ValueError, LookupError):
            return  # the model itself does not stand it
        if made.failure is not None:
            return
    pytest.fail("80 runs, and nobody noticed")
