"""Where a thread is, what it is called, and what it holds."""

from collections.abc import Awaitable, Callable

import pytest
from sim.programs import Body, Cell, threads

from kmm.sim.locks import Mutex, SpinLock
from kmm.sim.machine import Machine
from kmm.sim.rcu import Rcu
from kmm.sim.thread import KThread, Place, is_engine, place_of


async def outer(cell: Cell) -> None:
    await inner(cell)


async def inner(cell: Cell) -> None:
    await cell.read()
    await cell.write(1)


def started(body: Body) -> tuple[Machine, KThread]:
    """A machine with one thread, at its first preemption point."""
    machine = Machine(threads(body))
    return machine, machine.threads[0]


def test_a_suspended_thread_tells_where_it_is_innermost_first() -> None:
    machine, thread = started(outer(Cell("cell")))
    assert [p.function for p in thread.call_trace()] == ["read", "inner", "outer"]
    machine.step(thread)
    assert [p.function for p in thread.call_trace()] == ["write", "inner", "outer"]
    machine.close()


def test_a_frame_stands_at_the_line_of_the_call_that_has_not_returned() -> None:
    machine, thread = started(outer(Cell("cell")))
    first_line = inner.__code__.co_firstlineno
    assert thread.call_trace()[1].line == first_line + 1
    machine.step(thread)
    assert thread.call_trace()[1].line == first_line + 2
    machine.close()


def test_frames_of_the_simulator_are_left_out_of_a_trace() -> None:
    async def body() -> None:
        async with Mutex("lock"):
            pass

    machine, thread = started(body())
    assert [p.function for p in thread.call_trace()] == ["body"]
    machine.close()


def test_a_thread_that_has_ended_is_nowhere() -> None:
    machine, thread = started(outer(Cell("cell")))
    machine.step(thread)
    machine.step(thread)
    assert thread.pending is None
    assert thread.call_trace() == ()


@pytest.mark.parametrize(
    "root", ["/home/me/kmm/", "C:\\kmm\\", "/lib/python3.11/site-packages/"]
)
def test_a_file_is_named_from_the_root_of_the_package(root: str) -> None:
    code = inner.__code__.replace(co_filename=f"{root}kmm/mm/rmap.py")
    assert place_of(code, 7) == Place("inner", "kmm/mm/rmap.py", 7)
    assert not is_engine(place_of(code, 7))
    assert is_engine(place_of(Mutex.lock.__code__, 7))


def test_a_thread_is_called_by_its_command_and_its_number() -> None:
    machine, thread = started(outer(Cell("cell")))
    assert thread.name == "a:1"
    machine.close()


async def hold(
    lock: SpinLock | Mutex | Rcu, meanwhile: Callable[[], Awaitable[object]]
) -> None:
    async with lock:
        await meanwhile()


@pytest.mark.parametrize(
    ("lock", "atomic"), [(SpinLock("s"), True), (Mutex("m"), False), (Rcu(), True)]
)
def test_only_a_holder_of_what_spins_is_in_atomic_context(
    lock: SpinLock | Mutex | Rcu, atomic: bool
) -> None:
    machine, thread = started(hold(lock, Cell("cell").read))
    assert not thread.in_atomic
    machine.step(thread)  # takes it
    assert thread.held == [lock]
    assert thread.in_atomic is atomic
    machine.step(thread)  # reads
    machine.step(thread)  # gives it back
    assert thread.held == []
    assert not thread.in_atomic
