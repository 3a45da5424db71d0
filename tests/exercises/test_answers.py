"""Answers in the ways that people write them, and questions that cannot be guessed."""

from __future__ import annotations

import pytest

from kmm.exercises import Exercise, exercises
from kmm.exercises.answers import Ask, Variant, is_right, shown, variant
from kmm.exercises.exercise import Check, Finding

OF_ANSWERS = [exercise for exercise in exercises() if exercise.kind == "answer"]
SEEDS = range(1, 7)


def finding(given: object, answer: int | str) -> Finding:
    check = Check("one", "one", "is-right", 1, settings={"key": "key"})
    made = Variant("", (Ask("key", "What?", answer),))
    return is_right(({"key": given}, made), check)


@pytest.mark.parametrize("given", ["48", "0x30", "0b110000", 48, " 0x3_0 "])
def test_a_number_may_be_given_in_any_base(given: object) -> None:
    assert finding(given, 48).passed


@pytest.mark.parametrize("given", ["P R", "p r", "P, R", " P  R ", ["P", "R"]])
def test_several_words_may_be_parted_in_any_way(given: object) -> None:
    assert finding(given, "P R").passed


@pytest.mark.parametrize("given", ["0 1 2", "0,1,2", [0, 1, 2]])
def test_so_may_several_numbers(given: object) -> None:
    assert finding(given, "0 1 2").passed


@pytest.mark.parametrize("given", ["R P", "PR", "P", "P R R", 1, True])
def test_the_order_of_words_counts_and_so_does_how_many_there_are(
    given: object,
) -> None:
    assert not finding(given, "P R").passed


@pytest.mark.parametrize("given", ["", []])
def test_an_empty_answer_is_said_to_be_none(given: object) -> None:
    assert finding(given, "P R").why == "key has no answer"


@pytest.mark.parametrize("answer", [0, 9, 10, 0x5D43C, "P R"])
def test_a_solution_says_what_is_taken_for_right(answer: int | str) -> None:
    assert finding(shown(answer), answer).passed


@pytest.mark.parametrize("exercise", OF_ANSWERS, ids=lambda one: one.name)
def test_no_question_has_the_same_answer_whatever_the_seed(exercise: Exercise) -> None:
    made = [variant(exercise, seed) for seed in SEEDS]
    for check in exercise.checks:
        key = check.settings["key"]
        assert len({one.answer(key) for one in made}) > 1, key


@pytest.mark.parametrize("exercise", OF_ANSWERS, ids=lambda one: one.name)
def test_what_a_check_looks_at_is_asked(
    exercise: Exercise,
) -> None:
    keys = {check.settings["key"] for check in exercise.checks}
    asked = {ask.key for ask in variant(exercise, 1).asks}
    assert keys <= asked


def test_what_is_no_number_is_said_to_be_none() -> None:
    assert finding("the third", 3).why == "key = 'the third', which is no number"
    assert finding("4", 3).why == "key = '4'"
