"""Which steps of a failing run matter: of each race those that tell it, and no more."""

from __future__ import annotations

import pytest
from report.runs import deadlocked, failed, hunted, recorded, single, witness

from kmm.designs import parse_kernel
from kmm.report.causes import causes, steps_that_matter
from kmm.report.words import Names, describe
from kmm.scenarios import find_race
from kmm.scenarios.play import hunt
from kmm.sim.recording import Recording
from kmm.sim.strategies import SourceDpor

# CPU, function, and what the step was about.
TOLD = {
    # Each VMA is read in one piece, one before the boundary moves and one after.
    ("boundary-shift-child", "v6"): """
        0 try_to_unmap_one pte 0x7f0000001000 of mm#2
        0 vma_address vma#2.vm_end
        1 store_bounds vma#2.vm_end
        1 move_following vma#3.vm_start
        1 migration_entry_wait pte 0x7f0000001000 of mm#2
        0 vma_address vma#3.vm_start
        0 unmap_and_move PG_locked
        1 migration_entry_to_page PG_locked
    """,
    # Both places are looked at while the entry is in neither.
    ("exec-stack-peek", "v6"): """
        0 try_to_unmap_one pte 0x7fffffffe000
        1 ptep_clear_flush pte 0x7fffffffe000
        0 remove_migration_pte pte 0x7fffffffe000
        0 remove_migration_pte pte 0x7fffffff8000
        0 unmap_and_move PG_locked
        1 move_ptes pte 0x7fffffff8000
        1 migration_entry_wait pte 0x7fffffff8000
        1 migration_entry_to_page PG_locked
    """,
    # The merged VMA is passed over before it is longer, the old place is looked at too
    # late.
    ("mremap-merge", "v6"): """
        0 try_to_unmap_one pte 0x7f0000010000
        0 vma_address vma#1.vm_end
        1 store_bounds vma#1.vm_end
        1 ptep_clear_flush pte 0x7f0000010000
        1 move_ptes pte 0x7f0000001000
        0 remove_migration_pte pte 0x7f0000010000
        0 unmap_and_move PG_locked
        1 migration_entry_wait pte 0x7f0000001000
        1 migration_entry_to_page PG_locked
    """,
    # The new bound goes with the old offset.
    ("stack-growth", "2.6.34"): """
        1 expand_stack vma#4.vm_start
        0 try_to_unmap_one pte 0x7f0000000000 of mm#2
        0 vma_address vma#4.vm_start
        0 vma_address vma#4.vm_pgoff
        0 unmap_and_move PG_locked
        1 expand_stack vma#4.vm_pgoff
        1 migration_entry_wait pte 0x7f0000000000 of mm#2
        1 migration_entry_to_page PG_locked
    """,
    ("lock-order-newest-first", "v6"): """
        1 vm_lock_anon_vma anon_vma#2.lock
        0 anon_vma_lock_root anon_vma#1.lock
    """,
    # Three rounds, and each time the child is there again.
    ("retry-livelock", "v5"): """
        1 vma_adjust anon_vma#2.lock
        0 trylock_own anon_vma#2.lock
        1 vma_adjust anon_vma#2.lock
        0 trylock_own anon_vma#2.lock
        1 vma_adjust anon_vma#2.lock
        0 trylock_own anon_vma#2.lock
    """,
    # What is restored is a frame that was given to somebody else.
    ("stale-entry-reuse", "v2"): """
        1 ptep_clear_flush pte 0x7fffffffe000 of mm#2
        1 move_ptes pte 0x7fffffff8000 of mm#2
        1 restore_pte pte 0x7fffffff8000 of mm#2
        1 put_user pte 0x7fffffff8000 of mm#2
        1 put_user frame 0x15
        1 load_string frame 0x15
    """,
    # The program never looks at the entry, which its CPU remembers.
    ("lesson.swap", "2.6.34,tlb-flush=omit"): """
        0 ptep_clear_flush pte 0x7f0000000000
        0 swap_device_write swap slot 1
        1 write frame 0x14
    """,
    ("lesson.migration", "2.6.34,tlb-flush=omit"): """
        0 migrate_page_copy frame 0x14
        1 write frame 0x14
    """,
    ("anon-vma-lifetime", "2.6.36"): """
        1 kmem_cache_free anon_vma#1.freed
        0 page_lock_anon_vma page 0x14.mapping
        0 check_alive anon_vma#1.freed
    """,
    # The reference is taken when it has been looked for already.
    ("anon-vma-window", "2.6.36"): """
        0 page_mapped page 0x14.mapcount
        1 page_remove_rmap page 0x14.mapcount
        1 unlink_anon_vmas anon_vma#1.external_refcount
        1 kmem_cache_free anon_vma#1.freed
        0 get_anon_vma anon_vma#1.external_refcount
        0 page_lock_anon_vma page 0x14.mapping
        0 check_alive anon_vma#1.freed
        0 drop_anon_vma anon_vma#1.external_refcount
    """,
    # The write goes where the entry no longer points.
    ("tlb-stale", "2.6.34"): """
        0 ptep_clear_flush pte 0x7f0000000000
        0 migrate_page_copy frame 0xc
        1 write frame 0xc
    """,
}


def told(recording: Recording) -> list[str]:
    names = Names(recording)
    return [
        f"{cause.cpu} {cause.function} {names.label(cause.step)}".partition(" of page")[
            0
        ]
        for cause in causes(recording)
    ]


@pytest.mark.slow
@pytest.mark.parametrize(("race", "kernel"), TOLD)
def test_a_race_is_told_by_these_steps(race: str, kernel: str) -> None:
    expected = [line.strip() for line in TOLD[race, kernel].strip().splitlines()]
    assert told(witness(race, kernel)) == expected


def test_of_the_locks_only_the_page_lock_that_the_bug_is_about_matters() -> None:
    recording = recorded(hunted("2.6.34"))
    locking = {step.target for step in recording.steps if step.kind == "acquire"}
    matter = {step.target for step in steps_that_matter(recording)}
    assert locking, "the run takes spinlocks"
    assert not locking & matter
    assert "PG_locked of page 0xc" in matter


def test_steps_stand_in_the_order_in_which_they_were_taken() -> None:
    numbers = [step.number for step in steps_that_matter(recorded(hunted("2.6.34")))]
    assert numbers == sorted(set(numbers))


def test_what_a_thread_held_is_told_whole_and_what_matters_of_it() -> None:
    """Of the bounds: one has the anon_vma's lock, and the other another."""
    found = {
        cause.function: (cause.held, cause.matter)
        for cause in causes(recorded(hunted("2.6.34")))
    }
    held, matter = found["vma_address"]
    assert {"PG_locked of page 0xc", "rcu", "anon_vma#1.lock"} < set(held)
    assert matter == ("anon_vma#1.lock",)
    assert found["store_bounds"] == (("mm#1.mmap_sem",), ("mm#1.mmap_sem",))
    held, matter = found["try_to_unmap_one"]
    assert matter == ("anon_vma#1.lock", "mm#1.page_table_lock")


def test_a_step_is_not_said_to_hold_what_it_gives_back() -> None:
    found = causes(recorded(hunted("2.6.34")))
    (release,) = [cause for cause in found if cause.step.kind == "release"]
    assert release.held == ("PG_locked of page 0xc",)
    assert release.matter == ()


def test_of_a_deadlock_the_locks_matter_that_are_waited_for() -> None:
    assert told(deadlocked()) == ["0 take one", "1 take two"]


def test_of_a_data_race_both_sides_matter() -> None:
    played = hunt(
        find_race("exec-stack"), parse_kernel("2.6.34"), SourceDpor(), strict=True
    )
    assert recorded(played).failure is not None
    assert told(recorded(played)) == [
        "0 vma_address vma#1.vm_start",
        "1 store_bounds vma#1.vm_start",
    ]
    one, other = causes(recorded(played))
    assert not set(one.held) & set(other.held)


def test_of_a_run_that_went_well_the_steps_matter_in_which_threads_met() -> None:
    recording = recorded(single())
    steps = steps_that_matter(recording)
    assert {step.thread for step in steps} == {0, 1}
    text = [describe(step, Names(recording)) for step in steps]
    assert "vma#1.vm_start is 0x7fffffff8000" in text


def test_a_run_without_a_step_has_none_that_matter() -> None:
    assert steps_that_matter(failed("bug_on", "kernel BUG at mm/x.c:1!")) == []
