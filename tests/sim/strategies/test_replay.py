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
        pytest.param(
            "",
            "the schedule ends after 0 steps, but a:1 (acquire lock) or b:2 (acquire "
            "lock) can still run: was it cut off?",
            id="nothing",
        ),
        pytest.param(
            "4a2b",
            "the schedule ends after 6 steps, but b:2 (write cell.value) can still "
            "run: was it cut off?",
            id="cut off",
        ),
        pytest.param(
            "4a5b",
            "the run ends after 8 steps, but the schedule has 1 more: it was made by "
            "another program",
            id="too long",
        ),
        pytest.param(
            "4a4b4a",
            "the run ends after 8 steps, but the schedule has 4 more: it was made by "
            "another program",
            id="a block too many",
        ),
        pytest.param(
            "5a4b",
            "the schedule stops fitting at step 5 (5 of 5a, block 1): a:1 has ended; "
            "b:2 (acquire lock) could go on",
            id="thread has ended",
        ),
        pytest.param(
            "2a1b",
            "the schedule stops fitting at step 3 (1 of 1b, block 2): b:2 must wait to "
            "acquire lock; a:1 (write cell.value) could go on",
            id="thread must wait",
        ),
        pytest.param(
            "2a3c",
            "the schedule stops fitting at step 3 (1 of 3c, block 2): there is no "
            "thread number 2; a:1 (write cell.value) could go on",
            id="unknown thread",
        ),
    ],
)
def test_a_schedule_that_does_not_fit_says_where_and_why(
    text: str, complaint: str
) -> None:
    with pytest.raises(ScheduleError) as refusal:
        replay(text)
    assert str(refusal.value) == complaint


def test_a_failure_that_ends_a_run_too_soon_is_named() -> None:
    program = toy(fixed=False)
    with pytest.raises(ScheduleError, match=r"17 steps \(a migration entry survives\)"):
        search(program, Replay(decode("7a6b5a")))


# With what each step is to do.

SECTION = ["acquire lock", "read cell.value", "write cell.value", "release lock"]


def test_a_run_in_which_every_step_does_what_it_was_to_do_fits() -> None:
    whole = Replay(decode("4a4b"), SECTION * 2)
    assert search(two_sections, whole).verdict == "survived"


@pytest.mark.parametrize(
    ("text", "operations", "complaint"),
    [
        pytest.param(
            "4a4b",
            [*SECTION, "acquire lock", "write cell.value", *SECTION[2:]],
            "the run differs at step 6 (2 of 4b, block 2): b:2 is about to read "
            "cell.value, and was to write cell.value: the schedule comes from another "
            "version of kmm, or was altered",
            id="other operation",
        ),
        pytest.param(
            "2a1b5a",
            [*SECTION[:2], "read other.value", *SECTION],
            "the schedule stops fitting at step 3 (1 of 1b, block 2): b:2 must wait to "
            "acquire lock, and was to read other.value; a:1 (write cell.value) could "
            "go on",
            id="thread must wait, and was to do something else",
        ),
        pytest.param(
            "5a3b",
            [*SECTION, "read cell.value", *SECTION[:3]],
            "the schedule stops fitting at step 5 (5 of 5a, block 1): a:1 has ended, "
            "and was to read cell.value; b:2 (acquire lock) could go on",
            id="thread has ended, and had more to do",
        ),
    ],
)
def test_the_first_step_that_differs_is_named_with_what_it_was_to_do(
    text: str, operations: list[str], complaint: str
) -> None:
    with pytest.raises(ScheduleError) as refusal:
        search(two_sections, Replay(decode(text), operations))
    assert str(refusal.value) == complaint


def test_only_the_whole_of_a_run_fits() -> None:
    program = counters(sections=1, locks=1)
    strategy = Enumeration()
    strategy.next_run()
    whole = search(program, Enumeration(), budget=1).choices
    for length in range(len(whole)):
        with pytest.raises(ScheduleError):
            search(program, Replay(whole[:length]))
    search(program, Replay(whole))
