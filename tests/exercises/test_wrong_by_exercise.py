"""Mistakes that students make, a module of `wrong` for each exercise or some alike.

Each is caught by the check that asks for it, and a run that shows it can be made again.
"""

from __future__ import annotations

from collections import Counter

import pytest
from exercises.wrong import Wrong, wrong_answers

from kmm.exercises import Exercise, find_exercise
from kmm.exercises.exercise import Complaint, Finding
from kmm.exercises.judge import judged
from kmm.exercises.sandbox import Judgement, judge, replay

pytestmark = pytest.mark.slow

WRONG = wrong_answers()
# Of those whose run a second process has drawn: it is made once more.
DRAWN = (
    "wait-for-migration: the page is looked for without the lock",
    "sent-back: version 6 loses an entry here",
)


def judgement_of(exercise: Exercise, wrong: Wrong) -> Judgement:
    """Answers and schedules are data, so they may be judged by this process."""
    if exercise.kind not in ("answer", "schedule"):
        return judge(exercise, wrong.text)
    try:
        return Judgement(tuple(judged(wrong.text, exercise, None)))
    except Complaint as error:
        return Judgement(complaint=str(error))


@pytest.mark.parametrize("name", WRONG)
def test_a_mistake_is_caught_by_the_check_that_asks_for_it(name: str) -> None:
    of, wrong = WRONG[name]
    exercise = find_exercise(of)
    found = judgement_of(exercise, wrong)
    if wrong.check is None:
        assert wrong.why in str(found.complaint)
        return
    first = next(finding for finding in found.findings if not finding.passed)
    assert first.check == wrong.check
    assert wrong.why in first.why
    if name in DRAWN:
        is_made_again(exercise, wrong, first)


def is_made_again(exercise: Exercise, wrong: Wrong, finding: Finding) -> None:
    assert finding.schedule is not None
    assert "CPU 0: " in finding.drawing
    again, why = replay(exercise, wrong.text, finding.schedule)
    assert why == ""
    assert again is not None
    assert (again.failure, again.drawing) == (finding.failure, finding.drawing)


def test_there_are_three_for_each_exercise_at_least() -> None:
    counts = Counter(exercise for exercise, _ in WRONG.values())
    assert min(counts.values()) >= 3
