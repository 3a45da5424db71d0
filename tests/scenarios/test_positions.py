"""The positions of a stack that moves, and what a migration does at each.

S0: nothing has changed.  S1: vm_start is lowered, the entry is where it was.
S2: the entry has moved.  S3: vm_end has followed.

Each test lets exec go to one position, lets the migration make its first walk there,
lets exec go on to another, and lets the second walk come by.
"""

from __future__ import annotations

import pytest
from building import functions_of, go_until, to_end

from kmm.designs import find_kernel
from kmm.fs.exec import STACK_TOP_MAX
from kmm.hw.memory import PAGE_SHIFT, PAGE_SIZE
from kmm.mm.observe import PageView, State
from kmm.scenarios import find_race
from kmm.sim.machine import Machine
from kmm.sim.thread import KThread
from kmm.sim.trap import ACQUIRE, WRITE, Op

MIGRATION, EXEC = 0, 1
BUG = "kernel BUG at include/linux/swapops.h:105!"


def at_second_walk(thread: KThread, op: Op) -> bool:
    """About to take the anon_vma lock for the walk that restores."""
    return op.kind is ACQUIRE and "rmap_walk_anon" in functions_of(thread)


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


def state_of(machine: Machine) -> State:
    state = machine.observe()
    assert isinstance(state, State)
    return state


def stack_page(machine: Machine) -> PageView:
    """The page that the stack's one entry names."""
    state = state_of(machine)
    (entry,) = state.mms[0].entries
    (page,) = [page for page in state.pages if page.pfn == entry.pfn]
    return page


FIRST_PAGE = stack_page(find_race("exec-stack").booter(find_kernel("2.6.34"))())


@pytest.mark.parametrize(
    ("position", "lowered", "moved", "shrunk"),
    [(0, 0, 0, 0), (1, 6, 0, 0), (2, 6, 6, 0), (3, 6, 6, 6)],
)
def test_a_position_is_what_its_name_says(
    position: int, lowered: int, moved: int, shrunk: int
) -> None:
    """By how many pages vm_start, the entry and vm_end have followed."""
    machine = find_race("exec-stack").booter(find_kernel("2.6.34"))()
    Exec(machine).go_to(position)
    (mm,) = state_of(machine).mms
    (vma,) = mm.vmas
    (entry,) = mm.entries
    assert vma.start == STACK_TOP_MAX - (1 + lowered) * PAGE_SIZE
    assert entry.address == STACK_TOP_MAX - (1 + moved) * PAGE_SIZE
    assert vma.end == STACK_TOP_MAX - shrunk * PAGE_SIZE
    assert vma.pgoff == (STACK_TOP_MAX >> PAGE_SHIFT) - 1, "never touched"
    machine.close()


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
    assert stack_page(machine).pfn != FIRST_PAGE.pfn, "the page was moved"
    machine.check()


@pytest.mark.parametrize("second", [1, 2, 3])
def test_a_first_walk_at_s1_finds_nothing_so_the_page_stays(second: int) -> None:
    machine = play(1, second)
    assert machine.failure is None
    # -EAGAIN: nothing was unmapped or copied; the page waits in a pagevec.
    now = stack_page(machine)
    for name in ("pfn", "mapcount", "mapping", "index"):
        assert getattr(now, name) == getattr(FIRST_PAGE, name)
    machine.check()


def looks_for_the_entry(thread: KThread, _: Op) -> bool:
    """The second walk has worked its address out, and goes to look there."""
    functions = functions_of(thread)
    return "remove_migration_pte" in functions and "find_pte" in functions


def test_an_address_worked_out_at_s0_and_looked_at_at_s2_is_missed_as_well() -> None:
    machine = find_race("exec-stack").booter(find_kernel("2.6.34"))()
    go_until(machine, MIGRATION, looks_for_the_entry)
    Exec(machine).go_to(2)
    to_end(machine, MIGRATION)
    to_end(machine, EXEC)
    assert machine.failure is not None
    assert machine.failure.message == BUG


# Two VMAs that lead to the same page: which of them is looked at first?


def has_moved_the_entry(thread: KThread, _: Op) -> bool:
    return "move_page_tables" not in functions_of(thread)


def goes_to_the_second_vma(_: KThread, op: Op) -> bool:
    return op.key == "vma#2.vm_start"


@pytest.mark.parametrize(("kernel", "missed"), [("v4", True), ("v6", False)])
def test_a_move_between_two_looks_is_missed_if_the_new_place_comes_first(
    kernel: str, missed: bool
) -> None:
    machine = find_race("exec-stack").booter(find_kernel(kernel))()
    go_until(machine, MIGRATION, at_second_walk)
    go_until(machine, EXEC, lowered)
    go_until(machine, MIGRATION, goes_to_the_second_vma)
    go_until(machine, EXEC, has_moved_the_entry)
    to_end(machine, MIGRATION)
    to_end(machine, EXEC)
    assert bool(machine.failure) == missed
    if missed:
        assert machine.failure is not None
        assert machine.failure.message == BUG
    else:
        assert stack_page(machine).pfn != FIRST_PAGE.pfn
        machine.check()
