"""Locks: who has them since when, and who waits."""

from __future__ import annotations

from seeing import first, moments, session
from sim.programs import opposite_locks

from kmm.sim.recording import record_choices
from kmm.sim.search import search
from kmm.sim.strategies import SourceDpor
from kmm.tui.pictures import Run, Seen, find_picture
from kmm.tui.pictures.locks import taken_at


def test_a_lock_says_where_and_when_it_was_taken() -> None:
    said = first(session(), "locks", "anon_vma#1.lock, taken at step 18")
    assert any("in page_lock_anon_vma()" in line for line in said)


def test_a_lock_that_was_given_back_and_taken_twice_is_counted_right() -> None:
    """(An RCU section inside of another has been left: the outer one goes on.)"""
    run = session()
    run.go(52)
    assert taken_at(run.seen, 0, "rcu")[0] == 12


def test_whatever_is_held_was_taken_where_it_is_said() -> None:
    for seen in moments(session("migration-wait")):
        for thread, held in enumerate(seen.moment.held):
            for lock in held:
                since, _ = taken_at(seen, thread, lock)
                earlier = seen.recording.moments[since - 1].held[thread]
                assert earlier.count(lock) < held.count(lock) or lock == "rcu"


def test_who_waits_stands_with_the_lock_and_with_its_holder() -> None:
    waits = "> program:4021 -> mm#1.page_table_lock -> offline:3977"
    said = first(session("ksm-walk"), "locks", waits)
    assert any("program:4021 waits" in line for line in said)


def test_a_circle_is_said_to_be_one() -> None:
    found = search(opposite_locks, SourceDpor())
    recording = record_choices(opposite_locks, found.choices)
    seen = Seen(Run(recording), len(recording.steps))
    lines = find_picture("locks").lines(seen, 78)
    assert any("a circle" in line.text and line.mark == "!" for line in lines)
