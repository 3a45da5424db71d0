"""A run written down: every moment of it, exactly."""

from collections.abc import Sequence
from itertools import pairwise

import pytest
from sim.programs import Cell, Flag, opposite_locks, threads, toy
from sim.traces import TracedBoot

from kmm.sim.failure import Corruption
from kmm.sim.locks import Mutex, SpinLock
from kmm.sim.machine import Machine
from kmm.sim.recording import Recording, record, record_choices, shared
from kmm.sim.schedule import ScheduleError, decode
from kmm.sim.search import search
from kmm.sim.strategies import RandomWalk, SourceDpor
from kmm.sim.thread import KThread

TOY = toy(fixed=False)


def witness(program: TracedBoot) -> tuple[int, ...]:
    return search(program, SourceDpor()).choices


@pytest.mark.parametrize("program", [TOY, opposite_locks])
def test_two_replays_are_equal(program: TracedBoot) -> None:
    choices = witness(program)
    assert record_choices(program, choices) == record_choices(program, choices)


def test_a_recording_is_of_the_choices_that_made_it() -> None:
    walked = record(TOY, RandomWalk(5))
    replayed = record_choices(TOY, walked.choices)
    assert replayed == walked
    assert replayed.fingerprint == walked.fingerprint


def test_the_failure_is_that_of_the_search() -> None:
    found = search(TOY, SourceDpor())
    assert record_choices(TOY, found.choices).failure == found.failure


def counter() -> Machine:
    """Thread a adds 1 under a lock, thread b adds 10 without."""
    cell, lock = Cell("cell"), SpinLock("lock")

    async def careful() -> None:
        async with lock:
            await cell.write(await cell.read() + 1)

    async def careless() -> None:
        await cell.write(await cell.read() + 10)

    bodies = careful(), careless()
    return Machine(threads(*bodies), observe=lambda: cell.value)


def test_every_moment_of_a_run_is_there_in_order() -> None:
    recording = record_choices(counter, [0, 0, 1, 0, 1, 0])
    assert [moment.state for moment in recording.moments] == [0, 0, 0, 0, 1, 10, 10]
    assert len(recording.moments) == len(recording.steps) + 1
    assert [step.number for step in recording.steps] == [0, 1, 2, 3, 4, 5]


def test_a_step_says_who_did_what_and_what_came_of_it() -> None:
    recording = record_choices(counter, [0, 0, 1, 0, 1, 0])
    told = [
        (step.thread, step.kind, step.target, step.before, step.after)
        for step in recording.steps
    ]
    assert told == [
        (0, "acquire", "lock", "free", "held by a:1"),
        (0, "read", "cell.value", 0, 0),
        (1, "read", "cell.value", 0, 0),
        (0, "write", "cell.value", 0, 1),
        (1, "write", "cell.value", 1, 10),
        (0, "release", "lock", "held by a:1", "free"),
    ]
    assert [place.function for place in recording.steps[1].trace] == ["read", "careful"]


def test_a_moment_says_what_each_thread_is_about_to_do_and_holds() -> None:
    recording = record_choices(counter, [0, 0, 1, 0, 1, 0])
    start, taken, end = (recording.moments[i] for i in (0, 1, -1))
    assert start.about_to == ("acquire lock", "read cell.value")
    assert start.held == ((), ())
    assert taken.about_to == ("read cell.value", "read cell.value")
    assert taken.held == (("lock",), ())
    assert end.about_to == (None, None)
    assert end.standing == ((), ())


def test_a_moment_says_who_must_wait() -> None:
    recording = record_choices(opposite_locks, witness(opposite_locks))
    assert recording.failure is not None
    assert recording.failure.kind == "deadlock"
    assert recording.moments[0].blocked == (False, False, False)
    assert recording.moments[-1].blocked == (False, True, True)


def test_who_the_threads_are_is_written_down() -> None:
    recording = record(counter, RandomWalk(0))
    assert [(t.comm, t.pid, t.cpu) for t in recording.threads] == [
        ("a", 1, 0),
        ("b", 2, 1),
    ]


def test_the_fingerprint_tells_runs_apart() -> None:
    runs = [record(TOY, RandomWalk(seed)) for seed in range(20)]
    assert len({run.choices for run in runs}) > 15
    assert len({run.fingerprint for run in runs}) == len({run.choices for run in runs})


def test_the_fingerprint_tells_programs_apart() -> None:
    def boot(name: str) -> Machine:
        return Machine(threads(Cell(name).read()))

    one = record_choices(lambda: boot("one"), [0])
    other = record_choices(lambda: boot("other"), [0])
    assert one.choices == other.choices
    assert one.fingerprint != other.fingerprint


def test_choices_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ScheduleError, match="was it cut off"):
        record_choices(counter, [0, 0, 1])
    with pytest.raises(ScheduleError, match="the schedule has 2 more"):
        record_choices(counter, [0, 0, 1, 0, 1, 0, 1, 1])


def test_the_operations_of_a_run_are_written_down_and_can_be_insisted_on() -> None:
    recording = record_choices(counter, [0, 0, 1, 0, 1, 0])
    assert recording.operations[:3] == (
        "acquire lock",
        "read cell.value",
        "read cell.value",
    )
    again = record_choices(counter, recording.choices, recording.operations)
    assert again == recording
    others = [*recording.operations[:4], "read cell.value", "release lock"]
    with pytest.raises(ScheduleError, match="and was to read cell"):
        record_choices(counter, recording.choices, others)


class GivesUp:
    """Chooses twice and then gives the run up; whoever asks once more is wrong."""

    def __init__(self) -> None:
        self.left = 2

    def choose(self, machine: Machine, enabled: Sequence[KThread]) -> KThread | None:
        self.left -= 1
        assert self.left >= -1
        return enabled[0] if self.left >= 0 else None


def test_a_run_that_is_given_up_is_written_down_as_far_as_it_went() -> None:
    recording = record(counter, GivesUp())
    assert recording.choices == (0, 0)
    assert recording.failure is None


def test_a_failure_ends_a_recording_at_its_step() -> None:
    flag = Flag("flag")

    async def fails() -> None:
        await flag.put(True)
        raise Corruption("at once")

    recording: Recording = record_choices(
        lambda: Machine(threads(fails(), Flag("other").put(True))), [0]
    )
    assert recording.failure is not None
    assert recording.failure.message == "at once"
    assert recording.moments[-1].about_to == (None, "write other")


def two_sections() -> Machine:
    """Both threads take the lock, write, and give it back; b looks at it before."""
    lock, cell = Mutex("lock"), Cell("cell")

    async def first() -> None:
        async with lock:
            await cell.write(1)

    async def second() -> None:
        await lock.is_locked()
        await first()

    return Machine(threads(first(), second()))


@pytest.mark.parametrize(
    ("text", "taken"),
    [
        ("3a4b", 0),  # a has ended
        ("1a1b2a3b", 1),  # a could have gone on; b must wait for the lock
        ("1b3a3b", 1),
    ],
)
def test_a_switch_is_no_preemption_where_a_thread_has_ended_or_must_wait(
    text: str, taken: int
) -> None:
    assert record_choices(two_sections, decode(text)).preemptions == taken


def test_what_has_not_changed_is_kept_once() -> None:
    walked = record(TOY, RandomWalk(5))
    pairs = list(pairwise(walked.moments))
    same = [(a, b) for a, b in pairs if a.held == b.held]
    assert same
    assert all(a.held is b.held for a, b in same)


def test_what_has_changed_is_made_of_parts_that_have_not() -> None:
    old = ((1, 2), ("a",), (3,))
    new = ((1, 2), ("b", "c"), (3,), (4,))
    kept = shared(new, old)
    assert kept == new
    assert kept[0] is old[0]
    assert kept[2] is old[2]
