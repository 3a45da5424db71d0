"""Bounded searches beside plain enumeration: what is found, and at which bound."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import count
from random import Random

from attrs import define, frozen
from sim.random_programs import Program, booter, random_program, text_of
from sim.traces import Ending, TracedBoot, TracedMachine, guess_interleavings

from kmm.sim.machine import Machine
from kmm.sim.search import run_once
from kmm.sim.strategies import Bounded, Enumeration, Strategy
from kmm.sim.strategies.bounded import NOBODY, Able
from kmm.sim.thread import KThread

Prices = dict[Ending, int]  # of the cheapest run with each ending


class Priced(Enumeration):
    """Every interleaving, and what it costs."""

    def __init__(self, bounded: Bounded) -> None:
        super().__init__()
        self.price = bounded.price
        self.able: list[Able] = []

    def choose(self, machine: Machine, enabled: Sequence[KThread]) -> KThread:
        del self.able[len(self.taken) :]
        self.able.append({t.index: t.pending for t in enabled if t.pending})
        return super().choose(machine, enabled)

    def cost(self) -> int:
        before = [NOBODY, *self.taken]
        steps = zip(before, self.taken, self.able, strict=False)
        return sum(self.price(last, thread, able) for last, thread, able in steps)


def cheapest(boot: TracedBoot, bounded: Bounded, limit: int) -> Prices | None:
    """The truth; None if it takes more runs than `limit`."""
    if guess_interleavings(boot) > 2 * limit:
        return None
    prices: Prices = {}
    strategy = Priced(bounded)
    for runs in count():
        if not strategy.next_run():
            return prices
        if runs == limit:
            return None
        ending = one_run(boot, strategy)
        prices[ending] = min(strategy.cost(), prices.get(ending, strategy.cost()))
    return None


def found(boot: TracedBoot, bounded: Bounded) -> Prices:
    """At which bound the search first met each ending."""
    prices: Prices = {}
    while bounded.next_run():
        prices.setdefault(one_run(boot, bounded), bounded.bound)
    return prices


def one_run(boot: TracedBoot, strategy: Strategy) -> Ending:
    machine, complete = run_once(boot, strategy)
    assert complete
    assert isinstance(machine, TracedMachine)
    return machine.ending()


@frozen
class Case:
    """A random program that was small enough to be compared."""

    program: Program
    truth: Prices
    found: Prices
    covered: bool  # whether the search says so

    def __str__(self) -> str:
        lines = [text_of(self.program)]
        for ending in self.truth.keys() | self.found.keys():
            is_, was = self.truth.get(ending), self.found.get(ending)
            if is_ != was:
                lines.append(f"costs {is_}, found at {was}: {ending[0]}")
        return "\n".join(lines)


def comparisons(
    make: Callable[[], Bounded], programs: int, seed: int, limit: int
) -> Iterator[Case]:
    """So many programs of at most `limit` interleavings, both ways."""
    for number in count():
        program = random_program(Random(f"{seed}/{number}"))
        truth = cheapest(booter(program), make(), limit)
        if truth is None:
            continue
        bounded = make()
        prices = found(booter(program), bounded)
        yield Case(program, truth, prices, bounded.exhaustive)
        programs -= 1
        if not programs:
            return


@define
class Tally:
    """What was compared; a fuzzer that compares nothing also finds nothing."""

    can_deadlock: int = 0
    can_fail: int = 0
    dear: int = 0  # with an ending that costs 2 or more

    def add(self, case: Case) -> None:
        outcomes = [outcome for outcome, _ in case.truth]
        self.can_deadlock += any(it.startswith("deadlock") for it in outcomes)
        self.can_fail += any(it.startswith("corruption") for it in outcomes)
        self.dear += max(case.truth.values()) >= 2


def compare_all(make: Callable[[], Bounded], programs: int) -> Tally:
    """Hold a strategy against the truth; complains where they differ."""
    tally = Tally()
    for case in comparisons(make, programs, seed=2010, limit=300):
        assert case.found == case.truth, str(case)
        assert case.covered
        tally.add(case)
    print(tally)
    return tally
