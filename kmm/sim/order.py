"""What of a run's order matters: the steps that conflict, and nothing else.

Runs that order all conflicting steps alike are of one **trace**; they take every thread
to the same place and leave the same memory.  So a trace can be told from its steps, the
steps that a failure does not rest on can be left out, and of all the runs of one trace
that with the fewest switches can be worked out, without running any of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from .trap import COMMUTING, Kind, Op

Act = tuple[int, Op]  # a thread's index, and what it does
Block = tuple[int, int]  # a thread's index, and a number of steps of it
Cost = tuple[int, int, tuple[int, ...], tuple[int, ...]]
Need = dict[int, int]  # a thread's index, and how many of its steps must have come

# Kinds that can be swapped with one another, by what they can be swapped with.
COMPANY = {
    kind: min(other for other in Kind if (kind, other) in COMMUTING)
    for kind in Kind
    if (kind, kind) in COMMUTING
}


def blocks_of(choices: Sequence[int]) -> list[Block]:
    return [(who, sum(1 for _ in run)) for who, run in groupby(choices)]


def choices_of(blocks: Sequence[Block]) -> tuple[int, ...]:
    return tuple(who for who, steps in blocks for _ in range(steps))


def cost(blocks: Sequence[Block]) -> Cost:
    """By what runs that fail alike are told apart; the least is the witness.

    Fewer switches come first, then fewer steps; then who comes first, by the threads'
    order, and then who goes on for longer before a switch.
    """
    return (
        len(blocks) - 1,
        sum(steps for _, steps in blocks),
        tuple(who for who, _ in blocks),
        tuple(-steps for _, steps in blocks),
    )


def causes_of_last(steps: Sequence[Act]) -> list[Act]:
    """The last step, and those of the others that it depends on."""
    kept: list[Act] = []
    threads: set[int] = set()
    ops: dict[str, list[Op]] = {}  # by object, of the steps that are kept
    for thread, op in reversed(steps):
        on_same = [o for _, key in op.touches for o in ops.get(key, ())]
        if not kept or thread in threads or any(op.conflicts(o) for o in on_same):
            kept.append((thread, op))
            threads.add(thread)
            for _, key in op.touches:
                ops.setdefault(key, []).append(op)
    return kept[::-1]


def least_of_trace(steps: Sequence[Act], *, cut_short: bool) -> list[Block]:
    """The least run that does the same to the same end.

    `cut_short` if that was the last step; else all of them count.
    """
    return fewest_switches(causes_of_last(steps) if cut_short else steps)


def fewest_switches(steps: Sequence[Act]) -> list[Block]:
    """The run of the same trace that costs least.

    To let a thread go on for as long as it can does no harm to what comes after, so the
    order of the threads is all that there is to try.
    """
    needs = needs_of(steps)
    threads = sorted(needs)
    end = tuple(len(needs[thread]) for thread in threads)
    begun: list[tuple[tuple[int, ...], list[Block]]] = [((0,) * len(threads), [])]
    seen: set[tuple[tuple[int, ...], int]] = set()
    if not steps:
        return []
    while True:
        longer = []
        for done, blocks in begun:
            for thread, after in ways_on(needs, threads, done):
                if (after, thread) not in seen:
                    seen.add((after, thread))
                    longer.append((after, [*blocks, (thread, sum(after) - sum(done))]))
        whole = [blocks for after, blocks in longer if after == end]
        if whole:
            return min(whole, key=cost)
        begun = longer


def ways_on(
    needs: dict[int, list[Need]], threads: Sequence[int], done: tuple[int, ...]
) -> Iterator[tuple[int, tuple[int, ...]]]:
    """Who can go on after so many steps of each, and how far each gets."""
    reached = dict(zip(threads, done, strict=True))
    for place, thread in enumerate(threads):
        step = done[place]
        while step < len(needs[thread]) and all(
            reached[other] >= number for other, number in needs[thread][step].items()
        ):
            step += 1
        if step > done[place]:
            yield thread, (*done[:place], step, *done[place + 1 :])


def needs_of(steps: Sequence[Act]) -> dict[int, list[Need]]:
    """For each step of each thread, how many steps of others must come before it."""
    needs: dict[int, list[Need]] = {}
    on: dict[str, list[tuple[int, int, Op]]] = {}  # an object's key -> steps on it
    for thread, op in steps:
        own = needs.setdefault(thread, [])
        need: Need = {}
        for _, key in op.touches:
            for other, number, earlier in on.get(key, ()):
                if other != thread and earlier.conflicts(op):
                    need[other] = max(number, need.get(other, 0))
        own.append(need)
        for _, key in op.touches:
            on.setdefault(key, []).append((thread, len(own), op))
    return needs


class Past:
    """A name for the trace of what has been done: equal if that is.

    Names are hashes of 64 bits, of numbers only, so that they are the same everywhere.
    Two traces have the same one by accident less than once in 10**18.

    A step's name is made from its thread's last and from those of the steps on the same
    object that it conflicts with.  Steps on one object that could be swapped keep each
    other company: they have the same before them, and their names are added up.
    """

    __slots__ = ("last", "on")

    def __init__(self, threads: int) -> None:
        self.last = [0] * threads
        # An object's key -> its company's kind, what came before, the sum of names.
        self.on: dict[str, tuple[int, int, int]] = {}

    def copy(self) -> Past:
        other = Past(0)
        other.last = self.last[:]
        other.on = self.on.copy()
        return other

    def add(self, thread: int, ops: Sequence[Op]) -> None:
        name = self.last[thread]
        for op in ops:
            joined = {key: self._company(kind, key) for kind, key in op.touches}
            name = hash((thread, name, *(before for _, before, _ in joined.values())))
            for key, (company, before, names) in joined.items():
                self.on[key] = (company, before, names + name)
        self.last[thread] = name

    def _company(self, kind: Kind, key: str) -> tuple[int, int, int]:
        """The company on an object that a step of this kind joins, or begins."""
        mine = COMPANY.get(kind, -1)
        company, before, names = self.on.get(key, (-1, 0, 0))
        if company < 0 or company != mine:
            before, names = hash((before, names)), 0
        return mine, before, names

    @property
    def name(self) -> tuple[int, ...]:
        return tuple(self.last)
