"""The positions of a stack that moves, and what a migration does at each.

S0: nothing has changed.  S1: vm_start is lowered, the entry is where it was.
S2: the entry has moved.  S3: vm_end has followed.

Each test lets exec go to one position, lets the migration make its first walk there,
lets exec go on to another, and lets the second walk come by.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from kmm.designs import find_kernel
from kmm.mm.observe import State
from kmm.scenarios import find_race
from kmm.sim.machine import Machine
from kmm.sim.thread import KThread
from kmm.sim.trap import ACQUIRE, WRITE, Op

MIGRATION, EXEC = 0, 1
BUG = "kernel BUG at include/linux/swapops.h:105!"


def go_until(machine: Machine, index: int, stop: Callable[[KThread, Op], bool]) -> None:
    """Run one thread alone until `stop` says so of what it is about to do."""
    thread = machine.threads[index]
    while thread.pending and not machine.failure and not stop(thread, thread.pending):
        assert thread.pending.possible(), f"{thread.name} is stuck: {thread.pending}"
        machine.step(thread)


def to_end(machine: Machine, index: int) -> None:
    go_until(machine, index, lambda _thread, _op: False)


def at_second_walk(thread: KThread, op: Op) -> bool:
    """About to take the anon_vma lock for the walk that restores."""
    functions = [place.function for place in thread.call_trace()]
    return op.kind is ACQUIRE and "rmap_walk_anon" in functions


def lowered(_: KThread, op: Op) -> bool:
    """S1: about to lock the page tables, to move the entry."""
    return op.kind is ACQUIRE and op.key.endswith("page_table_lock")


def moved(_: KThread, op: Op) -> bool:
    """S2: about to adjust the VMA for the second time."""
    return op.kind is WRITE and op.key.endswith(".vm_start")


def shrunk(_: KThread, op: Op) -> bool:
    """S3: about to grow the stack that has been moved."""
    return op.key.endswith(".anon_vma")


ARRIVED = {1: lowered, 2: moved, 3: shrunk}


class Exec:
    """Takes the exec thread from position to position of 2.6.34's shift_arg_pages."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.position = 0

    def go_to(self, position: int) -> None:
        while self.position < position:
            self.position += 1
            go_until(self.machine, EXEC, ARRIVED[self.position])


def play(first: int, second: int) -> Machine:
    machine = find_race("exec-stack").booter(find_kernel("2.6.34"))()
    stack = Exec(machine)
    stack.go_to(first)
    go_until(machine, MIGRATION, at_second_walk)
    stack.go_to(second)
    to_end(machine, MIGRATION)
    to_end(machine, EXEC)
    return machine


def stack_page(machine: Machine) -> int:
    """The frame that the stack's one entry names."""
    state = machine.observe()
    assert isinstance(state, State)
    (entry,) = state.mms[0].entries
    return entry.pfn


FIRST_PAGE = stack_page(find_race("exec-stack").booter(find_kernel("2.6.34"))())


def test_a_second_walk_at_s1_misses_the_entry_of_a_first_walk_at_s0() -> None:
    machine = play(0, 1)
    assert machine.failure is not None
    assert machine.failure.message == BUG
    assert machine.failure.thread == "date:4021"


@pytest.mark.parametrize(
    ("first", "second"), [(0, 0), (0, 2), (0, 3), (2, 2), (2, 3), (3, 3)]
)
def test_elsewhere_the_second_walk_finds_what_the_first_put_in(
    first: int, second: int
) -> None:
    machine = play(first, second)
    assert machine.failure is None
    assert stack_page(machine) != FIRST_PAGE, "the page was moved"
    machine.check()


@pytest.mark.parametrize("second", [1, 2, 3])
def test_a_first_walk_at_s1_finds_nothing_so_the_page_stays(second: int) -> None:
    machine = play(1, second)
    assert machine.failure is None
    assert stack_page(machine) == FIRST_PAGE, "-EAGAIN: the page was not moved"
    machine.check()
