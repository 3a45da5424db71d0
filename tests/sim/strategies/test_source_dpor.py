"""The exhaustive search with partial-order reduction: nothing lost, nothing twice.

Its numbers of runs are held against those of other model checkers, and what it finds
against plain enumeration.
"""

import pytest
from sim.fuzz import comparisons
from sim.programs import (
    copied_or_stored,
    counters,
    either_flag,
    late_reader,
    looked_at_while_held,
    one_failure_before_another,
    opposite_locks,
    readers_together,
    stored_under_either_lock,
    toy,
)
from sim.traces import TracedBoot, compare

from kmm.sim.recording import record
from kmm.sim.schedule import context_switches, encode
from kmm.sim.search import search
from kmm.sim.strategies import Replay, SourceDpor

# Golden numbers: traces as counted by Nidhugg and GenMC in the same programs in C,
# and the executions after which Nidhugg, with source sets, met the failure.


@pytest.mark.parametrize(
    ("bystander", "broken", "first", "fixed"),
    [(0, 5, 2, 2), (1, 20, 3, 8), (2, 50, 4, 20), (4, 175, 6, 70)],
)
def test_the_toy_takes_one_run_for_each_trace(
    bystander: int, broken: int, first: int, fixed: int
) -> None:
    program = toy(fixed=False, bystander=bystander)
    whole = search(program, SourceDpor(), stop_at_failure=False).coverage
    assert (whole.executions, whole.given_up) == (broken, 0)
    until_failure = search(program, SourceDpor()).coverage
    assert (until_failure.executions, until_failure.given_up) == (first, 0)
    proof = search(toy(fixed=True, bystander=bystander), SourceDpor())
    assert proof.verdict == "proved"
    assert (proof.coverage.executions, proof.coverage.given_up) == (fixed, 0)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("sections", "locks", "traces"),
    [(3, 1, 1680), (3, 2, 200), (3, 3, 64), (5, 3, 4057)],
)
def test_critical_sections_take_one_run_for_each_trace(
    sections: int, locks: int, traces: int
) -> None:
    proof = search(counters(sections=sections, locks=locks), SourceDpor())
    assert proof.verdict == "proved"
    assert (proof.coverage.executions, proof.coverage.given_up) == (traces, 0)


def test_who_waits_in_a_run_that_is_given_up_races_too() -> None:
    # Without it six of the seven are found.
    whole = search(opposite_locks, SourceDpor(), stop_at_failure=False).coverage
    assert whole.executions == 7
    assert whole.failures == 1
    assert whole.given_up == 1


# Nothing lost.


@pytest.mark.parametrize(
    ("program", "traces"),
    [
        pytest.param(toy(fixed=False), 5, id="toy"),
        pytest.param(opposite_locks, 7, id="opposite locks"),
        pytest.param(looked_at_while_held, 2, id="looked at while held"),
        pytest.param(readers_together, 2, id="readers together"),
        pytest.param(late_reader, 7, id="late reader"),
        pytest.param(one_failure_before_another, 2, id="one failure before another"),
        pytest.param(copied_or_stored, 2, id="copied or stored"),
        pytest.param(either_flag, 18, id="either flag"),
        pytest.param(stored_under_either_lock, 6, id="stored under either lock"),
    ],
)
def test_it_finds_what_enumeration_finds(program: TracedBoot, traces: int) -> None:
    comparison = compare(program)
    assert comparison is not None
    assert comparison.agrees, str(comparison)
    assert len(comparison.plain.endings) == traces


def test_no_trace_is_run_twice() -> None:
    for case in comparisons(programs=60, seed=34, limit=200):
        if not case.comparison.plain.can("corruption"):
            reduced = case.comparison.reduced
            assert reduced.executions == len(reduced.endings), str(case)


# How it goes about it.


def test_the_first_run_interrupts_nobody() -> None:
    first = search(toy(fixed=False), SourceDpor(), budget=1).choices
    assert encode(first) == "12a6b"


@pytest.mark.parametrize(("bystander", "switches"), [(0, 2), (1, 3), (4, 3)])
def test_its_witness_interrupts_nobody_without_need(
    bystander: int, switches: int
) -> None:
    found = search(toy(fixed=False, bystander=bystander), SourceDpor())
    assert context_switches(found.choices) == switches, encode(found.choices)


def test_the_same_search_is_made_every_time() -> None:
    one, other = (
        search(toy(fixed=False, bystander=1), SourceDpor()).choices for _ in range(2)
    )
    assert one == other


def test_its_witness_can_be_replayed() -> None:
    program = toy(fixed=False)
    found = search(program, SourceDpor())
    replay = Replay(found.choices)
    assert record(program, replay).failure == found.failure
