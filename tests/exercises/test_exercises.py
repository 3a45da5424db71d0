"""Every exercise is right itself: its starter fails, and its solution passes."""

from __future__ import annotations

import pytest
from exercises.submissions import nursery

from kmm.exercises import Exercise, exercises, find_exercise
from kmm.exercises.answers import variant
from kmm.exercises.exercise import KINDS
from kmm.exercises.library import shelf
from kmm.exercises.verify import judged, problems

pytestmark = pytest.mark.slow

EXERCISES = pytest.mark.parametrize("exercise", exercises(), ids=lambda one: one.name)


def test_no_exercise_is_left_out() -> None:
    assert shelf().broken == ()


def test_there_is_one_of_each_kind() -> None:
    assert {exercise.kind for exercise in exercises()} == set(KINDS)


@EXERCISES
def test_an_exercise_is_right(exercise: Exercise) -> None:
    assert list(problems(exercise)) == []


@pytest.mark.parametrize("name", ["exec-stack", "walk-by-hand"])
def test_a_starter_earns_little_and_a_solution_everything(name: str) -> None:
    exercise = find_exercise(name)
    seed = 1 if exercise.kind == "answer" else None
    begun, done = judged(exercise, seed, nursery(name))
    assert begun.points <= 0.2 * exercise.points
    assert done.points == exercise.points


@EXERCISES
def test_the_task_does_not_tell_the_hints(exercise: Exercise) -> None:
    assert len({exercise.task, *exercise.hints}) == 4


def test_a_seed_chooses_the_numbers_and_always_the_same() -> None:
    exercise = find_exercise("walk-by-hand")
    assert variant(exercise, 7) == variant(exercise, 7)
    assert variant(exercise, 7).text != variant(exercise, 8).text


def test_both_outcomes_of_a_store_are_asked_for_by_some_seed() -> None:
    exercise = find_exercise("walk-by-hand")
    stores = {variant(exercise, seed).answer("store") for seed in range(10)}
    assert stores == {"done", "page fault"}
