"""What a search says of itself: how it went about it, and how far it came."""

from __future__ import annotations

import pytest
from cli.running import kmm, pretend_terminal, refused

from kmm.cli import progress
from kmm.cli.progress import Meter
from kmm.cli.strategies import STRATEGIES
from kmm.sim.estimate import Estimate
from kmm.sim.search import Coverage


def test_a_proof_by_merging_says_how_many_states_it_rests_on() -> None:
    told = kmm("prove", "tlb-flushed", "--strategy", "merging")
    assert told.code == 0
    words = " ".join(told.out.split())
    assert "Never: proved by" in words
    assert "up to a state that was known, of" in words
    counted = kmm("prove", "tlb-flushed", "--strategy", "merging", "--json").json
    assert (counted["strategy"], counted["verdict"]) == ("merging", "proved")
    assert counted["states"] > 0


def test_a_search_that_merges_nothing_knows_no_states() -> None:
    assert kmm("prove", "tlb-flushed", "--json").json["states"] is None


def test_what_is_not_finished_says_of_about_how_much() -> None:
    found = kmm("prove", "fork-copy", "--budget", "40", "--json").json
    assert (found["verdict"], found["stopped"]) == ("survived", "budget")
    guess = found["estimate"]
    assert guess["executions"] > 40
    assert guess["spread"] > 0
    words = " ".join(kmm("prove", "fork-copy", "--budget", "40").out.split())
    assert "the whole budget, of about" in words
    assert "this is no proof" in words


def test_what_is_finished_needs_no_guess() -> None:
    assert kmm("prove", "tlb-flushed", "--json").json["estimate"] is None


@pytest.mark.parametrize("workers", ["1", "3"])
def test_workers_come_to_what_one_search_comes_to(workers: str) -> None:
    alone = kmm("prove", "tlb-flushed", "--json").json
    shared = kmm("prove", "tlb-flushed", "--workers", workers, "--json").json
    for found in (alone, shared):
        del found["seconds"]
    assert shared == alone


def test_workers_hunt_too() -> None:
    found = kmm("hunt", "vma-adjust", "--workers", "2", "--json")
    assert found.code == 1
    assert (found.json["verdict"], found.json["strategy"]) == ("bug", "dpor")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--strategy", "enumeration"), "--workers share the search by dpor, not by"),
        (("--strict",), "leave out --workers"),
    ],
)
def test_what_workers_cannot_share_is_refused(
    options: tuple[str, ...], words: str
) -> None:
    ran = kmm("prove", "exec-stack", "--workers", "2", *options)
    assert refused(ran, words)


def test_progress_shows_how_many_there_will_be_and_how_long_it_takes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(progress, "REDRAW", 0.0)
    terminal = pretend_terminal(monkeypatch, "stderr")
    guess = Estimate(2000.4, 500)
    with Meter("proving", None, quiet=False, guess=lambda: guess) as meter:
        meter.update(Coverage(executions=1000))
    text = terminal.getvalue()
    assert "proving: 1,000 of about 2,000 executions (1,500 to 2,500), " in text
    assert " s left" in text


def test_a_bound_that_is_reached_is_no_proof_and_is_named() -> None:
    ran = kmm("prove", "tlb-flushed", "--strategy", "preemptions", "--bound", "1")
    assert ran.code == 0
    words = " ".join(ran.out.split())
    assert "Not seen in" in words
    assert "all with at most 1 preemption; this is no proof" in words


def test_a_bound_is_for_strategies_that_have_one() -> None:
    assert refused(kmm("hunt", "exec-stack", "--bound", "2"), "--bound is for")


@pytest.mark.parametrize("strategy", ["preemptions", "delays", "pos", "surw"])
def test_a_strategy_hunts(strategy: str) -> None:
    ran = kmm("hunt", "tlb-stale", "--strategy", strategy, "--seed", "3", "--json")
    assert (ran.code, ran.json["strategy"]) == (1, strategy)


# A person has to be there (`test_person`).
@pytest.mark.parametrize("strategy", [name for name in STRATEGIES if name != "person"])
def test_every_strategy_is_offered(strategy: str) -> None:
    # One run is no search.
    command = "run" if strategy == "round-robin" else "hunt"
    ran = kmm(command, "stale-entry-reuse", "--strategy", strategy, "--json")
    assert not ran.err, f"{ran.err}add_hunt in kmm/cli/options.py says what there is"
    assert ran.json["strategy"] == strategy


def test_a_strict_search_knows_its_bound_too() -> None:
    options = ("--strategy", "preemptions", "--bound", "1", "--strict")
    ran = kmm("prove", "tlb-flushed", "--kernel", "2.6.36", *options)
    assert ran.code == 0
    assert "all with at most 1 preemption" in " ".join(ran.out.split())


def test_no_preemption_at_all_can_be_asked_for() -> None:
    options = ("--strategy", "preemptions", "--bound", "0", "--json")
    found = kmm("prove", "tlb-flushed", *options).json
    assert (found["verdict"], found["bound"]) == ("survived", 0)


def test_more_workers_than_any_machine_has_are_as_many_as_it_can() -> None:
    ran = kmm("prove", "anon-vma-pinned", "--workers", "2147483647", "--json")
    assert ran.json["verdict"] == "proved"


def test_of_a_shared_search_that_is_stopped_nobody_knows_how_far_it_came() -> None:
    options = ("--workers", "1", "--budget", "1", "--json")
    found = kmm("prove", "fork-copy", *options).json
    assert (found["stopped"], found["estimate"]) == ("budget", None)
