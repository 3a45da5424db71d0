"""Submissions for tests: the solution of an exercise, with something else in it."""

from __future__ import annotations

import atexit
from functools import cache

from kmm.exercises import find_exercise
from kmm.exercises.exercise import OF_CODE
from kmm.exercises.marks import Marks, marks
from kmm.exercises.nursery import Nursery
from kmm.exercises.sandbox import judge

EXEC, UNMAP = "exec-stack", "try-to-unmap-one"


def solution(name: str) -> str:
    return find_exercise(name).solution.read_text(encoding="utf-8")


def starter(name: str) -> str:
    return find_exercise(name).starter.read_text(encoding="utf-8")


def changed(name: str, *pairs: tuple[str, str]) -> str:
    """The solution with some of its text replaced."""
    text = solution(name)
    for old, new in pairs:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


def at_start_of_shift(*lines: str) -> str:
    """exec-stack's solution, which does something else first."""
    first = "    old_start, old_end = vma.vm_start, vma.vm_end\n"
    added = "".join(f"    {line}\n" for line in lines)
    return changed(EXEC, (first, added + first))


def above_shift(*lines: str) -> str:
    """The same, with lines before the function, outside of all."""
    first = "async def shift_arg_pages("
    return changed(EXEC, (first, "\n".join([*lines, "", "", first])))


@cache
def nursery(name: str) -> Nursery:
    """The one from which all judges of an exercise come in this test run."""
    exercise = find_exercise(name)
    if exercise.kind in OF_CODE and name != EXEC:
        return nursery(EXEC)
    made = Nursery(exercise)
    atexit.register(made.close)
    return made


def marks_of(name: str, text: str, watchdog: float = 60.0) -> Marks:
    exercise = find_exercise(name)
    judges = nursery(name)
    return marks(exercise, judge(exercise, text, nursery=judges, watchdog=watchdog))
