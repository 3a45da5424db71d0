"""Mistakes that students make, a module of `wrong` for each exercise.

Each is caught by the check that asks for it, and where a run shows it, that run is made
again from its schedule.  What goes on in a process of its own when a student asks is
done by this one, as far as the first check that fails; `test_wrong_answers` has some
that go the whole way.
"""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import Any

import pytest
from exercises.test_wrong_answers import WRONG as JUDGED
from exercises.wrong import right_answers, wrong_answers

from kmm.exercises import Exercise, exercises, find_exercise
from kmm.exercises.exercise import OF_CODE, Complaint, Finding
from kmm.exercises.judge import as_reported, asked, not_asked, ready, replayed

pytestmark = pytest.mark.slow

WRONG = wrong_answers()
RIGHT = right_answers()


def first_failure(exercise: Exercise, text: str) -> tuple[Any, Finding | None]:
    """A submission, and the first check that it fails, or why it is not judged."""
    try:
        subject, table = ready(text, exercise, None)
    except Complaint as error:
        return None, Finding("", False, str(error))
    passed: set[str] = set()
    for check in exercise.checks:
        finding = not_asked(check, passed) or asked(
            partial(table[check.asks], subject, check), exercise, check
        )
        if not finding.passed:
            return subject, finding
        passed.add(check.name)
    return subject, None


@pytest.mark.parametrize("name", WRONG)
def test_a_mistake_is_caught_by_the_check_that_asks_for_it(name: str) -> None:
    of, wrong = WRONG[name]
    exercise = find_exercise(of)
    subject, finding = first_failure(exercise, wrong.text)
    assert finding is not None
    assert finding.check == (wrong.check or "")
    assert wrong.why in finding.why
    if finding.schedule is not None and exercise.kind in (*OF_CODE, "litmus"):
        played = replayed(subject, exercise, finding.schedule)
        assert as_reported(played, finding) is not None


@pytest.mark.parametrize("name", RIGHT)
def test_another_right_answer_is_not_refused(name: str) -> None:
    of, text = RIGHT[name]
    _, finding = first_failure(find_exercise(of), text)
    assert finding is None


def test_there_are_three_for_each_exercise_at_least() -> None:
    counts = Counter(exercise for exercise, _ in WRONG.values())
    counts.update(exercise for exercise, *_ in JUDGED.values())
    assert min(counts[exercise.name] for exercise in exercises()) >= 3
