"""From a failing run to its witness: the least run that ends in the same failure.

The least is the one with the fewest context switches; of those, the one with the fewest
steps; and of those, the first in an order that is as good as any (`order.cost`).  It is
the same from whichever failing run one begins, as it depends on nothing but the program
and the failure.

It is searched for twice.  Runs with few switches can all be tried (`turns`).  Where it
takes many switches, there are more such runs than traces, and one run of each trace is
made (`SourceDpor`), from which the least of its trace can be told.

Where both would take too long, the run that was found is made less: it is seen as
blocks, so many steps of one thread and then so many of another, and two blocks of one
thread are merged where the failure stays.  What comes out is the least run of its own
trace, but other failing runs may lead to another (`Witness.is_least` says which it is).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from attrs import frozen

from .failure import Failure, alike
from .machine import Machine
from .order import Act, Block, blocks_of, choices_of, cost, least_of_trace
from .search import Boot, with_watchers
from .slices import Slices, at_once
from .strategies import SourceDpor
from .thread import KThread
from .trap import Op
from .turns import Allowance, FewTurns, TooMany, Unpredictable

# Steps that each of the searches may take: about a second's worth.
FEW_TURNS, ALL_TRACES = 500_000, 1_000_000

# Steps by which a merged block may be longer or shorter.
SLACK = 4


@frozen
class Witness:
    """The least run that was found to fail, and what it took to find it."""

    choices: tuple[int, ...]
    is_least: bool  # whether it is known to be the least of all that fail alike
    runs: int


def find_witness(boot: Boot, choices: Sequence[int], failure: Failure) -> Witness:
    """The least run that fails as the run of `choices` does, as far as it is found."""
    return at_once(finding_witness(boot, choices, failure))


def finding_witness(
    boot: Boot, choices: Sequence[int], failure: Failure
) -> Slices[Witness]:
    """As `find_witness`, in slices of a run or two each."""
    tries = Tries(boot, failure)
    known = blocks_of(choices)
    known = tries.lesser(known, known) or known
    least = yield from least_runs(tries.boot, failure, switches=len(known) - 1)
    for blocks in least[:1]:
        if tries.is_run(blocks):
            return Witness(choices_of(blocks), is_least=True, runs=tries.runs)
    blocks = yield from tries.merging(known)
    return Witness(choices_of(blocks), is_least=False, runs=tries.runs)


def least_runs(
    boot: Boot, failure: Failure, *, switches: int
) -> Slices[list[list[Block]]]:
    """The least run first, which has at most so many switches; [] if it is too far."""
    try:
        turns = FewTurns(boot, failure, Allowance(FEW_TURNS))
        return (yield from turns.searching(switches))
    except Unpredictable:
        return []
    except TooMany:
        pass
    try:
        return (yield from trying_all(boot, failure, Allowance(ALL_TRACES)))
    except (TooMany, Unpredictable):
        return []


# Runs and what they do.


@frozen
class Trial:
    """A run that was made to see what comes of it."""

    steps: list[Act]
    cut_short: bool  # by a failure
    failure: Failure | None

    @property
    def blocks(self) -> list[Block]:
        return blocks_of([thread for thread, _ in self.steps])


class Wish:
    """Follows `choices` where they are possible, and else stays with one thread."""

    def __init__(self, choices: Sequence[int]) -> None:
        self.left = list(reversed(choices))
        self.last = -1

    def choose(self, machine: Machine, enabled: Sequence[KThread]) -> KThread:
        possible = {thread.index: thread for thread in enabled}
        while self.left:
            wanted = self.left.pop()
            if wanted in possible:
                self.last = wanted
                return possible[wanted]
        if self.last not in possible:
            self.last = enabled[0].index
        return possible[self.last]


class Acts:
    """Looks on, and remembers what was done."""

    def __init__(self) -> None:
        self.all: list[Act] = []

    def before(self, machine: Machine, thread: KThread) -> None:
        """What a step does is known when it has been taken."""

    def after(self, machine: Machine, thread: KThread, op: Op) -> None:
        self.all.append((thread.index, op))


def attempt(boot: Boot, choices: Sequence[int]) -> Trial:
    """A run from its start to its end, by `choices` as far as they are possible."""
    acts = Acts()
    machine = with_watchers(boot, acts)()
    machine.run(Wish(choices))
    machine.close()
    return Trial(acts.all, machine.cut_short, machine.failure)


# One run of each trace.


def least_of_all(
    boot: Boot, failure: Failure, allowance: Allowance
) -> list[list[Block]]:
    """The least run of each trace that fails alike, the least of them first.

    Raises TooMany and Unpredictable.
    """
    return at_once(trying_all(boot, failure, allowance))


def trying_all(
    boot: Boot, failure: Failure, allowance: Allowance
) -> Slices[list[list[Block]]]:
    """As `least_of_all`, in slices of a run or two each."""
    strategy = SourceDpor()
    found: list[list[Block]] = []
    machine = boot()
    threads = len(machine.threads)
    machine.close()
    while strategy.next_run():
        # As `search.run_once`, but `ended` would refuse (RuntimeError) what is looked
        # at before it: a run with other threads.
        machine = boot()
        machine.fast_forward(strategy.prefix)
        complete = machine.run(strategy)
        machine.close()
        if len(machine.threads) != threads:
            raise Unpredictable
        strategy.ended(machine, complete)
        allowance.spend(machine)
        if alike(machine.failure, failure):
            trial = attempt(boot, machine.choices)
            found.append(least_of_trace(trial.steps, cut_short=trial.cut_short))
        yield
    return sorted(found, key=cost)


# One run made less.


class Tries:
    """Runs of one program that are tried for one failure, and how many they were."""

    def __init__(self, boot: Boot, failure: Failure) -> None:
        self.program = boot
        self.failure = failure
        self.runs = 0

    def boot(self) -> Machine:
        self.runs += 1
        return self.program()

    def is_run(self, blocks: Sequence[Block]) -> bool:
        """Whether there is such a run, and it fails alike."""
        trial = attempt(self.boot, choices_of(blocks))
        return trial.blocks == blocks and alike(trial.failure, self.failure)

    def lesser(
        self, blocks: Sequence[Block], best: Sequence[Block]
    ) -> list[Block] | None:
        """The least run of the trace that `blocks` lead to, if it fails alike.

        None if it costs no less than `best`.
        """
        trial = attempt(self.boot, choices_of(blocks))
        if not alike(trial.failure, self.failure):
            return None
        least = least_of_trace(trial.steps, cut_short=trial.cut_short)
        for found in least, trial.blocks:
            if cost(found) < cost(best) and self.is_run(found):
                return found
        return None

    def merging(self, best: list[Block]) -> Slices[list[Block]]:
        """Take the first merge that makes it less; repeat until none does."""
        improved = True
        while improved:
            improved = False
            for blocks in merges(best):
                yield
                found = self.lesser(blocks, best)
                if found is not None:
                    best, improved = found, True
                    break
        return best


def merges(blocks: list[Block]) -> Iterator[list[Block]]:
    """Every way to merge two blocks of one thread, at the first's place or the last's.

    A thread that is let go earlier or later may have more or less to do on its way
    (a list may be longer, a lock taken), so each merged block is also tried with some
    more steps, and some fewer.
    """
    for i, (thread, steps) in enumerate(blocks):
        for j in range(i + 2, len(blocks)):
            if blocks[j][0] != thread:
                continue
            between, after = blocks[i + 1 : j], blocks[j + 1 :]
            for more in sorted(range(-SLACK, SLACK + 1), key=abs):
                whole = [(thread, max(1, steps + blocks[j][1] + more))]
                yield blocks[:i] + whole + between + after
                yield blocks[:i] + between + whole + after
