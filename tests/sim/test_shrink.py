"""Failing runs made easier to read."""

from functools import cache, partial

import pytest
from sim.programs import Cell, opposite_locks, threads, toy
from sim.traces import TracedBoot, TracedMachine

from kmm.sim.failure import Corruption
from kmm.sim.recording import record_choices
from kmm.sim.schedule import context_switches, decode, encode
from kmm.sim.search import SearchResult, search
from kmm.sim.shrink import shrink
from kmm.sim.strategies import RandomWalk

SEEDS = range(100)
BUSY_TOY = toy(fixed=False, bystander=4)

# Each with the fewest switches that its failure takes.
PROGRAMS = pytest.mark.parametrize(
    ("program", "switches"),
    [
        pytest.param(toy(fixed=False), 2, id="toy"),
        pytest.param(BUSY_TOY, 3, id="toy with a bystander"),
        pytest.param(opposite_locks, 2, id="deadlock"),
    ],
)


@cache
def shrunk(program: TracedBoot) -> list[tuple[SearchResult, tuple[int, ...]]]:
    """Failures found from every seed, and the choices of an easier run."""
    pairs = []
    for seed in SEEDS:
        found = search(program, RandomWalk(seed))
        assert found.failure is not None
        pairs.append((found, shrink(program, found.choices, found.failure)))
    return pairs


@pytest.mark.slow
@PROGRAMS
def test_the_run_that_is_left_ends_in_the_same_failure(
    program: TracedBoot, switches: int
) -> None:
    for found, easier in shrunk(program):
        again = record_choices(program, easier).failure
        assert found.failure is not None
        assert again is not None
        assert again.kind == found.failure.kind
        assert again.message == found.failure.message


@PROGRAMS
def test_the_fewest_switches_are_left_from_every_seed(
    program: TracedBoot, switches: int
) -> None:
    for found, easier in shrunk(program):
        assert context_switches(easier) == switches, encode(found.choices)
        assert len(easier) <= len(found.choices)
    # There was something to do.
    before = [context_switches(found.choices) for found, _ in shrunk(program)]
    assert max(before) > switches


@PROGRAMS
def test_what_is_shrunk_is_not_shrunk_further(
    program: TracedBoot, switches: int
) -> None:
    for found, easier in shrunk(program)[:20]:
        assert found.failure is not None
        assert shrink(program, easier, found.failure) == easier


def early_or_late(*, sees: int) -> TracedMachine:
    """Thread a fails if it sees what b has written (1), or has not (0)."""
    cell, own = Cell("cell"), Cell("own")

    async def early() -> None:
        seen = await cell.read()
        await own.write(1)
        if seen == 0:
            raise Corruption("early")

    async def late() -> None:
        await own.write(1)
        if await cell.read() == 1:
            raise Corruption("late")

    return TracedMachine(threads(late() if sees else early(), cell.write(1)))


@pytest.mark.parametrize(("sees", "easier"), [(0, "2a"), (1, "1b2a")])
def test_two_blocks_of_a_thread_are_merged_where_either_of_them_was(
    sees: int, easier: str
) -> None:
    program = partial(early_or_late, sees=sees)
    interrupted = decode("1a1b1a")
    failure = record_choices(program, interrupted).failure
    assert failure is not None
    assert encode(shrink(program, interrupted, failure)) == easier


def write_between_reads() -> TracedMachine:
    """Fails if thread b sees a's first value and then its last: a, b, a, b."""
    cell, own = Cell("cell"), Cell("own")
    seen: list[int] = []

    async def writer() -> None:
        await cell.write(1)
        await own.write(1)
        await own.write(2)
        await cell.write(2)

    async def reader() -> None:
        seen.append(await cell.read())
        seen.append(await cell.read())

    def check() -> None:
        if seen == [1, 2]:
            raise Corruption("seen changing")

    return TracedMachine(threads(writer(), reader()), check)


@pytest.mark.parametrize("found", ["1a1b3a1b", "2a1b2a1b", "3a1b1a1b"])
def test_a_switch_comes_as_late_as_it_can(found: str) -> None:
    choices = decode(found)
    failure = record_choices(write_between_reads, choices).failure
    assert failure is not None
    assert encode(shrink(write_between_reads, choices, failure)) == "3a1b1a1b"


def test_runs_found_from_different_seeds_become_alike() -> None:
    before = {found.choices for found, _ in shrunk(BUSY_TOY)}
    after = {encode(easier) for _, easier in shrunk(BUSY_TOY)}
    assert len(before) > 90
    assert len(after) <= 8, " ".join(sorted(after))
