"""Replay: to the letter, or not at all."""

import pytest
from sim.programs import Cell, counters, threads, toy

from kmm.sim.locks import SpinLock
from kmm.sim.machine import Machine
from kmm.sim.schedule import ScheduleError, decode
from kmm.sim.search import SearchResult, search
from kmm.sim.strategies import Enumeration, RandomWalk, Replay


def two_sections() -> Machine:
    """Two threads of four steps: take the lock, read, write, give it back."""
    lock, cell = SpinLock("lock"), Cell("cell")

    async def body() -> None:
        async with lock:
            await cell.write(await cell.read() + 1)

    return Machine(threads(body(), body()))


def replay(text: str) -> SearchResult:
    return search(two_sections, Replay(decode(text)))


def test_a_run_is_made_again_and_only_once() -> None:
    result = replay("4b4a")
    assert result.choices == (1, 1, 1, 1, 0, 0, 0, 0)
    assert result.coverage.executions == 1
    assert result.verdict == "survived"


@pytest.mark.parametrize("seed", range(10))
def test_what_any_search_found_can_be_replayed(seed: int) -> None:
    program = toy(fixed=False, bystander=1)
    found = search(program, RandomWalk(seed))
    again = search(program, Replay(found.choices))
    assert again.failure == found.failure
    assert again.choices == found.choices


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "ends after 0 steps, but a:1 or b:2 can still run: was it cut off?"),
        ("4a2b", "ends after 6 steps, but b:2 can still run: was it cut off?"),
        ("4a5b", "ends after 8 steps, but the schedule has 1 more"),
        ("4a4b4a", "ends after 8 steps, but the schedule has 4 more"),
        ("5a4b", "stops fitting at step 4: a:1 has ended; b:2 could go on"),
        ("2a1b", "stops fitting at step 2: b:2 must wait for lock; a:1 could go on"),
        (
            "1c",
            "stops fitting at step 0: there is no thread number 2; a:1 or b:2 could",
        ),
    ],
)
def test_a_schedule_that_does_not_fit_says_where_and_why(
    text: str, complaint: str
) -> None:
    with pytest.raises(ScheduleError) as refusal:
        replay(text)
    assert complaint in str(refusal.value)


def test_only_the_whole_of_a_run_fits() -> None:
    program = counters(sections=1, locks=1)
    strategy = Enumeration()
    strategy.next_run()
    whole = search(program, Enumeration(), budget=1).choices
    for length in range(len(whole)):
        with pytest.raises(ScheduleError):
            search(program, Replay(whole[:length]))
    search(program, Replay(whole))
