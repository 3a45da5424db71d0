"""musil: every state of a machine that is written down by hand, breadth first.

It runs no code: a program is states and guarded steps between them.  Here each thread
is a list of steps, and a state is where every thread is, what it has read, and the
memory.  What a thread has read is forgotten with its last use, so that equal states
meet as early as they can.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from importlib.metadata import version
from typing import Any

from benchmarks.explorers.programs import FIXED, SCALED, TOY, scaled
from benchmarks.explorers.rows import Effort, Goal, Outcome, Row, hand_on, stopwatch
from benchmarks.explorers.toy import MIGRATION, NEW, NONE, OLD, PRESENT

Memory = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class State:
    at: tuple[int, ...]  # each thread's next step
    read: tuple[int, ...]  # what each has read last
    memory: Memory


# A step takes what was read and the memory, and gives both as they are afterwards, and
# by how many steps the thread goes on; None while it must wait.
Step = Callable[[int, Memory], tuple[int, Memory, int] | None]


def put(memory: Memory, place: int, value: int) -> Memory:
    return (*memory[:place], value, *memory[place + 1 :])


def lock(place: int) -> Step:
    def step(read: int, memory: Memory) -> tuple[int, Memory, int] | None:
        return None if memory[place] else (read, put(memory, place, 1), 1)

    return step


def unlock(place: int) -> Step:
    return lambda read, memory: (read, put(memory, place, 0), 1)


def load(place: int) -> Step:
    return lambda _, memory: (memory[place], memory, 1)


def store_read(place: int, add: int = 0) -> Step:
    return lambda read, memory: (0, put(memory, place, read + add), 1)


def store(place: int, value: int) -> Step:
    return lambda read, memory: (read, put(memory, place, value), 1)


# The toy's memory: three entries, two starts, two locks.
START, ANON_VMA, PAGE_TABLE_LOCK = 3, 5, 6


def look_at_entry(read: int, memory: Memory) -> tuple[int, Memory, int]:
    """Read the entry at the address read; if it needs nothing, skip the store."""
    if memory[read] == MIGRATION:
        return read, memory, 1
    return 0, memory, 2


def make_present(read: int, memory: Memory) -> tuple[int, Memory, int]:
    return 0, put(memory, read, PRESENT), 1


def toy_threads(*, fixed: bool) -> list[list[Step]]:
    walk = [lock(ANON_VMA)]
    for vma in (0, 1):
        walk += [load(START + vma), lock(PAGE_TABLE_LOCK)]
        walk += [look_at_entry, make_present, unlock(PAGE_TABLE_LOCK)]
    walk.append(unlock(ANON_VMA))
    move = [lock(PAGE_TABLE_LOCK), load(OLD), store(OLD, NONE), store_read(NEW)]
    move += [unlock(PAGE_TABLE_LOCK), store(START + 1, NEW)]
    if fixed:
        move = [lock(ANON_VMA), *move, unlock(ANON_VMA)]
    return [walk, move]


def counter_threads(sections: int, locks: int) -> list[list[Step]]:
    """The memory: the locks, then the counters."""
    return [
        [
            step
            for section in range(first, first + sections)
            for step in (
                lock(section % locks),
                load(locks + section % locks),
                store_read(locks + section % locks, add=1),
                unlock(section % locks),
            )
        ]
        for first in range(3)
    ]


def adds_up(locks: int, total: int, memory: Memory) -> bool:
    return sum(memory[locks:]) == total


def model(
    threads: Sequence[Sequence[Step]], memory: Memory, right: Callable[[Memory], bool]
) -> Any:
    musil: Any = import_module("musil")

    def taken(state: State, thread: int) -> tuple[int, Memory, int] | None:
        at = state.at[thread]
        if at == len(threads[thread]):
            return None
        return threads[thread][at](state.read[thread], state.memory)

    def after(state: State, thread: int) -> State:
        step = taken(state, thread)
        assert step is not None
        read, memory, by = step
        at = put(state.at, thread, state.at[thread] + by)
        return State(at, put(state.read, thread, read), memory)

    def is_over(state: State) -> bool:
        return all(
            at == len(steps) for at, steps in zip(state.at, threads, strict=True)
        )

    nothing = (0,) * len(threads)
    return musil.Model(
        init=State(nothing, nothing, memory),
        actions=[
            musil.Action(
                f"thread {thread}",
                lambda state, thread=thread: taken(state, thread) is not None,
                lambda state, thread=thread: after(state, thread),
            )
            for thread in range(len(threads))
        ],
        invariants={"right": lambda state: not is_over(state) or right(state.memory)},
        terminal=is_over,
    )


def checked(name: str, goal: Goal, asked: Any, most: int = 1_000_000) -> Row:
    musil: Any = import_module("musil")
    time = stopwatch()
    result = musil.check(asked, max_states=most)
    seconds, says = time(), str(result).splitlines()[0]
    outcome = Outcome.COVERED if result.ok else Outcome.BUG
    if result.truncated:
        outcome = Outcome.STOPPED
    number = result.states_explored
    return Row("breadth first", name, goal, outcome, number, seconds, says, "states")


def measure(effort: Effort) -> Iterator[Row]:
    memory: Memory = (MIGRATION, NONE, MIGRATION, 0, OLD, 0, 0)
    for program, fixed in ((TOY, False), (FIXED, True)):
        threads = toy_threads(fixed=fixed)
        asked = model(threads, memory, lambda memory: MIGRATION not in memory[:START])
        yield checked(program, Goal.ALL if fixed else Goal.FIRST, asked)
    for program, (sections, locks) in SCALED.items():
        if effort.quick and sections == 7:
            continue
        threads, memory = counter_threads(sections, locks), (0,) * (2 * locks)
        asked = model(threads, memory, partial(adds_up, locks, 3 * sections))
        yield checked(program, Goal.ALL, asked)
        if program == scaled(3, 1):  # what a spent budget is called
            yield checked(program, Goal.ALL, asked, most=100)


if __name__ == "__main__":
    hand_on("musil", version("musil"), measure)
