"""Failing runs made easier to read: one witness for each failure."""

from functools import cache, partial

import pytest
from sim.programs import Cell, opposite_locks, threads, toy
from sim.traces import TracedBoot, TracedMachine

from kmm.designs import find_kernel
from kmm.scenarios import find_race
from kmm.sim import shrink as shrinking
from kmm.sim.failure import Corruption, Failure
from kmm.sim.machine import Machine
from kmm.sim.recording import record_choices
from kmm.sim.schedule import context_switches, decode, encode
from kmm.sim.search import Boot, SearchResult, search
from kmm.sim.shrink import Witness, find_witness
from kmm.sim.strategies import Pct, RandomWalk
from kmm.sim.thread import KThread
from kmm.sim.trap import start_thread

SEEDS = range(30)  # `tests/benchmarks/witnesses.py` takes as many as one likes

# A page table walk against a move, beside a bystander that takes the lock so often.
TOYS = {bystander: toy(fixed=False, bystander=bystander) for bystander in (0, 1, 2, 4)}

# Each with the witness of its failure, and how often that takes the CPU from a thread
# that could have gone on.
PROGRAMS = pytest.mark.parametrize(
    ("program", "witness", "taken"),
    [
        pytest.param(TOYS[0], "7a6b4a", 1, id="toy"),
        pytest.param(TOYS[1], "7a6b4a5c", 1, id="toy with a bystander"),
        pytest.param(TOYS[2], "7a6b4a10c", 1, id="toy with a bystander twice"),
        pytest.param(TOYS[4], "7a6b4a20c", 1, id="toy with a bystander four times"),
        pytest.param(opposite_locks, "1a1b3c", 1, id="deadlock"),
    ],
)


@cache
def shrunk(program: TracedBoot) -> list[tuple[SearchResult, Witness]]:
    """Failures found from every seed, and the witness of each."""
    pairs = []
    for seed in SEEDS:
        found = search(program, RandomWalk(seed))
        assert found.failure is not None
        pairs.append((found, find_witness(program, found.choices, found.failure)))
    return pairs


def failing(boot: Boot, text: str) -> tuple[list[int], Failure]:
    """A run that is known to fail."""
    choices = decode(text)
    failure = record_choices(boot, choices).failure
    assert failure is not None
    return choices, failure


@pytest.mark.slow
@PROGRAMS
def test_every_seed_leads_to_one_witness(
    program: TracedBoot, witness: str, taken: int
) -> None:
    assert {encode(least.choices) for _, least in shrunk(program)} == {witness}
    assert all(least.is_least for _, least in shrunk(program))
    # There was something to do.
    assert len({found.choices for found, _ in shrunk(program)}) > 10


@PROGRAMS
def test_the_witness_ends_in_the_same_failure(
    program: TracedBoot, witness: str, taken: int
) -> None:
    again = record_choices(program, decode(witness)).failure
    assert again is not None
    for found, _ in shrunk(program):
        assert found.failure is not None
        assert (again.kind, again.message) == (
            found.failure.kind,
            found.failure.message,
        )


@PROGRAMS
def test_few_switches_take_the_cpu_from_a_thread_that_could_go_on(
    program: TracedBoot, witness: str, taken: int
) -> None:
    assert record_choices(program, decode(witness)).preemptions == taken


@PROGRAMS
def test_what_is_shrunk_is_not_shrunk_further(
    program: TracedBoot, witness: str, taken: int
) -> None:
    choices, failure = failing(program, witness)
    assert encode(find_witness(program, choices, failure).choices) == witness


def test_a_toy_takes_few_runs() -> None:
    runs = {most: max(w.runs for _, w in shrunk(TOYS[most])) for most in TOYS}
    assert runs[0] <= 15
    assert max(runs.values()) <= 70


@pytest.mark.slow
@pytest.mark.parametrize(
    ("race", "kernel", "witness", "taken"),
    [
        ("exec-stack:compaction", "2.6.34", "8d51a30b8a19b", 2),
        ("mremap-peek", "v2", "33a4d16a23b24a37b1a1b", 5),
        ("retry-livelock", "v2", "50a7b4d39a13b14a6b2a13b14a6b2a1b1a", 8),
    ],
)
def test_races_have_one_witness_too_by_turns_or_by_traces(
    race: str, kernel: str, witness: str, taken: int
) -> None:
    boot = find_race(race).rewinder(find_kernel(kernel))
    searches = [search(boot, Pct(seed), budget=200) for seed in range(4)]
    found = [result.choices for result in searches if result.failure]
    choices, failure = failing(boot, witness)
    assert record_choices(boot, choices).preemptions == taken
    for start in [tuple(choices), *found]:
        again = find_witness(boot, start, failure)
        assert (encode(again.choices), again.is_least) == (witness, True)


@pytest.mark.slow
def test_thirty_seeds_lead_to_one_witness_of_exec_stack() -> None:
    boot = find_race("exec-stack").rewinder(find_kernel("2.6.34"))
    witnesses = set()
    for seed in SEEDS:
        found = search(boot, Pct(seed), budget=2000)
        assert found.failure is not None
        witnesses.add(encode(find_witness(boot, found.choices, found.failure).choices))
    assert witnesses == {"48a30b8a19b"}
    assert record_choices(boot, decode("48a30b8a19b")).preemptions == 2


# What does not count as a step too many, or too few.


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
    assert encode(find_witness(program, interrupted, failure).choices) == easier


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
    assert (
        encode(find_witness(write_between_reads, choices, failure).choices)
        == "3a1b1a1b"
    )


def fails_whatever_others_do() -> TracedMachine:
    """Thread a fails after two steps; b has four, of which one is of use to it."""
    cell, own = Cell("cell"), Cell("own")

    async def reader() -> None:
        if await cell.read() == 1:
            await own.read()
            raise Corruption("seen")

    async def writer() -> None:
        await own.read()
        await cell.write(1)
        await own.read()
        await own.read()

    return TracedMachine(threads(reader(), writer()))


def test_steps_that_the_failure_does_not_rest_on_are_left_out() -> None:
    choices, failure = failing(fails_whatever_others_do, "4b2a")
    assert (
        encode(find_witness(fails_whatever_others_do, choices, failure).choices)
        == "2b2a"
    )


def test_a_failure_found_at_the_end_is_not_one_that_a_thread_met() -> None:
    def boot() -> TracedMachine:
        cell = Cell("cell")

        async def reader() -> None:
            if await cell.read() == 1:
                raise Corruption("one")

        def check() -> None:
            raise Corruption("one")

        return TracedMachine(threads(reader(), cell.write(1)), check)

    for text, easiest in ("1a1b", "1a1b"), ("1b1a", "1b1a"):
        choices, failure = failing(boot, text)
        assert encode(find_witness(boot, choices, failure).choices) == easiest


# Where the least run cannot be found.


@pytest.fixture
def in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """No search may take any steps."""
    monkeypatch.setattr(shrinking, "FEW_TURNS", 0)
    monkeypatch.setattr(shrinking, "ALL_TRACES", 0)


@pytest.mark.usefixtures("in_a_hurry")
@pytest.mark.parametrize("bystander", TOYS)
def test_without_a_search_the_run_that_was_found_is_made_easier(bystander: int) -> None:
    program = TOYS[bystander]
    for seed in range(20):
        found = search(program, RandomWalk(seed))
        assert found.failure is not None
        witness = find_witness(program, found.choices, found.failure)
        assert not witness.is_least
        again = record_choices(program, witness.choices).failure
        assert again is not None
        assert again.message == found.failure.message
        assert context_switches(witness.choices) <= 3, encode(found.choices)


def test_a_search_of_traces_takes_over_where_there_are_too_many_turns(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(shrinking, "FEW_TURNS", 100)
    found = search(TOYS[4], RandomWalk(0))
    assert found.failure is not None
    witness = find_witness(TOYS[4], found.choices, found.failure)
    assert (encode(witness.choices), witness.is_least) == ("7a6b4a20c", True)


def with_a_child() -> Machine:
    """The first thread starts a third, which fails if it sees what the second wrote."""
    cell, own = Cell("cell"), Cell("own")

    async def child() -> None:
        await own.read()
        if await cell.read() == 1:
            raise Corruption("seen")

    async def parent() -> None:
        await own.read()
        await start_thread(KThread("child", 9, 2, child()))
        await own.read()

    return Machine(threads(parent(), cell.write(1)))


def test_a_program_that_starts_threads_has_its_runs_made_easier_too() -> None:
    choices, failure = failing(with_a_child, "1a1c1b1a1c")
    witness = find_witness(with_a_child, choices, failure)
    assert not witness.is_least
    assert context_switches(witness.choices) == 2
    again = record_choices(with_a_child, witness.choices).failure
    assert again is not None
    assert again.message == failure.message


def test_what_is_asked_after_every_step_may_rest_on_any_of_them() -> None:
    """No step depends on another here, and yet the two must come together."""

    def boot() -> Machine:
        one, other = Cell("one"), Cell("other")

        def always() -> None:
            if one.value and not other.value:
                raise Corruption("one without the other")

        bodies = threads(other.write(1), one.write(1))
        machine = Machine(bodies, always=always)
        machine.is_checked = True
        return machine

    choices, failure = failing(boot, "1b")
    assert encode(find_witness(boot, choices, failure).choices) == "1b"
