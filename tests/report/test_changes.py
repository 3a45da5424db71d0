"""What changed between two moments."""

from __future__ import annotations

import pytest

from kmm.designs import find_kernel
from kmm.report.changes import Change
from kmm.scenarios import find_race
from kmm.tui.opening import open_session
from kmm.tui.session import Session
from kmm.tui.telling import happened


@pytest.fixture(scope="module")
def session() -> Session:
    return open_session(find_race("exec-stack"), find_kernel("2.6.34"))


def everything(session: Session) -> list[Change]:
    return [c for n in range(1, session.last + 1) for c in session.changes(n)]


def test_a_change_is_named_at_the_depth_where_it_happened(session: Session) -> None:
    starts = [str(c) for c in everything(session) if c.field == "vm_start"]
    assert starts[0] == "vma#1.vm_start  0x7fffffffe000 -> 0x7fffffff8000"


def test_the_entry_goes_from_page_to_migration_entry_to_its_new_place(
    session: Session,
) -> None:
    entries = [str(c) for c in everything(session) if c.kind == "entry"]
    assert entries == [
        "pte of 0x7fffffffe000  page 0xc rw -> empty",
        "pte of 0x7fffffffe000  empty -> migration entry (page 0xc)",
        "pte of 0x7fffffffe000  migration entry (page 0xc) -> empty",
        "pte of 0x7fffffff8000  empty -> migration entry (page 0xc)",
    ]


def test_locks_change_hands(session: Session) -> None:
    page_lock = [c for c in everything(session) if c.name == "PG_locked of page 0xc"]
    assert [(c.before, c.after) for c in page_lock] == [
        ("free", "held by compact:3977"),
        ("held by compact:3977", "free"),
    ]
    assert all(change.is_loud for change in page_lock)


def test_a_thread_that_comes_to_wait_is_a_change(session: Session) -> None:
    waits = [c for c in everything(session) if c.kind == "thread"]
    assert "waits for mm#1.page_table_lock" in {c.after for c in waits}
    assert not any(change.is_loud for change in waits)


def test_a_look_changes_no_entry_no_vma_and_no_lock(session: Session) -> None:
    """(It may come with a store that a lock protects, as of a page's index.)"""
    for step in session.recording.steps[:-1]:
        if step.kind == "read":
            kinds = {change.kind for change in session.changes(step.number + 1)}
            assert kinds <= {"thread", "page"}


def test_every_store_of_something_new_is_a_change_or_is_told_by_itself(
    session: Session,
) -> None:
    for step in session.recording.steps:
        session.go(step.number + 1)
        assert len(happened(session)) >= 2


def test_a_structure_that_comes_or_goes_is_one_change() -> None:
    session = open_session(find_race("exec-stack"), find_kernel("v6"))
    vma = [c for c in everything(session) if c.name == "vma#2" and not c.field]
    assert [(c.before.split(",")[0], c.after.split(",")[0]) for c in vma] == [
        ("not there", "for reverse mapping only"),
        ("for reverse mapping only", "not there"),
    ]
