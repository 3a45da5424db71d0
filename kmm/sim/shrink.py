"""From a failing run to one that is easier to read: fewer switches, then fewer steps.

A schedule is seen as blocks: so many steps of one thread, then so many of another.
Merging two blocks of the same thread removes a context switch.  A merged schedule may
not fit any more (locks are in the way, a thread ends early), so it is taken as a wish:
`Wish` follows it where it can, and what comes out is judged by its own choices.

When no merge helps any more, every switch is moved as late as it can go.  That brings
witnesses of the same failure, found from different seeds, close to one form.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby

from .failure import Failure
from .machine import Machine
from .schedule import context_switches
from .search import Boot
from .thread import KThread

Block = tuple[int, int]  # a thread's index, and a number of steps

# Steps by which a merged block may be longer or shorter: in short runs, and in others,
# which have too many pairs of blocks to try that much with each.
SLACK, LESS_SLACK = 24, 4
FEW_BLOCKS = 10


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


def shrink(boot: Boot, choices: Sequence[int], failure: Failure) -> tuple[int, ...]:
    """The choices of an easier run that ends in the same failure."""
    best = tuple(choices)
    best = improve(boot, best, failure, merges)
    return settle(boot, best, failure)


def improve(
    boot: Boot,
    best: tuple[int, ...],
    failure: Failure,
    variants: Callable[[list[Block]], Iterator[list[Block]]],
) -> tuple[int, ...]:
    """Take the first variant that fails alike and is easier; repeat until none is."""
    improved = True
    while improved:
        improved = False
        for variant in variants(blocks_of(best)):
            attempt = outcome(boot, variant, failure)
            if attempt is not None and cost(attempt) < cost(best):
                best, improved = attempt, True
                break
    return best


def settle(boot: Boot, best: tuple[int, ...], failure: Failure) -> tuple[int, ...]:
    """Move each switch as late as it can go without a new one."""
    index = 0
    while index < len(blocks := blocks_of(best)) - 1:
        thread, steps = blocks[index]
        later = sum(n for who, n in blocks[index + 1 :] if who == thread)
        for more in range(later, 0, -1):
            attempt = outcome(boot, lengthen(blocks, index, more), failure)
            if (
                attempt is not None
                and cost(attempt) <= cost(best)
                and blocks_of(attempt)[index] > (thread, steps)
            ):
                best = attempt
                break
        index += 1
    return best


def merges(blocks: list[Block]) -> Iterator[list[Block]]:
    """Every way to merge two blocks of one thread, at the first's place or the last's.

    A thread that is let go earlier or later may have more or less to do on its way
    (a list may be longer, a lock taken), so each merged block is also tried with some
    more steps, and some fewer.
    """
    slack = SLACK if len(blocks) <= FEW_BLOCKS else LESS_SLACK
    for i, (thread, steps) in enumerate(blocks):
        for j in range(i + 2, len(blocks)):
            if blocks[j][0] != thread:
                continue
            between, after = blocks[i + 1 : j], blocks[j + 1 :]
            for more in sorted(range(-slack, slack + 1), key=abs):
                whole = [(thread, max(1, steps + blocks[j][1] + more))]
                yield blocks[:i] + whole + between + after
                yield blocks[:i] + between + whole + after


def lengthen(blocks: list[Block], index: int, more: int) -> list[Block]:
    """Block `index` with `more` steps, taken from the thread's next blocks."""
    thread, steps = blocks[index]
    longer = [*blocks[:index], (thread, steps + more)]
    for who, n in blocks[index + 1 :]:
        taken = min(more, n) if who == thread else 0
        more -= taken
        longer.append((who, n - taken))
    return longer


def outcome(
    boot: Boot, blocks: list[Block], failure: Failure
) -> tuple[int, ...] | None:
    """The choices really made when `blocks` is wished for, if the run fails alike."""
    machine = boot()
    machine.run(Wish([who for who, n in blocks for _ in range(n)]))
    machine.close()
    found = machine.failure
    if found is None or (found.kind, found.message) != (failure.kind, failure.message):
        return None
    return tuple(machine.choices)


def blocks_of(choices: Sequence[int]) -> list[Block]:
    return [(who, sum(1 for _ in run)) for who, run in groupby(choices)]


def cost(choices: Sequence[int]) -> tuple[int, int]:
    return context_switches(choices), len(choices)
