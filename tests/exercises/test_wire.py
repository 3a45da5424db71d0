"""A recording comes back as it was sent; what is none is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
from attrs import evolve

from kmm.designs import find_kernel
from kmm.exercises.wire import NoRecording, from_plain, to_plain
from kmm.scenarios import RACES, find_race
from kmm.sim.recording import Recording, record
from kmm.sim.strategies import RandomWalk


def recorded(race: str) -> Recording:
    kernel = find_kernel("2.6.34")
    return record(find_race(race).booter(kernel), RandomWalk(3))


@pytest.fixture(scope="module")
def plain() -> list[Any]:
    """A recording of exec-stack, as it is sent."""
    found = json.loads(json.dumps(to_plain(recorded("exec-stack"))))
    assert isinstance(found, list)
    return found


@pytest.mark.parametrize("race", RACES)
def test_a_recording_comes_back_as_it_was(race: str) -> None:
    recording = recorded(race)
    assert from_plain(json.loads(json.dumps(to_plain(recording)))) == recording


def test_what_is_the_same_in_two_moments_is_sent_and_built_once(
    plain: list[Any],
) -> None:
    recording = from_plain(plain)
    assert len(json.dumps(plain)) < 2_000 * len(recording.moments)
    states = {id(moment.state) for moment in recording.moments}
    assert len(states) < len(recording.moments)


@pytest.mark.parametrize(
    "values",
    [None, {}, [], [1], ["x"], [None], [[0]], [[0, 0, 0, 0]], [True, [0, 0, 0, 0]]],
    ids=str,
)
def test_what_is_no_recording_is_refused(values: object) -> None:
    with pytest.raises(NoRecording):
        from_plain(values)


def test_a_value_that_holds_itself_is_refused(plain: list[Any]) -> None:
    last = len(plain) - 1
    with pytest.raises(NoRecording, match="comes after it"):
        from_plain([*plain[:-1], [last, last, last, last]])


@pytest.mark.parametrize("wrong", ["\x1b[2J", 7, None, True, [0]], ids=repr)
def test_a_text_that_is_another_thing_is_refused(plain: list[Any], wrong: Any) -> None:
    place = plain.index("date")
    with pytest.raises(NoRecording):
        from_plain([*plain[:place], wrong, *plain[place + 1 :]])


def test_moments_must_belong_to_the_steps() -> None:
    recording = recorded("exec-stack")
    for wrong in (
        evolve(recording, moments=recording.moments[:-1]),
        evolve(recording, threads=recording.threads[:-1]),
        evolve(recording, steps=recording.steps[1:], moments=recording.moments[1:]),
    ):
        with pytest.raises(NoRecording, match="belong together"):
            from_plain(to_plain(wrong))
