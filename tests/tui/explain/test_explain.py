"""What is this?  Things in sight, and what is said of them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from mm.mergeable import merged
from seeing import moments, seen_now, session, texts

from kmm.mm.mm_types import PAGE_FLAG_NAMES, VM_FLAG_NAMES
from kmm.sim.lockdep import class_name
from kmm.tui.explain import explain, pages, things, vmas
from kmm.tui.explain.lock_facts import ABOUT, ORDER, about
from kmm.tui.explain.places import HOMES, linux_place
from kmm.tui.explain.things import thing_of
from kmm.tui.pictures import Seen

RACES = ("exec-stack", "ksm-walk", "tlb-stale", "fork-copy", "exec-stack:compaction")
MEMORY = Path(__file__).parents[3] / "docs" / "memory.md"


def said_of(seen: Seen, name: str) -> list[str]:
    (thing,) = [thing for thing in things(seen) if thing.name == name]
    return [line.strip() for line in texts(explain(seen, thing))]


@pytest.mark.parametrize("race", RACES)
def test_everything_in_sight_can_be_explained_at_every_moment(race: str) -> None:
    for seen in moments(session(race)):
        for thing in things(seen):
            assert len(explain(seen, thing)) > 1, thing.name


def test_what_the_last_step_had_to_do_with_stands_first() -> None:
    for seen in moments(session()):
        if seen.step is not None:
            thing = things(seen)[0]
            assert thing.has(seen.step.target)
            names = [thing.name for thing in things(seen)]
            assert len(set(names)) == len(names)


def test_an_entry_is_decoded_bit_by_bit_and_leads_to_its_frame() -> None:
    said = said_of(session().seen, "pte of 0x7fffffffe000")
    assert any(line.startswith("1 R/W") and "writes allowed" in line for line in said)
    assert any(line.startswith("6 D") and "written to" in line for line in said)
    assert "Frame 0xc is memory of programs that is in no file." in said
    assert any("arch/x86/include/asm/pgtable" in line for line in said)


def test_a_migration_entry_says_what_linux_makes_of_it() -> None:
    run = session()
    run.go(32)
    said = said_of(run.seen, "pte of 0x7fffffffe000")
    assert any("To Linux it is a migration entry" in line for line in said)
    assert any("names it while it moves" in line for line in said)
    assert any("step 32, by compact:3977" in line for line in said)


def test_a_vma_says_its_flags_and_fields_in_words() -> None:
    said = said_of(session().seen, "vma#1")
    assert "write: the program may write here" in said
    assert any(line.startswith("vm_pgoff 0x7fffffffe") for line in said)


def test_the_field_that_the_last_step_was_about_is_explained() -> None:
    run = session()
    run.go(21)
    assert things(run.seen)[0].field == "vm_pgoff"
    said = said_of(run.seen, "vma#1")
    assert any(line.startswith("vm_pgoff: the index of the page") for line in said)
    assert any("vma_address(), kmm/mm/rmap.py:" in line for line in said)


def test_a_page_accounts_for_its_references() -> None:
    """As many as there are, whether it can be seen whose they are or not."""
    for seen in moments(session("exec-stack:compaction")):
        for page in seen.state.pages if seen.state else ():
            said = next(line.text for line in pages.counts(seen, page))
            numbers = [int(n) for n in re.findall(r"(\d+) for", said)]
            if page.count >= page.mapcount:
                assert sum(numbers) == page.count


def test_a_page_of_ksm_names_its_stable_node() -> None:
    (one,) = merged("aa")
    seen = seen_now(one.k)
    said = said_of(seen, f"page {one.page(0).pfn:#x}")
    assert any(line.startswith("mapping stable_node#1") for line in said)


def test_a_stale_translation_is_said_to_be_wrong() -> None:
    for seen in moments(session("tlb-stale")):
        for thing in things(seen):
            if thing.kind == "tlb" and any(
                "! It is stale" in t for t in texts(explain(seen, thing))
            ):
                return
    raise AssertionError("none is stale")


def test_a_lock_says_what_it_protects_and_its_place_in_the_order() -> None:
    run = session()
    run.go(30)
    said = said_of(run.seen, "mm#1.page_table_lock")
    assert "It protects the page-table entries of one address space." in said
    assert "Now: held by compact:3977." in said
    assert any(line.endswith("PG_locked, i_mmap_lock, anon_vma.lock.") for line in said)


def test_the_lock_of_an_anon_vma_is_not_the_anon_vma() -> None:
    seen = session().seen
    assert thing_of(seen, "anon_vma#1.lock").kind == "lock"
    assert thing_of(seen, "anon_vma#1.external_refcount").kind == "anon_vma"
    assert thing_of(seen, "zone DMA.free_area").kind == "other"
    assert thing_of(seen, "interrupts pending at CPU 1").kind == "other"
    assert thing_of(seen, "interrupts of CPU 1").kind == "lock"


# Facts.


def test_the_order_of_locks_is_that_of_the_documentation() -> None:
    text = MEMORY.read_text(encoding="utf-8")
    (line,) = [line for line in text.splitlines() if line.startswith("Locks, outer")]
    assert tuple(re.findall(r"`([^`]+)`", line)) == ORDER
    assert all(lock in ABOUT for lock in ORDER)


def test_locks_are_taken_in_that_order_in_every_run() -> None:
    """Inner ones after outer ones, but for those that are only tried for."""
    for race in ("exec-stack", "ksm-walk", "fork-copy", "exec-stack:compaction"):
        for moment in session(race).recording.moments:
            for held in moment.held:
                known = [found[0] for lock in held if (found := about(lock))]
                places = [ORDER.index(key) for key in known if key in ORDER]
                assert places == sorted(places), held


@pytest.mark.parametrize("race", ["exec-stack:compaction", "ksm-walk", "tlb-stale"])
def test_every_lock_that_these_runs_take_is_known(race: str) -> None:
    names = {
        lock
        for moment in session(race).recording.moments
        for held in moment.held
        for lock in held
    }
    unknown = {class_name(name) for name in names if about(name) is None}
    assert unknown <= {"interrupts pending at CPU 0"}


def test_every_flag_has_a_sentence() -> None:
    assert set(pages.FLAGS) == set(PAGE_FLAG_NAMES.values())
    assert set(vmas.FLAGS) == set(VM_FLAG_NAMES.values())


@pytest.mark.parametrize("file", sorted(set(HOMES.values())))
def test_every_home_says_what_it_is_in_linux(file: str) -> None:
    assert linux_place(file)


def test_the_place_in_linux_is_read_from_the_docstring() -> None:
    assert linux_place("kmm/mm/rmap.py") == "mm/rmap.c"
    assert linux_place("kmm/mm/errno.py").endswith("include/linux/errno.h")
    assert linux_place("kmm/tui/session.py") == ""
