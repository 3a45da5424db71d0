"""A schedule on another kernel than the one that it was made for."""

from __future__ import annotations

from kmm.designs import find_kernel
from kmm.scenarios import find_race
from kmm.tui.follow import Follower, alike, follow
from kmm.tui.opening import open_session

RACE = find_race("exec-stack")


def test_on_its_own_kernel_a_schedule_fits_step_for_step() -> None:
    witness = open_session(RACE, find_kernel("2.6.34")).recording
    again, fit = follow(RACE.booter(find_kernel("2.6.34")), witness, "2.6.34")
    assert again.choices == witness.choices
    assert (fit.alike, fit.left_at, fit.reason) == (len(witness.steps), None, "")


def test_on_another_kernel_it_is_followed_as_far_as_it_fits() -> None:
    witness = open_session(RACE, find_kernel("2.6.34")).recording
    other, fit = follow(RACE.booter(find_kernel("v6")), witness, "2.6.34")
    assert other.failure is None
    assert fit.left_at is not None
    assert other.choices[: fit.left_at] == witness.choices[: fit.left_at]
    assert fit.reason == "date:4021 must wait for anon_vma#1.lock"
    assert fit.alike == alike(witness, other) <= fit.left_at


def test_a_schedule_that_is_too_short_is_left_at_its_end() -> None:
    boot = RACE.booter(find_kernel("2.6.34"))
    machine = boot()
    follower = Follower([0, 0, 1])
    machine.run(follower)
    machine.close()
    assert machine.choices[:3] == [0, 0, 1]
    assert follower.left_at == 3
    assert follower.reason == "the schedule is over, but the threads are not"
