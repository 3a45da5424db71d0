"""The races of an exercise, and the locks that are held in one."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from kmm.designs import UnknownName, parse_kernel
from kmm.exercises import find_exercise
from kmm.exercises.code import race_for
from kmm.exercises.holding import locks_at
from kmm.exercises.read import read_exercise
from kmm.scenarios import find_race
from kmm.scenarios.found import EXERCISE, names_elsewhere
from kmm.sim.strategies import SourceDpor

HOLE = find_exercise("boundary-hole")
OWN = [name for name in names_elsewhere() if name.startswith(EXERCISE)]


@pytest.mark.parametrize("name", OWN)
def test_a_race_of_an_exercise_is_called_what_it_is_found_by(name: str) -> None:
    assert find_race(name).name == name


def test_an_exercise_may_have_several_races() -> None:
    assert {name for name in OWN if "boundary-hole" in name} == {
        "exercise.boundary-hole",
        "exercise.boundary-hole.down",
        "exercise.boundary-hole.growth",
    }
    with pytest.raises(UnknownName):
        find_race("exercise.boundary-hole.up")


def test_an_exercise_brings_its_races_wherever_its_folder_is(tmp_path: Path) -> None:
    folder = tmp_path / "my_hole"
    shutil.copytree(HOLE.folder, folder)
    scene = (folder / "scenario.py").read_text(encoding="utf-8")
    scene = scene.replace("exercise.boundary-hole", "exercise.my-hole")
    (folder / "scenario.py").write_text(scene, encoding="utf-8")
    mine = read_exercise(folder)
    assert race_for(mine, "exercise.my-hole").name == "exercise.my-hole"
    assert race_for(mine, "exercise.boundary-hole").name == "exercise.boundary-hole"
    assert race_for(mine, "exec-stack") is find_race("exec-stack")


def held(kernel: str, at: str) -> set[frozenset[str]]:
    """What the child of `lock-order` may hold where it comes to a function."""
    boot = find_race("lock-order").rewinder(parse_kernel(kernel))
    seen = locks_at(boot, SourceDpor(), 1, at, budget=100, most_steps=100_000)
    return set(seen)


ALL = frozenset(
    {"mm#2.mmap_sem", "mm_all_locks_mutex", "anon_vma#1.lock", "anon_vma#2.lock"}
)


def test_the_locks_are_known_that_a_thread_holds_coming_to_a_function() -> None:
    assert held("v6", "mm_drop_all_locks") == {ALL}
    assert held("v6", "mm_take_all_locks") == {frozenset({"mm#2.mmap_sem"})}
    assert held("v6", "nowhere") == set()


def test_runs_that_fail_count_as_far_as_they_go() -> None:
    assert held("v6,take-all-locks=newest-first", "mm_drop_all_locks") == {ALL}
