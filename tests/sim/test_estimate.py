"""A guess at the size of a search is good enough to plan by, and says how good."""

from __future__ import annotations

import pytest
from sim.programs import counters, toy

from kmm.sim.estimate import Branches, Estimate, estimate
from kmm.sim.search import Boot, Coverage, search
from kmm.sim.strategies import Enumeration, Merging, RandomWalk, SourceDpor, Strategy


def test_a_tree_without_branches_has_one_run() -> None:
    assert estimate([Branches((), 0)] * 5) == Estimate(1.0, 0.0)


def test_branches_that_are_left_are_like_those_that_are_known() -> None:
    guess = estimate([Branches((), 0), Branches((9, 11), 1)], present=10)
    assert guess.runs == 40
    assert 0 < guess.spread < 3


def test_of_branches_that_nobody_knows_the_spread_says_so() -> None:
    known, unknown = Branches((8, 8, 8), 4), Branches((), 4)
    assert estimate([known], present=8).spread < estimate([unknown], present=8).spread


def test_a_spread_goes_no_lower_than_nothing() -> None:
    assert Estimate(3.0, 5.0).low == 0
    assert Estimate(3.0, 5.0).high == 8


def guesses(boot: Boot, strategy: Strategy, every: int) -> tuple[int, list[Estimate]]:
    """The runs that a search takes in all, and what it guesses on its way."""
    found = []

    def note(coverage: Coverage) -> bool:
        if (coverage.executions + coverage.given_up) % every == 0:
            guess = strategy.estimate()
            assert guess is not None
            found.append(guess)
        return True

    done = search(boot, strategy, progress=note).coverage
    return done.executions + done.given_up, found


@pytest.mark.parametrize(
    ("sections", "locks", "strategy"),
    [(3, 1, SourceDpor), (3, 2, SourceDpor), (1, 1, Enumeration)],
)
def test_the_guess_closes_in_on_the_truth(
    sections: int, locks: int, strategy: type[Strategy]
) -> None:
    boot = counters(sections=sections, locks=locks)
    total, found = guesses(boot, strategy(), 5)
    second_half = found[len(found) // 2 :]
    assert all(total / 4 < guess.runs < 4 * total for guess in second_half)
    assert found[-1].runs == pytest.approx(total, rel=0.2)
    close = [guess.low <= total <= guess.high for guess in found]
    assert sum(close) > len(close) / 3


def test_when_all_is_done_nothing_is_left_to_guess() -> None:
    strategy = SourceDpor()
    search(toy(fixed=True, bystander=1), strategy)
    assert strategy.estimate() == Estimate(strategy.runs, 0)
    assert strategy.runs == 8


@pytest.mark.parametrize("strategy", [RandomWalk(), Merging()])
def test_who_does_not_know_does_not_guess(strategy: Strategy) -> None:
    search(toy(fixed=True), strategy, budget=3)
    assert strategy.estimate() is None
