"""The list of exercises, as students see it."""

from __future__ import annotations

from attrs import evolve

from kmm.exercises import exercises, find_exercise
from kmm.exercises.library import by_lesson


def test_exercises_come_in_the_order_of_the_course() -> None:
    names = [exercise.name for exercise in exercises()]
    wanted = ["walk-by-hand", "decode-entries", "who-maps-it", "tell-apart"]
    assert [name for name in names if name in wanted] == wanted


def test_those_of_no_known_lesson_come_last_and_of_one_lesson_by_name() -> None:
    strange = evolve(find_exercise("walk-by-hand"), name="a-strange-one", lesson="none")
    found = by_lesson([strange, *reversed(exercises())])
    assert found == [*exercises(), strange]
