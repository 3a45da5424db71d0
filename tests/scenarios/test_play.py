"""Running, hunting and replaying a race."""

from __future__ import annotations

import pytest
from attrs import evolve

from kmm.designs import find_kernel
from kmm.mm.kernel import Kernel
from kmm.mm.observe import observe
from kmm.scenarios import find_race
from kmm.scenarios.play import hunt, machine_at, replay, run
from kmm.sim.schedule import ScheduleError
from kmm.sim.strategies import RandomWalk, RoundRobin, SourceDpor

RACE = find_race("exec-stack")
VANILLA = find_kernel("vanilla")


def test_one_run_is_recorded_and_is_no_proof() -> None:
    played = run(RACE, find_kernel("v6"), RoundRobin())
    assert (played.verdict, played.coverage.executions) == ("survived", 1)
    assert played.recording is not None
    assert played.coverage.steps == len(played.recording.steps)


def test_a_budget_that_is_spent_proves_nothing() -> None:
    played = hunt(RACE, find_kernel("v6"), SourceDpor(), budget=20)
    assert (played.verdict, played.stopped) == ("survived", "budget")
    assert played.coverage.executions == 20
    assert played.token is None


def test_a_random_hunt_never_proves_anything() -> None:
    played = hunt(RACE, find_kernel("v6"), RandomWalk(1), budget=5)
    assert played.verdict == "survived"


@pytest.mark.slow
def test_a_witness_is_called_the_least_only_if_it_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert hunt(RACE, VANILLA, SourceDpor()).is_least
    monkeypatch.setattr("kmm.sim.shrink.FEW_TURNS", 0)
    monkeypatch.setattr("kmm.sim.shrink.ALL_TRACES", 0)
    played = hunt(RACE, VANILLA, SourceDpor())
    assert played.verdict == "bug"
    assert not played.is_least


def test_a_replay_of_another_race_or_of_an_altered_run_is_refused() -> None:
    token = hunt(RACE, VANILLA, SourceDpor()).token
    assert token is not None
    with pytest.raises(ScheduleError, match="another race"):
        replay(find_race("exec-stack-peek"), token)
    with pytest.raises(ScheduleError, match="check"):
        replay(RACE, evolve(token, check="0000"))
    with pytest.raises(ScheduleError, match="was it cut off"):
        replay(RACE, evolve(token, choices=token.choices[:-3]))


def test_a_run_with_its_operations_says_which_step_differs() -> None:
    played = hunt(RACE, VANILLA, SourceDpor())
    token, recording = played.token, played.recording
    assert token is not None
    assert recording is not None
    known = recording.operations
    assert replay(RACE, token, known).recording == recording
    with pytest.raises(ScheduleError, match="so the check was altered"):
        replay(RACE, evolve(token, check="0000"), known)
    with pytest.raises(ScheduleError, match="but there are 3 operations beside it"):
        replay(RACE, token, known[:3])
    altered = [*known[:80], "read nothing", *known[81:]]
    with pytest.raises(ScheduleError, match=r"at step 81 .* was to read nothing"):
        replay(RACE, token, altered)


def test_a_run_of_another_kernel_is_told_by_its_first_step_that_differs() -> None:
    played = hunt(RACE, VANILLA, SourceDpor())
    assert played.token is not None
    assert played.recording is not None
    token = evolve(played.token, kernel=find_kernel("v4"))
    with pytest.raises(ScheduleError, match=r"differs at step \d+ .* and was to "):
        replay(RACE, token, played.recording.operations)


def test_the_machine_of_a_moment_is_as_the_recording_says() -> None:
    recording = run(RACE, VANILLA, RandomWalk(1)).recording
    assert recording is not None
    for steps in (0, 40, len(recording.steps)):
        machine = machine_at(RACE, VANILLA, recording.choices[:steps])
        assert isinstance(machine.model, Kernel)
        assert observe(machine.model) == recording.moments[steps].state
        machine.close()
