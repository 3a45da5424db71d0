"""Round robin: one run, in which the threads take turns."""

import pytest
from sim.programs import Cell, steppers, threads

from kmm.sim.locks import SpinLock
from kmm.sim.machine import Machine
from kmm.sim.recording import record
from kmm.sim.schedule import encode
from kmm.sim.search import search
from kmm.sim.strategies import RoundRobin


def turns(quantum: int, *steps: int) -> str:
    strategy = RoundRobin(quantum)
    strategy.next_run()
    return encode(record(lambda: steppers(*steps), strategy).choices)


@pytest.mark.parametrize(
    ("quantum", "steps", "expected"),
    [
        (1, (3, 3), "1a1b1a1b1a1b"),
        (2, (4, 4), "2a2b2a2b"),
        (2, (3, 3), "2a2b1a1b"),
        (1, (1, 3, 1), "1a1b1c2b"),
        (9, (4, 2), "4a2b"),
    ],
)
def test_each_takes_its_quantum_in_turn(
    quantum: int, steps: tuple[int, ...], expected: str
) -> None:
    assert turns(quantum, *steps) == expected


def test_who_must_wait_is_passed_over() -> None:
    def boot() -> Machine:
        lock, cell = SpinLock("lock"), Cell("cell")

        async def holder() -> None:
            async with lock:
                await cell.read()

        async def other() -> None:
            await cell.read()
            await cell.read()

        return Machine(threads(holder(), holder(), other()))

    strategy = RoundRobin()
    strategy.next_run()
    assert encode(record(boot, strategy).choices) == "1a1c1a1c1a3b"


def test_there_is_one_run() -> None:
    result = search(lambda: steppers(2, 2), RoundRobin())
    assert result.coverage.executions == 1
    assert result.verdict == "survived"
