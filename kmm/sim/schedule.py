"""A run as text: who went on, for how many steps, then who.

`14a22b9a` reads: 14 steps of thread a (the first), 22 of b, 9 of a.  Threads that serve
interrupts have letters too, after the others.  The text says everything about a run of
a given program, since nothing else is left to chance.
"""

from __future__ import annotations

import re
import string
from collections.abc import Iterable, Sequence
from itertools import groupby, pairwise

from .machine import MAX_STEPS

LETTERS = string.ascii_lowercase
BLOCK = re.compile(r"([1-9]\d{0,8})([a-z])", re.ASCII)


class ScheduleError(ValueError):
    """A schedule that is malformed, or that does not fit the program."""


def encode(choices: Iterable[int]) -> str:
    """The text for a list of thread indexes."""
    return "".join(
        f"{sum(1 for _ in run)}{LETTERS[who]}" for who, run in groupby(choices)
    )


def decode(text: str) -> list[int]:
    """The thread indexes for a text; raises ScheduleError if it is not one."""
    choices: list[int] = []
    position = 0
    while position < len(text):
        block = BLOCK.match(text, position)
        if block is None:
            raise ScheduleError(
                f"not a schedule at {text[position:]!r}: expected a number of steps "
                f"and a thread's letter, as in 14a22b"
            )
        steps = int(block[1])
        if len(choices) + steps > MAX_STEPS:
            raise ScheduleError(f"no run has more than {MAX_STEPS} steps")
        choices += [LETTERS.index(block[2])] * steps
        position = block.end()
    return choices


def context_switches(choices: Sequence[int]) -> int:
    """How often the CPU changes hands."""
    return sum(a != b for a, b in pairwise(choices))


def place_of_step(choices: Sequence[int], step: int) -> str:
    """Where a step stands, in words.

    `step` is its index, from 0; the words count from 1, as people do.  Raises
    IndexError.
    """
    start = 0
    for number, (who, run) in enumerate(groupby(choices), start=1):
        steps = sum(1 for _ in run)
        if step < start + steps:
            block = f"{steps}{LETTERS[who]}"
            return f"step {step + 1} ({step - start + 1} of {block}, block {number})"
        start += steps
    raise IndexError(step)
